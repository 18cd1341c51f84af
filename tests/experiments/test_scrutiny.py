"""What differences are made of, on evidence in which every number is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cortexc.experiments.evidence import Answers, Evidence
from cortexc.experiments.scrutiny import BEYOND, can_be_scrutinised, consistencies, counts_for_scrutiny, scrutiny
from cortexc.experiments.statistics import resample
from cortexc.runtime.corruptions.catalogue import BENCHMARK
from cortexc.runtime.measures import AT_5
from cortexc.runtime.predictions import CLEAN

IMAGES = 400


def evidence(**arms: list[NDArray[np.bool_]]) -> Evidence:
    """Return evidence of arms, each with the answers (16, image) of its runs: the clean images first."""
    nobody: Any = None
    runs = [Answers(arm, seed, False, right, nobody) for arm, some in arms.items() for seed, right in enumerate(some)]
    return Evidence("e", "full", (CLEAN, *AT_5), np.zeros(IMAGES, np.uint8), tuple(runs), {}, None)


def drawn(seed: int, accuracy: float = 0.7) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).uniform(size=(16, IMAGES)) < accuracy


def kappa(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Cohen's kappa of two lists of answers, from their table of agreement."""
    table = np.array([[np.sum((one == i) & (other == j)) for j in (0, 1)] for i in (0, 1)]) / one.size
    chance = table.sum(axis=0) @ table.sum(axis=1)
    return float((np.trace(table) - chance) / (1 - chance))


def test_differences_are_what_is_left_after_clean_images_and_single_corruptions() -> None:
    dense, cortical = [drawn(1), drawn(2)], [drawn(3), drawn(4), drawn(5)]
    for right in cortical:
        right[1 + BENCHMARK.index("contrast")] = True
    found = evidence(dense=dense, cortical=cortical)
    assert can_be_scrutinised(found)
    counts = {
        (arm, code): at
        for arm in ("dense", "cortical")
        for code, at in counts_for_scrutiny(found, found.of(arm)).items()
    }
    pair = ("cortical", "dense")
    same = consistencies(found, [pair], resamples=50, level=0.95)[pair]
    look = scrutiny(*pair, resample(counts, resamples=200), same, 0.95)

    def mean(rows: list[int]) -> float:
        return float(np.mean([r[rows].mean() for r in cortical]) - np.mean([r[rows].mean() for r in dense]))

    clean, fifteen = mean([0]), list(range(1, 16))
    assert look.beyond_clean.value == pytest.approx(mean(fifteen) - clean)
    assert max(look.of_corruption, key=lambda name: look.of_corruption[name].value) == "contrast"
    for i, name in enumerate(BENCHMARK):
        rest = [row for row in fifteen if row != 1 + i]
        worst = np.mean([r[rest].all(axis=0).mean() for r in cortical]) - np.mean(
            [r[rest].all(axis=0).mean() for r in dense]
        )
        assert look.of_corruption[name].value == pytest.approx(mean([1 + i]) - clean)
        assert look.without[name].severity_5.value == pytest.approx(mean(rest))
        assert look.without[name].beyond_clean.value == pytest.approx(mean(rest) - clean)
        assert look.without[name].worst_case.value == pytest.approx(worst)
    without = look.without["contrast"].beyond_clean
    assert without.value < look.beyond_clean.value
    assert without.low <= without.value <= without.high
    assert BEYOND in counts_for_scrutiny(found, found.of("dense"))


def test_error_consistency_is_the_mean_of_kappas() -> None:
    shared = drawn(1)
    noisy = [shared ^ (np.random.default_rng(i).uniform(size=shared.shape) < 0.1) for i in (2, 3)]
    other = [drawn(9, 0.5), drawn(10, 0.5)]
    found = evidence(a=noisy, b=other, c=[noisy[0].copy()])
    same = consistencies(found, [("a", "b"), ("a", "c")], resamples=300, level=0.95)
    pairs = [(x, y) for x in noisy for y in other]
    between = np.mean([[kappa(x[row], y[row]) for row in range(1, 16)] for x, y in pairs])
    within = [np.mean([kappa(one[row], two[row]) for row in range(1, 16)]) for one, two in (noisy, other)]
    apart = same["a", "b"]
    assert apart.between.value == pytest.approx(between, abs=1e-5)
    assert apart.within is not None
    assert apart.within.value == pytest.approx(np.mean(within), abs=1e-5)
    assert apart.gap is not None
    assert apart.gap.value == pytest.approx(np.mean(within) - between, abs=1e-5)
    assert abs(apart.between.value) < 0.05  # independent answers
    assert same["a", "c"].within is not None
    alone = consistencies(evidence(c=[noisy[0]], d=[noisy[0].copy()]), [("c", "d")], resamples=10, level=0.95)["c", "d"]
    assert alone.between.value == pytest.approx(1)
    assert alone.within is None
    assert alone.gap is None


def test_without_all_corruptions_nothing_is_said() -> None:
    whole = evidence(a=[drawn(1)])
    part = Evidence("e", "full", whole.cells[:-1], whole.labels, whole.runs, {}, None)
    assert not can_be_scrutinised(part)
