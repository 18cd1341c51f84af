"""Attention over existing connections only, in native code: ``kernels/attention.c`` as a differentiable torch function.

Second derivatives, and what native code does not compute, are left to the kernels of ``attention``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from .native import native_code

Composed: TypeAlias = Callable[..., Tensor]
"""The same function of a query and of the keys and values of each source, in torch's own operations."""


class _View(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), *((name, ctypes.c_int64) for name in ("batch", "head", "token"))]


class _Shape(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("batch", "heads", "targets", "sources", "connections")),
        *((name, ctypes.c_int64) for name in ("key_width", "value_width", "longest_row", "threads")),
        *((name, ctypes.c_void_p) for name in ("first", "token", "bias", "source_tokens")),
    ]


class Connections:
    """The connections of one attention op as the native library reads them: by target, then by source.

    Attributes:
        first: int64 (T * n + 1,): where the connections of each target to each of the n sources begin.
        token: int32 (nonzeros,): the token within its source of each connection.
        bias: float32 (nonzeros,): the log weight of each connection.
        source_tokens: int64 (n,): the number of tokens of each source.
    """

    def __init__(
        self, row: np.ndarray, column: np.ndarray, log_weight: np.ndarray, targets: int, source_tokens: Sequence[int]
    ) -> None:
        """Take connections with the sources laid end to end: each leads to target ``row`` from token ``column``."""
        ends = np.cumsum(source_tokens)
        source = np.searchsorted(ends, column, side="right")
        group = row * len(ends) + source
        order = np.argsort(group, kind="stable")
        self.first = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=targets * len(ends)))])
        self.token = (column - (ends - source_tokens)[source])[order].astype(np.int32)
        self.bias = log_weight[order].astype(np.float32)
        self.source_tokens = np.array(source_tokens, np.int64)
        self.targets = targets
        self.longest_row = int(np.bincount(row, minlength=1).max())

    def shape(self, query: Tensor, value: Tensor) -> _Shape:
        """Return the sizes of an op on queries (B, H, T, D) and values (B, H, S, E)."""
        batch, heads, _, key_width = query.shape
        sizes = (batch, heads, self.targets, len(self.source_tokens), len(self.token))
        arrays = (self.first, self.token, self.bias, self.source_tokens)
        widths = (key_width, value.shape[-1], self.longest_row, torch.get_num_threads())
        return _Shape(*sizes, *widths, *(array.ctypes.data for array in arrays))


class SparseAttention(torch.autograd.Function):
    """What each target receives (B, H, T, E), and the attention of each connection (B, H, nonzeros).

    The attention is kept for the backward pass; without one, it is empty. A gradient that may itself be differentiated
    (``create_graph=True``, and all of ``torch.func``) is computed by ``composed``, the same function in torch's own
    operations. Forward mode is refused by torch.
    """

    @staticmethod
    def forward(
        connections: Connections, composed: Composed, differentiated: bool, query: Tensor, *sent: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Take queries (B, H, T, D), then the keys (B, H, S, D) and then the values (B, H, S, E) of each source."""
        keys, values = _halves(sent)
        batch, heads, targets, _ = query.shape
        out = _empty(batch, heads, targets, values[0].shape[-1])
        p = torch.empty(batch, heads, len(connections.token) if differentiated else 0)
        shape = connections.shape(query, values[0])
        _call("forward", shape, [query], keys, values, [out], p.data_ptr() if differentiated else None)
        return out, p

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Keep what the backward pass needs."""
        ctx.connections, ctx.composed, _, *tensors = inputs
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1], *tensors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        """Return the gradients of queries, keys and values."""
        p, query, *sent = ctx.saved_tensors
        if gradient is None:
            return None, None, None, *(None for _ in (query, *sent))
        if torch.is_grad_enabled():  # this gradient may be differentiated
            return None, None, None, *torch.func.vjp(ctx.composed, query, *sent)[1](gradient)
        keys, values = _halves(sent)
        gradients = [_empty(*tensor.shape) for tensor in (query, *sent)]
        shape = ctx.connections.shape(query, values[0])
        received = ([query], [_rows(gradient)], keys, values, p.data_ptr())
        _call("backward", shape, *received, gradients[:1], *_halves(gradients[1:]))
        return None, None, None, *gradients

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[tuple[Tensor, ...], tuple[int, int]]:
        """Take the axis of ``torch.vmap`` as part of the batch."""
        size, tensors = info.batch_size, zip(inputs[3:], in_dims[3:], strict=True)
        moved = (t.expand(size, *t.shape) if axis is None else t.movedim(axis, 0) for t, axis in tensors)
        found = _apply(*inputs[:3], *(_rows(t.flatten(0, 1)) for t in moved))
        return tuple(t.reshape(size, len(t) // size, *t.shape[1:]) for t in found), (0, 0)


def _apply(*inputs: Any) -> tuple[Tensor, Tensor]:
    found: tuple[Tensor, Tensor] = SparseAttention.apply(*inputs)  # type: ignore[no-untyped-call]
    return found


def sparse_attention(
    connections: Connections, composed: Composed, query: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor]
) -> Tensor:
    """Return what each target receives (B, H, T, E), from queries (B, H, T, D), keys (B, H, S, D), values (B, H, S, E).

    ``keys`` and ``values`` have a tensor for each source; all are on the processor, and are taken as float32.
    """
    tensors = [_rows(t.float()) for t in (query, *keys, *values)]
    differentiated = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    return _apply(connections, composed, differentiated, *tensors)[0]


def _call(name: str, shape: _Shape, *arguments: Sequence[Tensor] | int | None) -> None:
    found = native_code()
    assert found is not None
    given = (_views(a) if isinstance(a, Sequence) else ctypes.c_void_p(a) for a in arguments)
    if getattr(found, f"sparse_attention_{name}")(ctypes.byref(shape), *given):
        raise MemoryError


def _views(tensors: Sequence[Tensor]) -> Any:
    return (_View * len(tensors))(*(_View(t.data_ptr(), *t.stride()[:3]) for t in tensors))


def _rows(tensor: Tensor) -> Tensor:
    """Return a tensor whose channels lie side by side in memory."""
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _empty(batch: int, heads: int, tokens: int, channels: int) -> Tensor:
    """Return (B, H, tokens, channels), the heads of a token side by side in memory: joining them costs nothing."""
    return torch.empty(batch, tokens, heads, channels).transpose(1, 2)


def _halves(sent: Sequence[Tensor]) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    return sent[: len(sent) // 2], sent[len(sent) // 2 :]
