"""What a spec must say to take images of another size, number of channels and number of classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from .model import Connectome

MOST: Final = 4
"""The grid of the input may get so many times as many tokens, or as few."""


class FittingError(Exception):
    """A spec cannot be made to fit images; the message says why."""


def overlay(
    spec: Connectome,
    *,
    shape: tuple[int, int, int],
    classes: int,
    mean: Sequence[float],
    std: Sequence[float],
) -> dict[str, Any]:
    """Return what is to be laid over a spec by ``extends`` so that it fits: the keys of ``input`` and ``readout``.

    The grid stays where square patches of it cover the images; else it is the one with the nearest number of tokens.

    Args:
        spec: the spec; those of its keys that fit are left out.
        shape: channels, rows and columns of an image.
        classes: how many.
        mean: of each channel of the training images [pixel values 0 to 1]; for a spec that standardises.
        std: likewise.

    Raises:
        FittingError: there is no grid of nearly the same size with square patches.
    """
    channels, rows, columns = shape
    grid, patch = _tiling(spec, rows, columns)
    wanted = {"grid": list(grid), "patch": patch, "channels": channels}
    own = {"grid": list(spec.input.grid), "patch": spec.input.patch, "channels": spec.input.channels}
    changed: dict[str, Any] = {key: value for key, value in wanted.items() if value != own[key]}
    if spec.input.mean is not None:
        changed["mean"] = [round(value, 4) for value in mean]
    if spec.input.std is not None:
        changed["std"] = [round(value, 4) for value in std]
    found: dict[str, Any] = {"input": changed} if changed else {}
    return found | ({} if classes == spec.readout.classes else {"readout": {"classes": classes}})


def _tiling(spec: Connectome, rows: int, columns: int) -> tuple[tuple[int, int], int]:
    """Return grid and patch of the input for images of so many pixels."""
    down, across = spec.input.grid
    if rows % down == columns % across == 0 and rows // down == columns // across:
        return (down, across), rows // down
    grids = {(rows // p, columns // p): p for p in range(1, min(rows, columns) + 1) if rows % p == columns % p == 0}
    distance = {grid: abs(math.log(grid[0] * grid[1] / (down * across))) for grid in grids}
    best = min(grids, key=distance.__getitem__)
    if distance[best] > math.log(MOST):
        raise FittingError(
            f"no square patches cut images of {rows}x{columns} pixels into nearly {down}x{across} tokens, the grid of "
            f"{spec.name}: crop, pad or resize the images, such as to {8 * round(rows / 8)}x{8 * round(columns / 8)}"
        )
    return best, grids[best]
