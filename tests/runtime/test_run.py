"""The files of a run: damaged ones are noticed, the checkpoint before takes its place, and there is one writer."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from benchmarks.reliability import SPEC, damages
from cortexc import compiler
from cortexc.locking import LOCK, LockedError, only_writer
from cortexc.main import main
from cortexc.runtime import predictions
from cortexc.runtime import run as runs
from cortexc.runtime.evaluation import Measures, evaluate
from cortexc.runtime.manifest import Recipe, RunError
from cortexc.runtime.run import Run, RunWarning
from cortexc.runtime.training import resume, train
from cortexc.runtime.verification import verify_run

pytestmark = pytest.mark.trains
RECIPE = Recipe(epochs=2, batch_size=512, flip=False)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "spec.yaml").write_text(SPEC)
    program = compiler.compile(folder / "spec.yaml")
    train(program, data="digits", data_dir=None, out=folder / "run", recipe=RECIPE, device="cpu")
    evaluate(folder / "run", device="cpu")
    return folder / "run"


@pytest.fixture
def run(evaluated: Path, tmp_path: Path) -> Run:
    return Run(shutil.copytree(evaluated, tmp_path / "run"))


def weights(run: Run) -> str:
    return runs.weights_digest(runs.load_checkpoint(run, CPU)["model"])


def wrong(run: Run) -> list[str]:
    return [Path(one.what).name for one in verify_run(run.folder) if one.status == "wrong"]


def test_a_whole_run_is_verified(run: Run) -> None:
    assert [one.status for one in verify_run(run.folder)] == ["ok"] * 8


@pytest.mark.parametrize("name", ["checkpoint.pt", "program.h5", "predictions.h5", "evaluation.json", "metrics.jsonl"])
def test_damage_is_noticed(run: Run, name: str) -> None:
    path = run.folder / name
    whole = path.read_bytes()
    for bad in damages(whole, 6, random.Random(name)):
        path.write_bytes(bad)
        found = wrong(run)
        unharmed = bad.startswith(whole[:-90])  # only the digest itself, or what comes after it
        assert name in found or unharmed, bad[-200:]


def test_a_damaged_manifest_is_refused(run: Run) -> None:
    text = run.manifest_path.read_text()
    run.manifest_path.write_text(text.replace('"epochs": 2', '"epochs": 3'))
    with pytest.raises(RunError, match=r"manifest\.json: damaged: it does not match its digest"):
        resume(run.folder, device="cpu")


def test_files_of_earlier_versions_have_no_digest_and_are_read(run: Run) -> None:
    for path in (run.checkpoint_path, run.manifest_path, run.evaluation_path):
        content = path.read_bytes()
        end = b',\n  "digest"' if path.suffix == ".json" else b"\ncortexc sha256:"
        path.write_bytes(content[: content.rindex(end)] + (b"\n}\n" if path.suffix == ".json" else b""))
    for path in (run.program_path, run.predictions_path):
        with h5py.File(path, "r+") as file:  # which also cuts off what comes behind its end
            del file.attrs["digest"]
    found = list(verify_run(run.folder))
    assert [one.status for one in found] == ["ok"] * 8
    assert sum("an earlier version" in one.text for one in found) == 5


def test_training_goes_on_from_the_checkpoint_before(run: Run) -> None:
    wanted = weights(run)
    run.checkpoint_path.write_bytes(run.checkpoint_path.read_bytes()[:-500])
    with pytest.raises(RunError, match=r"checkpoint\.pt is damaged .*--resume .* goes on from the one before"):
        evaluate(run.folder, device="cpu")
    with pytest.warns(RunWarning, match=r"goes on from the checkpoint before it, of step 3"):
        resume(run.folder, device="cpu")
    assert weights(run) == wanted
    assert [m["epoch"] for m in runs.read_metrics(run)] == [1, 2]
    assert wrong(run) == []


def test_a_run_without_a_sound_checkpoint_is_refused(run: Run) -> None:
    for path in (run.checkpoint_path, run.before_path):
        path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(RunError, match=r"damaged .*move .* away, and train again"):
        resume(run.folder, device="cpu")


@pytest.mark.parametrize("change", ["", '{"epoch": 1, "loss": 0.1}\n'])
def test_changed_metrics_are_noticed_and_written_again(run: Run, change: str) -> None:
    before = run.metrics_path.read_text()
    run.metrics_path.write_text(change)
    with pytest.raises(RunError, match=r"metrics\.jsonl is not what the training wrote"):
        runs.read_metrics(run)
    resume(run.folder, device="cpu")
    assert run.metrics_path.read_text() == before


def test_weights_that_are_no_numbers_are_neither_saved_nor_evaluated(run: Run) -> None:
    state = runs.load_checkpoint(run, CPU)
    next(iter(state["model"].values())).view(-1)[0] = torch.nan
    with pytest.raises(RunError, match="diverged"):
        runs.save_checkpoint(run, state)
    torch.save(state, run.checkpoint_path)
    with pytest.raises(RunError, match=r"diverged: after step 6, .* not finite"):
        evaluate(run.folder, device="cpu")


def test_predictions_of_another_run_are_no_reference(run: Run, evaluated: Path) -> None:
    found = predictions.load(run.predictions_path)
    other = dataclasses.replace(found, about={**found.about, "weights": "sha256:0"})
    predictions.save(other, run.predictions_path)
    with pytest.raises(RunError, match="not the predictions of this run"):
        evaluate(evaluated, device="cpu", measures=Measures(references=(run.folder,)))
    assert "predictions.h5" in wrong(run)


def test_an_evaluation_that_its_predictions_contradict_is_wrong(run: Run) -> None:
    found = predictions.load(run.predictions_path)
    other = dataclasses.replace(found, predicted=((found.predicted + 1) % 10).astype(np.uint8))
    predictions.save(other, run.predictions_path)
    assert wrong(run) == ["evaluation.json"]


def test_verify_prints_what_is_wrong(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(run.folder)]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    evaluation = json.loads(run.evaluation_path.read_text())
    run.evaluation_path.write_text(json.dumps(evaluation))
    run.metrics_path.write_text("")
    assert main(["verify", str(run.folder)]) == 1
    said = capsys.readouterr().out
    assert "wrong    " + str(run.metrics_path) in said
    assert "1 of 8 are wrong" in said
    assert main(["verify", str(run.folder / "nowhere")]) == 2


def test_a_run_is_repeated_from_its_manifest(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "--like", str(run.folder), "--out", str(tmp_path / "again"), "--device", "cpu"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "versions and machine are those of then" in said
    assert "the weights are the same, bit for bit" in said
    assert main([*words, "--lr", "1"]) == 2
    assert "--lr cannot be changed with --like" in capsys.readouterr().err


HELD = """
import sys, time
from pathlib import Path
from cortexc.locking import only_writer
with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_run_has_one_writer_until_that_dies(run: Run) -> None:
    (run.folder / ".checkpoint.pt.other-1-00000000-0.part").touch()
    holder = subprocess.Popen([sys.executable, "-c", HELD, str(run.folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        named = rf"another process is writing there \(process {holder.pid} on .* since "
        for start in (resume, evaluate):
            with pytest.raises(RunError, match=named):
                start(run.folder, device="cpu")
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    evaluate(run.folder, device="cpu")
    assert not list(run.folder.glob("*.part"))


def test_a_process_may_take_a_lock_twice_and_gives_it_back(tmp_path: Path) -> None:
    with only_writer(tmp_path), only_writer(tmp_path):
        pass
    (tmp_path / LOCK).unlink()
    (tmp_path / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises((OSError, LockedError)), only_writer(tmp_path):
        pass
    assert not (tmp_path / "precious").exists()
