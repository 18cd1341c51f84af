"""The run directory: all files of one training run.

program.h5        the compiled connectome, with the spec it came from
manifest.json     spec hash, recipe, seeds, versions, data fingerprint, machine
metrics.jsonl     one line an epoch
checkpoint.pt     weights and optimiser after the last saved step
evaluation.json   result of ``cortexc evaluate``
predictions.h5    prediction for each test image, clean and corrupted
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cortexc.compiler.artifact import ArtifactError, Program, load

from .manifest import Manifest, read
from .manifest import RunError as RunError


@dataclass(frozen=True)
class Run:
    """The files of one run."""

    folder: Path

    @property
    def program_path(self) -> Path:
        """The compiled connectome."""
        return self.folder / "program.h5"

    @property
    def manifest_path(self) -> Path:
        """Recipe, data, versions and machine."""
        return self.folder / "manifest.json"

    @property
    def metrics_path(self) -> Path:
        """One line an epoch."""
        return self.folder / "metrics.jsonl"

    @property
    def checkpoint_path(self) -> Path:
        """Weights and optimiser after the last saved step."""
        return self.folder / "checkpoint.pt"

    @property
    def evaluation_path(self) -> Path:
        """The result of the evaluation."""
        return self.folder / "evaluation.json"

    @property
    def predictions_path(self) -> Path:
        """The prediction for each test image."""
        return self.folder / "predictions.h5"


def create(folder: Path, program: Program, manifest: Manifest) -> Run:
    """Make a new run directory.

    Raises:
        RunError: the folder has something in it already, or cannot be written.
    """
    run = Run(folder)
    if run.manifest_path.exists():
        raise RunError(f"{folder} holds a run already: continue it with `--resume {folder}`, or choose another --out")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise RunError(f"{folder} exists and is no empty folder: choose another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        program.save(run.program_path)
        write_json(run.manifest_path, manifest.model_dump(mode="json"))
    except OSError as error:
        raise RunError(f"cannot write the run to {folder}: {error.strerror}") from None
    return run


def opened(folder: Path) -> tuple[Run, Program, Manifest]:
    """Return a run, its program and its manifest.

    Raises:
        RunError: the folder holds no run, or a damaged one.
    """
    run = Run(folder)
    if not run.manifest_path.is_file():
        raise RunError(f"{folder} holds no run: there is no {run.manifest_path.name} in it; `cortexc train` makes one")
    manifest = read(run.manifest_path)
    try:
        program = load(run.program_path)
    except ArtifactError as error:
        raise RunError(str(error)) from None
    if manifest.program != program.content_hash():
        raise RunError(f"{run.program_path} is not the program that {run.manifest_path} was written for")
    return run, program, manifest


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file; it appears under its name only when it is complete."""
    _replace(path, lambda part: part.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8"))


def append_metrics(run: Run, entry: dict[str, Any]) -> None:
    """Add one line to the metrics."""
    with run.metrics_path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def read_metrics(run: Run) -> list[dict[str, Any]]:
    """Return the lines of the metrics.

    Raises:
        RunError: the file is damaged.
    """
    if not run.metrics_path.is_file():
        return []
    found = []
    for number, line in enumerate(run.metrics_path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except (json.JSONDecodeError, UnicodeDecodeError):
            fix = "delete that line, or make the run again"
            raise RunError(f"{run.metrics_path}:{number} is damaged: it is not JSON; {fix}") from None
    return found


def trim_metrics(run: Run, epochs: int) -> None:
    """Keep the metrics of the first ``epochs`` only: later ones are about to be made again."""
    kept = [m for m in read_metrics(run) if m["epoch"] <= epochs]
    text = "".join(json.dumps(m) + "\n" for m in kept)
    _replace(run.metrics_path, lambda part: part.write_text(text, encoding="utf-8"))


def save_checkpoint(run: Run, state: dict[str, Any]) -> None:
    """Write the checkpoint; the previous one stays until the new one is complete.

    Raises:
        RunError: it cannot be written.
    """
    try:
        _replace(run.checkpoint_path, lambda part: torch.save(state, part))
    except (OSError, RuntimeError) as error:
        raise RunError(f"cannot write {run.checkpoint_path}: {error}") from None


def load_checkpoint(run: Run, device: torch.device) -> dict[str, Any]:
    """Read the checkpoint, weights only.

    Raises:
        RunError: there is none, or it is damaged.
    """
    if not run.checkpoint_path.is_file():
        raise RunError(f"{run.folder} has no checkpoint yet: nothing was trained; start again with another --out")
    try:
        state = torch.load(run.checkpoint_path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises several unrelated types for a damaged file
        kind = type(error).__name__
        raise RunError(
            f"{run.checkpoint_path} is damaged and cannot be read ({kind}): move {run.folder} away, and train again"
        ) from None
    assert isinstance(state, dict)
    return state


def load_weights(run: Run, model: nn.Module, state: dict[str, Any]) -> None:
    """Give a model the weights of a checkpoint.

    Raises:
        RunError: they are those of another program.
    """
    try:
        model.load_state_dict(state["model"])
    except (KeyError, RuntimeError, TypeError) as error:
        message = f"{run.checkpoint_path} does not belong to this run: {str(error).splitlines()[0]}"
        raise RunError(message) from None


def _replace(path: Path, write_to: Callable[[Path], object]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write_to(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
