"""The mask of one attention op: which token may attend to which, and how strongly before training."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cortexc.compiler.artifact import Attend, Program
from cortexc.connectome.diagnostics import did_you_mean
from cortexc.figures.style import GREY, STRENGTHS, VERMILLION, FigureError, figure, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SOURCES = 8
"""At most this many sources have a map of their own."""
FADE = 1000.0
"""Ratio of the strongest to the weakest weight that the colours distinguish."""
MOST_PIXELS = 900
"""Most pixels of a side of the whole mask."""


def busiest(program: Program) -> str:
    """Return the attention op with the most sources, and of these the one with the most connections.

    Raises:
        FigureError: there is none.
    """
    ops = [op for op in program.ops if isinstance(op, Attend)]
    if not ops:
        raise FigureError(f"{program.name} has no attention")
    nonzeros = {cost.op: cost.nonzeros for cost in program.costs}
    return max(ops, key=lambda op: (min(len(op.sources), MOST_SOURCES), nonzeros.get(op.name, 0))).name


def op_named(program: Program, name: str | None) -> Attend:
    """Return the attention op of a name, with or without its verb; the busiest one for none.

    Raises:
        FigureError: there is no such op.
    """
    ops = {op.name: op for op in program.ops if isinstance(op, Attend)}
    chosen = name or busiest(program)
    chosen = chosen if chosen in ops else f"attend {chosen}"
    if chosen not in ops:
        raise FigureError(f"there is no attention op `{name}`; {did_you_mean(name, [n[7:] for n in ops])}")
    return ops[chosen]


def draw(program: Program, name: str | None = None, token: int | None = None) -> Figure:
    """Return the figure of an op's mask, whole and for one token; by default of the busiest op and the central token.

    Raises:
        FigureError: there is no such op or token.
    """
    from matplotlib.colors import LogNorm

    op = op_named(program, name)
    populations = {p.name: p for p in program.populations}
    target = populations[op.population]
    rows, columns = target.grid
    if token is None:
        token = (rows // 2) * columns + columns // 2
    if not 0 <= token < rows * columns:
        raise FigureError(f"token {token} is not on the grid of {op.population}, {rows} x {columns}")
    sources = sorted(op.sources, key=lambda s: -s.weight)
    parts = [_part(program, s.connection) * s.weight for s in sources]
    whole = sp.csr_array(sp.hstack(parts, format="csr"))
    sums = np.asarray(whole.sum(axis=1)).ravel()
    top = max(float(p[[token]].max()) for p in parts) / (sums[token] or 1.0)
    shown = min(len(sources), MOST_SOURCES)
    across = min(4, shown)
    down = -(-shown // across)
    wide = max(2.3 * across, 4.6)
    drawn = figure(4.6 + wide, max(4.4, 1.4 + 2.5 * down))
    panels: Any = drawn.subfigures(1, 2, width_ratios=(4.4, wide))
    left, right = panels
    _spy(left, whole, [(s.value, p.shape[1]) for s, p in zip(sources, parts, strict=True)], op)
    grid = right.subplots(down, across, squeeze=False)
    picture: Any = None
    norm = LogNorm((top or 1.0) / FADE, top or 1.0, clip=True)
    for i, axes in enumerate(grid.ravel()):
        if i >= shown:
            axes.axis("off")
            continue
        source = populations[sources[i].population]
        seen = parts[i][[token]].toarray().reshape(source.grid) / (sums[token] or 1.0)
        picture = axes.imshow(np.where(seen > 0, seen, np.nan), cmap=STRENGTHS, norm=norm)
        axes.set_facecolor("#F2F2F2")
        x = (token % columns + 0.5) * source.grid[1] / columns - 0.5
        y = (token // columns + 0.5) * source.grid[0] / rows - 0.5
        for colour, thick in (("white", 4.0), (VERMILLION, 1.8)):  # so that the cross is visible on any background
            axes.plot([x], [y], marker="+", color=colour, markersize=10, markeredgewidth=thick)
        axes.set_title(f"{shown_value(sources[i].value)}\n{seen.sum():.1%} of the attention", fontsize=8)
        axes.set_xticks([])
        axes.set_yticks([])
    if picture is not None:
        bar = right.colorbar(picture, ax=grid, shrink=0.9 if down == 1 else 0.7)
        bar.set_label("attention before learning\n(log scale; grey: masked)", fontsize=9)
    more = f" ({shown} strongest of {len(sources)} sources)" if shown < len(sources) else ""
    right.suptitle(f"what token {token} of {short(op.population, 24)} (+)\nmay attend to{more}", fontsize=10)
    drawn.suptitle(f"{program.name}: {op.name}", fontsize=11, x=0.02, ha="left")
    return drawn


def _part(program: Program, name: str) -> sp.csr_array:
    connection = program.connections[name]
    return sp.csr_array((connection.weight, connection.indices, connection.indptr), shape=connection.shape)


def _spy(panel: Any, whole: sp.csr_array, sources: list[tuple[str, int]], op: Attend) -> None:
    """Draw the whole mask; tokens are pooled if there are more tokens than pixels."""
    axes = panel.subplots()
    entries = sp.coo_array(whole)
    from matplotlib.colors import LogNorm

    top = float(whole.data.max()) if whole.nnz else 1.0
    norm = LogNorm(top / FADE, top, clip=True)
    height, width = min(whole.shape[0], MOST_PIXELS), min(whole.shape[1], MOST_PIXELS)
    picture = np.zeros((height, width))
    np.add.at(
        picture,
        (entries.row * height // whole.shape[0], entries.col * width // whole.shape[1]),
        entries.data,
    )
    axes.imshow(
        np.where(picture > 0, picture, np.nan),
        cmap=STRENGTHS,
        norm=norm,
        aspect="auto",
        interpolation="nearest",
        extent=(0, whole.shape[1], whole.shape[0], 0),
    )
    axes.set_facecolor("#F2F2F2")
    start = 0
    ticks, labels = [], []
    for value, size in sources:
        if start:
            axes.axvline(start, color=GREY, linewidth=0.7)
        ticks.append(start + size / 2)
        labels.append(shown_value(value))
        start += size
    axes.set_xticks(ticks, labels, rotation=90, fontsize=7 if len(labels) < 20 else 5)
    axes.set_ylabel(f"tokens of {short(op.population, 30)}")
    density = whole.nnz / max(1, whole.shape[0] * whole.shape[1])
    axes.set_title(f"whole mask: {whole.nnz:,} pairs, {density:.1%}", fontsize=10)


def shown_value(value: str) -> str:
    """Return the name of a value in a figure: ``V1.L23E@1`` for ``V1.L23E@1.mixed/sent``."""
    head, mark, tail = value.partition("@")
    return short(head, 18) + mark + "".join(takewhile(str.isdigit, tail))
