"""Kernels and topographies -> sparse token-to-token weights.

Both grids cover the same visual field. Distances are in columns of the coarser of the two grids (per axis), so that a
radius means the same in both directions. Cost and memory grow with the number of connections.
"""

from __future__ import annotations

import math
from typing import assert_never

import numpy as np
import scipy.sparse as sp

from cortexc.connectome.diagnostics import lowering
from cortexc.connectome.diagnostics.error import SpecError
from cortexc.connectome.diagnostics.report import Report
from cortexc.connectome.io import tables
from cortexc.connectome.model import All, Disc, Exponential, Gaussian, Matrix, OneToOne, Patchy, Retinotopic
from cortexc.connectome.topography import reach

from .artifact import Connection
from .ir import Join

MAX_CONNECTIONS = 20_000_000
"""Most token pairs of one join: they need 50 bytes each while they are computed, 1 GB in all."""

_EPSILON = 1e-9


def connect(join: Join, rng: np.random.Generator) -> Connection:
    """Return the connections of a join; each row sums to 1, or is empty.

    Raises:
        SpecError: an explicit matrix cannot be read, or there would be more than MAX_CONNECTIONS.
    """
    targets, sources = math.prod(join.target_grid), math.prod(join.source_grid)
    match join.kernel:
        case All():
            _bound(join, targets * sources)
            matrix = sp.csr_array(np.ones((targets, sources)))
        case OneToOne():
            matrix = sp.csr_array(sp.identity(targets, format="csr"))
        case Matrix() as kernel:
            matrix = tables.read_matrix(kernel.file, kernel.dataset, join.span)
            matrix = matrix if kernel.rows == "target" else sp.csr_array(matrix.T.tocsr())
        case Disc() | Retinotopic() as kernel:
            rows, columns, _ = _neighbours(join, reach(kernel))
            matrix = _csr(rows, columns, np.ones(len(rows)), (targets, sources))
        case Gaussian() as kernel:
            rows, columns, distance = _neighbours(join, reach(kernel))
            weight = np.exp(-(distance**2) / (2 * kernel.sigma**2))
            matrix = _csr(rows, columns, weight, (targets, sources))
        case Exponential() as kernel:
            rows, columns, distance = _neighbours(join, reach(kernel))
            matrix = _csr(rows, columns, np.exp(-distance / kernel.length), (targets, sources))
        case Patchy() as kernel:
            rows, columns, distance = _neighbours(join, reach(kernel))
            seed = int(rng.integers(2**63))
            to, of = (_orientation(grid, kernel.spacing, seed) for grid in (join.target_grid, join.source_grid))
            likeness = np.cos(2 * (to[rows] - of[columns])) - 1
            weight = np.exp(-distance / kernel.length + kernel.selectivity * likeness)
            matrix = _csr(rows, columns, weight, (targets, sources))
        case _:
            assert_never(join.kernel)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    total: np.ndarray = np.repeat(np.asarray(matrix.sum(axis=1)), np.diff(matrix.indptr))
    parts = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data / total
    for part in parts:
        part.setflags(write=False)
    return Connection(join.name, (targets, sources), *parts)


def _csr(rows: np.ndarray, columns: np.ndarray, weight: np.ndarray, shape: tuple[int, int]) -> sp.csr_array:
    return sp.csr_array(sp.coo_array((weight, (rows, columns)), shape=shape))


def _bound(join: Join, count: float) -> None:
    if count > MAX_CONNECTIONS:
        message = (
            f"`{join.name}` would make about {count:.3g} connections, and at most {MAX_CONNECTIONS:.3g} are possible"
        )
        hint = "use a kernel with a smaller reach, or a smaller grid"
        raise SpecError(Report([lowering.TOO_MANY_CONNECTIONS.at(join.span, message, help=hint)]))


def _neighbours(join: Join, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (target, source, distance) of all pairs of columns within ``radius``.

    Pairs that are near along each axis are found first, and only these are combined, so that the cost grows with the
    number of connections.
    """
    along = []
    for targets, sources in zip(join.target_grid, join.source_grid, strict=True):
        unit = min(targets, sources)
        to, of = ((np.arange(n) + 0.5) * unit / n for n in (targets, sources))
        first, last = (np.searchsorted(of, to + sign * (radius + _EPSILON)) for sign in (-1, 1))
        count = np.maximum(last - first, 0)
        target = np.repeat(np.arange(targets), count)
        source = np.arange(len(target)) - np.repeat(np.cumsum(count) - count - first, count)
        along.append((target, source, of[source] - to[target]))
    (row_t, row_s, row_d), (column_t, column_s, column_d) = along
    _bound(join, len(row_t) * len(column_t))
    distance = np.hypot(row_d[:, None], column_d[None, :])
    near = distance <= radius + _EPSILON
    target = row_t[:, None] * join.target_grid[1] + column_t[None, :]
    source = row_s[:, None] * join.source_grid[1] + column_s[None, :]
    return target[near], source[near], distance[near]


def _orientation(grid: tuple[int, int], spacing: float, seed: int) -> np.ndarray:
    """Return the preferred orientation [radians, 0 to pi] of each column: a random map of period ``spacing``.

    A sum of plane waves of one wavelength and random directions and phases (Niebur & Worgotter 1994,
    doi 10.1162/neco.1994.6.4.602).
    """
    rng = np.random.default_rng(seed)
    position = np.indices(grid).reshape(2, -1).T + 0.5  # (tokens, 2), in columns
    angle, phase = rng.uniform(0, 2 * np.pi, (2, 24))
    waves = np.exp(1j * (2 * np.pi / spacing * position @ np.stack([np.cos(angle), np.sin(angle)]) + phase))
    orientation: np.ndarray = (np.angle(waves.sum(axis=1)) / 2) % np.pi
    return orientation
