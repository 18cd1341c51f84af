"""Choose: an attention kernel for each op, by the time that the cost model expects."""

from __future__ import annotations

import dataclasses

import numpy as np

from .. import cost
from ..artifact import Attend, Kernel
from ..ir import Graph


def choose(graph: Graph) -> Graph:
    """Return the graph with a kernel for each attention op: the fastest, or a fixed one if the op has no choice."""
    ops = tuple(
        dataclasses.replace(op, kernel=_cheapest(op, graph)) if isinstance(op, Attend) else op for op in graph.ops
    )
    return dataclasses.replace(graph, ops=ops)


def _cheapest(op: Attend, graph: Graph) -> Kernel:
    connections = [graph.connections[s.connection] for s in op.sources]
    longest = int(np.max(sum(c.counts for c in connections), initial=0))
    if not op.choice:
        return "copy" if longest <= 1 else "prior"
    shape = cost.AttentionShape(
        targets=connections[0].shape[0],
        sources=sum(c.shape[1] for c in connections),
        nonzeros=sum(c.nonzeros for c in connections),
        longest_row=longest,
        heads=graph.heads,
        key_width=graph.key_width,
        width=graph.populations[op.sources[0].population].width,
    )
    times = cost.attention_times(shape)
    return min(times, key=lambda kernel: (times[kernel], kernel))
