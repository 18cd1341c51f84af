"""The machine's moods get one sentence: closed and full streams, limits, names that are not UTF-8, and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks.reliability import SPEC

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shells, /dev/full and signals")
CORTEXC = f"{sys.executable} -m cortexc"


def shell(command: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    (folder / "spec.yaml").write_text(SPEC)
    done = subprocess.run(
        ["bash", "-c", command.replace("cortexc", CORTEXC)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("command", "status", "says"),
    [
        ("cortexc compile spec.yaml -o a.h5 >&-", 0, "standard output is closed"),
        ("cortexc compile spec.yaml -o a.h5 <&- >&- 2>&-", 0, ""),
        ("cortexc compile spec.yaml -o a.h5 > /dev/full", 2, "No space left on device (standard output"),
        ("ulimit -f 1; cortexc compile spec.yaml -o a.h5", 2, "error: a.h5: File too large"),
        ("ulimit -f 1; cortexc null macaque-29 --model degree -o n.yaml", 2, "error: n.yaml: File too large"),
    ],
)
def test_one_sentence_is_said(command: str, status: int, says: str, tmp_path: Path) -> None:
    found, out, err = shell(command, tmp_path)
    assert (found, out) == (status, "")
    assert err.count("\n") == bool(says)
    assert says in err
    assert {p.name for p in tmp_path.iterdir()} == {"spec.yaml"} | ({"a.h5"} if "ulimit" not in command else set())


@pytest.mark.parametrize("environment", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_every_character_can_be_printed(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "é.yaml").write_text(SPEC)
    assert shell("cortexc check é.yaml", tmp_path, **environment)[0] == 0


@pytest.mark.parametrize(
    ("command", "status"), [("check", 0), ("check --format json", 0), ("compile -o a.h5", 2), ("inspect", 0)]
)
def test_names_need_not_be_utf_8(command: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "na\udcffme.yaml").write_text(SPEC)
    found, _, err = shell(f"cortexc {command} $'na\\xffme.yaml'", tmp_path)
    assert found == status
    assert ("is not UTF-8" in err) == (status == 2)


@pytest.mark.trains
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2, signal.SIGTERM])
def test_a_training_saves_when_it_is_asked_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "cortexc", "train", "spec.yaml", "--data", "digits", "--out", "run"]
    command += ["--epochs", "4000", "--batch-size", "512", "--device", "cpu"]
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)}  # it is ignored under nohup
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, **heard) as process:
        deadline = time.monotonic() + 300
        while not (tmp_path / "run" / "checkpoint.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        said = process.communicate(timeout=300)[1]
    assert process.returncode == 130
    assert "`cortexc train --resume run` continues from here" in said
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == state["step"] // 3
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["recipe"]["epochs"] == 4000
