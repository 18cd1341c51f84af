"""Connect: kernels and topographies become sparse token-to-token weights."""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np

from .. import kernels
from ..ir import Graph


def connect(graph: Graph) -> Graph:
    """Return the graph with a connection for each join; random kernels are seeded by the seed and the join's name."""
    connections = {}
    for name, join in graph.joins.items():
        rng = np.random.default_rng([graph.seed, zlib.crc32(name.encode())])
        connections[name] = kernels.connect(join, rng)
    return dataclasses.replace(graph, connections=connections)
