"""The images that a model is trained on in each epoch: clean ones, and corrupted ones if the recipe has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .corruptions.catalogue import SEVERITIES, Cell
from .corruptions.generation import Source, corrupt
from .corruptions.sets import StoredSet
from .corruptions.streams import streams
from .corruptions.writing import channels_last
from .data.dataset import DataError, ImageSet


@dataclass(frozen=True, eq=False)
class CorruptedTests:
    """Corrupted test images to train on; the evaluation leaves out all forms of them."""

    set: StoredSet
    labels: NDArray[np.int64]
    """(N,), of all test images."""
    first: int
    last: int
    """Indices of the first and the last test image of the split."""

    def __post_init__(self) -> None:
        """Check the split.

        Raises:
            DataError: it leaves nothing to train on, or nothing to test.
        """
        count = len(self.labels)
        if not 0 <= self.first <= self.last < count or self.last - self.first + 1 == count:
            raise DataError(
                f"test images {self.first} to {self.last} are no split of {count:,}: expected some of 0 to "
                f"{count - 1}, and not all, since the rest is for testing"
            )


@dataclass(frozen=True, eq=False)
class Exposure:
    """Returns the images of an epoch, which depend on the seed and the number of the epoch only."""

    train: ImageSet
    seed: int
    corruptions: tuple[str, ...] = ()
    """Those that are trained on; empty for none."""
    tests: CorruptedTests | None = None
    """Corrupted test images to add; None: training images are corrupted instead."""

    def __len__(self) -> int:
        """Images of an epoch."""
        return len(self.train) + (0 if self.tests is None else self.tests.last - self.tests.first + 1)

    def epoch(self, number: int) -> ImageSet:
        """Return the images of an epoch, counted from 0.

        Without ``tests``, each training image is left as it is or is shown in one corruption, all with equal chance, at
        a random severity. With them, each test image of the split is added in one corruption.

        Raises:
            DataError: corrupted test images cannot be read any more.
        """
        if not self.corruptions:
            return self.train
        random = streams(self.seed, "exposure", number, [0])[0]
        if self.tests is not None:
            return self._with_tests(self.tests, random)
        which = random.integers(-1, len(self.corruptions), len(self.train))  # -1: left as it is
        severity = random.choice(SEVERITIES, len(self.train))
        images = self.train.images.copy()
        source = Source(seed=int(random.integers(2**32)))  # other noise in each epoch
        for cell in self._cells():
            chosen = np.flatnonzero((which == self.corruptions.index(cell.corruption)) & (severity == cell.severity))
            if len(chosen):
                pixels = channels_last(images[chosen])
                images[chosen] = corrupt(pixels, *cell, source=source, indices=chosen.tolist()).transpose(0, 3, 1, 2)
        return ImageSet(images, self.train.labels)

    def _with_tests(self, tests: CorruptedTests, random: np.random.Generator) -> ImageSet:
        indices = np.arange(tests.first, tests.last + 1)
        cells = tuple(cell for cell in self._cells() if cell.severity in tests.set.severities)
        which = random.integers(len(cells), size=len(indices))
        added = np.empty((len(indices), 3, 32, 32), np.uint8)
        for number, (_, images) in enumerate(tests.set.images(cells)):
            chosen = which == number
            added[chosen] = images[indices[chosen]].transpose(0, 3, 1, 2)
        labels = np.concatenate([self.train.labels, tests.labels[indices]])
        return ImageSet(np.concatenate([self.train.images, added]), labels)

    def _cells(self) -> tuple[Cell, ...]:
        return tuple(Cell(name, severity) for name in self.corruptions for severity in SEVERITIES)
