"""The run directory: all files of one training run.

program.h5        the compiled connectome, with the spec it came from
manifest.json     spec hash, recipe, seeds, versions, data fingerprint, machine
metrics.jsonl     one line an epoch
checkpoint.pt     weights and optimiser after the last saved step, and the metrics until then
checkpoint-before.pt  the one before it
evaluation.json   result of ``cortexc evaluate``
predictions.h5    prediction for each test image, clean and corrupted
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from cortexc import digests
from cortexc.compiler.artifact import ArtifactError, Program, load
from cortexc.locking import LOCK, LockedError, only_writer
from cortexc.replacement import is_part, make_folder, write, write_json

from .manifest import Extension, Manifest, Recipe, read
from .manifest import RunError as RunError
from .weights import tensors

METRICS: Final = "metrics"
"""The key of a checkpoint under which the text of the metrics is."""


class RunWarning(UserWarning):
    """A run goes on, in another way than was expected."""


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
    def before_path(self) -> Path:
        """The checkpoint before the last one."""
        return self.folder / "checkpoint-before.pt"

    @property
    def evaluation_path(self) -> Path:
        """The result of the evaluation."""
        return self.folder / "evaluation.json"

    @property
    def predictions_path(self) -> Path:
        """The prediction for each test image."""
        return self.folder / "predictions.h5"


@contextmanager
def written_alone(folder: Path, *, make: bool = False) -> Iterator[None]:
    """Hold the lock of a run's folder, which is made if it is to be.

    Raises:
        RunError: another process is writing to the run, or the folder cannot be written.
    """
    with ExitStack() as held:
        try:
            if make:
                make_folder(folder)
            held.enter_context(only_writer(folder))
        except LockedError as error:
            raise RunError(f"{error}; wait until it has ended, or stop it") from None
        except OSError as error:
            raise RunError(f"cannot write the run to {folder}: {error.strerror}") from None
        yield


def check_free(folder: Path, program: Program, manifest: Manifest) -> None:
    """Make sure that a run can be made in a folder: there is nothing in it, or the same run was begun there.

    Raises:
        RunError: there is something else.
    """
    run = Run(folder)
    if run.manifest_path.exists():
        if other := _difference(opened(folder)[2], manifest):
            raise RunError(
                f"{folder} holds a run already, with {other}: continue it with `--resume {folder}`, or choose another "
                "--out"
            )
        return
    names = {path.name for path in folder.iterdir() if not is_part(path)} if folder.is_dir() else set()
    if folder.is_file() or names - {LOCK, run.program_path.name} or not _is_free(run.program_path, program):
        raise RunError(f"{folder} exists and is no empty folder: choose another --out")


def _difference(before: Manifest, now: Manifest) -> str:
    """Return what one run has that another has not; empty if the same is trained on the same data."""
    if before.program != now.program:
        return "another spec"
    for field in fields(Recipe):
        one, other = getattr(before.recipe, field.name), getattr(now.recipe, field.name)
        if one != other:
            return f"another recipe ({field.name.replace('_', ' ')} {one}, now {other})"
    if (before.initial and before.initial.weights) != (now.initial and now.initial.weights):
        return "other initial weights"
    data = ("fingerprint", "held_out", "corrupted")
    return "" if all(getattr(before.data, n) == getattr(now.data, n) for n in data) else "other data"


def _is_free(path: Path, program: Program) -> bool:
    """Return whether there is no program yet, or this one: the process that made the folder was killed after it."""
    try:
        return not path.exists() or load(path).content_hash() == program.content_hash()
    except ArtifactError:
        return False


def create(folder: Path, program: Program, manifest: Manifest) -> Run:
    """Make a run directory, or take the one in which the same run was begun.

    Raises:
        RunError: the folder has something else in it already, or cannot be written.
    """
    check_free(folder, program, manifest)
    run = Run(folder)
    if run.manifest_path.exists():
        return run
    try:
        make_folder(folder)
        program.save(run.program_path)
        write_json(run.manifest_path, manifest.model_dump(mode="json"))
    except OSError as error:
        raise RunError(f"cannot write the run to {folder}: {error.strerror}") from None
    return run


def extend(run: Run, manifest: Manifest, epochs: int, *, step: int) -> Manifest:
    """Make a run longer, ``step`` steps of which are trained; return its new manifest, which is written.

    Raises:
        RunError: it has as many epochs already, or cannot be written.
    """
    recipe = manifest.recipe
    if epochs < recipe.epochs:
        raise RunError(f"--epochs is {epochs}, and {run.folder} has {recipe.epochs} epochs: expected more")
    entry = Extension(step=step, epochs=recipe.epochs)
    changed = {"recipe": replace(recipe, epochs=epochs), "extended": (*manifest.extended, entry)}
    longer = manifest.model_copy(update=changed)
    try:
        write_json(run.manifest_path, longer.model_dump(mode="json"))
    except OSError as error:
        raise RunError(f"cannot write {run.manifest_path}: {error.strerror}") from None
    return longer


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


def append_metrics(run: Run, entry: dict[str, Any]) -> None:
    """Add one line to the metrics.

    Raises:
        RunError: it cannot be written.
    """
    try:
        with run.metrics_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
    except OSError as error:
        raise RunError(f"cannot write {run.metrics_path}: {error.strerror}") from None


def read_metrics(run: Run) -> list[dict[str, Any]]:
    """Return the lines of the metrics, which are compared with those in the checkpoint.

    Raises:
        RunError: the file is damaged, or not what the training wrote.
    """
    text = run.metrics_path.read_bytes() if run.metrics_path.is_file() else b""
    found: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            raise RunError(
                f"{run.metrics_path}:{number} is damaged: it is not JSON; `cortexc train --resume {run.folder}` writes "
                "the file again"
            ) from None
    try:
        saved = _checked(run.checkpoint_path, torch.device("cpu")).get(METRICS, "")
    except (OSError, RunError):
        return found
    if not text.startswith(saved.encode()):
        raise RunError(
            f"{run.metrics_path} is not what the training wrote, which is in {run.checkpoint_path.name} too: "
            f"`cortexc train --resume {run.folder}` writes it again"
        )
    return found


def trim_metrics(run: Run, epochs: int) -> None:
    """Keep the metrics of the first ``epochs`` only: later ones are about to be made again.

    Raises:
        RunError: the file is damaged, or cannot be written.
    """
    kept = [m for m in read_metrics(run) if m["epoch"] <= epochs] if epochs else []
    _write_metrics(run, "".join(json.dumps(m) + "\n" for m in kept))


def _write_metrics(run: Run, text: str) -> None:
    if run.metrics_path.is_file() and run.metrics_path.read_bytes() == text.encode():
        return
    try:
        write(run.metrics_path, text.encode())
    except OSError as error:
        raise RunError(f"cannot write {run.metrics_path}: {error.strerror}") from None


def save_checkpoint(run: Run, state: dict[str, Any]) -> None:
    """Write the checkpoint, with the metrics so far; the previous one is kept beside it.

    Raises:
        RunError: a weight is not finite, or the checkpoint cannot be written.
    """
    check_finite(run, state)
    metrics = run.metrics_path.read_text(encoding="utf-8") if run.metrics_path.is_file() else ""
    content = io.BytesIO()
    torch.save({**state, METRICS: metrics}, content)
    try:
        write(run.checkpoint_path, content.getbuffer(), digest=True, before=run.before_path)
    except OSError as error:
        message = f"cannot write {run.checkpoint_path}: {error.strerror}; what was saved before stays"
        raise RunError(message) from None


def check_finite(run: Run, state: dict[str, Any]) -> None:
    """Make sure that the weights of a checkpoint are numbers.

    Raises:
        RunError: one is not finite.
    """
    wrong = [name for name, value in state["model"].items() if not value.isfinite().all()]
    if wrong:
        raise RunError(
            f"{run.folder}: training diverged: after step {state.get('step')}, {wrong[0]} has values that are not "
            "finite; try a lower --lr"
        )


def weights_digest(weights: dict[str, torch.Tensor]) -> str:
    """Return the hash of a model's weights, which tells runs apart."""
    found = hashlib.sha256()
    for name, value in sorted(tensors(weights).items()):
        found.update(name.encode())
        flat = value.detach().cpu().contiguous().reshape(-1)
        found.update(flat.view(torch.uint8).numpy().tobytes())  # NumPy has no bfloat16
    return f"sha256:{found.hexdigest()}"


