"""The matrix of projections, ordered by the hierarchy: a row is a target, a column a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexc.connectome.area_graph import area_graph
from cortexc.connectome.hierarchy import order
from cortexc.connectome.model import Connectome

from .style import GREY, INK, STRENGTHS, figure, shortened, unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMED = 60
"""With more areas than this the axes have no names."""
WRITTEN = 9
"""Up to this many areas the cells show numbers."""


def draw(connectome: Connectome) -> Figure:
    """Return the figure."""
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.ticker import FuncFormatter

    areas = order(connectome)
    size = len(areas)
    graph = area_graph(connectome)
    matrix = np.zeros((len(graph.names), len(graph.names)))
    np.add.at(matrix, (graph.target, graph.origin), graph.strength)
    rows = [graph.node[name] for name in areas]
    matrix = matrix[np.ix_(rows, rows)]
    matrix[matrix == 0] = np.nan
    side = min(11.0, 4.4 + 0.24 * size)
    drawn = figure(side + 1.2, side)
    axes = drawn.add_subplot()
    known = matrix[~np.isnan(matrix)]
    even = not len(known) or known.min() == known.max()
    norm = Normalize(0, known.max() if len(known) else 1) if even else LogNorm(known.min(), known.max())
    picture = axes.imshow(matrix, cmap=STRENGTHS, norm=norm, interpolation="nearest")
    axes.set_facecolor("#F2F2F2")
    if size <= NAMED:
        named = list(shortened(areas).values())
        axes.set_xticks(range(size), named, rotation=90, fontsize=9 if size > 12 else 10)
        axes.set_yticks(range(size), named, fontsize=9 if size > 12 else 10)
        axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.2)
        axes.tick_params(which="both", length=0)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    if size <= WRITTEN and not even:
        for i, j in np.argwhere(~np.isnan(matrix)).tolist():
            dark = float(norm(matrix[i, j])) < 0.55
            axes.text(j, i, f"{matrix[i, j]:.2g}", ha="center", va="center", fontsize=8, color="white" if dark else INK)
    axes.plot([-0.5, size - 0.5], [-0.5, size - 0.5], color=GREY, linewidth=1, linestyle=":")
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.set_xlabel("source, from low to high in the hierarchy", fontsize=10)
    axes.set_ylabel("target, from low to high", fontsize=10)
    share = len(known) / (size * (size - 1)) if size > 1 else 0.0
    pairs = f"{len(known)} of {size * (size - 1)} pairs ({share:.0%})"
    equal = "; yellow: a projection, all are equally strong; grey: none" if even and len(known) else ""
    note = f"below the dots: from lower to higher areas; above: back\n{pairs}{equal}"
    axes.text(0, -0.02, note, transform=axes.transAxes, fontsize=8.5, color=GREY, va="top")
    drawn.suptitle(f"{connectome.name}: strength of projections", fontsize=11, x=0.02, ha="left")
    if not even:
        plain = FuncFormatter(lambda v, _: f"{v:g}")
        measure = unit(p for p in connectome.projections if p.origin in connectome.areas)
        label = f"{measure} (log scale; grey: no projection)"
        drawn.colorbar(picture, ax=axes, shrink=0.8, label=label, format=plain)
    return drawn
