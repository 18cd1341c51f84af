"""Whole models in native code: their logits and gradients against float64, and where torch's operations take over."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cortexc import compiler, runtime
from cortexc.compiler.artifact import Mix, Program
from cortexc.runtime import native, projection, tiled_column
from cortexc.runtime.model import CorticalTransformer
from cortexc.runtime.projection import composed, projected
from tests.random_connectomes import random_connectome

SPECS = ("macaque-multiscale", "macaque-dorsal", "mouse-visual", "vit-tiny")


@pytest.fixture(autouse=True)
def library() -> None:
    if native.native_code() is None or native.matrix_product() is None:
        pytest.skip("the native library was not built here, or torch hides its matrix product")


def moved(program: Program, by: float) -> CorticalTransformer:
    """Return a model whose every parameter is away from its start."""
    model = runtime.build(program)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += by * torch.randn(parameter.shape, generator=generator)
    return model


def pictures(program: Program, count: int = 3) -> Tensor:
    return torch.rand(count, *program.image_shape, generator=torch.Generator().manual_seed(2))


def results(model: CorticalTransformer, images: Tensor) -> list[Tensor]:
    """Return logits, and the gradients of all parameters."""
    logits = model(images)
    weight = torch.linspace(-1, 1, logits.numel()).reshape(logits.shape).to(logits.dtype)
    return [logits.detach(), *torch.autograd.grad((logits * weight).sum(), list(model.parameters()))]


def close(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    """Compare each tensor by its norm; of gradients that are zero but for rounding, by the largest norm of all."""
    least = 1e-3 * max(float(e.detach().norm()) for e in expected)
    for one, other in zip(found, expected, strict=True):
        difference = (one.double() - other.double()).detach().norm()
        assert float(difference) <= tolerance * max(float(other.detach().norm()), least)


def compiled(spec: str | int) -> Program:
    return compiler.compile(random_connectome(spec), seed=spec) if isinstance(spec, int) else compiler.compile(spec)


@pytest.mark.parametrize("spec", [*SPECS, *range(24)])
def test_logits_and_gradients_are_those_of_float64(spec: str | int) -> None:
    program = compiled(spec)
    model = moved(program, 0.05)
    images = pictures(program)
    found = results(model, images)
    tolerance = 2e-5 if isinstance(spec, str) else 2e-4  # some random models lose as many digits in torch's float32
    close(found, results(copy.deepcopy(model).double(), images.double()), tolerance)
    with torch.no_grad():
        torch.testing.assert_close(model(images), found[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tile", [1, 7, 64, 100_000])
def test_the_size_of_a_tile_changes_no_number(monkeypatch: pytest.MonkeyPatch, tile: int) -> None:
    program = compiled("macaque-multiscale")
    expected = results(moved(program, 0.05), pictures(program))
    monkeypatch.setattr(tiled_column, "TILE", tile)
    close(results(moved(program, 0.05), pictures(program)), expected, 1e-5)


def test_the_same_threads_give_the_same_bits_and_others_the_same_numbers() -> None:
    program = compiled("macaque-multiscale")
    model, images = moved(program, 0.05), pictures(program, 16)
    before, found = torch.get_num_threads(), {}
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found[threads] = results(model, images)
            assert all(torch.equal(a, b) for a, b in zip(found[threads], results(model, images), strict=True))
    finally:
        torch.set_num_threads(before)
    close(found[2], found[1], 1e-5)
    close(found[3], found[1], 1e-5)


def of_column(program: Program) -> tuple[Callable[..., tuple[Tensor, ...]], Callable[..., tuple[Tensor, ...]], list]:
    """Return the last mixing of a program as a function of tensors, natively and composed, and the tensors."""
    model = moved(program, 0.05)
    name = [op.name for op in program.ops if isinstance(op, Mix)][-1]
    step = model.steps[name.replace(".", ":")]
    states: dict[str, Tensor] = {}
    model(pictures(program), states=states)
    tensors = [states[s].detach() for s in step.layout.states]
    tensors += [model.weights[p].detach() for p in step.layout.parameters]
    return lambda *t: tiled_column.tiled_column(step.layout, step._of_all, t), step._of_all, tensors


def of_projection() -> tuple[Callable[..., tuple[Tensor, ...]], Callable[..., tuple[Tensor, ...]], list]:
    """Return a projection to a narrow and a wide map, natively and composed, and its tensors."""
    shapes = [(2, 70, 24), (24,), (24,), (8, 24), (8,), (40, 24), (40,)]
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(shape, generator=generator) for shape in shapes]
    return lambda x, g, b, *maps: projected(x, g, b, list(zip(maps[::2], maps[1::2], strict=True))), composed, tensors


FUNCTIONS = {"column": lambda: of_column(compiled("macaque-multiscale")), "projection": of_projection}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_second_derivatives_and_batches_of_models(function: Callable) -> None:
    fast, slow, tensors = function()

    def summed(of: Callable[..., tuple[Tensor, ...]]) -> Callable[..., Tensor]:
        return lambda *t: sum(x.pow(3).sum() for x in of(*t))  # type: ignore[return-value]

    def second(of: Callable[..., tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        given = [t.clone().requires_grad_() for t in tensors]
        first = torch.autograd.grad(summed(of)(*given), given, create_graph=True)
        return torch.autograd.grad(sum(g.square().sum() for g in first), given)  # type: ignore[arg-type]

    close(list(second(fast)), list(second(slow)), 1e-4)
    stacks = [torch.stack([t, 0.5 * t]) for t in tensors]
    every = tuple(range(len(stacks)))
    found, wanted = (torch.func.vmap(torch.func.grad(summed(of), every))(*stacks) for of in (fast, slow))
    close(list(found), list(wanted), 1e-4)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_what_is_no_number_is_passed_on(function: Callable) -> None:
    fast, slow, tensors = function()
    tensors[0] = tensors[0].clone()
    tensors[0][0, 3] = torch.nan
    for one, other in zip(fast(*tensors), slow(*tensors), strict=True):
        assert torch.equal(one.isnan(), other.isnan())


@pytest.mark.parametrize("norm_bias", [True, False])
@pytest.mark.parametrize("widths", [[1], [3, 8], [16, 17], [4, 4, 100]], ids=str)
def test_projections_are_those_of_float64(widths: list[int], norm_bias: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes: list[tuple[int, ...] | None] = [(3, 67, 20), (20,), (20,) if norm_bias else None]
    for i, n in enumerate(widths):
        shapes += [(n, 20), (n,) if i % 2 else None]
    single = [None if s is None else torch.randn(s, generator=generator).requires_grad_() for s in shapes]
    double = [None if t is None else t.detach().double().requires_grad_() for t in single]
    found = projected(single[0], single[1], single[2], list(zip(single[3::2], single[4::2], strict=True)))  # type: ignore[arg-type]
    wanted = composed(*double)
    close([*found], [*wanted], 1e-6)
    given = [torch.randn(t.shape, generator=generator) for t in found]
    gradients = torch.autograd.grad(found, [t for t in single if t is not None], given)
    exact = torch.autograd.grad(wanted, [t for t in double if t is not None], [g.double() for g in given])
    close([*gradients], [*exact], 1e-5)


def test_nothing_is_kept_where_no_gradient_is_wanted() -> None:
    fast, _, tensors = of_column(compiled("macaque-multiscale"))
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):  # type: ignore[func-returns-value]
        fast(*tensors)
        assert sum(kept) == 0
        fast(*(t.clone().requires_grad_() for t in tensors))
    assert sum(kept) > sum(t.numel() for t in tensors)  # the drive


def test_models_are_pickled_and_copied() -> None:
    program = compiled("macaque-multiscale")
    model, images = moved(program, 0.05), pictures(program)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert torch.equal(other(images), model(images))


def test_float64_autocast_and_compiled_models_take_torchs_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    program = compiled("macaque-multiscale")
    model, images = runtime.build(program), pictures(program)
    expected = model(images)
    monkeypatch.setattr(tiled_column.Layout, "call", None)
    monkeypatch.setattr(projection, "_call", None)
    with pytest.raises(TypeError):
        model(images)
    torch.testing.assert_close(copy.deepcopy(model).double()(images.double()).float(), expected, atol=1e-5, rtol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert (model(images) - expected).abs().max() < 0.1
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(model(images), expected, atol=1e-5, rtol=1e-5)
