"""The order of areas, and the direction of projections."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Literal

from .model import Connectome, Projection

Direction = Literal["feedforward", "lateral", "feedback"]


def depths(connectome: Connectome) -> dict[str, float]:
    """Return the fewest projections from the input to each area; areas that it cannot reach come last."""
    leaving: dict[str, list[str]] = {}
    for p in connectome.projections:
        leaving.setdefault(p.origin, []).append(p.target)
    found = {connectome.input.name: 0.0}
    queue = deque(found)
    while queue:
        area = queue.popleft()
        for target in leaving.get(area, ()):
            if target not in found:
                found[target] = found[area] + 1
                queue.append(target)
    last = max(found.values()) + 1
    return {name: found.get(name, last) for name in (connectome.input.name, *connectome.areas)}


def levels(connectome: Connectome) -> dict[str, float]:
    """Return each area's level: as declared where all areas declare one, else its depth below the input."""
    if all(a.level is not None for a in connectome.areas.values()):
        return {n: float(a.level) for n, a in connectome.areas.items() if a.level is not None}
    found = depths(connectome)
    return {name: found[name] for name in connectome.areas}


def order(connectome: Connectome) -> list[str]:
    """Return the areas from low to high; areas of one level keep the order they are written in."""
    level = levels(connectome)
    return sorted(connectome.areas, key=lambda name: level[name])


def direction(projection: Projection, connectome: Connectome, rank: Mapping[str, int]) -> Direction:
    """Return a projection's direction: as written, else by its SLN, else by the ranks of its ends in the ``order``.

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
