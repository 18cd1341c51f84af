"""Choose: an attention kernel for each op, by the time that the cost model expects.

A sparse kernel is native code for processors. For what cannot run it, a kernel in torch's own operations is chosen too.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .. import cost
from ..artifact import COMPOSED, Attend
from ..ir import Graph


def choose(graph: Graph) -> Graph:
    """Return the graph with a kernel for each attention op: the fastest, or a fixed one if the op has no choice."""
    ops = tuple(_with_kernel(op, graph) if isinstance(op, Attend) else op for op in graph.ops)
    return dataclasses.replace(graph, ops=ops)


def _with_kernel(op: Attend, graph: Graph) -> Attend:
    connections = [graph.connections[s.connection] for s in op.sources]
    longest = int(np.max(sum(c.counts for c in connections), initial=0))
    if not op.choice:
        return dataclasses.replace(op, kernel="copy" if longest <= 1 else "prior")
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
    composed = min(COMPOSED, key=lambda kernel: (times[kernel], kernel))
    if times["sparse"] < times[composed]:
        return dataclasses.replace(op, kernel="sparse", composed=composed)
    return dataclasses.replace(op, kernel=composed)
