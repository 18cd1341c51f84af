"""Runs of an experiment: made once, gone on with after a kill, refused where they are of something else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock, Timeout

from cortexc import experiments
from cortexc.experiments.execution import Setting, _precision
from cortexc.experiments.planning import Standing, schedule, standing
from cortexc.main import main
from cortexc.runtime import predictions
from cortexc.runtime.manifest import read
from cortexc.runtime.run import Run, RunError, read_metrics


def words(file: Path, runs: Path, *more: str) -> list[str]:
    return ["experiment", "run", str(file), "--runs", str(runs), "--regenerate", *more]


def shortened(experiment_file: Path, folder: Path) -> Path:
    """Write the experiment with four tests a run."""
    (folder / "small.yaml").write_text((experiment_file.parent / "small.yaml").read_text())
    text = experiment_file.read_text().replace("corruptions: all", "corruptions: extra, severities: [5]")
    (folder / "experiment.yaml").write_text(text)
    return folder / "experiment.yaml"


def test_all_runs_are_made_and_none_twice(
    experiment_file: Path, finished_runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = schedule(experiments.load(experiment_file), "full", finished_runs)
    names = [task.name for task in plan.tasks]
    assert names[:3] == ["dense-0", "cortex-0", "random-0"]
    assert names[-2:] == ["reference-dense-7", "reference-dense-8"]
    assert all(standing(task, plan.experiment, plan.cells) is Standing.DONE for task in plan.tasks)
    before = {p: p.stat().st_mtime_ns for p in finished_runs.rglob("*.*") if p.suffix != ".lock"}
    assert main(words(experiment_file, finished_runs)) == 0
    assert before == {p: p.stat().st_mtime_ns for p in finished_runs.rglob("*.*") if p.suffix != ".lock"}
    assert "8 of 8 runs are done" in capsys.readouterr().out
    epochs = [len((finished_runs / name / "metrics.jsonl").read_text().splitlines()) for name in names]
    assert epochs == [2, 2, 2, 2, 2, 2, 2, 1]


def test_seeds_that_are_trained_together_are_those_trained_apart(
    experiment_file: Path, finished_runs: Path, digits_c: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    made = ["experiment", "run", str(experiment_file), "--runs", str(runs), "--corrupted", str(digits_c)]
    made += ["--plan", "pair", "--stacked", "--jobs", "2", "--device", "cpu"]
    assert main(made) == 0
    assert "4 of 4 runs are done" in capsys.readouterr().out
    plan = schedule(experiments.load(experiment_file), "pair", runs)
    assert all(standing(task, plan.experiment, plan.cells) is Standing.DONE for task in plan.tasks)
    for task in plan.tasks:
        one, other = (
            predictions.load(finished_runs / task.name / "predictions.h5"),
            predictions.load(task.folder / "predictions.h5"),
        )
        assert one.cells == other.cells
        assert (one.predicted == other.predicted).mean() > 0.999  # rounding may turn a tie
        assert np.allclose(one.true_probability, other.true_probability, atol=1e-3)
        assert read(task.folder / "manifest.json").machine.stacked == 2
    before = {p: p.stat().st_mtime_ns for p in runs.rglob("*.*") if p.suffix != ".lock"}
    assert main(made) == 0
    assert before == {p: p.stat().st_mtime_ns for p in runs.rglob("*.*") if p.suffix != ".lock"}


def test_a_stack_is_not_tested_in_another_precision_than_it_is_asked_for(
    experiment_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_text((experiment_file.parent / "small.yaml").read_text())
    (tmp_path / "e.yaml").write_text(experiment_file.read_text().replace("precision: float32", "precision: bfloat16"))
    assert main(words(tmp_path / "e.yaml", tmp_path / "runs", "--plan", "pair", "--stacked", "--device", "cpu")) == 2
    assert "--no-stacked" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_what_is_left_is_listed(experiment_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(experiment_file, tmp_path / "runs", "--dry-run", "--plan", "tiny")) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in said] == [
        ["dense-0", "missing", "1"], ["cortex-0", "missing", "1"], ["reference-dense-7", "missing", "1"],
    ]  # fmt: skip
    assert not (tmp_path / "runs").exists()


HELD = """
import os, sys, time
from cortexc.main import main
from cortexc.runtime import training

os.sched_getaffinity = lambda process: {0}  # one thread
rate, parent = training.warmup_cosine, os.getppid()


