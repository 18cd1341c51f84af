"""The areas by level, and the projections between them: direction by colour, strength by width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.area_graph import area_graph, strength
from cortexc.connectome.hierarchy import direction, fit, levels, order
from cortexc.connectome.model import Connectome

from .style import DIRECTIONS, GREY, INK, figure, shortened, unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 140
"""At most this many projections are drawn, the strongest ones; the title tells how many there are."""
MOST_ABREAST = 9
"""This many labels fit side by side; if more areas share a level, all but the readout are dots without names."""
BOX = 0.034
"""Half the height of an area's label, as a fraction of the height of the figure."""
WIDTHS = (0.5, 4.5)
"""Line width of the weakest and of the strongest projection [points]."""


def draw(connectome: Connectome) -> Figure:
    """Return the figure."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch

    areas = order(connectome)
    level, kind = _levels(connectome)
    areas = sorted(areas, key=lambda name: level[name])
    position = _positions(areas, level)
    rank = {name: i for i, name in enumerate(areas)}
    between = [p for p in connectome.projections if p.origin in level and p.target in level and p.origin != p.target]
    shown = sorted(between, key=strength, reverse=True)[:MOST]
    drawn = figure(8.2, min(11.0, 5.0 + 0.14 * len(areas)))
    axes = drawn.add_subplot()
    shrink = 3 if _crowd(areas, level) > MOST_ABREAST else 15
    low, high = _range([strength(p) for p in shown])
    for p in reversed(shown):
        way = direction(p, connectome, rank)
        fraction = (np.log(strength(p) / low) / np.log(high / low)) if high > low and strength(p) > 0 else 0.35
        arrow = FancyArrowPatch(
            position[p.origin],
            position[p.target],
            connectionstyle="arc3,rad=0.16",
            arrowstyle="-|>",
            mutation_scale=7 + 5 * fraction,
            linewidth=WIDTHS[0] + fraction * (WIDTHS[1] - WIDTHS[0]),
            color=DIRECTIONS[way],
            alpha=0.35 + 0.5 * fraction,
            shrinkA=shrink,
            shrinkB=shrink,
            zorder=1 + fraction,
            linestyle="-",
        )
        axes.add_patch(arrow)
    crowded = _crowd(areas, level) > MOST_ABREAST
    shown_as = shortened(areas)
    for name in areas:
        inside = name in connectome.lateral
        if crowded and name != connectome.readout.area:
            axes.plot(*position[name], marker="o", markersize=4, color=INK, zorder=5)
            continue
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": INK, "linewidth": 0.9 + 0.9 * inside}
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 10, "color": INK, "zorder": 5}
        axes.text(*position[name], shown_as[name], bbox=box, **style)
    _input(axes, connectome, position)
    axes.set_ylabel(f"hierarchy ({kind})")
    axes.set_xlim(-0.08, 1.08)
    span = max(level.values()) - min(level.values()) or 1.0
    axes.set_ylim(min(level.values()) - 0.2 * span, max(level.values()) + 0.09 * span)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    number_shown = f"the {len(shown)} strongest of {len(between)}" if len(shown) < len(between) else f"all {len(shown)}"
    what = f"{len(areas)} areas{' (dots)' if crowded else ''}, {number_shown} projections"
    axes.set_title(f"{connectome.name}: {what}", fontsize=11, loc="left")
    present = {direction(p, connectome, rank) for p in shown}
    handles = [Line2D([], [], color=c, linewidth=2.5, label=w) for w, c in DIRECTIONS.items() if w in present]
    handles.append(Line2D([], [], color=GREY, linewidth=2.5, label="from the input"))
    if high > low:
        handles += [
            Line2D([], [], color=INK, linewidth=w, label=f"{unit(shown)} {v:.2g}")
            for w, v in zip(WIDTHS, (low, high), strict=True)
        ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, frameon=False, fontsize=9)
    return drawn


def _levels(connectome: Connectome) -> tuple[dict[str, float], str]:
    """Return the level of each area, and its kind: declared, fitted to SLN, or counted from the input."""
    if any(a.level is None for a in connectome.areas.values()):
        fitted = fit(connectome).levels
        if set(fitted) == set(connectome.areas):
            return fitted, "level fitted to SLN"
        return levels(connectome), "projections from the input"
    return levels(connectome), "declared level"


def _range(values: list[float]) -> tuple[float, float]:
    positive = [v for v in values if v > 0]
    return (min(positive), max(positive)) if positive else (1.0, 1.0)


def _positions(areas: list[str], level: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Return the position of each area in the figure: at its level, beside areas that would overlap it."""
    span = max(level.values()) - min(level.values()) or 1.0
    columns = max(3, round(np.sqrt(len(areas)) * 1.6), _crowd(areas, level)) | 1
    slots = [0.5 + (-1) ** i * ((i + 1) // 2) / max(1, columns - 1) for i in range(columns)]
    taken: dict[int, list[float]] = {slot: [] for slot in range(columns)}
    found: dict[str, tuple[float, float]] = {}
    last = 0
    for name in areas:
        y = level[name]
        turn = [(last + 1 + k) % columns for k in range(columns)] if len(areas) > 3 else list(range(columns))
        over = [sum(max(0.0, 2.5 * BOX - abs(y - other) / span) for other in taken[slot]) for slot in turn]
        last = turn[int(np.argmin(np.round(over, 6)))]
        taken[last].append(y)
        found[name] = (slots[last], y)
    return found


def _crowd(areas: list[str], level: dict[str, float]) -> int:
    """Return how many areas are so close in level that their labels must be side by side."""
    span = max(level.values()) - min(level.values()) or 1.0
    heights = np.sort([level[name] for name in areas])
    last = np.searchsorted(heights, heights + 2.5 * BOX * span, side="left")
    return int((last - np.arange(len(heights))).max())


def _input(axes: object, connectome: Connectome, position: dict[str, tuple[float, float]]) -> None:
    """Draw the relay below the areas, with an arrow to each that it reaches."""
    from matplotlib.axes import Axes
    from matplotlib.patches import FancyArrowPatch

    assert isinstance(axes, Axes)
    bottom = min(y for _, y in position.values())
    span = max(y for _, y in position.values()) - bottom or 1.0
    graph = area_graph(connectome)
    reached = [graph.names[i] for i in graph.target[graph.outgoing[0]].tolist()]
    x = float(np.mean([position[n][0] for n in reached])) if reached else 0.5
    y = bottom - 0.14 * span
    for name in reached:
        style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 11, "linewidth": 2, "color": GREY}
        axes.add_patch(FancyArrowPatch((x, y), position[name], shrinkA=13, shrinkB=15, **style))
    box = {"boxstyle": "round,pad=0.35", "facecolor": GREY, "edgecolor": GREY}
    axes.text(x, y, connectome.input.name, ha="center", va="center", fontsize=10, color="white", bbox=box, zorder=5)
