"""Corrupts whole sets of images: block by block, in parallel, the same pixels whatever the order."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from . import ice
from .catalogue import CORRUPTIONS, SEVERITIES, Cell, CorruptionError
from .streams import streams

Pixels = NDArray[np.uint8]

BLOCK = 100
"""Images corrupted at once: many enough for NumPy, few enough for the cache."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The seed and the frost pictures of a regenerated set."""

    seed: int = 0
    frost_photos: Path | None = None
    """Folder of the original photographs; without it, frost is drawn."""

    def __post_init__(self) -> None:
        """Refuse what is no seed."""
        if self.seed < 0:
            raise CorruptionError(f"seed is {self.seed}, and must be at least 0")

    def sheets(self) -> tuple[Pixels, ...]:
        """Return the sheets of ice.

        Raises:
            DataError: the photographs cannot be read.
        """
        return ice.drawn() if self.frost_photos is None else ice.photographs(self.frost_photos)

    def describe(self) -> dict[str, Any]:
        """Return what the pixels depend on: seed, frost (which drawn one, or the photographs and their sum), versions.

        Raises:
            DataError: the photographs cannot be read.
        """
        frost = ice.DRAWN
        if self.frost_photos is not None:
            digest = hashlib.sha256(b"".join(sheet.tobytes() for sheet in self.sheets()))
            frost = f"photographs, sha256:{digest.hexdigest()[:16]}"
        return {"seed": self.seed, "frost": frost, "versions": versions()}


def versions() -> dict[str, str]:
    """Return the versions of the libraries that make the pixels."""
    names = ("cortexc", "numpy", "scipy", "scikit-image", "opencv-python-headless", "pillow")
    return {name: metadata.version(name) for name in names}


def corrupt(
    images: Pixels,
    corruption: str,
    severity: int,
    *,
    source: Source | None = None,
    indices: Sequence[int] | None = None,
) -> Pixels:
    """Return a batch of images, corrupted.

    >>> import numpy as np
    >>> corrupt(np.full((1, 32, 32, 3), 200, np.uint8), "contrast", 5).max()
    200

    Args:
        images: (N, 32, 32, 3), RGB.
        corruption: one of `catalogue.CORRUPTIONS`.
        severity: 1 to 5.
        source: of random numbers and frost.
        indices: (N,), of the images in their set; they decide which random numbers the images get. None for 0 to N-1.

    Raises:
        CorruptionError: there is no such corruption or severity.
        ValueError: the images have another shape or type; the published constants are for 32 x 32 pixels.
        DataError: photographs of frost cannot be read.
    """
    check_images(images)
    source = source or Source()
    if corruption not in CORRUPTIONS or severity not in SEVERITIES:
        known = ", ".join(CORRUPTIONS)
        raise CorruptionError(
            f"there is no corruption `{corruption}` at severity {severity}; there are {known}, 1 to 5"
        )
    sheets = source.sheets() if corruption == "frost" else ()
    indices = range(len(images)) if indices is None else indices
    return _corrupt(images, Cell(corruption, severity), source.seed, indices, sheets)


def check_workers(workers: int | None) -> None:
    """Check a number of threads; None is one a processor.

    Raises:
        CorruptionError: there are none.
    """
    if workers is not None and workers < 1:
        raise CorruptionError(f"{workers} workers cannot work; expected at least 1")


def blocks(
    images: Pixels, cells: Iterable[Cell], source: Source, *, workers: int | None = None
) -> Generator[tuple[Cell, int, Pixels], None, None]:
    """Corrupt a set in every cell, in order, and yield (cell, index of the first image, corrupted block).

    Memory does not grow with the set: only a few blocks are under way. The workers are threads, since most of the work
    is done outside Python's lock.

    Args:
        images: (N, 32, 32, 3), RGB.
        cells: what to make, in this order.
        source: of random numbers and frost.
        workers: threads; None for one a processor.

    Raises:
        CorruptionError: ``workers`` is less than 1.
        ValueError: the images have another shape or type.
        DataError: photographs of frost cannot be read.
    """
    check_images(images)
    todo = [(cell, first) for cell in cells for first in range(0, len(images), BLOCK)]
    sheets = source.sheets() if any(cell.corruption == "frost" for cell, _ in todo) else ()
    check_workers(workers)
    count = workers or len(os.sched_getaffinity(0))
    return _made(images, todo, source.seed, sheets, count)


def _made(
    images: Pixels, todo: Sequence[tuple[Cell, int]], seed: int, sheets: Sequence[Pixels], workers: int
) -> Generator[tuple[Cell, int, Pixels], None, None]:
    ahead: deque[tuple[Cell, int, Future[Pixels]]] = deque()
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        try:
            for cell, first in todo:
                part = images[first : first + BLOCK]
                indices = range(first, first + len(part))
                ahead.append((cell, first, pool.submit(_corrupt, part, cell, seed, indices, sheets)))
                if len(ahead) > 2 * workers:
                    yield _done(ahead)
            while ahead:
                yield _done(ahead)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _done(ahead: deque[tuple[Cell, int, Future[Pixels]]]) -> tuple[Cell, int, Pixels]:
    cell, first, future = ahead.popleft()
    return cell, first, future.result()


def check_images(images: Pixels) -> None:
    """Refuse what is not (N, 32, 32, 3) of uint8.

    Raises:
        ValueError: it is not.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (32, 32, 3):
        raise ValueError(f"images are {images.dtype} {images.shape}; expected uint8 (N, 32, 32, 3)")


def _corrupt(images: Pixels, cell: Cell, seed: int, indices: Sequence[int], sheets: Sequence[Pixels]) -> Pixels:
    corruption = CORRUPTIONS[cell.corruption]
    function = getattr(importlib.import_module(f".{corruption.group}", __package__), corruption.name)
    constants = corruption.constants[cell.severity - 1]
    more = {"sheets": sheets} if corruption.name == "frost" else {}
    result = np.empty_like(images)
    for start in range(0, len(images), BLOCK):
        part = images[start : start + BLOCK]
        random = [streams(seed, *cell, indices[start : start + BLOCK])] if corruption.stochastic else []
        result[start : start + BLOCK] = function(part, *random, *constants, **more)
    return result
