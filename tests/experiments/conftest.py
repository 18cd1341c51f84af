"""A small experiment on the digits, and its runs, made once."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SPEC = """
cortexc: 1
name: small
sources: {test: {note: made for the tests, status: assumed}}
input: {name: LGN, grid: [4, 4], patch: 8, width: 8, source: test}
areas: {V1: {grid: [4, 4], source: test}, V2: {grid: [2, 2], source: test}, V4: {grid: [2, 2], source: test}}
lateral: {V1: {kernel: {type: disc, radius: 1}, source: test}}
projections:
  - {from: LGN, to: V1, source: test}
  - {from: V1, to: V2, fln: 0.6, sln: 0.8, source: test}
  - {from: V2, to: V1, fln: 0.5, sln: 0.3, source: test}
  - {from: V2, to: V4, fln: 0.4, sln: 0.9, source: test}
  - {from: V4, to: V2, fln: 0.2, sln: 0.2, source: test}
  - {from: V4, to: V1, fln: 0.1, sln: 0.1, source: test}
attention: {heads: 2, key_width: 2}
dynamics: {sweeps: 2}
readout: {area: V4, classes: 10}
"""
EXPERIMENT = """
cortexc_experiment: 1
name: small-test
description: A test of <everything> & more
data: {name: digits}
recipe: {epochs: 2, batch_size: 256}
seeds: [0, 1]
baseline: dense
references: {arm: dense, seeds: [7, 8], epochs: [2, 1]}
evaluation: {corruptions: all, resamples: 1000, precision: float32}
arms:
  dense: {title: Dense, spec: small.yaml, overrides: {attention: {heads: 4, key_width: 16}}}
  cortex: {title: Cortical, spec: small.yaml}
  random: {of: cortex, null_model: {model: weights, seed: 1}}
plans:
  pair: {arms: [dense, cortex], references: null}
  tiny: {arms: [dense, cortex], seeds: [0], references: {arm: dense, seeds: [7]}, recipe: {epochs: 1}}
"""


@pytest.fixture(scope="session", autouse=True)
def run_processes() -> Iterator[None]:
    """Let experiments give every run one thread, and fork its process: to load torch takes longer than its work."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["sklearn.datasets", "cortexc.experiments.execution", "tests.run_processes"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)  # where it finds `tests`
        patch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
        patch.setattr(multiprocessing, "get_context", lambda method: server)
        yield


@pytest.fixture(scope="session")
def experiment_file(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    def write(folder: Path) -> None:
        (folder / "small.yaml").write_text(SPEC)
        (folder / "experiment.yaml").write_text(EXPERIMENT)

    return once("experiment", write) / "experiment.yaml"


@pytest.fixture(scope="session")
def finished_runs(experiment_file: Path, digits_c: Path, once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Return the folder of all runs of the experiment, made by the command."""
    from cortexc.main import main

    def run(folder: Path) -> None:
        words = ["experiment", "run", str(experiment_file), "--runs", str(folder), "--corrupted", str(digits_c)]
        assert main([*words, "--jobs", "2"]) == 0

    return once("runs", run)