def held(step, **options):
    while step >= 18 and os.getppid() == parent:
        time.sleep(0.01)
    return rate(step, **options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
training.warmup_cosine = held  # in the process of a run: after 3 epochs of 6 steps it waits until its parent is killed
"""


@pytest.mark.slow
def test_a_killed_experiment_goes_on_where_it_was(experiment_file: Path, tmp_path: Path) -> None:
    file, runs = shortened(experiment_file, tmp_path), tmp_path / "runs"
    file.write_text(file.read_text().replace("recipe: {epochs: 1}", "recipe: {epochs: 5}"))
    (tmp_path / "held.py").write_text(HELD)
    command = words(file, runs, "--plan", "tiny")
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "held.py"), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    metrics = runs / "dense-0" / "metrics.jsonl"
    wait_for(lambda: metrics.exists() and len(metrics.read_text().splitlines()) == 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: is_free(runs / ".locks" / "dense-0.lock"))  # its worker has saved, and ended too
    assert not (runs / "cortex-0").exists()
    first = metrics.read_text().splitlines()
    assert len(first) == 3
    assert main(command) == 0
    lines = metrics.read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[:3] == first  # they were not made again


def test_a_run_of_another_recipe_is_refused(experiment_file: Path, finished_runs: Path, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text((experiment_file.parent / "small.yaml").read_text())
    changed = tmp_path / "changed.yaml"
    changed.write_text(experiment_file.read_text().replace("batch_size: 256", "batch_size: 128"))
    plan = schedule(experiments.load(changed), "full", finished_runs)
    with pytest.raises(RunError, match=r"dense-0 was made with another recipe .*batch size 256, now 128"):
        standing(plan.tasks[0], plan.experiment, plan.cells)
    changed.write_text(experiment_file.read_text().replace("heads: 4", "heads: 2"))
    plan = schedule(experiments.load(changed), "full", finished_runs)
    with pytest.raises(RunError, match="another spec"):
        standing(plan.tasks[0], plan.experiment, plan.cells)


def test_comments_do_not_make_runs_stale(experiment_file: Path, finished_runs: Path, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text("# another comment\n" + (experiment_file.parent / "small.yaml").read_text())
    (tmp_path / "experiment.yaml").write_text("# and here\n" + experiment_file.read_text())
    plan = schedule(experiments.load(tmp_path / "experiment.yaml"), "full", finished_runs)
    assert {standing(task, plan.experiment, plan.cells) for task in plan.tasks} == {Standing.DONE}


@pytest.mark.slow
def test_a_failed_run_does_not_stop_the_others(
    experiment_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    (runs / "dense-0").mkdir(parents=True)
    (runs / "dense-0" / "notes.txt").write_text("something of mine")
    assert main(words(shortened(experiment_file, tmp_path), runs, "--plan", "tiny", "--jobs", "2")) == 1
    said = capsys.readouterr()
    assert "dense-0: failed" in said.err
    assert "no empty folder" in said.err
    assert "2 of 3 runs are done" in said.out
    assert (runs / "cortex-0" / "predictions.h5").exists()


@pytest.mark.parametrize(
    ("more", "words_said"),
    [
        (("--plan", "huge"), "has no plan `huge`; it has full, pair, tiny"),
        (("--jobs", "0"), "--jobs is 0"),
    ],
)
def test_what_cannot_be_is_said(
    experiment_file: Path, tmp_path: Path, more: tuple[str, ...], words_said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(experiment_file, tmp_path / "runs", *more)) == 2
    assert words_said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words_said"),
    [(("--corrupted", "nosuch"), "nosuch: there is no such folder"), ((), "there is no folder digits-C")],
)
def test_images_that_are_not_there_are_missed_before_anything_is_trained(
    experiment_file: Path, tmp_path: Path, more: tuple[str, ...], words_said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    assert main(["experiment", "run", str(experiment_file), "--runs", str(runs), *more]) == 2
    assert words_said in capsys.readouterr().err
    assert not runs.exists()


@pytest.mark.parametrize(("asked", "with_it"), [("auto", "bfloat16"), ("float32", "float32"), ("bfloat16", "bfloat16")])
def test_precision_is_the_processors_unless_it_is_said(
    experiment_file: Path, asked: str, with_it: str, bfloat16: bool
) -> None:
    experiment = experiments.load(experiment_file)
    evaluation = experiment.evaluation.model_copy(update={"precision": asked})
    found = _precision(experiment.model_copy(update={"evaluation": evaluation}), Setting(data_dir=None, device="cpu"))
    assert found == (with_it if bfloat16 else asked.replace("auto", "float32"))


@pytest.mark.parametrize("damage", ["[1]", "{", '{"finished": true}'])
def test_a_damaged_evaluation_is_made_again(
    experiment_file: Path, finished_runs: Path, tmp_path: Path, damage: str
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(finished_runs / "dense-0", runs / "dense-0")
    plan = schedule(experiments.load(experiment_file), "full", runs)
    assert standing(plan.tasks[0], plan.experiment, plan.cells) is Standing.DONE
    (runs / "dense-0" / "evaluation.json").write_text(damage)
    assert standing(plan.tasks[0], plan.experiment, plan.cells) is Standing.BEGUN


def test_damaged_metrics_are_named(finished_runs: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_runs / "dense-0", tmp_path / "dense-0")
    with (tmp_path / "dense-0" / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "lo')
    with pytest.raises(RunError, match=r"metrics\.jsonl:3 is damaged"):
        read_metrics(Run(tmp_path / "dense-0"))


def is_free(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False


def wait_for(happened: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


pytestmark = [pytest.mark.trains, pytest.mark.skipif(os.name != "posix", reason="signals and /proc")]
