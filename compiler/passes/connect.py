"""Connect: kernels and topographies become sparse token-to-token weights."""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np

from .. import kernels
from ..artifact import Connection
from ..ir import Graph


def connect(graph: Graph) -> Graph:
    """Return the graph with a connection for each join; random kernels are seeded by the seed and the join's name.

    Joins of one kernel between grids of the same shapes share their arrays.
    """
    connections: dict[str, Connection] = {}
    made: dict[tuple[object, ...], Connection] = {}
    for name, join in graph.joins.items():
        key = join.kernel, join.source_grid, join.target_grid
        if key in made:
            connections[name] = dataclasses.replace(made[key], name=name)
            continue
        rng = np.random.default_rng([graph.seed, zlib.crc32(name.encode())])
        untouched = rng.bit_generator.state
        connections[name] = kernels.connect(join, rng)
        if rng.bit_generator.state == untouched:  # not random, so other joins of this kernel and these grids are equal
            made[key] = connections[name]
    return dataclasses.replace(graph, connections=connections)
