"""Arguments of another kind than a function of the Python door takes are refused in words."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from torch import Tensor

HINTS = {
    "Program": "make one with cortexc.compile, or read one with cortexc.compiler.load",
    "CorticalTransformer": "make one with cortexc.build, or cortexc.load_run for that of a finished run",
    "Recipe": "make one with cortexc.Recipe(epochs=10, ...)",
}


def require(value: object, kind: type, name: str) -> None:
    """Refuse a value that is not of a kind.

    Raises:
        TypeError: it is not; the message says how to make one.
    """
    if not isinstance(value, kind):
        raise TypeError(
            f"{name} is of type {type(value).__name__}, and a {kind.__name__} is expected: {HINTS[kind.__name__]}"
        )


def run_folder(value: object) -> Path:
    """Return the folder of a run.

    Raises:
        TypeError: it is no path.
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(
            f"the run is of type {type(value).__name__}, and the folder of a run is expected, as cortexc.train makes it"
        )
    return Path(value)


def require_images(value: object, shape: tuple[int, int, int]) -> Tensor:
    """Return images (B, channels, height, width) that fit a program.

    Raises:
        TypeError: they are no tensor.
        ValueError: they are of another shape, or not in floating point.
    """
    if not isinstance(value, Tensor):
        how = "; torch.from_numpy makes one of it" if isinstance(value, np.ndarray) else ""
        raise TypeError(f"images are of type {type(value).__name__}, and a torch tensor is expected{how}")
    if value.ndim != 4 or value.shape[1:] != shape:
        raise ValueError(
            f"images have the shape {tuple(value.shape)}, and (B, {', '.join(map(str, shape))}) is expected"
        )
    if not value.is_floating_point():
        raise ValueError(f"images are {value.dtype}; scale them to floating point in [0, 1]")
    return value


def require_unit_range(images: Tensor) -> None:
    """Refuse images whose values are not in [0, 1].

    Raises:
        ValueError: they are not, as where they run to 255.
    """
    if images.numel() and not (0 <= float(images.min()) and float(images.max()) <= 1):
        low, high = float(images.min()), float(images.max())
        raise ValueError(f"images run from {low:g} to {high:g}, and from 0 to 1 is expected: divide them by 255, or so")
