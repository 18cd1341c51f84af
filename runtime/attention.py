"""Joint attention with an anatomical prior, over existing connections only.

    logit_ij = Q_i . K_j / sqrt(d) + log w_ij        out_i = sum_j softmax_j(logit_ij) V_j

Three kernels compute this in torch's own operations, in different ways; `SparseKernel` computes it in native code where
that can run, else by one of the three. Two more are for ops without queries and keys.

Shapes: B batch, H heads, T target tokens, S tokens of all sources together, D key channels a head, E value channels a
head, R the longest row. Keys (B, H, S, D) and values (B, H, S, E) are given as a tensor for each source, which are S
tokens together.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortexc.compiler.artifact import Attend, Connection

from . import native, sparse_attention


class Edges:
    """The connections of one attention op: target, source and log weight of every pair, sources laid end to end."""

    def __init__(self, connections: Sequence[tuple[Connection, float]]) -> None:
        """Join connections, each with the weight of its pathway. All have the same number of target tokens."""
        self.source_tokens = [c.shape[1] for c, _ in connections]
        offsets = np.cumsum([0, *self.source_tokens])
        self.targets, self.sources = connections[0][0].shape[0], int(offsets[-1])
        row = np.concatenate([c.rows for c, _ in connections])
        column = np.concatenate([c.indices + offset for (c, _), offset in zip(connections, offsets, strict=False)])
        log_weight = np.concatenate([np.log(c.weight) + math.log(weight) for c, weight in connections])
        order = np.argsort(row, kind="stable")
        self.row, self.column, self.log_weight = row[order], column[order], log_weight[order]
        self.counts = np.bincount(self.row, minlength=self.targets)
        self.served = self.counts > 0  # a token without input has no softmax; its result is zero

    def padded(self) -> tuple[np.ndarray, np.ndarray]:
        """Return columns (T, R) and log weights (T, R), rows padded with column 0 and log weight -inf."""
        longest = max(1, int(self.counts.max(initial=0)))
        columns = np.zeros((self.targets, longest), dtype=np.int64)
        log_weight = np.full((self.targets, longest), -np.inf)
        nth = np.arange(len(self.row)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        columns[self.row, nth] = self.column
        log_weight[self.row, nth] = self.log_weight
        return columns, log_weight


class DenseKernel(nn.Module):
    """Matrix products over all pairs with the missing ones masked; best where few are missing."""

    bias: Tensor
    served: Tensor

    def __init__(self, edges: Edges) -> None:
        super().__init__()
        bias = np.full((edges.targets, edges.sources), -np.inf)
        np.logaddexp.at(bias, (edges.row, edges.column), edges.log_weight)
        bias[~edges.served] = 0.0
        self.uniform = bool(np.all(bias == bias.flat[0]))
        self.complete = bool(edges.served.all())
        self.register_buffer("bias", torch.tensor(bias, dtype=torch.float32), persistent=False)
        self.register_buffer("served", torch.tensor(edges.served)[:, None], persistent=False)

    def weights(self, query: Tensor, keys: Sequence[Tensor]) -> Tensor:
        """Return the attention (B, H, T, S) of queries (B, H, T, D)."""
        logits = query @ _end_to_end(keys).transpose(-1, -2)  # (B, H, T, S)
        logits = logits if self.uniform else logits + self.bias  # in float32 at least: log weights span decades
        found = logits.softmax(-1)
        return found if self.complete else found * self.served.to(found.dtype)

    def forward(self, query: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
        """Return what each target receives (B, H, T, E)."""
        value = _end_to_end(values)
        return self.weights(query, keys).to(value.dtype) @ value


class GatherKernel(nn.Module):
    """Each target gathers its own sources; best for long, thin neighbourhoods of similar size."""

    column: Tensor
    bias: Tensor
    served: Tensor

    def __init__(self, edges: Edges) -> None:
        super().__init__()
        columns, log_weight = edges.padded()
        log_weight[~edges.served] = 0.0
        self.sources = edges.sources
        self.register_buffer("column", torch.tensor(columns), persistent=False)
        self.register_buffer("bias", torch.tensor(log_weight, dtype=torch.float32), persistent=False)
        self.register_buffer("served", torch.tensor(edges.served)[:, None], persistent=False)

    def _softmax(self, query: Tensor, keys: Sequence[Tensor]) -> Tensor:
        near = _end_to_end(keys)[:, :, self.column]  # (B, H, T, R, D)
        logits = (near @ query.unsqueeze(-1)).squeeze(-1)  # (B, H, T, R)
        found = (logits + self.bias).softmax(-1)
        return found * self.served.to(found.dtype)

    def weights(self, query: Tensor, keys: Sequence[Tensor]) -> Tensor:
        """Return the attention (B, H, T, S)."""
        found = self._softmax(query, keys)
        dense = found.new_zeros(*found.shape[:-1], self.sources)
        return dense.scatter_add(-1, self.column.expand_as(found), found)

    def forward(self, query: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
        """Return what each target receives (B, H, T, E)."""
        value = _end_to_end(values)
        found = self._softmax(query, keys).to(value.dtype)
        return (found.unsqueeze(-2) @ value[:, :, self.column]).squeeze(-2)


class EdgesKernel(nn.Module):
    """One logit for each connection, summed by scattering; best where rows differ much in length."""

    row: Tensor
    column: Tensor
    bias: Tensor

    def __init__(self, edges: Edges) -> None:
        super().__init__()
        self.targets, self.sources = edges.targets, edges.sources
        self.register_buffer("row", torch.tensor(edges.row), persistent=False)
        self.register_buffer("column", torch.tensor(edges.column), persistent=False)
        self.register_buffer("bias", torch.tensor(edges.log_weight, dtype=torch.float32), persistent=False)

    def _softmax(self, query: Tensor, keys: Sequence[Tensor]) -> Tensor:
        logits = (query[:, :, self.row] * _end_to_end(keys)[:, :, self.column]).sum(-1) + self.bias  # (B, H, edges)
        row = self.row.expand_as(logits)
        top = logits.new_full((*logits.shape[:2], self.targets), -torch.inf)
        top = top.scatter_reduce(-1, row, logits.detach(), "amax")
        raised = (logits - top.gather(-1, row)).exp()
        total = torch.zeros_like(top).scatter_add(-1, row, raised)
        return raised / total.gather(-1, row)

    def weights(self, query: Tensor, keys: Sequence[Tensor]) -> Tensor:
        """Return the attention (B, H, T, S)."""
        found = self._softmax(query, keys)
        dense = found.new_zeros(*found.shape[:-1], self.targets * self.sources)
        pair = (self.row * self.sources + self.column).expand_as(found)
        return dense.scatter_add(-1, pair, found).reshape(*found.shape[:-1], self.targets, self.sources)

    def forward(self, query: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
        """Return what each target receives (B, H, T, E)."""
        value = _end_to_end(values)
        sent = self._softmax(query, keys).to(value.dtype).unsqueeze(-1) * value[:, :, self.column]  # (B, H, edges, E)
        out = sent.new_zeros(*sent.shape[:2], self.targets, sent.shape[-1])
        return out.index_add(2, self.row, sent)


class SparseKernel(nn.Module):
    """Native code for existing connections only, on processors; elsewhere ``composed``, of torch's own operations.

    It computes in float32, in autocast too. Float64, and a model that is exported or compiled, get ``composed``.
    """

    def __init__(self, edges: Edges, composed: "ComposedKernel") -> None:
        super().__init__()
        self.composed = composed
        self.connections = sparse_attention.Connections(
            edges.row, edges.column, edges.log_weight, edges.targets, edges.source_tokens
        )

    def weights(self, query: Tensor, keys: Sequence[Tensor]) -> Tensor:
        """Return the attention (B, H, T, S)."""
        return self.composed.weights(query, keys)

    def forward(self, query: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
        """Return what each target receives (B, H, T, E)."""
        if not native.can_compute(query):
            composed: Tensor = self.composed(query, keys, values)
            return composed
        received = sparse_attention.sparse_attention(self.connections, self._of_all, query, keys, values)
        return received.to(values[0].dtype)

    def _of_all(self, query: Tensor, *sent: Tensor) -> Tensor:
        received: Tensor = self.composed(query, sent[: len(sent) // 2], sent[len(sent) // 2 :])
        return received


class CopyKernel(nn.Module):
    """At most one source for each target: its value is copied, without queries and keys."""

    column: Tensor
    served: Tensor

    def __init__(self, edges: Edges) -> None:
        super().__init__()
        columns, _ = edges.padded()
        self.sources = edges.sources
        self.straight = bool(np.array_equal(columns[:, 0], np.arange(edges.sources)) and edges.served.all())
        self.register_buffer("column", torch.tensor(columns[:, 0]), persistent=False)
        self.register_buffer("served", torch.tensor(edges.served)[:, None], persistent=False)

    def map(self, batch: int, heads: int) -> Tensor:
        """Return the attention (B, H, T, S): one where there is a source."""
        found = F.one_hot(self.column, self.sources) * self.served
        return found.float().expand(batch, heads, -1, -1)

    def forward(self, values: Sequence[Tensor]) -> Tensor:
        """Return what each target receives (B, H, T, E)."""
        value = _end_to_end(values)
        return value if self.straight else value[:, :, self.column] * self.served.to(value.dtype)


class PriorKernel(nn.Module):
    """All keys that a token sees are the same: attention equals the anatomical weights, for every image and head."""

    prior: Tensor

    def __init__(self, edges: Edges) -> None:
        super().__init__()
        prior = np.zeros((edges.targets, edges.sources))
        np.add.at(prior, (edges.row, edges.column), np.exp(edges.log_weight - edges.log_weight.max(initial=-np.inf)))
        total = prior.sum(axis=1, keepdims=True)
        prior = np.divide(prior, total, out=np.zeros_like(prior), where=total > 0)
        self.register_buffer("prior", torch.tensor(prior, dtype=torch.float32), persistent=False)

    def map(self, batch: int, heads: int) -> Tensor:
        """Return the attention (B, H, T, S)."""
        return self.prior.expand(batch, heads, -1, -1)

    def forward(self, values: Sequence[Tensor]) -> Tensor:
        """Return what each target receives (B, H, T, E)."""
        value = _end_to_end(values)
        return self.prior.to(value.dtype) @ value


ComposedKernel: TypeAlias = DenseKernel | GatherKernel | EdgesKernel
FIXED: dict[str, type[CopyKernel | PriorKernel]] = {"copy": CopyKernel, "prior": PriorKernel}
COMPOSED: dict[str, type[ComposedKernel]] = {"dense": DenseKernel, "gather": GatherKernel, "edges": EdgesKernel}


def kernel_of(op: Attend, edges: Edges) -> CopyKernel | PriorKernel | ComposedKernel | SparseKernel:
    """Return the kernel that the compiler chose for an op."""
    if op.kernel in FIXED:
        return FIXED[op.kernel](edges)
    if op.kernel == "sparse":
        return SparseKernel(edges, COMPOSED[op.composed](edges))
    return COMPOSED[op.kernel](edges)


def _end_to_end(sources: Sequence[Tensor]) -> Tensor:
    """Join tensors (B, H, tokens, channels) along their tokens."""
    return sources[0] if len(sources) == 1 else torch.cat(tuple(sources), dim=2)
