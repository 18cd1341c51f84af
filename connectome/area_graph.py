"""The graph of areas: which area projects to which, how strongly, and what can be reached.

All costs grow linearly with the number of projections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from .model import Connectome, Projection


def strength(projection: Projection) -> float:
    """Return how strong a projection is [scale of FLNe]: its FLNe, else its weight, else 1."""
    if projection.fln is not None:
        return projection.fln
    return 1.0 if projection.weight is None else projection.weight


@dataclass(frozen=True, eq=False)
class AreaGraph:
    """The input and the areas as numbered nodes, the projections as edges from node to node. Node 0 is the input."""

    names: tuple[str, ...]
    """The name of each node."""
    projection: np.ndarray
    """int64 (edges,): the index of each edge in ``connectome.projections``."""
    origin: np.ndarray
    """int64 (edges,): the node that each edge leaves."""
    target: np.ndarray
    """int64 (edges,): the node that each edge reaches."""
    strength: np.ndarray
    """float64 (edges,) [scale of FLNe]"""

    @cached_property
    def node(self) -> dict[str, int]:
        """The number of the node with each name."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def incoming(self) -> list[np.ndarray]:
        """The incoming edges of each node, as int64 (edges of the node,)."""
        return _grouped(self.target, len(self.names))

    @cached_property
    def outgoing(self) -> list[np.ndarray]:
        """The outgoing edges of each node, as int64 (edges of the node,)."""
        return _grouped(self.origin, len(self.names))

    def steps_from(self, name: str) -> np.ndarray:
        """Return the length of the shortest path from a node to each node, as int64 (nodes,); -1 if there is none."""
        return steps(self.origin, self.target, len(self.names), [self.node[name]])

    def steps_to(self, name: str) -> np.ndarray:
        """Return the length of the shortest path from each node to one, as int64 (nodes,); -1 if there is none."""
        return steps(self.target, self.origin, len(self.names), [self.node[name]])

    def components(self, *, strong: bool = False) -> np.ndarray:
        """Return the number of the connected component of each node, as int32 (nodes,).

        ``strong``: strongly connected components, whose nodes all reach each other along the edges.
        """
        return components(self.origin, self.target, len(self.names), strong=strong)


def area_graph(connectome: Connectome) -> AreaGraph:
    """Return the graph of a connectome, without projections from or to an area that the connectome does not have."""
    names = (connectome.input.name, *connectome.areas)
    node = {name: i for i, name in enumerate(names)}
    projections = connectome.projections
    count = len(projections)
    origin = np.fromiter((node.get(p.origin, -1) for p in projections), np.int64, count)
    target = np.fromiter((node.get(p.target, -1) for p in projections), np.int64, count)
    known = np.flatnonzero((origin >= 0) & (target >= 0))
    strengths = np.fromiter(map(strength, projections), np.float64, count)
    return AreaGraph(names, known, origin[known], target[known], strengths[known])


def steps(origin: np.ndarray, target: np.ndarray, size: int, starts: Sequence[int]) -> np.ndarray:
    """Return the length of the shortest path from any of ``starts`` to each node, as int64 (size,); -1 if there is
    none.

    ``origin``, ``target``: int (edges,), nodes numbered from 0 to ``size`` - 1.
    """
    root = np.full(len(starts), size)  # one more node, from which an edge leads to each start
    edges = _matrix(np.concatenate([origin, root]), np.concatenate([target, np.asarray(starts, np.int64)]), size + 1)
    order, before = breadth_first_order(edges, size)
    found = [-2] * size + [-1]
    for node, previous in zip(order[1:].tolist(), before[order[1:]].tolist(), strict=True):
        found[node] = found[previous] + 1
    return np.maximum(np.array(found[:size], np.int64), -1)


def components(origin: np.ndarray, target: np.ndarray, size: int, *, strong: bool = False) -> np.ndarray:
    """Return the connected component of each node, as int32 (size,): components are numbered from 0.

    ``origin``, ``target``: int (edges,), nodes numbered from 0 to ``size`` - 1. ``strong``: strongly
    connected components, whose nodes all reach each other along the edges.
    """
    edges = _matrix(origin, target, size)
    found: np.ndarray = connected_components(edges, connection="strong" if strong else "weak")[1]
    return found


def _matrix(origin: np.ndarray, target: np.ndarray, size: int) -> csr_array:
    ends = np.asarray(origin, np.int32), np.asarray(target, np.int32)  # SciPy 1.13 searches no graph in 64 bits
    return csr_array((np.ones(len(ends[0]), bool), ends), shape=(size, size))


def _grouped(ends: np.ndarray, size: int) -> list[np.ndarray]:
    """Return, for each node, the edges that end there (or start there), in their order."""
    return np.split(np.argsort(ends, kind="stable"), np.cumsum(np.bincount(ends, minlength=size))[:-1])
