"""The model as a torch module: shapes, seeds, kinds of pathways, hard cases, and the plain transformer."""

import dataclasses
from typing import get_args

import numpy as np
import pytest
import torch

from cortexc import compiler, runtime
from cortexc.compiler.artifact import Attend, Connection, Kernel, Relay
from cortexc.connectome import Connectome
from cortexc.runtime.attention import COMPOSED, FIXED, Edges, EdgesKernel, SparseKernel
from cortexc.runtime.relay import gain_control
from tests.random_connectomes import random_connectome


@pytest.fixture(scope="module")
def ventral() -> compiler.Program:
    return compiler.compile("macaque-ventral")


@pytest.fixture(scope="module")
def dense() -> compiler.Program:
    return compiler.compile("vit-tiny")


def test_images_become_logits(ventral: compiler.Program) -> None:
    logits = runtime.build(ventral)(torch.rand(3, 3, 32, 32))
    assert logits.shape == (3, 10)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("images", [torch.rand(3, 3, 28, 28), torch.rand(3, 32, 32), torch.rand(2, 1, 32, 32)])
def test_images_of_another_shape_are_refused(ventral: compiler.Program, images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"\(B, 3, 32, 32\) is expected"):
        runtime.build(ventral)(images)


def test_what_is_no_program_is_refused() -> None:
    with pytest.raises(TypeError, match="of type str"):
        runtime.build("macaque-ventral")  # type: ignore[arg-type]


