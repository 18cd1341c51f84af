"""The order of areas, and the direction of projections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .area_graph import area_graph, components
from .model import Connectome, Projection

Direction = Literal["feedforward", "lateral", "feedback"]

SLN_FLOOR = 0.02
"""SLN are limited to the range from this to one minus this before the logit: few rest on more than 50 neurons."""


def logit(sln: ArrayLike) -> NDArray[np.float64]:
    """Return ln(SLN / (1 - SLN)), within the limits of `SLN_FLOOR`; of the same shape."""
    fraction = np.clip(np.asarray(sln, np.float64), SLN_FLOOR, 1 - SLN_FLOOR)
    return np.asarray(np.log(fraction / (1 - fraction)))


def depths(connectome: Connectome) -> dict[str, float]:
    """Return how many projections the shortest path from the input to each area has; unreachable areas come last."""
    graph = area_graph(connectome)
    found = graph.steps_from(connectome.input.name)
    found[found < 0] = found.max() + 1
    return dict(zip(graph.names, found.astype(float).tolist(), strict=True))


def levels(connectome: Connectome) -> dict[str, float]:
    """Return each area's level: as declared if all areas declare one, else its depth (projections from the input)."""
    if all(a.level is not None for a in connectome.areas.values()):
        return {n: float(a.level) for n, a in connectome.areas.items() if a.level is not None}
    found = depths(connectome)
    return {name: found[name] for name in connectome.areas}


@dataclass(frozen=True)
class Fit:
    """Levels of areas that were fitted to the SLN of projections."""

    levels: dict[str, float]
    """Of the areas that have a projection with an SLN; the lowest area of each connected component is at 0."""
    projections: int
    """How many projections the levels were fitted to."""
    explained: float | None
    """R2 of the fit of logit(SLN), without intercept; None if all logits are 0."""


def fit(connectome: Connectome) -> Fit:
    """Return the levels that fit the SLN best: logit(SLN) of a projection is the rise from its origin to its target.

    Least squares over all projections between areas.

    References:
        N. T. Markov et al. (2014), Anatomy of hierarchy, https://doi.org/10.1002/cne.23458
        R. Chaudhuri et al. (2015), A large-scale circuit mechanism for hierarchical dynamical processing,
        https://doi.org/10.1016/j.neuron.2015.09.008
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import lsqr

    known = [p for p in connectome.projections if p.sln is not None]
    known = [p for p in known if p.origin in connectome.areas and p.target in connectome.areas and p.origin != p.target]
    names = list(dict.fromkeys(name for p in known for name in (p.origin, p.target)))
    if not names:
        return Fit({}, 0, None)
    index = {name: i for i, name in enumerate(names)}
    origin, target = (np.array([index[getattr(p, end)] for p in known]) for end in ("origin", "target"))
    rise = logit([p.sln or 0.0 for p in known])
    rows = np.arange(len(known))
    signs = np.concatenate([np.ones(len(known)), -np.ones(len(known))])
    entries = (np.concatenate([rows, rows]), np.concatenate([target, origin]))
    design = coo_array((signs, entries), shape=(len(known), len(names))).tocsr()
    found = lsqr(design, rise, atol=1e-10, btol=1e-10)[0]
    group = components(origin, target, len(names))
    lowest = np.full(len(names), np.inf)
    np.minimum.at(lowest, group, found)
    total = float(np.sum(rise**2))
    explained = 1 - float(np.sum((rise - design @ found) ** 2)) / total if total else None
    return Fit({name: float(found[i] - lowest[group[i]]) for name, i in index.items()}, len(known), explained)


def order(connectome: Connectome) -> list[str]:
    """Return the areas from low to high; areas of the same level stay in the order of the spec."""
    level = levels(connectome)
    return sorted(connectome.areas, key=lambda name: level[name])


def ranks(connectome: Connectome) -> dict[str, int]:
    """Return the position of each area in the ``order``: 0 for the lowest."""
    return {name: i for i, name in enumerate(order(connectome))}


def direction(projection: Projection, connectome: Connectome, rank: Mapping[str, int]) -> Direction:
    """Return a projection's direction: as written, else by its SLN, else by the ``ranks`` of its ends.

    More than half of the labelled neurons in the supragranular layers means feedforward, less means feedback (Markov
    et al. 2014, doi 10.1002/cne.23458). What comes from the input is feedforward.
    """
    if projection.direction is not None:
        return projection.direction
    if projection.origin == connectome.input.name:
        return "feedforward"
    if projection.sln is not None:
        if projection.sln == 0.5:
            return "lateral"
        return "feedforward" if projection.sln > 0.5 else "feedback"
    return "feedforward" if rank[projection.origin] < rank[projection.target] else "feedback"
