"""Attention over an image: what some tokens of one op attend to, laid over the image that the model saw."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cortexc.compiler.artifact import Attend, Program
from cortexc.figures.mask import MOST_SOURCES, op_named, shown_value
from cortexc.figures.style import VERMILLION, FigureError, figure, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAT = "inferno"
"""Colour map of attention: brighter is more."""


def draw(
    program: Program,
    image: ArrayLike,
    maps: Mapping[str, ArrayLike],
    name: str | None = None,
    tokens: Sequence[int] | None = None,
) -> Figure:
    """Return the figure of what some tokens attend to in an image: a row for each token, a column for each source.

    As in ``attention.draw(model.program, images[0], cortexc.attention_maps(model, images[:1]), "V1.L23E@2")``.

    Args:
        program: of the model.
        image: (channels, height, width) in [0, 1]: the first of those that ``maps`` is of.
        maps: the attention of each op (B, heads, target tokens, source tokens), as `cortexc.attention_maps` returns it.
        name: of the op, as ``V1.L23E@2``; by default the one with the most sources.
        tokens: which tokens of the op's population, counted by rows; by default three along the diagonal of its grid.

    Raises:
        FigureError: there is no such op or token, or image and maps are not of this program.
    """
    op = op_named(program, name)
    seen = np.asarray(image, dtype=float)
    if seen.shape != program.image_shape:
        raise FigureError(f"the image has the shape {seen.shape}, and {program.image_shape} is expected")
    found = np.asarray(maps.get(op.name, ()), dtype=float)
    sources = [program.by_name[s.population] for s in op.sources]
    target = program.by_name[op.population]
    wanted = (target.tokens, sum(s.tokens for s in sources))
    if found.ndim != 4 or found.shape[2:] != wanted or not len(found):
        raise FigureError(f"the maps have no attention of `{op.name}` between {wanted[0]} and {wanted[1]} tokens")
    chosen = _diagonal(target.grid) if tokens is None else list(tokens)
    for token in chosen:
        if not 0 <= token < target.tokens:
            raise FigureError(
                f"token {token} is not on the grid of {op.population}, {target.grid[0]} x {target.grid[1]}"
            )
    ends = np.cumsum([0, *(s.tokens for s in sources)])
    rows = found[0].mean(axis=0)[chosen]  # (token, source token), mean over heads
    share = [rows[:, a:b] for a, b in itertools.pairwise(ends)]
    largest = sorted(range(len(sources)), key=lambda i: -share[i].sum())[:MOST_SOURCES]
    return _drawn(program, op, seen, chosen, [(op.sources[i].value, sources[i].grid, share[i]) for i in largest])


def _diagonal(grid: tuple[int, int]) -> list[int]:
    """Return up to three tokens on the diagonal of a grid."""
    rows, columns = grid
    places = dict.fromkeys((rows * i // 4, columns * i // 4) for i in (1, 2, 3))
    return [row * columns + column for row, column in places]


def _drawn(
    program: Program,
    op: Attend,
    image: np.ndarray,
    tokens: Sequence[int],
    sources: Sequence[tuple[str, tuple[int, int], np.ndarray]],
) -> Figure:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import PowerNorm

    height, width = image.shape[1:]
    picture = image.transpose(1, 2, 0) if len(image) == 3 else np.repeat(image[:1].transpose(1, 2, 0), 3, axis=2)
    grey = picture.mean(axis=2)
    everywhere = (0, width, height, 0)
    norm = PowerNorm(0.4, 0, max(max(float(part.max()) for _, _, part in sources), 1e-12))
    drawn = figure(1.6 * (1 + len(sources)) + 1.2, 1.75 * len(tokens) + 0.9)
    panels: Any = drawn.subplots(len(tokens), 1 + len(sources), squeeze=False)
    rows, columns = program.by_name[op.population].grid
    for panel_row, token, i in zip(panels, tokens, range(len(tokens)), strict=True):
        for axes in panel_row:
            axes.set_xticks([])
            axes.set_yticks([])
        panel_row[0].imshow(np.clip(picture, 0, 1), extent=everywhere)
        panel_row[0].set_ylabel(f"token {token}", fontsize=8)
        for axes, (value, grid, part) in zip(panel_row[1:], sources, strict=True):
            axes.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=everywhere)
            level = part[i].reshape(grid)
            axes.imshow(level, cmap=HEAT, norm=norm, alpha=0.1 + 0.8 * norm(level), extent=everywhere)
            title = f"{part[i].sum():.1%}"
            axes.set_title(f"{shown_value(value)}\n{title}" if i == 0 else title, fontsize=8)
        x, y = (token % columns + 0.5) * width / columns, (token // columns + 0.5) * height / rows
        for axes in panel_row:
            for colour, thick in (("white", 3.0), (VERMILLION, 1.4)):  # so that the cross is visible on any background
                axes.plot([x], [y], marker="+", color=colour, markersize=8, markeredgewidth=thick)
    bar = drawn.colorbar(ScalarMappable(norm, HEAT), ax=panels, shrink=0.8)
    bar.set_label("attention (mean over heads)", fontsize=8)
    drawn.suptitle(f"{program.name}: {op.name}, of {short(op.population, 24)} at +", fontsize=10, x=0.02, ha="left")
    return drawn
