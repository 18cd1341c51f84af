"""Prune: remove what is too weak, what the input cannot reach, and what cannot reach the readout."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from cortexc.connectome.area_graph import steps

from ..ir import Coupling, Graph, Pathway


def prune(graph: Graph) -> Graph:
    """Return the graph with only the populations, pathways and couplings that can affect the readout."""
    pathways = [p for p in graph.pathways if p.weight >= graph.minimum_weight and graph.connections[p.join].nonzeros]
    alive = _alive(graph, pathways, graph.couplings)
    pathways = [p for p in pathways if p.source in alive and p.target in alive]
    couplings = [c for c in graph.couplings if c.source in alive and c.target in alive]
    joins = {p.join for p in pathways}
    return dataclasses.replace(
        graph,
        populations={n: p for n, p in graph.populations.items() if n in alive or n == graph.input_name},
        pathways=tuple(pathways),
        couplings=tuple(couplings),
        joins={n: j for n, j in graph.joins.items() if n in joins},
        connections={n: c for n, c in graph.connections.items() if n in joins},
        readout=tuple(p for p in graph.readout if p in alive),
    )


def _alive(graph: Graph, pathways: Iterable[Pathway], couplings: Iterable[Coupling]) -> set[str]:
    """Return the populations on any path from the input to the readout."""
    node = {name: i for i, name in enumerate(graph.populations)}
    ends = [(node[p.source], node[p.target]) for p in pathways]
    ends += [(node[c.source], node[c.target]) for c in couplings]
    source, target = np.array(ends, np.int64).reshape(-1, 2).T
    reached = steps(source, target, len(node), [node[graph.input_name]]) >= 0
    reading = steps(target, source, len(node), [node[name] for name in graph.readout]) >= 0
    return {name for name, i in node.items() if reached[i] and reading[i]}
