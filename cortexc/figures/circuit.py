"""A laminar circuit: the populations in their layers with their connections, and the matrix of probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.diagnostics import did_you_mean
from cortexc.connectome.io import tables
from cortexc.connectome.laminar import LaminarRoles, roles
from cortexc.connectome.model import Circuit, Connectome, MatrixData

from .style import BLUE, GREEN, GREY, INK, PURPLE, STRENGTHS, VERMILLION, FigureError, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAYERS = ("L1", "L2", "L3", "L2/3", "L4", "L5", "L5/6", "L6")
DRAWN = 28
"""The strongest connections are drawn as arrows; all are in the matrix."""
WRITTEN = 10


def draw(connectome: Connectome, name: str | None = None) -> Figure:
    """Return the figure of a circuit, by default of the first one.

    Raises:
        FigureError: there is no such circuit, or none at all.
        SpecError: its matrix is in HDF5 and cannot be read.
    """
    if not connectome.circuits:
        raise FigureError(f"{connectome.name} has no circuit: its areas have one population each")
    chosen = name or next(iter(connectome.circuits))
    if chosen not in connectome.circuits:
        raise FigureError(f"there is no circuit `{chosen}`; {did_you_mean(chosen, connectome.circuits)}")
    circuit = connectome.circuits[chosen]
    probability = _probability(connectome, chosen, circuit)
    drawn = figure(12.5, 6.4)
    left, right = drawn.subplots(1, 2, width_ratios=(1.2, 1))
    _layers(left, circuit, probability, roles(circuit))
    _matrix(drawn, right, circuit, probability)
    used = [a for a, area in connectome.areas.items() if area.circuit == chosen]
    where = ", ".join(used[:8]) + (f" and {len(used) - 8} more" if len(used) > 8 else "")
    drawn.suptitle(f"circuit {chosen} of {connectome.name}: {where or 'no area'}", fontsize=11, x=0.02, ha="left")
    return drawn


def _probability(connectome: Connectome, name: str, circuit: Circuit) -> np.ndarray:
    """Return the probabilities with targets as rows, in the order of the populations; 1 where all connect."""
    names = list(circuit.populations)
    written = circuit.connections
    if written is None:
        return np.ones((len(names), len(names)))
    if isinstance(written.probability, MatrixData):
        span = connectome.span("circuits", name, "connections", "probability")
        matrix: np.ndarray = tables.read_matrix(written.probability.file, written.probability.dataset, span).toarray()
    else:
        matrix = np.array(written.probability)
    matrix = matrix if written.rows == "target" else matrix.T
    at = [written.populations.index(n) for n in names]
    return matrix[np.ix_(at, at)]


def _layers(axes: Any, circuit: Circuit, probability: np.ndarray, ends: LaminarRoles) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.patheffects import withStroke

    names = list(circuit.populations)
    present = [la for la in LAYERS if any(p.layer == la for p in circuit.populations.values())]
    if any(p.layer is None for p in circuit.populations.values()):
        present.append("")
    row = {la: len(present) - 1 - i for i, la in enumerate(present)}
    position: dict[str, tuple[float, float]] = {}
    for la in present:
        for kind, middle in (("excitatory", 0.34), ("inhibitory", 0.80)):
            here = [n for n in names if (circuit.populations[n].layer or "") == la]
            mine = [n for n in here if circuit.populations[n].kind == kind]
            for i, n in enumerate(mine):
                position[n] = (middle + 0.135 * (i - (len(mine) - 1) / 2), row[la])
    for la, y in row.items():
        axes.axhspan(y - 0.5, y + 0.5, color="#F5F5F5" if y % 2 else "white", zorder=0)
        axes.text(-0.075, y, la or "no layer", ha="left", va="center", fontsize=11, color=GREY)
    between = np.where(np.eye(len(names), dtype=bool), 0.0, probability)
    order = np.argsort(between, axis=None)[::-1][: min(DRAWN, int((between > 0).sum()))]
    top = float(between.max()) or 1.0
    for flat in order[::-1].tolist():
        i, j = divmod(flat, len(names))
        inhibits = circuit.populations[names[j]].kind == "inhibitory"
        fraction = float(np.sqrt(probability[i, j] / top))
        axes.add_patch(
            FancyArrowPatch(
                position[names[j]],
                position[names[i]],
                connectionstyle="arc3,rad=0.18",
                arrowstyle="|-|,widthA=0,widthB=0.35" if inhibits else "-|>",
                mutation_scale=9,
                linewidth=0.6 + 3.0 * fraction,
                color=VERMILLION if inhibits else BLUE,
                alpha=0.35 + 0.45 * fraction,
                shrinkA=9,
                shrinkB=10,
                zorder=1,
            )
        )
    for n, (x, depth) in position.items():
        inhibits = circuit.populations[n].kind == "inhibitory"
        style = {"marker": "o" if inhibits else "^", "markersize": 17 if inhibits else 19}
        axes.plot([x], [depth], color=VERMILLION if inhibits else BLUE, markeredgecolor="white", zorder=3, **style)
        cells = circuit.populations[n].cells
        text = f"{n}\n{cells:,.0f}" if cells and cells > 1 else n
        label = axes.text(
            x, depth - 0.20, text, ha="center", va="top", fontsize=7.5, color=INK, zorder=4, linespacing=1.1
        )
        label.set_path_effects([withStroke(linewidth=2.5, foreground="white")])  # keeps it readable over arrows
    _ends(axes, ends, position)
    axes.set_xlim(-0.09, 1.04)
    axes.set_ylim(-0.6, len(present) - 0.4)
    axes.axis("off")
    kinds = {p.kind for p in circuit.populations.values()}
    looks = {"excitatory": (BLUE, "^"), "inhibitory": (VERMILLION, "o")}
    handles = [
        *(Line2D([], [], color=c, marker=m, linewidth=2, label=k) for k, (c, m) in looks.items() if k in kinds),
        Line2D([], [], color=GREEN, marker=">", linewidth=0, label="feedforward lands"),
        Line2D([], [], color=PURPLE, marker="<", linewidth=0, label="feedback lands"),
        Line2D([], [], color=INK, marker="s", linewidth=0, label="sends to other areas"),
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.01), ncols=3, frameon=False, fontsize=8.5)
    many = f"the {len(order)} strongest between populations" if len(order) == DRAWN else "between populations"
    axes.set_title(f"width: probability ({many}); numbers: cells", fontsize=9, color=GREY, loc="left")


def _ends(axes: Any, ends: LaminarRoles, position: dict[str, tuple[float, float]]) -> None:
    """Mark the populations where axons of other areas land, and those that send axons to other areas."""
    sending = tuple(dict.fromkeys((*ends.supragranular, *ends.infragranular)))
    marks = ((ends.feedforward, GREEN, ">"), (ends.feedback, PURPLE, "<"), (sending, INK, "s"))
    for column, (names, colour, marker) in enumerate(marks):
        for n in names:
            if n in position:
                x, y = position[n]
                style = {"marker": marker, "markersize": 7, "color": colour, "zorder": 5}
                axes.plot([x - 0.03 + 0.03 * column], [y + 0.26], **style)


def _matrix(drawn: Figure, axes: Any, circuit: Circuit, probability: np.ndarray) -> None:
    names = list(circuit.populations)
    size = len(names)
    shown = np.where(probability > 0, probability, np.nan)
    picture = axes.imshow(shown, cmap=STRENGTHS, vmin=0, interpolation="nearest")
    axes.set_facecolor("#F2F2F2")
    axes.set_xticks(range(size), names, rotation=90, fontsize=9 if size < 13 else 7.5)
    axes.set_yticks(range(size), names, fontsize=9 if size < 13 else 7.5)
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        for label, n in zip(ticks, names, strict=True):
            label.set_color(VERMILLION if circuit.populations[n].kind == "inhibitory" else BLUE)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source")
    axes.set_ylabel("target")
    axes.tick_params(length=0)
    if size <= WRITTEN:
        top = float(np.nanmax(shown)) if np.isfinite(shown).any() else 1.0
        for i, j in np.argwhere(probability > 0).tolist():
            dark = probability[i, j] < 0.55 * top
            text = f"{probability[i, j]:.3f}".lstrip("0") if probability[i, j] >= 5e-4 else f"{probability[i, j]:.0e}"
            axes.text(j, i, text, ha="center", va="center", fontsize=7.5, color="white" if dark else INK)
    drawn.colorbar(picture, ax=axes, shrink=0.75, label="probability that a pair of neurons is connected")