def read_evaluation(run: Run) -> dict[str, Any]:
    """Return the evaluation of a run.

    Raises:
        RunError: there is none, or it is damaged.
    """
    path = run.evaluation_path
    if not path.is_file():
        raise RunError(f"{path}: there is no evaluation; `cortexc evaluate {run.folder}` makes it")
    try:
        digests.check(path)
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, digests.DigestError) else f"{path} is damaged: it is not JSON"
        raise RunError(f"{reason}; evaluate the run again") from None
    if not isinstance(found, dict):
        raise RunError(f"{path} is damaged: it is no JSON object; evaluate the run again")
    return found


def load_checkpoint(run: Run, device: torch.device) -> dict[str, Any]:
    """Read the checkpoint, weights only.

    Raises:
        RunError: there is none, or it is damaged.
    """
    before = f"`cortexc train --resume {run.folder}` goes on from the one before it"
    if not run.checkpoint_path.is_file():
        if run.before_path.is_file():
            raise RunError(f"{run.checkpoint_path} is missing: {before}")
        raise RunError(f"{run.folder} has no checkpoint yet: nothing was trained; start again with another --out")
    try:
        return _checked(run.checkpoint_path, device)
    except RunError as error:
        remedy = before if run.before_path.is_file() else f"move {run.folder} away, and train again"
        raise RunError(f"{error}: {remedy}") from None


