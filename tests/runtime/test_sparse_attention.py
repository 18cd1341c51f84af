"""Native sparse attention: its numbers and gradients against a slow one in float64, and where others take its place."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from cortexc.compiler.artifact import Connection
from cortexc.runtime import native, sparse_attention
from cortexc.runtime.attention import DenseKernel, Edges, EdgesKernel, SparseKernel

BATCH = 3


@pytest.fixture(autouse=True)
def library() -> None:
    if native.native_code() is None:
        pytest.skip("the native library was not built here")


def connected(mask: np.ndarray, seed: int = 0) -> Connection:
    """Return a connection where the mask (T, S) is true, with weights over six decades."""
    counts = mask.sum(axis=1)
    weight = 10.0 ** np.random.default_rng(seed).uniform(-6, 0, counts.sum())
    indices = np.concatenate([np.flatnonzero(row) for row in mask]).astype(np.int32)
    return Connection("c", mask.shape, np.concatenate([[0], np.cumsum(counts)]), indices, weight)


def local(side: int, radius: float) -> np.ndarray:
    at = np.stack(np.meshgrid(*2 * [np.arange(side)], indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(np.linalg.norm(at[:, None] - at, axis=-1) <= radius)


def holed(targets: int, sources: int, density: float, seed: int = 0) -> np.ndarray:
    """A random mask in which some targets have no source and some sources no target."""
    mask = np.random.default_rng(seed).uniform(size=(targets, sources)) < density
    mask[::5] = False
    mask[:, ::7] = False
    return mask


def skewed(targets: int) -> np.ndarray:
    mask = np.eye(targets, dtype=bool)
    mask[1] = True
    return mask


MASKS = {
    "local": [local(9, 2.0)],
    "patchy": [local(8, 3.0) & (holed(64, 64, 0.5) | holed(64, 64, 0.2, seed=1))],
    "random": [holed(50, 70, 0.1)],
    "skewed": [skewed(90)],
    "all": [np.ones((20, 30), bool)],
    "none": [np.zeros((4, 6), bool)],
    "three sources": [holed(33, 20, 0.3), holed(33, 1, 0.9, seed=2), holed(33, 64, 0.1, seed=3)],
}
WIDTHS = {"vit": (3, 32, 32), "macaque": (2, 4, 48), "one head": (1, 8, 96), "uncommon": (2, 5, 7), "one": (1, 1, 1)}


def slow(
    masks: Sequence[Connection], query: np.ndarray, keys: list[np.ndarray], values: list[np.ndarray]
) -> np.ndarray:
    """One target at a time, in float64."""
    out = np.zeros((*query.shape[:3], values[0].shape[-1]))
    for b, h, t in np.ndindex(*query.shape[:3]):
        logits, sent = [], []
        for c, key, value in zip(masks, keys, values, strict=True):
            for i in range(c.indptr[t], c.indptr[t + 1]):
                logits.append(query[b, h, t] @ key[b, h, c.indices[i]] + np.log(c.weight[i]))
                sent.append(value[b, h, c.indices[i]])
        if logits:
            weight = np.exp(np.array(logits) - max(logits))
            out[b, h, t] = weight @ np.array(sent) / weight.sum()
    return out


class Case:
    """Connections, a kernel for them, and tensors to attend with: a query, then keys, then values."""

    def __init__(self, masks: Sequence[np.ndarray], widths: tuple[int, int, int], *, strided: bool = True) -> None:
        heads, key_width, value_width = widths
        self.connections = [connected(mask, seed) for seed, mask in enumerate(masks)]
        self.edges = Edges([(c, 1.0) for c in self.connections])
        self.kernel = SparseKernel(self.edges, EdgesKernel(self.edges))
        self.reference = EdgesKernel(self.edges).double()
        self.reference.bias = torch.tensor(self.edges.log_weight)
        generator = torch.Generator().manual_seed(0)

        def drawn(tokens: int, width: int) -> Tensor:
            shape = (BATCH, tokens, heads, width) if strided else (BATCH, heads, tokens, width)
            tensor = torch.randn(shape, generator=generator)
            return (tensor.transpose(1, 2) if strided else tensor).requires_grad_()

        tokens = [mask.shape[1] for mask in masks]
        self.tensors = [
            drawn(masks[0].shape[0], key_width),
            *(drawn(n, key_width) for n in tokens),
            *(drawn(n, value_width) for n in tokens),
        ]
        self.doubles = [t.detach().double().requires_grad_() for t in self.tensors]

    def fast(self, *tensors: Tensor) -> Tensor:
        n = len(self.connections)
        found: Tensor = self.kernel(tensors[0], tensors[1 : n + 1], tensors[n + 1 :])
        return found

    def exact(self, *tensors: Tensor) -> Tensor:
        n = len(self.connections)
        found: Tensor = self.reference(tensors[0], tensors[1 : n + 1], tensors[n + 1 :])
        return found


def close(found: Sequence[Tensor], expected: Sequence[Tensor], tolerance: float = 1e-5) -> None:
    for one, other in zip(found, expected, strict=True):
        scale = max(1.0, float(other.detach().abs().max())) if other.numel() else 1.0
        torch.testing.assert_close(one.double(), other.double(), atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize("strided", [True, False])
@pytest.mark.parametrize("widths", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS)
def test_numbers_and_gradients_are_those_of_float64(
    masks: list[np.ndarray], widths: tuple[int, int, int], strided: bool
) -> None:
    case = Case(masks, widths, strided=strided)
    out = case.fast(*case.tensors)
    n = len(masks)
    query, *sent = (t.detach().numpy() for t in case.doubles)
    close([out], [torch.tensor(slow(case.connections, query, sent[:n], sent[n:]))])
    gradient = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    found = torch.autograd.grad(out, case.tensors, gradient)
    close(found, torch.autograd.grad(case.exact(*case.doubles), case.doubles, gradient.double()))
    with torch.no_grad():
        assert torch.equal(case.fast(*case.tensors), out)


def test_the_number_of_threads_changes_no_bit() -> None:
    case = Case(MASKS["three sources"], WIDTHS["macaque"])
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            out = case.fast(*case.tensors)
            results.append([out, *torch.autograd.grad(out.square().sum(), case.tensors)])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(one, two) for one, two in zip(results[0], other, strict=True))


def test_a_part_of_the_gradients_can_be_asked_for() -> None:
    case = Case(MASKS["random"], WIDTHS["macaque"])
    query, key, value = case.tensors
    found = torch.autograd.grad(case.fast(query.detach(), key, value.detach()).square().sum(), [key])
    close(found, torch.autograd.grad(case.exact(*case.doubles).square().sum(), case.doubles[1:2]))
    out = case.fast(query, key, value)
    (expanded,) = torch.autograd.grad(out.sum(), [value])  # a gradient that is one number in memory
    close([expanded], torch.autograd.grad(case.exact(*case.doubles).sum(), case.doubles[2:]))


def test_second_derivatives_are_those_of_float64() -> None:
    case = Case(MASKS["three sources"], WIDTHS["uncommon"])

    def second(function: object, tensors: list[Tensor]) -> tuple[Tensor, ...]:
        first = torch.autograd.grad(function(*tensors).pow(3).sum(), tensors, create_graph=True)  # type: ignore[operator]
        return torch.autograd.grad(sum(g.square().sum() for g in first), tensors)  # type: ignore[arg-type, return-value]

    close(second(case.fast, case.tensors), second(case.exact, case.doubles), 1e-4)


def test_vmap_and_its_gradients_are_those_of_one_after_another() -> None:
    case = Case(MASKS["three sources"], WIDTHS["macaque"])
    stacks = [torch.stack([t.detach(), 0.5 * t.detach()], dim=1) for t in case.tensors]
    apart = [[stack[:, i].clone().requires_grad_() for stack in stacks] for i in range(2)]
    together = torch.func.vmap(case.fast, in_dims=1)(*stacks)
    close(together, [case.fast(*tensors) for tensors in apart], 1e-6)
    query, *sent = stacks  # one query for both
    shared = torch.func.vmap(case.fast, in_dims=(None, *(1 for _ in sent)))(query[:, 0], *sent)
    close(shared, [case.fast(query[:, 0], *(t[:, i] for t in sent)) for i in range(2)], 1e-6)
    argnums = tuple(range(len(stacks)))
    gradients = torch.func.vmap(torch.func.grad(lambda *t: case.fast(*t).square().sum(), argnums), in_dims=1)(*stacks)
    for i, tensors in enumerate(apart):
        close([g[i] for g in gradients], torch.autograd.grad(case.fast(*tensors).square().sum(), tensors))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch itself uses it in forward mode
def test_forward_mode_is_refused() -> None:
    case = Case(MASKS["local"], WIDTHS["one head"])
    query, key, value = (t.detach() for t in case.tensors)
    with pytest.raises(NotImplementedError, match="forward mode"):
        torch.func.jvp(lambda q: case.fast(q, key, value), (query,), (torch.ones_like(query),))


def test_in_autocast_it_computes_in_float32() -> None:
    case = Case(MASKS["local"], WIDTHS["macaque"])
    half = [t.detach().bfloat16() for t in case.tensors]
    found = case.fast(*half)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, case.fast(*(t.float() for t in half)).bfloat16())


def test_float64_and_compiled_models_take_torchs_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(MASKS["random"], WIDTHS["macaque"])
    monkeypatch.setattr(sparse_attention, "_call", None)
    assert torch.equal(case.fast(*case.doubles), case.kernel.composed(case.doubles[0], *zip(case.doubles[1:])))
    with pytest.raises(TypeError):
        case.fast(*case.tensors)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    close([case.fast(*case.tensors)], [case.exact(*case.doubles)])


def test_without_the_library_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case(MASKS["random"], WIDTHS["macaque"])
    native.native_code.cache_clear()
    monkeypatch.setattr(native.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    with caplog.at_level(logging.WARNING, logger="cortexc"):
        found = [case.fast(*case.tensors) for _ in range(2)]
    native.native_code.cache_clear()
    close(found[:1], [case.exact(*case.doubles)])
    (record,) = caplog.records
    assert "install it again" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_memory_grows_with_connections() -> None:
    tokens = 20_000  # all pairs would be 400 million
    indices = (np.arange(tokens)[:, None] + np.arange(3)) % tokens
    connection = Connection(
        "ring",
        (tokens, tokens),
        3 * np.arange(tokens + 1),
        indices.astype(np.int32).ravel(),
        np.full(3 * tokens, 1 / 3),
    )
    edges = Edges([(connection, 1.0)])
    query, key, value = (torch.randn(1, 1, tokens, 8, requires_grad=True) for _ in range(3))
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):  # type: ignore[func-returns-value]
        out = SparseKernel(edges, EdgesKernel(edges))(query, [key], [value])
        out.square().sum().backward()
    assert (
        sum(kept) == 3 * tokens + 4 * out.numel()
    )  # the attention; query, key and value; and the result for the square


def test_what_is_no_number_is_passed_on() -> None:
    case = Case(MASKS["all"], WIDTHS["macaque"])
    query = case.tensors[0].detach().clone()
    query[0, 0, 3] = torch.nan
    found = case.fast(query, *(t.detach() for t in case.tensors[1:]))
    assert found[0, 0, 3].isnan().all()
    assert found.isnan().sum() == found.shape[-1]


def test_weights_of_many_decades_and_large_logits_stay_finite() -> None:
    case = Case(MASKS["local"], WIDTHS["one head"])
    large = [30 * t.detach() for t in case.tensors]
    found = case.fast(*large)
    close([found], [case.exact(*(t.double() for t in large))], 1e-4)
    dense = DenseKernel(case.edges)(large[0], large[1:2], large[2:])
    close([found], [dense], 1e-4)
