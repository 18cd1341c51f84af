"""Linear maps of a normalised state: keys, queries and values, in native code where that can run.

``kernels/projection.c`` is a differentiable torch function here; second derivatives are left to ``composed``.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .native import can_multiply, matrix_product, native_code


class _Map(ctypes.Structure):
    _fields_ = [
        ("width", ctypes.c_int64),
        *((n, ctypes.c_void_p) for n in ("weight", "bias", "result", "d_weight", "d_bias", "d_result")),
    ]


class _Projection(ctypes.Structure):
    _fields_ = [
        *((n, ctypes.c_int64) for n in ("rows", "width", "maps", "threads")),
        *((n, ctypes.c_void_p) for n in ("product", "state", "gain", "bias", "d_state", "d_gain", "d_bias", "map")),
    ]


def projected(
    state: Tensor, gain: Tensor, bias: Tensor | None, maps: Sequence[tuple[Tensor, Tensor | None]]
) -> tuple[Tensor, ...]:
    """Return the result (B, tokens, n) of each map, of weight (n, width) and bias (n,), of the normalised state.

    The state is (B, tokens, width), gain and bias of its norm are (width,).
    """
    tensors = [state, gain, bias, *itertools.chain(*maps)]
    if not can_multiply(state):
        return composed(*tensors)
    given = [None if t is None else t.float().contiguous() for t in tensors]
    found: tuple[Tensor, ...] = NativeProjection.apply(*given)  # type: ignore[no-untyped-call]
    return found


def composed(*tensors: Tensor | None) -> tuple[Tensor, ...]:
    """Return the same in torch's own operations, of state, gain, bias, and the weight and bias of each map in turn."""
    state, gain, bias, *maps = tensors
    assert state is not None
    assert gain is not None
    normal = F.layer_norm(state, gain.shape, gain, bias)
    found = zip(maps[::2], maps[1::2], strict=True)
    return tuple(F.linear(normal, weight, shift) for weight, shift in found if weight is not None)


class NativeProjection(torch.autograd.Function):
    """``composed`` in native code, of tensors in float32 that lie without gaps in the memory of the processor."""

    @staticmethod
    def forward(*tensors: Tensor | None) -> tuple[Tensor, ...]:
        """Return the result of each map."""
        state = tensors[0]
        assert state is not None
        results = tuple(state.new_empty(*state.shape[:-1], len(w)) for w in tensors[3::2] if w is not None)
        _call("forward", tensors, "result", results)
        return results

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor | None, ...], output: tuple[Tensor, ...]) -> None:
        """Keep what the backward pass needs."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of state, gain, bias and maps."""
        tensors = ctx.saved_tensors
        if torch.is_grad_enabled():  # this gradient may be differentiated
            return _differentiable(tensors, gradients)
        found = tuple(None if t is None else torch.empty_like(t) for t in tensors)
        _call("backward", tensors, "d_result", [g.contiguous() for g in gradients], found)
        return found

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor | None) -> tuple[tuple[Tensor, ...], Any]:
        """Leave a batch of models to torch's own operations."""
        results = torch.vmap(composed, in_dims)(*tensors)
        return results, (0,) * len(results)


def _differentiable(tensors: Sequence[Tensor | None], gradients: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
    present = [t for t in tensors if t is not None]

    def of_present(*given: Tensor) -> tuple[Tensor, ...]:
        each = iter(given)
        return composed(*(None if t is None else next(each) for t in tensors))

    found = iter(torch.func.vjp(of_present, *present)[1](gradients))
    return tuple(None if t is None else next(found) for t in tensors)


def _call(
    function: str,
    tensors: Sequence[Tensor | None],
    field: str,
    results: Sequence[Tensor],
    gradients: Sequence[Tensor | None] = (),
) -> None:
    """Call native code with state, gain, bias and maps, and with results, or gradients of them and of all."""
    state, maps = tensors[0], (_Map * len(results))(*(_Map(r.shape[-1]) for r in results))
    assert state is not None
    sizes = (state.numel() // state.shape[-1], state.shape[-1], len(maps), torch.get_num_threads())
    projection = _Projection(*sizes, matrix_product(), map=ctypes.addressof(maps))
    for prefix, given in (("", tensors), ("d_", gradients)):
        pointers = [None if t is None else t.data_ptr() for t in given]
        for name, pointer in zip(("state", "gain", "bias"), pointers, strict=False):
            setattr(projection, prefix + name, pointer)
        for one, weight, bias in zip(maps, pointers[3::2], pointers[4::2], strict=False):
            setattr(one, f"{prefix}weight", weight)
            setattr(one, f"{prefix}bias", bias)
    for one, result in zip(maps, results, strict=True):
        setattr(one, field, result.data_ptr())
    library = native_code()
    assert library is not None
    if getattr(library, f"projection_{function}")(ctypes.byref(projection)):
        raise MemoryError
