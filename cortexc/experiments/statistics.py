"""Intervals of differences: a paired bootstrap over images and seeds, and Holm's correction.

Images are resampled, the same ones for all arms, with all their corruptions (an image is one cluster).

Seeds are few, and resampling two of two gives intervals that miss the true value far too often. So the seed effect is
drawn from a normal distribution with the variance between seeds, pooled over the arms, and widened to Student's t with
the degrees of freedom of that variance: the sum of S - 1 over the arms. All measures of a draw share the same random
numbers, so that measures that are correlated over seeds are correlated in the draws. The variance between seeds is
assumed to be the same in all arms. If no arm has two seeds, the intervals do not include the seed effect. The runs of
an ensemble differ in more than the seed: its variance is its own, with its own degrees of freedom, and is not pooled.

References:
    B. Efron, R. Tibshirani (1993), An introduction to the bootstrap, chapters 6.5 (parametric), 8, 13 and 15
    Student (1908), Biometrika 6:1-25
    S. Holm (1979), Scand J Stat 6:65-70
    R. Taori et al. (2020), https://arxiv.org/abs/2007.00644: effective robustness
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 256
"""Resamples at once."""
LINE = 3
"""Number of models that a line needs."""
CLIP = 1e-4
"""Smallest distance of accuracies from 0 and 1 when their logit is taken."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Right answers of one arm in one measure."""

    right: NDArray[np.float64]
    """(seed, image)"""
    counted: NDArray[np.float64]
    """(image,), the number of answers that count."""

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """(seed,)"""
        return np.asarray(self.right.sum(axis=1) / self.counted.sum())


@dataclass(frozen=True)
class Interval:
    """An estimate, its interval and its p value."""

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
    freedom: int
    """Degrees of freedom of the seed effect; 0 if no arm has two seeds and the draws are over images alone."""

    def of(self, arm: str, measure: str, *, level: float) -> Interval:
        """Return an accuracy and its interval."""
        return interval(self.value[arm, measure], self.drawn[arm, measure], level=level)

    def difference(self, arm: str, other: str, measure: str, *, level: float) -> Interval:
        """Return how much more accurate one arm is than another."""
        value = self.value[arm, measure] - self.value[other, measure]
        return interval(value, self.drawn[arm, measure] - self.drawn[other, measure], level=level)


def resample(
    counts: Mapping[tuple[str, str], Counts], *, resamples: int, seed: int = 0, ensembles: Collection[str] = ()
) -> Resampled:
    """Return accuracies under resampling of images, the same for all, and of the seeds of each arm.

    Args:
        counts: by arm and measure; all of one number of images. Arms may have different numbers of seeds, and an arm
            has the same seeds, in the same order, in each of its measures.
        resamples: how often.
        seed: of the resampling.
        ensembles: arms whose runs differ in more than the seed.

    Raises:
        ValueError: the numbers of images differ.
    """
    keys = list(counts)
    images = {c.right.shape[1] for c in counts.values()}
    if len(images) != 1:
        raise ValueError(f"counts of {sorted(images)} images cannot be paired")
    (number,) = images
    random = np.random.default_rng(seed)
    right = np.stack([counts[key].right.mean(axis=0) for key in keys], axis=1).astype(np.float32)  # (image, key)
    different, which = np.unique([counts[key].counted for key in keys], axis=0, return_inverse=True)
    counted, which = different.T.astype(np.float32), which.ravel()  # (image, different), (key,)
    effects, freedom = _seed_effects(
        {key: c for key, c in counts.items() if key[0] not in ensembles}, random, resamples
    )
    for ensemble in ensembles:
        effects |= _seed_effects({key: c for key, c in counts.items() if key[0] == ensemble}, random, resamples)[0]
    drawn: dict[tuple[str, str], list[NDArray[np.float64]]] = {key: [] for key in keys}
    for begin in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - begin)
        times = _times(random, number, size)
        hits, total = (times @ right).astype(np.float64), (times @ counted)[:, which]
        for column, key in enumerate(keys):
            drawn[key].append(hits[:, column] / np.maximum(total[:, column], 1) + effects[key][begin : begin + size])
    value = {key: float(counts[key].accuracy.mean()) for key in keys}
    return Resampled(value, {key: np.concatenate(parts) for key, parts in drawn.items()}, freedom)


