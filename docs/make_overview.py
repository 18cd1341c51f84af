"""Draw the picture of the README: ``python docs/make_overview.py`` writes ``docs/figures/overview.png``.

Left the connectome, in the middle what it compiles to, right what the published runs found.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from PIL import Image

import cortexc
from cortexc.compiler.artifact import Attend
from cortexc.figures import routing, style
from cortexc.figures.style import BLUE, DIRECTIONS, GREEN, GREY, INK, VERMILLION

ROOT = Path(__file__).resolve().parent.parent
SPEC = "macaque-multiscale"
OP = "attend V1.L23E@2"
PLACES = {
    "LGN": (0.42, -0.33),
    "V1": (0.42, 0.0),
    "V2": (0.82, 0.28),
    "V4": (0.12, 0.86),
    "TEO": (0.86, 1.23),
    "TEpd": (0.42, 1.68),
}
"""Of each area: where it stands across, and its level."""
ROWS = (
    ("multiscale-reduced", "all-three", "areas wired as measured", BLUE),
    ("multiscale-reduced", "random", "null model: wired at random", VERMILLION),
    ("multiscale-reduced", "dense", "dense transformer, same stem", INK),
    ("multiscale-plain", "dense-plain", "dense, plain stem (one seed)", INK),
)
START = 36.5
"""Where the accuracy axis begins [%]: the names of the arms stand at its left."""


def main() -> None:
    """Draw the three panels and write the file."""
    spec, program = cortexc.load(SPEC), cortexc.compile(SPEC)
    drawn = style.figure(13.0, 4.7)
    left, middle, right = drawn.subfigures(1, 3, width_ratios=(3.5, 4.6, 4.6))
    draw_connectome(left.subplots(), spec)
    upper, lower = middle.subplots(2, 1, height_ratios=(1.0, 1.05))
    draw_mask(upper, program)
    draw_routing(lower, program)
    draw_result(right.subplots())
    path = ROOT / "docs" / "figures" / "overview.png"
    style.save(drawn, path)
    few = Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def draw_connectome(axes: Axes, spec: cortexc.Connectome) -> None:
    """Draw areas at their levels, and the projections between them: direction by colour, FLNe by width."""
    known = [p for p in spec.projections if p.fln is not None and p.sln is not None]
    logs = np.log10([p.fln or 1.0 for p in known])
    for p, share in zip(known, (logs - logs.min()) / (logs.max() - logs.min()), strict=True):
        colour = DIRECTIONS["feedforward" if (p.sln or 0.0) > 0.5 else "feedback"]
        arrow = FancyArrowPatch(
            PLACES[p.origin],
            PLACES[p.target],
            connectionstyle="arc3,rad=0.15",
            arrowstyle="-|>",
            color=colour,
            mutation_scale=6 + 6 * share,
            linewidth=0.4 + 3.6 * share,
            alpha=0.3 + 0.55 * share,
            shrinkA=13,
            shrinkB=13,
        )
        axes.add_patch(arrow)
    relay = {"arrowstyle": "-|>", "mutation_scale": 11, "linewidth": 2, "color": GREY, "shrinkA": 12, "shrinkB": 13}
    axes.add_patch(FancyArrowPatch(PLACES["LGN"], PLACES["V1"], **relay))  # type: ignore[arg-type]
    for name, (x, y) in PLACES.items():
        face, ink = (GREY, "white") if name == "LGN" else ("white", INK)
        box = {"boxstyle": "round,pad=0.3", "facecolor": face, "edgecolor": GREY if name == "LGN" else INK}
        axes.text(x, y, name, ha="center", va="center", fontsize=11, color=ink, bbox=box, zorder=5)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.48, 1.85), xticks=[])
    axes.set_ylabel("hierarchy (level)", fontsize=11)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title("1. Connectome, macaque", fontsize=12, loc="left", weight="bold")
    legend(axes, {"feedforward": DIRECTIONS["feedforward"], "feedback": DIRECTIONS["feedback"]})
    axes.text(1.0, -0.4, "width: FLNe", fontsize=10, ha="right", va="center")


def draw_mask(axes: Axes, program: cortexc.Program) -> None:
    """Draw which tokens the tokens of V1, layer 2/3, may attend to in the second sweep, and how strongly."""
    (op,) = (op for op in program.ops if isinstance(op, Attend) and op.name == OP)
    sources = sorted(op.sources, key=lambda s: -s.weight)
    parts = []
    for s in sources:
        c = program.connections[s.connection]
        parts.append(sp.csr_array((c.weight, c.indices, c.indptr), shape=c.shape).toarray() * s.weight)
    mask = np.hstack(parts)
    mask /= mask.sum(axis=1, keepdims=True)
    top = mask.max()
    axes.imshow(
        np.where(mask > 0, mask, np.nan),
        cmap=style.STRENGTHS,
        norm=LogNorm(top / 1000, top, clip=True),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_facecolor("#F2F2F2")
    edges = np.cumsum([0, *(p.shape[1] for p in parts)])
    for edge in edges[1:-1]:
        axes.axvline(edge - 0.5, color=GREY, linewidth=0.7)
    areas = [s.population.partition(".")[0] for s in sources]
    runs = [i for i, area in enumerate(areas) if not i or area != areas[i - 1]]
    ends = [*runs[1:], len(areas)]
    axes.set_xticks([(edges[a] + edges[b]) / 2 for a, b in zip(runs, ends, strict=True)], [areas[i] for i in runs])
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=10)
    axes.set_ylabel("64 tokens\nof V1, L2/3", fontsize=10)
    axes.set_title("2. Compiled: mask and routing", fontsize=12, loc="left", weight="bold")
    density = np.count_nonzero(mask) / mask.size
    axes.set_xlabel(f"sparse mask: {density:.0%} of the pairs; weights are the prior", fontsize=10)


def draw_routing(axes: Axes, program: cortexc.Program) -> None:
    """Draw the updates of the areas over the sweeps, from left to right, and what each one reads."""
    updates, read = routing.edges(program)
    areas = list(dict.fromkeys(area for area, _ in updates))
    row, x = {name: i for i, name in enumerate(areas)}, {update: i for i, update in enumerate(updates)}
    first = [x[u] for u in updates if u[1] == 1]
    axes.axvspan(min(first) - 0.5, max(first) + 0.5, color="#F2F2F2", zorder=0)
    for e in read:
        start, end = (x[e.source], row[e.source[0]]), (x[e.target], row[e.target[0]])
        arrow = FancyArrowPatch(
            start,
            end,
            connectionstyle="arc3,rad=-0.08",
            arrowstyle="-|>",
            mutation_scale=8,
            linewidth=1.4,
            color=routing.KINDS[e.kind],
            alpha=0.75,
            shrinkA=4,
            shrinkB=5,
            zorder=1,
        )
        axes.add_patch(arrow)
    for update, at in x.items():
        axes.plot([at], [row[update[0]]], marker="o", markersize=6.5, color="white", markeredgecolor=INK, zorder=3)
    last = len(updates) - 1
    axes.annotate(
        "logits",
        (last, row[updates[-1][0]]),
        (last + 0.75, row[updates[-1][0]]),
        va="center",
        fontsize=10,
        arrowprops={"arrowstyle": "<|-", "color": INK, "shrinkB": 4},
    )
    for sweep in (1, 2):
        mine = [x[u] for u in updates if u[1] == sweep]
        axes.text(min(mine) - 0.3, len(areas) - 0.55, f"sweep {sweep}", fontsize=10, color=GREY)
    axes.set_yticks(range(len(areas)), areas, fontsize=10)
    axes.set_xticks([])
    axes.set(xlim=(-0.6, last + 2.0), ylim=(-0.6, len(areas) - 0.05))
    legend(axes, {"from this sweep": BLUE, "from the last sweep": VERMILLION, "horizontal": GREEN})
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    axes.tick_params(length=0)


def legend(axes: Axes, colours: dict[str, str]) -> None:
    """Explain colours in one line below the panel."""
    handles = [Line2D([], [], color=colour, linewidth=3, label=word) for word, colour in colours.items()]
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=len(colours),
        frameon=False,
        fontsize=10,
        handlelength=1.2,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def draw_result(axes: Axes) -> None:
    """Draw the accuracy at severity 5 of each arm with its interval, as `results/` has it."""
    for i, (report, name, title, colour) in enumerate(ROWS):
        found = json.loads((ROOT / "results" / report / "results.json").read_text(encoding="utf-8"))
        (arm,) = (arm for arm in found["arms"] if arm["name"] == name)
        value, low, high = (100 * arm["measures"]["D1"][key] for key in ("value", "low", "high"))
        one = len(arm["seeds"]) == 1
        axes.plot([low, high], [-i, -i], color=colour, linewidth=2.2, alpha=0.6, linestyle=":" if one else "-")
        axes.plot([value], [-i], "o", markersize=10, color="white" if one else colour, markeredgecolor=colour)
        axes.text(high + 0.4, -i, f"{value:.1f} %", va="center", fontsize=12, color=INK)
        axes.text(START, -i + 0.24, title, va="center", fontsize=11, color=INK, weight="bold" if i == 0 else "normal")
        count = f"{arm['parameters']['attention']:,} attention parameters"
        axes.text(START, -i - 0.02, count, va="center", fontsize=9.5, color=GREY)
    axes.set_yticks([])
    axes.set(xlim=(START, 64.0), ylim=(-len(ROWS) + 0.55, 0.55), xticks=[50, 55, 60])
    axes.set_xlabel("accuracy [%], CIFAR-10-C at severity 5, 95 % intervals", fontsize=10, loc="right")
    axes.grid(axis="x", color="#E4E4E4")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_bounds(48.0, 62.0)
    axes.set_title("3. Result on corrupted images", fontsize=12, loc="left", weight="bold")


if __name__ == "__main__":
    main()
