"""Whether a run is what it says: its files are whole and belong together; data and versions are those it had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from cortexc import digests
from cortexc.compiler.artifact import ArtifactError, load

from . import manifest as manifests
from . import predictions
from . import run as runs
from .data.dataset import DataError
from .manifest import Manifest, RunError
from .model import build
from .predictions import CLEAN
from .run import Run
from .training import dataset_of, versions


@dataclass(frozen=True)
class Verified:
    """What was found out about one thing."""

    status: Literal["ok", "wrong", "differs", "unknown"]
    """``differs`` is no fault: another version, say. ``unknown``: what it would be compared with is not here."""
    what: str
    text: str = ""


def verify_run(folder: Path, data_dir: Path | None = None) -> Iterator[Verified]:
    """Yield what is found out about each file of a run, its data and the versions.

    Raises:
        RunError: the folder holds no run, or its manifest cannot be read.
    """
    run = Run(folder)
    if not run.manifest_path.is_file():
        raise RunError(f"{folder} holds no run: there is no {run.manifest_path.name} in it")
    made = manifests.read(run.manifest_path)
    yield Verified("ok", str(run.manifest_path), _age(run.manifest_path))
    for path, look in (
        (run.program_path, lambda: _program(run, made)),
        (run.checkpoint_path, lambda: _checkpoint(run)),
        (run.metrics_path, lambda: _metrics(run, made)),
        (run.predictions_path, lambda: _predictions(run)),
        (run.evaluation_path, lambda: _evaluation(run)),
    ):
        yield looked_at(path, look)
    yield _data(made, data_dir)
    yield from _versions(made.versions)


def looked_at(path: Path, look: Callable[[], str]) -> Verified:
    """Return what a look at a file found: it returns a text, or raises why the file is wrong."""
    if not path.is_file():
        return Verified("unknown", str(path), "there is none")
    try:
        text = look()
        return Verified("ok", str(path), ", ".join(filter(None, (text, _age(path)))))
    except (RunError, ArtifactError, digests.DigestError) as error:
        return Verified("wrong", str(path), str(error).removeprefix(f"{path}").lstrip(": "))


def differences(before: Manifest, now: Manifest) -> list[str]:
    """Return in which versions and in what of the machine two runs differ, as sentences."""
    pairs = [(name, before.versions.get(name), now.versions.get(name)) for name in {**before.versions, **now.versions}]
    fields = type(before.machine).model_fields
    pairs += [(name, getattr(before.machine, name), getattr(now.machine, name)) for name in fields]
    return [f"{name}: {one}, now {other}" for name, one, other in pairs if one != other]


def outcome(before: Run, now: Run) -> str:
    """Return in one sentence how the weights and metrics of a repeated run compare with those of the first.

    Raises:
        RunError: a checkpoint or the metrics cannot be read.
    """
    one, other = (runs.load_checkpoint(run, torch.device("cpu")) for run in (before, now))
    if one["step"] == other["step"] and runs.weights_digest(one["model"]) == runs.weights_digest(other["model"]):
        return "the weights are the same, bit for bit"
    pairs = list(zip(runs.read_metrics(before), runs.read_metrics(now), strict=False))
    if not pairs:
        return "there is nothing to compare with: no epoch was finished"
    first = next((i for i, (a, b) in enumerate(pairs, start=1) if a["loss"] != b["loss"]), None)
    if first is None:
        return f"the losses of all {len(pairs)} epochs that both have are the same"
    (a, b) = pairs[-1]
    return (
        f"the losses differ from epoch {first} on; in epoch {a['epoch']} they are {a['loss']} and {b['loss']}, and the "
        f"training accuracies {100 * a['accuracy']:.2f} and {100 * b['accuracy']:.2f} %"
    )


def _age(path: Path) -> str:
    own = path.suffix in {".json", ".h5", ".pt"}
    return "" if not own or digests.check(path) else "without a digest: an earlier version wrote it"


def _program(run: Run, made: Manifest) -> str:
    if load(run.program_path).content_hash() != made.program:
        raise RunError(f"it is not the program that {run.manifest_path.name} was written for")
    return made.program[:19]


def _checkpoint(run: Run) -> str:
    state = runs.load_checkpoint(run, torch.device("cpu"))
    runs.load_weights(run, build(load(run.program_path)), state)
    return f"step {state['step']}" + ("" if state.get("finished") else ", not finished")


def _metrics(run: Run, made: Manifest) -> str:
    return f"{len(runs.read_metrics(run))} of {made.recipe.epochs} epochs"


def _predictions(run: Run) -> str:
    found = predictions.of_run(run)
    return f"{len(found.cells)} x {len(found.labels):,} of these weights"


def _evaluation(run: Run) -> str:
    evaluation, found = runs.read_evaluation(run), predictions.of_run(run)
    accuracy = float(found.correct((CLEAN,)).mean())
    if abs(evaluation.get("accuracy", -1) - accuracy) > 1e-9:
        raise RunError(f"its accuracy is {evaluation.get('accuracy')}, and that of the predictions is {accuracy}")
    return f"accuracy {100 * accuracy:.2f} %, as the predictions have it"


def _data(made: Manifest, data_dir: Path | None) -> Verified:
    try:
        dataset_of(made, data_dir)
    except DataError as error:
        return Verified("unknown", f"data {made.data.name}", str(error))
    except RunError as error:
        return Verified("wrong", f"data {made.data.name}", str(error))
    return Verified("ok", f"data {made.data.name}", made.data.fingerprint[:19])


def _versions(then: dict[str, str]) -> Iterator[Verified]:
    now = versions()
    changed = [
        f"{name} {then[name]}, now {now.get(name, 'not installed')}" for name in then if then[name] != now.get(name)
    ]
    yield Verified("differs" if changed else "ok", "versions", "; ".join(changed))
