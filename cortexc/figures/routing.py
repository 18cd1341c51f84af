"""The routing graph, unrolled: nodes are updates of areas, edges are what they read, and time runs to the right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortexc.compiler.artifact import Attend, Embed, Mix, Program, Readout, Relay
from cortexc.figures.style import BLUE, GREEN, GREY, INK, PURPLE, SKY, VERMILLION, figure, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {
    "of this sweep": BLUE,
    "of a sweep before": VERMILLION,
    "horizontal": GREEN,
    "modulatory": PURPLE,
    "relay": SKY,
}
MOST_LABELS = 40


@dataclass(frozen=True)
class Edge:
    """The input of one update of an area from another update."""

    source: tuple[str, int]
    target: tuple[str, int]
    kind: str
    connections: int


def edges(program: Program) -> tuple[list[tuple[str, int]], list[Edge]]:
    """Return the updates (area, sweep) in order, and their edges, summed over populations."""
    area = {p.name: p.area for p in program.populations}
    when: dict[tuple[str, int], None] = {}
    found: dict[tuple[tuple[str, int], tuple[str, int], str], int] = {}
    for op in program.ops:
        if isinstance(op, Embed):
            when.setdefault((area[op.population], 0))
        elif isinstance(op, Mix):
            when.setdefault((op.area, _time(op.name)))
        elif isinstance(op, Attend | Relay):
            here = area[op.population], _time(op.output)
            when.setdefault(here)
            for source in op.sources:
                there = area[source.population], _time(source.value)
                kind = "relay" if isinstance(op, Relay) else "modulatory" if op.mode == "modulatory" else ""
                if not kind:
                    own = there[0] == here[0]
                    kind = "horizontal" if own else "of this sweep" if there[1] in {here[1], 0} else "of a sweep before"
                key = there, here, kind
                found[key] = found.get(key, 0) + program.connections[source.connection].nonzeros
    return list(when), [Edge(a, b, kind, n) for (a, b, kind), n in found.items()]


def read_last(program: Program) -> tuple[str, int]:
    """Return the update (area, sweep) from which the logits are read."""
    area = {p.name: p.area for p in program.populations}
    read = [op.states for op in program.ops if isinstance(op, Readout)]
    return max(((area[name], _time(value)) for states in read for name, value in states), key=lambda one: one[1])


def _time(value: str) -> int:
    """Return the sweep in which a value is computed: 2 for ``V1.L23E@2.mixed``."""
    digits = value.rpartition("@")[2].partition(".")[0]
    return int(digits) if digits.isdigit() else 0


def draw(program: Program) -> Figure:
    """Return the figure."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch

    updates, read = edges(program)
    first = list(dict.fromkeys(area for area, _ in updates))  # from low to high, as they are updated
    areas = list(dict.fromkeys([*first, *(p.area for p in program.populations)]))
    row = {name: i for i, name in enumerate(areas)}
    x = {update: float(i) for i, update in enumerate(updates)}
    last = len(updates)
    sweeps = sorted({t for _, t in updates if t})
    drawn = figure(min(20.0, 4.0 + 0.55 * last), min(14.0, 2.6 + 0.42 * len(areas)))
    axes = drawn.add_subplot()
    for sweep in sweeps:
        mine = [x[u] for u in updates if u[1] == sweep]
        if sweep % 2:
            axes.axvspan(min(mine) - 0.5, max(mine) + 0.5, color="#F5F5F5", zorder=0)
        axes.text(
            (min(mine) + max(mine)) / 2, len(areas) - 0.35, f"sweep {sweep}", ha="center", fontsize=10, color=GREY
        )
    for name in areas:
        mine = [x[u] for u in updates if u[0] == name]
        if len(mine) > 1:
            axes.plot([min(mine), max(mine)], [row[name]] * 2, color="#CCCCCC", linewidth=1, zorder=0.5)
    top = max((e.connections for e in read), default=1)
    crowded = len(read) > 120
    for e in sorted(read, key=lambda e: e.connections):
        fraction = (e.connections / top) ** 0.5
        start, end = (x[e.source], row[e.source[0]]), (x[e.target], row[e.target[0]])
        if start == end:
            axes.plot([start[0]], [start[1]], marker="o", markersize=15, color=KINDS[e.kind], zorder=1.5)
            continue
        axes.add_patch(
            FancyArrowPatch(
                start,
                end,
                connectionstyle="arc3,rad=-0.08",
                arrowstyle="-|>",
                mutation_scale=5 if crowded else 9,
                linewidth=0.3 + (1.4 if crowded else 2.6) * fraction,
                color=KINDS[e.kind],
                alpha=0.25 + 0.4 * fraction if crowded else 0.4 + 0.5 * fraction,
                shrinkA=5,
                shrinkB=6,
                zorder=1,
            )
        )
    for update, at in x.items():
        axes.plot([at], [row[update[0]]], marker="o", markersize=8, color="white", markeredgecolor=INK, zorder=3)
    last_read = read_last(program)
    here, beside = (x[last_read], row[last_read[0]]), (last + 0.2, row[last_read[0]])
    arrow = {"arrowstyle": "<|-", "color": INK, "shrinkA": 2, "shrinkB": 5}
    axes.annotate("logits", here, beside, va="center", fontsize=10, arrowprops=arrow)
    if len(areas) <= MOST_LABELS:
        axes.set_yticks(range(len(areas)), list(shortened(areas).values()), fontsize=9)
    axes.set_xticks([])
    axes.set_xlabel("time: the areas are updated from left to right")
    axes.set_xlim(-0.9, last + 1.0)
    axes.set_ylim(-0.8, len(areas) - 0.05)
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title(
        f"{program.name}: {len(updates)} updates, {len(read)} pathways between them", fontsize=11, loc="left"
    )
    present = {e.kind for e in read}
    handles = [Line2D([], [], color=c, linewidth=2.5, label=k) for k, c in KINDS.items() if k in present]
    handles.append(Line2D([], [], color=GREY, linewidth=0, label="width: connected pairs of tokens"))
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=4, frameon=False, fontsize=9)
    return drawn
