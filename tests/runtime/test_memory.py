"""The memory of a training: measured before it, and refused where it cannot fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.reliability import SPEC
from cortexc import compiler
from cortexc.runtime import memory, resources
from cortexc.runtime.manifest import Recipe, RunError
from cortexc.runtime.model import CorticalTransformer, build
from cortexc.runtime.training import train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> CorticalTransformer:
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    path.write_text(SPEC)
    return build(compiler.compile(path))


def test_an_image_takes_at_least_its_states_and_not_the_weights(model: CorticalTransformer) -> None:
    each = memory.image_bytes(model, bfloat16=False)
    states = 4 * sum(p.tokens * p.width for p in model.program.populations)
    assert states < each < 1000 * states
    assert memory.image_bytes(model, bfloat16=True) < each


def test_the_largest_batch_that_fits_is_said(model: CorticalTransformer, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, each = 16 * sum(p.numel() for p in model.parameters()), memory.image_bytes(model, bfloat16=False)
    monkeypatch.setattr(memory, "free_memory", lambda: weights + 10 * each)
    memory.check_room(model, Recipe(batch_size=10), 10**6, CPU, bfloat16=False)
    memory.check_room(model, Recipe(batch_size=11), 10, CPU, bfloat16=False)
    with pytest.raises(RunError, match=r"needs at least .* use a --batch-size of at most 10 \(it is 11\)"):
        memory.check_room(model, Recipe(batch_size=11), 10**6, CPU, bfloat16=False)
    monkeypatch.setattr(memory, "free_memory", lambda: 0)
    with pytest.raises(RunError, match=r"0\.0 MB are free: use smaller grids"):
        memory.check_room(model, Recipe(), 10**6, CPU, bfloat16=False)


@pytest.mark.trains
def test_a_run_that_cannot_fit_leaves_no_folder(
    model: CorticalTransformer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 10**5)
    with pytest.raises(RunError, match="needs at least"):
        train(model.program, data="digits", data_dir=None, out=tmp_path / "run", recipe=Recipe(), device="cpu")
    assert not (tmp_path / "run").exists()


def test_limits_of_a_group_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job").mkdir()
    for name, text in (("max", "1000000"), ("current", "900000"), ("stat", "anon 1\ninactive_file 50000\n")):
        (tmp_path / "job" / f"memory.{name}").write_text(text)
    monkeypatch.setattr(resources, "GROUPS", tmp_path)
    monkeypatch.setattr(resources, "groups", lambda: [("", "/job/step")])
    assert resources.free_memory() == 150_000


GROWTH = """
import torch
from pathlib import Path
from cortexc import compiler
from cortexc.runtime.memory import image_bytes
from cortexc.runtime.model import build

def taken(line):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(words.split()[1]) for words in lines if words.startswith(line))

model = build(compiler.compile("vit-tiny"))
each = image_bytes(model, False)
model(torch.zeros(2, 3, 32, 32)).sum().backward()
Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is taken
before = taken("VmRSS")
model(torch.zeros(64, 3, 32, 32)).sum().backward()
print((taken("VmHWM") - before) / (64 * each))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_least_is_less_than_what_is_taken_and_not_much_less() -> None:
    found = subprocess.run([sys.executable, "-c", GROWTH], check=True, capture_output=True, text=True).stdout
    assert 1 < float(found) < 3
