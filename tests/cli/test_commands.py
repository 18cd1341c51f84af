"""The command line: what each command prints, its exit status, and that a mistake never shows a traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from cortexc.main import COMMANDS, main

BROKEN = """cortexc: 1
name: broken
input: {grid: [4, 4], patch: 8, width: 8}
areas: {V1: {grid: [4, 4]}}
readout: {area: V9, classes: 10}
"""
SMALL = """cortexc: 1
name: small
input: {grid: [4, 4], patch: 8, width: 16}
areas: {V1: {grid: [4, 4]}, V2: {grid: [2, 2]}}
projections: [{from: LGN, to: V1}, {from: V1, to: V2}]
readout: {area: V2, classes: 10}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that cannot be done; return what it says."""
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse
        status = int(stop.code or 0)
    said = capsys.readouterr()
    assert status == 2, said
    assert "Traceback" not in said.err + said.out
    assert said.err.strip(), "it says nothing"
    return said.err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert [c for c in COMMANDS if c not in said] == []


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert "usage: cortexc " + command in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["check", "macaque-ventral"], ["inspect", "vit-tiny"], ["specs"]])
def test_what_needs_no_torch_loads_none(words: list[str]) -> None:
    code = (
        f"import sys; from cortexc.main import main\ntry: main({words!r})\nfinally: assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("cortexc 0.")


def test_specs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["specs"]) == 0
    said = capsys.readouterr().out
    assert "vit-tiny" in said
    assert "macaque-ventral" in said
    assert "circuits/potjans-diesmann-2014.yaml" in said


def test_a_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "s201"]) == 0
    assert "dangling-area" in capsys.readouterr().out
    assert "no rule" in refused(["explain", "S999"], capsys)


def test_compile_then_inspect(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.h5"
    assert main(["compile", str(small), "-o", str(out)]) == 0
    capsys.readouterr()
    assert main(["inspect", str(out), "--format", "json"]) == 0
    from_artifact = json.loads(capsys.readouterr().out)
    assert main(["inspect", str(small), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == from_artifact
    assert from_artifact["parameters"]["total"] > 0
    assert main(["inspect", str(out)]) == 0
    assert "attend V2.E@1" in capsys.readouterr().out


@pytest.mark.trains
def test_train_evaluate_resume(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    words = ["train", str(small), "--data", "digits", "--out", str(run), "--epochs", "2", "--device", "cpu"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "epoch 2: loss" in said
    assert main(["evaluate", str(run), "--device", "cpu"]) == 0
    table = capsys.readouterr().out
    assert "accuracy" in table
    assert "  nine" in table or "  9" in table
    assert main(["evaluate", str(run), "--format", "json", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 360
    assert main(["train", "--resume", str(run), "--device", "cpu"]) == 0
    capsys.readouterr()
    assert "cannot be changed" in refused(["train", "--resume", str(run), "--batch-size", "9"], capsys)
    before = (run / "checkpoint.pt").read_bytes()
    assert main(words) == 0  # the same command again: nothing is left to do
    assert (run / "checkpoint.pt").read_bytes() == before
    capsys.readouterr()
    assert "another recipe (epochs 2, now 3)" in refused([*words, "--epochs", "3"], capsys)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "vit-tiny", "--out", "RUN"], "--data-dir"),
        (["train", "vit-tiny", "--data", "digits"], "--out"),
        (["train", "vit-tiny", "--data", "cifar10", "--data-dir", "NOWHERE", "--out", "RUN"], "fetch"),
        (["train", "vit-tiny", "--data", "digits", "--out", "RUN", "--epochs", "0"], "at least 1"),
        (["train", "vit-tiny", "--data", "digits", "--out", "RUN", "--lr", "nan"], "positive"),
        (["train", "vit-tini", "--data", "digits", "--out", "RUN"], "did you mean `vit-tiny`"),
        (["evaluate", "NOWHERE"], "holds no run"),
        (["train", "--resume", "NOWHERE"], "holds no run"),
        (["inspect", "NOWHERE.h5"], "no such file"),
        (["inspect", "vit-tiny", "--seed", "-1"], "at least 0"),
        (["compile", "vit-tiny", "-o", "NOWHERE/x.h5"], "NOWHERE"),
        (["compile", "nonsense", "-o", "x.h5"], "no shipped spec"),
        (["check", "NOWHERE.yaml", "--format", "yaml"], "invalid choice"),
        (["frobnicate"], "invalid choice"),
        ([], "COMMAND"),
        (["data", "fetch", "cifar11", "--data-dir", "DIR"], "cifar10"),
    ],
)
def test_a_mistake_gets_one_clear_message(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refused(words, capsys)


def test_a_broken_spec_is_shown_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    for words in (["compile", str(path), "-o", str(tmp_path / "x.h5")], ["inspect", str(path)]):
        said = refused(words, capsys)
        assert "error[S201]" in said
        assert f"{path}:5:17" in said
    assert not (tmp_path / "x.h5").exists()


def test_an_artifact_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(b"hello")
    assert str(path) in refused(["inspect", str(path)], capsys)


def test_a_closed_pipe_is_no_fault() -> None:
    command = f"{sys.executable} -m cortexc schema | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_commands_work_outside_the_checkout(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "cortexc", "check", "macaque-ventral", "vit-tiny"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "macaque-ventral: clean\nvit-tiny: clean\n")


@pytest.mark.trains
def test_ctrl_c_keeps_what_was_learnt(small: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "cortexc", "train", str(small), "--data", "digits", "--out", str(run)]
    command += ["--epochs", "400", "--batch-size", "8", "--device", "cpu"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 600
        while not (run / "metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=600)[1]
    assert process.returncode == 130
    assert f"--resume {run}" in said
    assert "Traceback" not in said
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    assert state["step"] >= 1
    assert not state["finished"]
    assert not [p.name for p in run.iterdir() if p.name.endswith(".part")]
