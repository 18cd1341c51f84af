"""The bootstrap against what is known of it, and Holm's correction against a worked example."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cortexc.experiments.statistics import Counts, effective_robustness, holm, interval, resample


def counts(right: np.ndarray) -> Counts:
    return Counts(right.astype(float), np.ones(right.shape[1]))


def test_the_interval_of_one_accuracy_is_that_of_a_proportion() -> None:
    right = np.zeros((1, 2000))
    right[0, :1200] = 1
    found = resample({("a", "m"): counts(right)}, resamples=4000).of("a", "m", level=0.95)
    assert found.value == pytest.approx(0.6)
    half = 1.96 * np.sqrt(0.6 * 0.4 / 2000)
    assert (found.low, found.high) == pytest.approx((0.6 - half, 0.6 + half), abs=0.0015)


def test_pairing_over_images_takes_their_common_difficulty_out() -> None:
    rng = np.random.default_rng(0)
    base = (rng.uniform(size=(1, 3000)) < 0.5).astype(float)
    better = base.copy()
    better[0, np.flatnonzero(base[0] == 0)[:60]] = 1  # 2 points, on images where the other is wrong
    found = resample({("a", "m"): counts(better), ("b", "m"): counts(base)}, resamples=2000)
    paired = found.difference("a", "b", "m", level=0.95)
    assert paired.value == pytest.approx(0.02)
    assert paired.high - paired.low < 0.012  # two independent samples would have 0.05
    assert paired.p < 0.002
    assert paired.low > 0


def seeds(*accuracies: float) -> Counts:
    """Return counts of seeds of these accuracies; no image is harder than another."""
    return Counts(np.repeat(np.array(accuracies)[:, None], 50, axis=1), np.ones(50))


def test_the_seeds_are_worth_what_students_t_says() -> None:
    given = (0.50, 0.54, 0.58, 0.54)
    found = resample({("a", "m"): seeds(*given)}, resamples=40_000)
    error = np.std(given, ddof=1) / 2
    assert found.freedom == 3
    for level in (0.5, 0.95):
        at = found.of("a", "m", level=level)
        half = stats.t.ppf((1 + level) / 2, df=3) * error
        assert (at.low, at.high) == pytest.approx((0.54 - half, 0.54 + half), rel=0.02)


def test_what_a_seed_is_worth_is_pooled_over_arms() -> None:
    arms = {("a", "m"): seeds(0.5, 0.6), ("b", "m"): seeds(0.4, 0.42), ("c", "m"): seeds(0.7)}
    found = resample(arms, resamples=40_000)
    pooled = np.sqrt((np.var([0.5, 0.6], ddof=1) + np.var([0.4, 0.42], ddof=1)) / 2)
    assert found.freedom == 2
    half = stats.t.ppf(0.975, df=2) * pooled
    at = found.difference("a", "b", "m", level=0.95)
    assert (at.low, at.high) == pytest.approx((0.14 - half, 0.14 + half), rel=0.03)
    at = found.of("c", "m", level=0.95)  # one seed, and as uncertain as one of the others
    assert at.high - at.value == pytest.approx(half, rel=0.03)


def test_measures_go_together_as_they_do_in_the_seeds() -> None:
    both = {
        ("a", "clean"): seeds(0.5, 0.6, 0.7),
        ("a", "mean"): seeds(0.4, 0.5, 0.6),
        ("a", "odd"): seeds(0.7, 0.6, 0.5),
    }
    drawn = resample(both, resamples=2000).drawn
    assert np.corrcoef(drawn["a", "clean"], drawn["a", "mean"])[0, 1] == pytest.approx(1)
    assert np.corrcoef(drawn["a", "clean"], drawn["a", "odd"])[0, 1] == pytest.approx(-1)


def test_intervals_of_few_seeds_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for trial in range(600):
        arms = {
            (arm, "m"): seeds(*rng.normal(truth, 0.01, 2)) for arm, truth in {"a": 0.6, "b": 0.5, "c": 0.55}.items()
        }
        at = resample(arms, resamples=800, seed=trial).difference("a", "b", "m", level=0.95)
        held += at.low <= 0.1 <= at.high
    assert 0.92 < held / 600 < 0.98  # drawing one of two seeds anew gave 0.66


def test_with_one_seed_its_worth_is_in_no_interval() -> None:
    found = resample({("a", "m"): seeds(0.5), ("b", "m"): seeds(0.6)}, resamples=1000)
    assert found.freedom == 0
    assert found.drawn["a", "m"].std() == pytest.approx(0, abs=1e-6)


def test_images_that_are_not_counted_do_not_matter() -> None:
    counted = np.r_[np.full(100, 3.0), np.zeros(900)]
    right = np.zeros((1, 1000))
    right[0, :100] = 1.5
    found = resample({("a", "m"): Counts(right, counted)}, resamples=1000)
    assert found.value["a", "m"] == pytest.approx(0.5)
    assert found.drawn["a", "m"].std() == pytest.approx(0, abs=1e-6)


def test_an_image_is_one_cluster_with_all_its_cells() -> None:
    rng = np.random.default_rng(1)
    image = (rng.uniform(size=1000) < 0.5).astype(float)
    whole = Counts((image * 75)[None], np.full(1000, 75.0))
    found = resample({("a", "m"): whole}, resamples=3000).of("a", "m", level=0.95)
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 1000), rel=0.06)


def test_unequal_numbers_of_images_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        resample({("a", "m"): counts(np.ones((1, 5))), ("b", "m"): counts(np.ones((1, 6)))}, resamples=1000)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.5, 0.9]) == pytest.approx((1.0, 1.0))
    assert holm([]) == ()


def test_a_difference_of_nothing_has_a_p_of_one() -> None:
    assert interval(0.0, np.zeros(999), level=0.95).p == 1.0


def test_effective_robustness_is_what_lies_above_the_line_of_the_family() -> None:
    rng = np.random.default_rng(2)

    def arm(clean: float, corrupted: float) -> dict[str, Counts]:
        return {
            "clean": counts(rng.permutation(8000)[None] < clean * 8000),
            "mean": counts(rng.permutation(8000)[None] < corrupted * 8000),
        }

    def on_the_line(logit: float, above: float = 0.0) -> dict[str, Counts]:
        clean, corrupted = (1 / (1 + np.exp(-at)) for at in (logit, logit - 0.8))
        return arm(clean, corrupted + above)

    arms = {name: on_the_line(logit) for name, logit in {"x": 0.0, "y": 0.4, "z": 0.8, "same": 0.6}.items()}
    arms["new"] = on_the_line(0.4, above=0.06)
    found = resample({(a, m): c for a, by in arms.items() for m, c in by.items()}, resamples=1500)
    family = ("x", "y", "z")
    new = effective_robustness(found, family, "new", clean="clean", corrupted="mean", level=0.95)
    same = effective_robustness(found, family, "same", clean="clean", corrupted="mean", level=0.95)
    assert new is not None
    assert same is not None
    assert new.value == pytest.approx(0.06, abs=0.002)
    assert new.low > 0
    assert abs(same.value) < 0.002
    assert same.low < 0 < same.high
    few, alike = ("x", "z"), ("y", "new", "y")
    for family in (few, alike):
        assert effective_robustness(found, family, "x", clean="clean", corrupted="mean", level=0.95) is None
