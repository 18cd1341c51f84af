"""The fast path against the slow reference interpreter, in float64, on random connectomes."""

import dataclasses

import numpy as np
import pytest
import torch

from cortexc import compiler, connectome, runtime
from cortexc.compiler.artifact import Attend, Program
from cortexc.runtime.attention import DenseKernel, EdgesKernel, GatherKernel
from tests.random_connectomes import random_connectome
from tests.reference.interpreter import interpret

SEEDS = range(24)


def compiled(seed: int) -> Program:
    spec = random_connectome(seed)
    assert not connectome.check(spec).errors
    return compiler.compile(spec, seed=seed)


def randomised(program: Program, seed: int = 1) -> runtime.CorticalTransformer:
    """Return a model whose every parameter, biases and gains too, is away from its start."""
    model = runtime.build(program).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model


def doubled(model: runtime.CorticalTransformer) -> runtime.CorticalTransformer:
    """Give the buffers back the precision that float32 took from the log weights."""
    for module in model.modules():
        if isinstance(module, DenseKernel | GatherKernel | EdgesKernel):
            module.bias = module.bias.double()
    return model


@pytest.mark.parametrize("seed", SEEDS)
def test_logits_and_attention_agree_with_the_reference(seed: int) -> None:
    program = compiled(seed)
    model = randomised(program)
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    logits = model(images).detach().numpy()
    maps = runtime.attention_maps(model, images)
    weights = {name: w.detach().numpy() for name, w in model.weights.parameters_by_name().items()}
    for i, image in enumerate(images.numpy()):
        slow = interpret(program, weights, image)
        np.testing.assert_allclose(logits[i], slow.logits, atol=1e-5, rtol=1e-5)
        assert set(slow.attention) == set(maps)
        for name, attention in slow.attention.items():
            np.testing.assert_allclose(maps[name][i].numpy(), attention, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kernel", ["dense", "gather", "edges"])
def test_every_kernel_gives_the_same_numbers(seed: int, kernel: str) -> None:
    program = compiled(seed)
    ops = tuple(
        dataclasses.replace(op, kernel=kernel) if isinstance(op, Attend) and op.choice else op for op in program.ops
    )
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    chosen = randomised(program)
    forced = randomised(dataclasses.replace(program, ops=ops))
    torch.testing.assert_close(forced(images), chosen(images), atol=1e-6, rtol=1e-6)
    for name, found in runtime.attention_maps(forced, images).items():
        torch.testing.assert_close(
            found.double(), runtime.attention_maps(chosen, images)[name].double(), atol=1e-6, rtol=1e-6
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_native_code_in_float32_agrees_with_float64(seed: int) -> None:
    program = compiled(seed)
    ops = tuple(
        dataclasses.replace(op, kernel="sparse", composed="edges") if isinstance(op, Attend) and op.choice else op
        for op in program.ops
    )
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    exact, native = randomised(program), randomised(dataclasses.replace(program, ops=ops)).float()
    found, expected = native(images.float()), exact(images)
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-5)
    found.square().sum().backward()
    expected.square().sum().backward()
    for one, other in zip(native.parameters(), exact.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        scale = float(other.grad.abs().max())
        torch.testing.assert_close(one.grad.double(), other.grad, atol=1e-3 * scale + 1e-6, rtol=0)


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_reach_every_parameter_that_the_artifact_lists(seed: int) -> None:
    program = compiled(seed)
    model = randomised(program)
    model(torch.rand(4, 3, 8, 8, dtype=torch.float64)).square().sum().backward()
    for name, parameter in model.weights.parameters_by_name().items():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 1e-9, name


@pytest.mark.parametrize("seed", SEEDS)
def test_a_half_masked_row_gives_masked_pairs_exactly_nothing(seed: int) -> None:
    program = compiled(seed)
    model = randomised(program).float()
    maps = runtime.attention_maps(model, torch.rand(2, 3, 8, 8))
    for op in (op for op in program.ops if isinstance(op, Attend)):
        found = maps[op.name]
        connected = np.concatenate([_connected(program, s.connection) for s in op.sources], axis=1)
        assert (found[:, :, torch.from_numpy(~connected)] == 0).all()
        served = torch.from_numpy(connected.any(axis=1))
        torch.testing.assert_close(found.sum(-1), served.to(found).expand(found.shape[:-1]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_zero_queries_and_keys_attention_is_the_anatomy(seed: int) -> None:
    program = compiled(seed)
    model = randomised(program)
    with torch.no_grad():
        for name, parameter in model.weights.parameters_by_name().items():
            if ".query." in name or ".key." in name:
                parameter.zero_()
    maps = runtime.attention_maps(model, torch.rand(2, 3, 8, 8, dtype=torch.float64))
    for op in (op for op in program.ops if isinstance(op, Attend)):
        anatomy = np.concatenate([_dense(program, s.connection) * s.weight for s in op.sources], axis=1)
        total = anatomy.sum(axis=1, keepdims=True)
        prior = np.divide(anatomy, total, out=np.zeros_like(anatomy), where=total > 0)
        for head in maps[op.name].flatten(0, 1):
            np.testing.assert_allclose(head.numpy(), prior, atol=1e-6)


def _dense(program: Program, name: str) -> np.ndarray:
    c = program.connections[name]
    dense = np.zeros(c.shape)
    np.add.at(dense, (np.repeat(np.arange(c.shape[0]), np.diff(c.indptr)), c.indices), c.weight)
    return dense


def _connected(program: Program, name: str) -> np.ndarray:
    return _dense(program, name) > 0


@pytest.mark.parametrize("kind", ["global", "local"])
@pytest.mark.parametrize("mean", ["pooled", "channel"])
@pytest.mark.parametrize("spread", ["pooled", "channel"])
def test_every_gain_control_agrees_with_the_reference(kind: str, mean: str, spread: str) -> None:
    program = compiled(0)
    control = {"gain_control": kind, "pool": 5, "semi_saturation": 0.02, "gain_mean": mean, "gain_spread": spread}
    settings = dataclasses.replace(program.input, **control)  # type: ignore[arg-type]
    program = dataclasses.replace(program, input=settings)
    model = randomised(program)
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    logits = model(images).detach().numpy()
    weights = {name: w.detach().numpy() for name, w in model.weights.parameters_by_name().items()}
    for i, image in enumerate(images.numpy()):
        np.testing.assert_allclose(logits[i], interpret(program, weights, image).logits, atol=1e-5, rtol=1e-5)