def test_integer_images_are_refused(ventral: compiler.Program) -> None:
    with pytest.raises(ValueError, match="scale them"):
        runtime.build(ventral)(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


def test_parameters_are_those_that_the_artifact_lists(ventral: compiler.Program) -> None:
    model = runtime.build(ventral)
    assert sum(p.numel() for p in model.parameters()) == ventral.parameter_counts["total"]
    found = {n: tuple(p.shape) for n, p in model.weights.parameters_by_name().items()}
    assert found == {p.name: p.shape for p in ventral.parameters}


def test_masks_and_weights_are_no_part_of_the_state_that_is_saved(ventral: compiler.Program) -> None:
    model = runtime.build(ventral)
    assert len(model.state_dict()) == len(ventral.parameters) + 1  # the anatomy


def test_the_seed_decides_the_weights(ventral: compiler.Program) -> None:
    def first(seed: int) -> torch.Tensor:
        return next(p for p in runtime.build(ventral, seed=seed).parameters() if p.std() > 0)

    assert torch.equal(first(3), first(3))
    assert not torch.equal(first(3), first(4))


def test_every_parameter_of_the_shipped_specs_has_a_gradient(
    ventral: compiler.Program, dense: compiler.Program
) -> None:
    for program in (ventral, dense):
        model = runtime.build(program)
        model(torch.rand(4, 3, 32, 32)).square().sum().backward()
        silent = [n for n, p in model.weights.parameters_by_name().items() if p.grad is None or not p.grad.any()]
        assert silent == []


@pytest.mark.parametrize(("name", "lines"), [("macaque-multiscale", 60), ("vit-tiny", 25)])
def test_the_repr_of_a_model_names_areas_and_sweeps(name: str, lines: int) -> None:
    program = compiler.compile(name)
    text = repr(runtime.build(program)).splitlines()
    assert len(text) <= lines
    assert max(map(len, text)) <= 120
    rows = {line.partition(": ")[0].strip() for line in text}
    assert {f"{area}@{sweep}" for area, sweep in program.updates} < rows
    assert len(program.updates) > 6


def test_a_hook_finds_a_step_by_the_name_of_its_op(ventral: compiler.Program) -> None:
    model = runtime.build(ventral)
    seen: list[torch.Tensor] = []
    model.steps["attend V1:L4E@1"].register_forward_hook(lambda step, given, state: seen.append(state))
    model(torch.rand(2, 3, 32, 32))
    (state,) = seen
    v1 = ventral.by_name["V1.L4E"]
    assert state.shape == (2, v1.tokens, v1.width)


def test_every_kernel_that_an_artifact_may_name_is_there() -> None:
    assert {"", "sparse", *FIXED, *COMPOSED} == set(get_args(Kernel))


def test_what_a_population_sends_is_computed_once_for_each_state() -> None:
    for seed in range(12):
        program = compiler.compile(random_connectome(seed))
        states = [op.state for op in program.ops if op.kind == "emit"]  # type: ignore[union-attr]
        assert len(states) == len(set(states))


@pytest.mark.parametrize("batch", [1, 5])
def test_the_dense_transformer_is_torchs_own(dense: compiler.Program, batch: int) -> None:
    model = runtime.build(dense)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    vit = runtime.to_vit(model)
    assert sum(isinstance(m, torch.nn.TransformerEncoderLayer) for m in vit.modules()) == 6
    images = torch.rand(batch, 3, 32, 32, generator=generator)
    torch.testing.assert_close(vit(images), model(images), atol=1e-5, rtol=0)
    torch.testing.assert_close(vit.eval()(images), model.eval()(images), atol=1e-5, rtol=0)


def test_a_cortical_model_is_no_plain_transformer(ventral: compiler.Program) -> None:
    with pytest.raises(ValueError, match="not a plain transformer"):
        runtime.to_vit(runtime.build(ventral))


def test_a_token_without_input_makes_no_nan() -> None:
    connection = Connection(
        "holes", (3, 4), np.array([0, 2, 2, 3]), np.array([0, 3, 1], np.int32), np.array([0.25, 0.75, 1.0])
    )
    edges = Edges([(connection, 1.0)])
    kernels = {name: kernel(edges) for name, kernel in COMPOSED.items()}
    for name, module in (kernels | {"sparse": SparseKernel(edges, EdgesKernel(edges))}).items():
        query = torch.randn(2, 1, 3, 4, requires_grad=True)
        value = torch.randn(2, 1, 4, 5, requires_grad=True)
        out = module(query, [torch.randn(2, 1, 4, 4)], [value])
        assert (out[:, :, 1] == 0).all(), name
        out.sum().backward()
        assert query.grad is not None
        assert torch.isfinite(query.grad).all(), name
        assert value.grad is not None
        assert (value.grad[:, :, 2] == 0).all(), name


def test_dales_law_keeps_excitation_positive() -> None:
    """Under Dale's law the sign of an excitatory weight does not matter: its magnitude is what is used."""
    program = next(
        p for p in (compiler.compile(random_connectome(s)) for s in range(40)) if any(q.dale for q in p.populations)
    )
    model = runtime.build(program)
    images = torch.rand(2, *program.image_shape)
    before = model(images)
    with torch.no_grad():
        for name, parameter in model.weights.parameters_by_name().items():
            area = next((q for q in program.populations if name.startswith(f"{q.name}.")), None)
            if area is not None and area.dale and name.endswith("column.input.weight"):
                parameter.neg_()
    torch.testing.assert_close(model(images), before)


def test_inhibition_divides(ventral: compiler.Program) -> None:
    model = runtime.build(ventral)
    images = torch.rand(2, 3, 32, 32)
    weak = model(images)
    with torch.no_grad():
        for name, parameter in model.weights.parameters_by_name().items():
            if name.endswith("column.inhibition.weight"):
                parameter.fill_(-40.0)  # softplus of it is nothing
            if name.endswith("column.output.bias"):
                parameter.zero_()
    without = model(images)
    assert not torch.allclose(weak, without)
    with torch.no_grad():
        for name, parameter in model.weights.parameters_by_name().items():
            if name.endswith("column.inhibition.weight"):
                parameter.fill_(1e6)
    record: dict[str, torch.Tensor] = {}
    assert torch.isfinite(model(images, record=record)).all()


def test_global_gain_control_undoes_contrast_and_brightness() -> None:
    images = torch.rand(2, 3, 16, 16)
    changed = 0.4 * images + 0.3
    for kind in ("global", "local"):
        one, other = (gain_control(x, kind=kind, pool=5, semi_saturation=1e-6) for x in (images, changed))
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
    assert gain_control(images, kind="none", pool=5, semi_saturation=1.0) is images


@pytest.mark.parametrize("kind", ["global", "local"])
@pytest.mark.parametrize("spread", ["pooled", "channel"])
def test_gain_control_of_each_channel_takes_a_colour_cast_out(kind: str, spread: str) -> None:
    """What the corruption `contrast` does: each colour channel is drawn to its own mean."""
    images = torch.rand(2, 3, 16, 16, dtype=torch.float64)

    def seen(images: torch.Tensor, semi_saturation: float, mean: str = "channel") -> torch.Tensor:
        return gain_control(images, kind=kind, pool=5, semi_saturation=semi_saturation, mean=mean, spread=spread)

    cast = images + torch.tensor([0.3, 0.0, -0.2], dtype=torch.float64).reshape(3, 1, 1)
    torch.testing.assert_close(seen(cast, 0.1), seen(images, 0.1))
    assert not torch.allclose(seen(cast, 0.1, "pooled"), seen(images, 0.1, "pooled"), atol=0.1)
    own = images.mean(dim=(2, 3), keepdim=True)
    faint = own + 0.1 * (images - own)
    torch.testing.assert_close(seen(faint, 1e-6), seen(images, 1e-6), atol=1e-3, rtol=1e-3)


def test_gain_control_of_each_channel_gives_each_the_same_spread() -> None:
    images = torch.rand(2, 3, 16, 16) * torch.tensor([1.0, 0.5, 0.1]).reshape(3, 1, 1)
    control = {"kind": "global", "pool": 5, "semi_saturation": 1e-6, "mean": "channel"}
    own = gain_control(images, **control, spread="channel").std(dim=(2, 3), correction=0)  # type: ignore[arg-type]
    pooled = gain_control(images, **control, spread="pooled").std(dim=(2, 3), correction=0)  # type: ignore[arg-type]
    torch.testing.assert_close(own, torch.ones(2, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(pooled[:, 1] / pooled[:, 0], torch.full((2,), 0.5), atol=0.1, rtol=0)


def test_a_relay_adds_the_connected_tokens() -> None:
    program = next(
        p
        for p in (compiler.compile(random_connectome(s)) for s in range(40))
        if any(isinstance(op, Relay) for op in p.ops)
    )
    assert torch.isfinite(runtime.build(program)(torch.rand(2, *program.image_shape))).all()


def test_the_choice_of_kernel_changes_no_number(ventral: compiler.Program) -> None:
    images = torch.rand(2, 3, 32, 32)
    expected = runtime.build(ventral)(images)
    for kernel in (*COMPOSED, "sparse"):
        ops = tuple(
            dataclasses.replace(op, kernel=kernel, composed="edges") if isinstance(op, Attend) and op.choice else op
            for op in ventral.ops
        )
        found = runtime.build(dataclasses.replace(ventral, ops=ops))(images)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_tokens_that_cannot_differ_are_not_attended_with() -> None:
    """All-to-all input gives every column of V1 the same; V2 then has nothing to choose, and no query for it."""
    spec = Connectome.model_validate(
        {
            "cortexc": 1, "name": "pooled", "input": {"grid": [4, 4], "patch": 8, "width": 8},
            "areas": {"V1": {"grid": [4, 4]}, "V2": {"grid": [2, 2]}},
            "projections": [{"from": "LGN", "to": "V1", "topography": {"type": "all"}},
                            {"from": "V1", "to": "V2", "topography": {"type": "gaussian", "sigma": 1.0}}],
            "dynamics": {"sweeps": 2}, "readout": {"area": "V2", "classes": 3},
        }
    )  # fmt: skip
    program = compiler.compile(spec)
    kernels = {op.population: op.kernel for op in program.ops if isinstance(op, Attend)}
    assert kernels == {"V1.E": "dense", "V2.E": "prior"}
    assert not [p for p in program.parameters if p.name.startswith(("V1.E.key", "V2.E.query"))]
    model = runtime.build(program)
    images = torch.rand(3, 3, 32, 32)
    maps = runtime.attention_maps(model, images)
    torch.testing.assert_close(maps["attend V2.E@2"].sum(-1), torch.ones(3, 1, 4))
    assert maps["attend V2.E@2"].std() > 0, "the anatomy, and not the mean"
    model(images).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 1e-9 for p in model.parameters())
