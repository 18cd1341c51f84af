"""A connectome made directly from arrays, tables or a graph, without a file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from .model import Area, Attention, Connectome, Dynamics, Input, Kernel, Projection, Readout


def from_edges(
    source: Any,
    target: Iterable[Any] | None = None,
    weight: Iterable[float] | None = None,
    *,
    name: str = "connectome",
    grid: tuple[int, int] = (4, 4),
    width: int = 32,
    patch: int = 8,
    input_to: str | None = None,
    readout: str | None = None,
    classes: int = 10,
    sweeps: int = 2,
    topography: Kernel | Mapping[str, Any] | None = None,
) -> Connectome:
    """Return a small connectome with one area per node and one projection per edge, ready to check and compile.

    Areas have one excitatory population and come in the order of first appearance. ``source``, ``target`` and
    ``weight`` are sequences of equal length (lists, arrays, columns of a data frame), or ``source`` alone is a networkx
    DiGraph, whose edge attribute ``weight`` is used if it is there. The image reaches ``input_to`` (the first
    area), and the decision is read from ``readout`` (the last one); all projections have this ``topography``.

    >>> from_edges(["V1", "V1", "V2"], ["V2", "V4", "V4"], [0.7, 0.1, 0.4]).readout.area
    'V4'

    Raises:
        ValueError: lengths differ, nothing is given, an edge occurs twice or leads from an area to itself, a weight is
            not a positive finite number, or ``input_to`` or ``readout`` is not an area.
    """
    sources, targets, weights = _columns(source, target, weight)
    seen: dict[tuple[str, str], int] = {}
    for i, edge in enumerate(zip(sources, targets, strict=True)):
        if edge in seen:
            raise ValueError(f"the edge {edge[0]} -> {edge[1]} is given twice, at {seen[edge]} and {i}: sum them first")
        if edge[0] == edge[1]:
            raise ValueError(f"edge {i} leads from {edge[0]} to itself: write it as a lateral kernel of the area")
        if weights is not None and not (math.isfinite(weights[i]) and weights[i] > 0):
            raise ValueError(f"the weight of edge {i}, {edge[0]} -> {edge[1]}, is {weights[i]}: it must be positive")
        seen[edge] = i
    names = list(dict.fromkeys(end for edge in seen for end in edge))
    first, last = input_to or names[0], readout or names[-1]
    for role, area in (("input_to", first), ("readout", last)):
        if area not in names:
            raise ValueError(f"{role} is {area!r}, which is not an area; the areas are {', '.join(names)}")
    relay = "LGN" if "LGN" not in names else "input"
    shape = {} if topography is None else {"topography": topography}
    projections = [Projection.model_validate({"from": relay, "to": first, **shape})]
    for i, (origin, end) in enumerate(seen):
        strength = {} if weights is None else {"weight": weights[i]}
        projections.append(Projection.model_validate({"from": origin, "to": end, **strength, **shape}))
    return Connectome(
        cortexc=1,
        name=name,
        input=Input(name=relay, grid=grid, patch=patch, width=width),
        areas={n: Area(grid=grid) for n in names},
        projections=tuple(projections),
        attention=Attention(),
        dynamics=Dynamics(sweeps=sweeps),
        readout=Readout(area=last, classes=classes),
    )


def _columns(
    source: Any, target: Iterable[Any] | None, weight: Iterable[float] | None
) -> tuple[list[str], list[str], list[float] | None]:
    """Return sources, targets and weights as lists of one length."""
    if target is None:
        if not hasattr(source, "edges") or not getattr(source, "is_directed", lambda: False)():
            raise ValueError("give source and target, or one directed networkx graph")
        edges = list(source.edges(data=True))
        source, target = [e[0] for e in edges], [e[1] for e in edges]
        given = [data.get("weight") for _, _, data in edges]
        if any(w is not None for w in given):
            if None in given:
                i = given.index(None)
                raise ValueError(f"edge {i}, {source[i]} -> {target[i]}, has no weight, and others have")
            weight = given
    sources, targets = [str(s) for s in source], [str(t) for t in target]
    weights = None if weight is None else [float(w) for w in weight]
    lengths = {"source": len(sources), "target": len(targets)} | ({} if weights is None else {"weight": len(weights)})
    if len(set(lengths.values())) > 1:
        raise ValueError("lengths differ: " + ", ".join(f"{n} has {size}" for n, size in lengths.items()))
    if not sources:
        raise ValueError("there are no edges")
    return sources, targets, weights
