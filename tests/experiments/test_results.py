"""Results from evidence: against the measures of single runs, and against what was put into the evidence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cortexc import experiments
from cortexc.experiments import evidence as records
from cortexc.experiments.evidence import Answers, Evidence
from cortexc.experiments.planning import Schedule, schedule
from cortexc.experiments.results import MEASURES, Results, results
from cortexc.runtime import predictions
from cortexc.runtime.corruptions.catalogue import BENCHMARK, Cell
from cortexc.runtime.measures import ALL_CELLS
from cortexc.runtime.predictions import CLEAN
from cortexc.runtime.robustness import measure
from cortexc.runtime.run import RunError

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def plan(experiment_file: Path, finished_runs: Path) -> Schedule:
    return schedule(experiments.load(experiment_file), "full", finished_runs)


@pytest.fixture(scope="module")
def evidence(plan: Schedule) -> Evidence:
    return records.gather(plan)


def test_every_measure_is_that_of_the_single_runs(plan: Schedule, evidence: Evidence) -> None:
    found = results(plan, evidence)
    assert [m.code for m in found.measures] == [m.code for m in MEASURES if m.code != "D5"]
    for arm in found.arms:
        tasks = [t for t in plan.tasks if t.arm == arm.name and not t.reference]
        references = [("r", predictions.load(t.folder / "predictions.h5")) for t in plan.tasks if t.reference]
        each = [measure(predictions.load(t.folder / "predictions.h5"), references=references) for t in tasks]
        wanted = {
            "clean": [r.clean for r in each],
            "mean": [1 - (r.mean_error or 0) for r in each],
            "mean14": [1 - (r.mean_error_without_frost or 0) for r in each],
            "D1": [r.severity_5 for r in each],
            "severity5-14": [r.severity_curve_without_frost[5] for r in each],
            "D2": [r.hard_cells for r in each],
            "D3": [r.difficulty.hardest_tenth for r in each if r.difficulty],
            "D4": [r.survival[5].worst_case for r in each],
            "extra": [1 - (r.extra_error or 0) for r in each],
        }
        for code, values in wanted.items():
            assert arm.by_seed[code] == pytest.approx(values, abs=1e-9), (arm.name, code)
            assert arm.measures[code].value == pytest.approx(np.mean(values))
            assert arm.measures[code].low <= arm.measures[code].value <= arm.measures[code].high
        fifths = np.mean([r.difficulty.quintiles for r in each if r.difficulty], axis=0)
        assert arm.difficulty == pytest.approx(tuple(fifths), abs=1e-9)
        assert arm.curve[3] == pytest.approx(np.mean([r.severity_curve[3] for r in each]))
        assert arm.cells["fog"][2] == pytest.approx(np.mean([r.accuracy["fog"][2] for r in each]))


def test_people_are_asked_where_their_votes_are_given(plan: Schedule, evidence: Evidence) -> None:
    images = len(evidence.labels)
    votes = np.zeros((images, 10))
    votes[np.arange(images), evidence.labels] = 50
    unsure = np.arange(5, 5 + round(0.1 * images))
    votes[unsure, (evidence.labels[unsure] + 1) % 10] = 40
    found = results(plan, evidence, votes)
    rows = evidence.correct(evidence.of("cortex")[0], tuple(Cell(n, 5) for n in BENCHMARK))
    assert found.arm("cortex").by_seed["D5"][0] == pytest.approx(rows[:, unsure].mean())


def test_evidence_comes_back_from_its_file(evidence: Evidence, tmp_path: Path) -> None:
    records.save(evidence, tmp_path / "e.h5")
    again = records.load(tmp_path / "e.h5")
    assert (again.cells, again.experiment, again.plan, again.data) == (
        evidence.cells, evidence.experiment, evidence.plan, evidence.data,
    )  # fmt: skip
    assert again.difficulty is not None
    np.testing.assert_array_equal(again.difficulty, evidence.difficulty)
    for one, other in zip(again.runs, evidence.runs, strict=True):
        np.testing.assert_array_equal(one.right, other.right)
        assert (one.arm, one.seed, one.reference, one.about) == (other.arm, other.seed, other.reference, other.about)
    (tmp_path / "e.h5").write_bytes((tmp_path / "e.h5").read_bytes()[:3000])
    with pytest.raises(RunError, match="cannot be read as the evidence"):
        records.load(tmp_path / "e.h5")


def made_up(plan: Schedule, evidence: Evidence, right: dict[str, float]) -> Results:
    """Return the results of runs that are right with these probabilities everywhere, on the same images."""
    images = 4000
    labels = np.zeros(images, np.uint8)
    cells = (CLEAN, *ALL_CELLS)
    rng = np.random.default_rng(0)
    chance = rng.uniform(size=(len(cells), images))
    runs = tuple(
        dataclasses.replace(run, right=chance <= right["dense" if run.reference else run.arm]) for run in evidence.runs
    )
    made = Evidence("small-test", "full", cells, labels, runs, evidence.data, None)
    return results(plan, made)


def test_the_claim_holds_where_it_does_and_not_otherwise(plan: Schedule, evidence: Evidence) -> None:
    better = made_up(plan, evidence, {"dense": 0.5, "cortex": 0.55, "random": 0.55})
    ratio = better.arm("dense").parameters["attention"] / better.arm("cortex").parameters["attention"]
    fewer = ratio >= 10
    assert [claim.holds for claim in better.claims] == [fewer, True, True, True]
    assert better.claims[0].found.startswith(f"{ratio:.1f} times fewer (")
    for size in ("attention", "total"):  # of both arms, all parameters beside those of attention
        both = (f"{better.arm(name).parameters[size]:,}" for name in ("cortex", "dense"))
        assert " of ".join(both) in better.claims[0].found
    assert better.finding.startswith("Cortical is more accurate than Dense at severity 5: +")
    main = next(c for c in better.comparisons if (c.arm, c.to) == ("cortex", "dense"))
    assert {d.measure: d.verdict for d in main.differences}["D1"] == "better"
    null = next(c for c in better.comparisons if (c.arm, c.to) == ("cortex", "random"))
    assert {d.verdict for d in null.differences} == {"no difference shown"}
    worse = made_up(plan, evidence, {"dense": 0.5, "cortex": 0.45, "random": 0.5})
    assert [claim.holds for claim in worse.claims] == [fewer, False, False, False]
    assert worse.finding.startswith("Cortical is less accurate than Dense")
    equal = made_up(plan, evidence, {"dense": 0.5, "cortex": 0.5, "random": 0.5})
    assert equal.finding.startswith("Cortical is not shown to differ from Dense")
    assert [claim.holds for claim in equal.claims] == [fewer, True, False, False]


def test_runs_on_other_images_are_not_mixed(plan: Schedule, evidence: Evidence, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"8 of 8 runs are not finished \(dense-0, cortex-0, random-0 and 5 more\)"):
        records.gather(schedule(plan.experiment, "full", tmp_path))


def test_difficulty_is_what_the_references_make_of_it(plan: Schedule, evidence: Evidence) -> None:
    assert evidence.difficulty is not None
    assert np.bincount(evidence.difficulty.ravel(), minlength=10).min() == evidence.difficulty.size // 10
    easy, hard = evidence.difficulty == 0, evidence.difficulty == 9
    references = [run for run in evidence.runs if run.reference]
    right = np.mean([evidence.correct(run, ALL_CELLS) for run in references], axis=0)
    assert right[easy].mean() > right[hard].mean() + 0.05
    assert isinstance(references[0], Answers)
