"""The published results follow from the published evidence, and the README says what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cortexc import experiments
from cortexc.experiments import evidence as records
from cortexc.experiments.planning import made_otherwise, schedule
from cortexc.experiments.results import results

ROOT = Path(__file__).parents[2]
REPORTS = sorted(p.parent for p in (ROOT / "results").glob("*/evidence.h5"))


@pytest.mark.parametrize("report", REPORTS, ids=[p.name for p in REPORTS])
def test_the_published_numbers_follow_from_the_published_evidence(report: Path, tmp_path: Path) -> None:
    found = records.load(report / "evidence.h5")
    again = results(schedule(experiments.load(found.experiment), found.plan, tmp_path), found)
    written = json.loads((report / "results.json").read_text(encoding="utf-8"))
    assert [arm["name"] for arm in written["arms"]] == [arm.name for arm in again.arms]
    for arm, other in zip(written["arms"], again.arms, strict=True):
        assert arm["parameters"] == other.parameters
        for code, at in arm["measures"].items():
            assert (at["value"], at["low"], at["high"]) == pytest.approx(
                (other.measures[code].value, other.measures[code].low, other.measures[code].high), abs=1e-6
            )
    assert [claim["holds"] for claim in written["claims"]] == [claim.holds for claim in again.claims]
    text = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    for other in again.arms:
        codes = ("clean", "mean", "mean14", "D1", "severity5-14", "D2", "D3", "D4")
        values = [f"{100 * other.measures[c].value:.2f}" if c in other.measures else "-" for c in codes]
        assert " | ".join(values) in text, f"{report.name}: {other.title}"


@pytest.mark.parametrize("report", REPORTS, ids=[p.name for p in REPORTS])
def test_the_published_evidence_is_of_the_runs_that_the_experiment_has_now(report: Path, tmp_path: Path) -> None:
    found = records.load(report / "evidence.h5")
    plan = schedule(experiments.load(found.experiment), found.plan, tmp_path)
    tasks = {(task.arm, task.seed, task.reference): task for task in plan.tasks}
    assert len(tasks) == len(found.runs)
    for run in found.runs:
        task = tasks[run.arm, run.seed, run.reference]
        assert made_otherwise(task, run.about.spec, run.about.recipe) == [], task.name


def test_there_are_published_results_without_images_or_weights() -> None:
    assert REPORTS
    for path in (ROOT / "results").rglob("*"):
        assert path.is_dir() or path.suffix in {".md", ".html", ".json", ".csv", ".h5"}, path
        assert path.is_dir() or path.stat().st_size < 5_000_000, path
