"""What a difference between two arms is made of: clean accuracy, single corruptions, and which images are wrong.

An arm that is better on clean images is better on corrupted ones by that alone. A mean over 15 corruptions can come
from one of them. And another seed changes answers too. Everything here is of severity 5.

References:
    R. Geirhos, K. Meding, F. Wichmann (2020), Beyond accuracy, https://arxiv.org/abs/2006.16736: error consistency
    J. Cohen (1960), Educ Psychol Meas 20:37-46: kappa
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from cortexc.runtime.corruptions.catalogue import BENCHMARK
from cortexc.runtime.measures import AT_5, worst_case
from cortexc.runtime.predictions import CLEAN

from .evidence import Answers, Evidence
from .statistics import Counts, Interval, Resampled, interval, kappas

BEYOND = "D1 - clean"


@dataclass(frozen=True)
class Without:
    """The difference between two arms when one corruption is left out."""

    severity_5: Interval
    beyond_clean: Interval
    """At severity 5, less the difference on clean images."""
    worst_case: Interval


@dataclass(frozen=True)
class Consistency:
    """Error consistency: Cohen's kappa of which images are right, mean over the 15 corruptions and the pairs of runs.

    1 is the same images, 0 as many in common as chance gives for these accuracies. The intervals are over images.
    """

    between: Interval
    """Of a run of one arm with a run of the other."""
    within: Interval | None
    """Of two runs of one arm, mean over both arms; None if neither has two."""
    gap: Interval | None
    """``within`` - ``between``: what the arm changes beyond what another seed changes."""


@dataclass(frozen=True)
class Scrutiny:
    """What the difference between two arms is made of."""

    beyond_clean: Interval
    """The difference at severity 5, less that on clean images."""
    of_corruption: dict[str, Interval]
    """The same for each corruption."""
    without: dict[str, Without]
    """By the corruption that is left out."""
    consistency: Consistency


def can_be_scrutinised(evidence: Evidence) -> bool:
    """Return whether the evidence has the clean images, and all 15 corruptions at severity 5."""
    return {CLEAN, *AT_5} <= set(evidence.cells)


def counts_for_scrutiny(evidence: Evidence, runs: Sequence[Answers]) -> dict[str, Counts]:
    """Return, of the runs of one arm, what `scrutiny` needs resampled, by code."""
    clean = np.stack([evidence.correct(run, (CLEAN,))[0] for run in runs]).astype(float)  # (seed, image)
    right = np.stack([evidence.correct(run, AT_5) for run in runs])  # (seed, corruption, image)
    found = {BEYOND: right.mean(axis=1) - clean}
    for i, name in enumerate(BENCHMARK):
        others = np.delete(right, i, axis=1)
        mean = others.mean(axis=1)
        found[f"{name} - clean"] = right[:, i] - clean
        found |= {f"D1 without {name}": mean, f"D1 without {name} - clean": mean - clean}
        found[f"D4 without {name}"] = worst_case(others).astype(float)
    return {code: Counts(values, np.ones(clean.shape[1])) for code, values in found.items()}


def scrutiny(arm: str, to: str, found: Resampled, consistency: Consistency, level: float) -> Scrutiny:
    """Return what the difference between two arms is made of."""

    def difference(code: str) -> Interval:
        return found.difference(arm, to, code, level=level)

    return Scrutiny(
        beyond_clean=difference(BEYOND),
        of_corruption={name: difference(f"{name} - clean") for name in BENCHMARK},
        without={
            name: Without(
                difference(f"D1 without {name}"),
                difference(f"D1 without {name} - clean"),
                difference(f"D4 without {name}"),
            )
            for name in BENCHMARK
        },
        consistency=consistency,
    )


def consistencies(
    evidence: Evidence, pairs: Sequence[tuple[str, str]], *, resamples: int, level: float
) -> dict[tuple[str, str], Consistency]:
    """Return the error consistency of pairs of arms."""
    arms = dict.fromkeys(arm for pair in pairs for arm in pair)
    right = {(arm, i): evidence.correct(run, AT_5) for arm in arms for i, run in enumerate(evidence.of(arm))}
    runs = {arm: [key for key in right if key[0] == arm] for arm in arms}
    apart = {(a, b): list(product(runs[a], runs[b])) for a, b in pairs}
    inside = {arm: list(combinations(runs[arm], 2)) for arm in arms}
    wanted = dict.fromkeys(pair for some in (*apart.values(), *inside.values()) for pair in some)
    drawn = kappas(right, list(wanted), resamples=resamples)

    def mean(some: Sequence[tuple[tuple[str, int], tuple[str, int]]]) -> NDArray[np.float64]:
        return np.asarray(np.mean([drawn[pair] for pair in some], axis=0))

    found = {}
    for a, b in pairs:
        between = mean(apart[a, b])
        several = [mean(inside[arm]) for arm in (a, b) if inside[arm]]
        within = np.mean(several, axis=0) if several else None
        found[a, b] = Consistency(
            interval(between[0], between[1:], level=level),
            None if within is None else interval(within[0], within[1:], level=level),
            None if within is None else interval(within[0] - between[0], (within - between)[1:], level=level),
        )
    return found