def resumable(run: Run, device: torch.device, step: int | None = None) -> dict[str, Any] | None:
    """Return the checkpoint to go on from, None if nothing was saved yet; the metrics become those of that time.

    Where the last one is damaged, or not of the step that is asked for, the one before takes its place, with a warning.

    Raises:
        RunError: both are damaged, or the metrics cannot be written.
    """
    state = None
    if run.checkpoint_path.is_file() or run.before_path.is_file():
        try:
            state = _checked(run.checkpoint_path, device)
            why = "" if step in (None, state["step"]) else f"{run.checkpoint_path} is of step {state['step']}"
        except RunError as error:
            why = str(error)
        if why:
            try:
                state = _checked(run.before_path, device)
            except RunError:
                raise RunError(f"{why}: move {run.folder} away, and train again") from None
            message = f"{why}; training goes on from the checkpoint before it, of step {state['step']}"
            warnings.warn(message, RunWarning, stacklevel=2)
            run.before_path.replace(run.checkpoint_path)
    if state is None:
        run.metrics_path.unlink(missing_ok=True)
    elif METRICS in state:
        _write_metrics(run, state[METRICS])
    return state


def _checked(path: Path, device: torch.device) -> dict[str, Any]:
    """Read a checkpoint after a look at its digest.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        digests.check(path)
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except Exception as error:  # torch raises several unrelated types for a damaged file
        kind = "its digest does not match" if isinstance(error, digests.DigestError) else type(error).__name__
        raise RunError(f"{path} is damaged and cannot be read ({kind})") from None
    if not isinstance(state, dict):
        raise RunError(f"{path} is no checkpoint of a run")
    return state


def load_weights(run: Run, model: nn.Module, state: dict[str, Any]) -> None:
    """Give a model the weights of a checkpoint.

    Raises:
        RunError: they are those of another program, or not finite.
    """
    try:
        model.load_state_dict(state["model"])
    except (KeyError, RuntimeError, TypeError) as error:
        message = f"{run.checkpoint_path} does not belong to this run: {str(error).splitlines()[0]}"
        raise RunError(message) from None
    check_finite(run, state)
