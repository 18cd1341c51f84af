"""Invariants of the graph after every pass. A failure is a fault of the compiler, never of the user."""

from __future__ import annotations

import math

import numpy as np

from .ir import Graph


def verify(graph: Graph) -> None:
    """Check that every name is defined and every value is computed before it is read.

    Raises:
        AssertionError: a pass broke the graph.
    """
    for pathway in graph.pathways:
        assert pathway.source in graph.populations, f"pathway from unknown {pathway.source}"
        assert pathway.target in graph.populations, f"pathway to unknown {pathway.target}"
        assert pathway.join in graph.joins, f"pathway over unknown {pathway.join}"
        assert pathway.weight >= 0, f"pathway of weight {pathway.weight}"
    for coupling in graph.couplings:
        known = coupling.source in graph.populations and coupling.target in graph.populations
        assert known, f"coupling of unknown {coupling}"
    verified: set[int] = set()  # weights that several connections share are checked once
    for connection in graph.connections.values():
        join = graph.joins[connection.name]
        shape = math.prod(join.target_grid), math.prod(join.source_grid)
        assert connection.shape == shape == (len(connection.indptr) - 1, shape[1]), f"shape of {connection.name}"
        if id(connection.weight) not in verified:
            assert np.all(connection.weight > 0), f"masked entries stored in {connection.name}"
            verified.add(id(connection.weight))
    _verify_ops(graph)
    parameters = [p.name for p in graph.parameters]
    assert len(parameters) == len(set(parameters)), "a parameter is planned twice"


def _verify_ops(graph: Graph) -> None:
    made: set[str] = set()
    for op in graph.ops:
        for value in op.reads:
            assert value in made, f"{value} is read before it is made"
        for value in op.writes:
            assert value not in made, f"{value} is made twice"
        for source in op.sources:
            assert source.connection in graph.connections, f"{op.name} over unknown {source.connection}"
        made.update(op.writes)