def interval(value: float, drawn: NDArray[np.float64], *, level: float) -> Interval:
    """Return the percentile interval of resampled values, and the p value of zero."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return Interval(float(value), float(low), float(high), min(1.0, 2 * (beyond + 1) / (len(drawn) + 1)))


def kappas(
    right: Mapping[tuple[str, int], NDArray[np.bool_]],
    pairs: Sequence[tuple[tuple[str, int], tuple[str, int]]],
    *,
    resamples: int,
    seed: int = 0,
) -> dict[tuple[tuple[str, int], tuple[str, int]], NDArray[np.float64]]:
    """Return Cohen's kappa of which answers of two runs are right, mean over cells, under resampling of the images.

    Args:
        right: of each run, by arm and number, (cell, image).
        pairs: of runs.
        resamples: how often.
        seed: of the resampling.

    Returns:
        (1 + resamples,) for each pair: of the images themselves, then of each resample.
    """
    number = next(iter(right.values())).shape[1]
    random = np.random.default_rng(seed)
    found: dict[tuple[tuple[str, int], tuple[str, int]], list[NDArray[np.float64]]] = {pair: [] for pair in pairs}
    sizes = [min(CHUNK, resamples - begin) for begin in range(0, resamples, CHUNK)]
    whole = np.ones((1, number), np.float32)
    for times in (whole, *(_times(random, number, size) for size in sizes)):
        accuracy = {run: times @ answers.T.astype(np.float32) / number for run, answers in right.items()}
        for one, other in pairs:
            same = times @ (right[one] == right[other]).T.astype(np.float32) / number  # (resample, cell)
            p, q = accuracy[one], accuracy[other]
            chance = p * q + (1 - p) * (1 - q)
            found[one, other].append(((same - chance) / np.maximum(1 - chance, 1e-6)).mean(axis=1).astype(np.float64))
    return {pair: np.concatenate(parts) for pair, parts in found.items()}


def _times(random: np.random.Generator, number: int, size: int) -> NDArray[np.float32]:
    """Return how often each image is drawn (resample, image)."""
    chosen = random.integers(number, size=(size, number))
    return np.stack([np.bincount(row, minlength=number) for row in chosen]).astype(np.float32)


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
    """Return how much more accurate an arm is on corrupted images than a model of the family with its clean accuracy.

    A line through the family, in logits of accuracy, predicts the corrupted accuracy from the clean one; it is fitted
    again in every resample. None if the family has fewer than three members (two points always lie on a line), or
    their clean accuracies are less than a point apart.
    """
    x = np.stack([resampled.drawn[member, clean] for member in family], axis=1)  # (resample, member)
    y = np.stack([resampled.drawn[member, corrupted] for member in family], axis=1)
    at, got = resampled.drawn[arm, clean], resampled.drawn[arm, corrupted]
    x0 = np.array([[resampled.value[member, clean] for member in family]])
    y0 = np.array([[resampled.value[member, corrupted] for member in family]])
    if len(family) < LINE or np.ptp(x0) < 0.01:
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


def _seed_effects(
    counts: Mapping[tuple[str, str], Counts], random: np.random.Generator, resamples: int
) -> tuple[dict[tuple[str, str], NDArray[np.float64]], int]:
    """Return draws of the seed effect on each mean (resample,), by arm and measure, and the degrees of freedom.

    A draw adds up how far each seed of each arm lies from its arm's mean, each times a normal number of its own. The
    covariance of the measures is then the pooled one, whatever their number.
    """
    arms = {arm: counts[arm, measure].right.shape[0] for arm, measure in counts}
    freedom = sum(seeds - 1 for seeds in arms.values())
    if freedom == 0:
        return {key: np.zeros(resamples) for key in counts}, 0
    away: dict[str, dict[str, NDArray[np.float64]]] = {}  # measure -> arm -> (seed,)
    for (arm, measure), found in counts.items():
        if arms[arm] > 1:
            away.setdefault(measure, {})[arm] = found.accuracy - found.accuracy.mean()
    wide = np.sqrt(freedom / random.chisquare(freedom, resamples))
    several = [arm for arm, seeds in arms.items() if seeds > 1]
    normal = {arm: [random.standard_normal((resamples, arms[other])) for other in several] for arm in arms}
    effects = {}
    for arm, measure in counts:
        there = away.get(measure, {})
        parts = [z @ there[other] for other, z in zip(several, normal[arm], strict=True) if other in there]
        total = np.sum(parts, axis=0) if parts else np.zeros(resamples)
        effects[arm, measure] = wide * total / np.sqrt(freedom * arms[arm])
    return effects, freedom
