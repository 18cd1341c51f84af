"""How sure a difference is: a paired bootstrap over images and seeds, and Holm's correction.

Images are drawn anew and are the same for all arms, with all their corruptions (an image is one cluster). The seeds of
each arm are drawn on their own, one less than there are, with replacement: the variance is then that of the mean over
the seeds and not, as in the plain bootstrap of S of them, (S - 1)/S of it. With one seed, what the seed is worth is not
in the interval.

References:
    B. Efron, R. Tibshirani (1993), An introduction to the bootstrap, chapters 8, 13 and 15
    J. N. K. Rao, C. F. J. Wu (1988), J Am Stat Assoc 83:231-241: drawing n - 1 of n
    S. Holm (1979), Scand J Stat 6:65-70
    R. Taori et al. (2020), https://arxiv.org/abs/2007.00644: effective robustness
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 256
"""Resamples at once."""
CLIP = 1e-4
"""Accuracies are kept as far from 0 and 1 when their logit is taken."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Right answers of one arm in one measure."""

    right: NDArray[np.float64]
    """(seed, image)"""
    asked: NDArray[np.float64]
    """(image,), of how many."""

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """(seed,)"""
        return np.asarray(self.right.sum(axis=1) / self.asked.sum())


@dataclass(frozen=True)
class Interval:
    """An estimate and how sure it is."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, of the value being zero; no less than 1 / (resamples + 1)."""


@dataclass(frozen=True, eq=False)
class Resampled:
    """Accuracies under resampling: (resample,) for each arm and measure."""

    value: dict[tuple[str, str], float]
    """(arm, measure) -> on the images themselves, mean over seeds."""
    drawn: dict[tuple[str, str], NDArray[np.float64]]

    def of(self, arm: str, measure: str, *, level: float) -> Interval:
        """Return an accuracy and its interval."""
        return interval(self.value[arm, measure], self.drawn[arm, measure], level=level)

    def difference(self, arm: str, other: str, measure: str, *, level: float) -> Interval:
        """Return how much more accurate one arm is than another."""
        value = self.value[arm, measure] - self.value[other, measure]
        return interval(value, self.drawn[arm, measure] - self.drawn[other, measure], level=level)


def resample(counts: Mapping[tuple[str, str], Counts], *, resamples: int, seed: int = 0) -> Resampled:
    """Return accuracies under resampling of images, the same for all, and of the seeds of each arm.

    Args:
        counts: by arm and measure; all of one number of images. Arms may have different numbers of seeds.
        resamples: how often.
        seed: of the resampling.

    Raises:
        ValueError: the numbers of images differ.
    """
    keys = list(counts)
    images = {c.right.shape[1] for c in counts.values()}
    if len(images) != 1:
        raise ValueError(f"counts of {sorted(images)} images cannot be paired")
    (number,) = images
    random = np.random.default_rng(seed)
    arms = {arm: counts[arm, measure].right.shape[0] for arm, measure in keys}
    right = np.concatenate([counts[key].right for key in keys]).T.astype(np.float32)  # (image, all seeds of all keys)
    asked = np.stack([counts[key].asked for key in keys], axis=1).astype(np.float32)  # (image, key)
    ends = np.cumsum([counts[key].right.shape[0] for key in keys])
    drawn: dict[tuple[str, str], list[NDArray[np.float64]]] = {key: [] for key in keys}
    for begin in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - begin)
        chosen = random.integers(number, size=(size, number))
        times = np.stack([np.bincount(row, minlength=number) for row in chosen]).astype(np.float32)  # (resample, image)
        hits, total = times @ right, times @ asked
        shares = {arm: _shares(random, seeds, size) for arm, seeds in arms.items()}
        for column, (key, end) in enumerate(zip(keys, ends, strict=True)):
            share = shares[key[0]]  # (resample, seed)
            mean = (hits[:, end - share.shape[1] : end] * share).sum(axis=1, dtype=np.float64)
            drawn[key].append(mean / np.maximum(total[:, column], 1))
    value = {key: float(counts[key].accuracy.mean()) for key in keys}
    return Resampled(value, {key: np.concatenate(parts) for key, parts in drawn.items()})


def interval(value: float, drawn: NDArray[np.float64], *, level: float) -> Interval:
    """Return the percentile interval of resampled values, and how likely zero is."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return Interval(value, float(low), float(high), min(1.0, 2 * (beyond + 1) / (len(drawn) + 1)))


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Return p values corrected for their number, by Holm's step-down procedure.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    corrected, highest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = highest
    return tuple(corrected)


def effective_robustness(
    resampled: Resampled, family: Sequence[str], arm: str, *, clean: str, corrupted: str, level: float
) -> Interval | None:
    """Return how much more accurate an arm is on corrupted images than a model of the family as accurate as it is.

    A line through the family, in logits of accuracy, tells what its clean accuracy would lead one to expect; it is
    drawn anew in every resample. None where the family has no two clean accuracies a point apart.
    """
    x = np.stack([resampled.drawn[member, clean] for member in family], axis=1)  # (resample, member)
    y = np.stack([resampled.drawn[member, corrupted] for member in family], axis=1)
    at, got = resampled.drawn[arm, clean], resampled.drawn[arm, corrupted]
    x0 = np.array([[resampled.value[member, clean] for member in family]])
    y0 = np.array([[resampled.value[member, corrupted] for member in family]])
    if np.ptp(x0) < 0.01:
        return None
    value = resampled.value[arm, corrupted] - _expected(x0, y0, np.array([resampled.value[arm, clean]]))[0]
    return interval(float(value), got - _expected(x, y, at), level=level)


def _expected(x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the family's corrupted accuracy (resample,) at clean accuracies ``at``."""
    lx, ly, la = _logit(x), _logit(y), _logit(at)
    mx, my = lx.mean(axis=1), ly.mean(axis=1)
    spread = ((lx - mx[:, None]) ** 2).sum(axis=1)
    slope = ((lx - mx[:, None]) * (ly - my[:, None])).sum(axis=1) / np.maximum(spread, 1e-12)
    return np.asarray(1 / (1 + np.exp(-(my + slope * (la - mx)))))


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    p = np.clip(p, CLIP, 1 - CLIP)
    return np.asarray(np.log(p / (1 - p)))


def _shares(random: np.random.Generator, seeds: int, size: int) -> NDArray[np.float64]:
    """Return (resample, seed) how much each seed counts in the mean."""
    if seeds == 1:
        return np.ones((size, 1))
    chosen = random.integers(seeds, size=(size, seeds - 1))
    times = np.stack([np.bincount(row, minlength=seeds) for row in chosen])
    return np.asarray(times / (seeds - 1))
