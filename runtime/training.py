"""Training: one loop, the data set in memory, no per-image Python.

Every random choice follows from (seed, epoch, step), so a run that is killed and resumed ends with the same weights
as one that was never stopped.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cortexc.compiler.artifact import Program

from . import device as devices
from . import run as runs
from .arguments import require, run_folder
from .corruptions.sets import stored
from .data.arrays import NAME as ARRAYS
from .data.augmentation import flip_and_crop
from .data.dataset import DataError, Dataset, DataSource, ImageSet, check_corruptible, load, placed
from .exposure import CorruptedTests, Exposure
from .manifest import Images, Manifest, Recipe, RunError, Seeds, read, spec_hash
from .memory import check_room
from .model import CorticalTransformer, build
from .optim import adamw, warmup_cosine
from .resources import taken
from .run import Run
from .warm_start import initial_of, initialise
from .weights import seeded

STOP_SIGNALS = tuple(getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2") if hasattr(signal, n))
"""A training saves a checkpoint and ends."""
SAVE_EVERY_S = 120.0
"""Time between checkpoints inside an epoch [s]."""


@dataclass(frozen=True)
class Progress:
    """The progress of a training, for a progress display."""

    epoch: int
    epochs: int
    step: int
    """In all epochs."""
    steps: int
    loss: float
    """Mean over this epoch so far."""
    accuracy: float
    """On the augmented training images of this epoch so far."""
    images_per_s: float
    seconds_left: float


Observer = Callable[[Progress], None]


def train(
    program: Program,
    *,
    data: DataSource,
    data_dir: Path | str | None = None,
    out: Path | str,
    recipe: Recipe,
    corrupted_folder: Path | str | None = None,
    hold_out: int = 0,
    init_from: Path | str | None = None,
    device: str = "auto",
    threads: int | None = None,
    bfloat16: bool | None = None,
    observe: Observer | None = None,
) -> Run:
    """Train a program; return the finished run. The same run that was begun there goes on where it was.

    Args:
        program: the artifact.
        data: what to train and test on: a shipped name, the path of an ``.npz``, ``folder``, or arrays and data sets of
            torch, see `cortexc.runtime.data.load`.
        data_dir: its folder.
        out: folder of the run.
        recipe: how to train.
        corrupted_folder: a set in the layout of CIFAR-10-C, if the recipe trains on corrupted test images.
        hold_out: how many training images are not trained on; the run is tested on these.
        init_from: a run of the same anatomy, with whose weights this one begins; where the number of classes is
            another, the head begins fresh.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: of a processor; None for as many as there are free cores, see ``resources``.
        bfloat16: whether products are in bfloat16; None where it is faster.
        observe: called with the progress.

    Raises:
        TypeError: the program or the recipe is something else.
        RunError: the run cannot be made, or the loss is no longer finite.
        DataError: the data cannot be read.
    """
    require(program, Program, "the program")
    require(recipe, Recipe, "the recipe")
    found = devices.choose(device)
    dataset = load(data, data_dir, hold_out=hold_out)
    folder = placed(data, data_dir)[1] if isinstance(data, str | PathLike) else None
    check_fit(program, dataset)
    exposure = exposure_of(dataset, recipe, None if corrupted_folder is None else Path(corrupted_folder))
    manifest = manifest_of(program, recipe, dataset, exposure, folder=folder, device=found, bfloat16=bfloat16)
    if init_from is not None:
        manifest = manifest.model_copy(update={"initial": initial_of(program, Path(init_from))})
    model = build(program, seed=recipe.seed)
    runs.check_free(Path(out), program, manifest)
    check_room(model, recipe, len(exposure), found, manifest.machine.bfloat16)
    with runs.written_alone(Path(out), make=True):
        run = runs.create(Path(out), program, manifest)
        manifest = read(run.manifest_path)
        return Training(run, model, exposure, manifest, found, observe, threads).go(runs.resumable(run, found))


def manifest_of(
    program: Program,
    recipe: Recipe,
    dataset: Dataset,
    exposure: Exposure,
    *,
    folder: Path | None,
    device: torch.device,
    stacked: int = 0,
    bfloat16: bool | None = None,
) -> Manifest:
    """Return the manifest of a run, which is written before it is trained.

    Args:
        program: what is trained.
        recipe: how.
        dataset: what is trained and tested on.
        exposure: what is shown of it; see `exposure_of`.
        folder: the data directory.
        device: where the model runs.
        stacked: how many seeds are trained together as one batched model; 0 for a run trained alone.
        bfloat16: whether products are in bfloat16; None where it is faster. A stack has none.

    Raises:
        DataError: the corrupted images that are trained on cannot be read.
    """
    tests = exposure.tests
    return Manifest(
        name=program.name,
        program=program.content_hash(),
        spec=spec_hash(program),
        parameters=program.parameter_counts,
        flops_per_image=program.flops_per_image,
        recipe=recipe,
        seeds=Seeds(compile=program.seed, train=recipe.seed),
        data=Images(
            name=dataset.name,
            folder=folder and folder.resolve(),
            corrupted_folder=tests and tests.set.folder.resolve(),
            corrupted=tests and tests.set.identity(recipe.corruptions),
            fingerprint=dataset.fingerprint,
            held_out=dataset.held_out,
            training_images=len(dataset.train),
            test_images=len(dataset.test),
            classes=dataset.classes,
        ),
        versions=versions(),
        machine=devices.describe(device).model_copy(
            update={
                "stacked": stacked,
                "bfloat16": not stacked and (devices.has_bfloat16(device) if bfloat16 is None else bfloat16),
            }
        ),
        command=tuple(sys.argv),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def resume(
    folder: Path | str,
    *,
    epochs: int | None = None,
    data: DataSource | None = None,
    data_dir: Path | str | None = None,
    device: str = "auto",
    threads: int | None = None,
    observe: Observer | None = None,
) -> Run:
    """Continue a run from its last checkpoint, in the precision that it began with; see `train` for the arguments.

    A finished run is returned as it is, unless there are more ``epochs`` than it was to have: then it goes on under the
    schedule of a run of that length, and its manifest says after which step it was extended. ``data`` is given again
    for a run on arrays, and is left out otherwise.

    Raises:
        RunError: there is no run, its data have changed, or it is to have fewer epochs than it has.
        DataError: the data cannot be read.
    """
    found = devices.choose(device)
    run, program, manifest = runs.opened(run_folder(folder))
    dataset = dataset_of(manifest, data_dir, data)
    model = build(program, seed=manifest.recipe.seed)
    exposure = exposure_of(dataset, manifest.recipe, manifest.data.corrupted_folder)
    with runs.written_alone(run.folder):
        state = runs.resumable(run, found)
        if epochs is not None and epochs != manifest.recipe.epochs:
            manifest = runs.extend(run, manifest, epochs, step=0 if state is None else int(state["step"]))
        return Training(run, model, exposure, manifest, found, observe, threads).go(state)


def exposure_of(dataset: Dataset, recipe: Recipe, folder: Path | None) -> Exposure:
    """Return the images of each epoch.

    Args:
        dataset: what is trained on.
        recipe: which corruptions are trained on, and of which images.
        folder: of the corrupted test images, if those are trained on.

    Raises:
        RunError: the recipe trains on test images and there is no folder of them, or the other way round; or it crops
            by more than the images allow.
        DataError: the images cannot be corrupted, or the folder is not what it should be.
    """
    if recipe.padding >= (side := min(dataset.train.images.shape[2:])):
        raise RunError(f"padding is {recipe.padding}; expected less than {side}, the smaller side of the images")
    if recipe.corruptions:
        check_corruptible(dataset)
    if (folder is None) != (recipe.test_images is None):
        raise RunError("to train on corrupted test images, both a folder of them and a range of images are needed")
    tests = None
    if folder is not None and recipe.test_images is not None:
        opened = stored(folder, dataset.test, dataset.fingerprint)
        if missing := [name for name in recipe.corruptions if name not in opened.corruptions]:
            raise DataError(f"{folder}: there is no {missing[0]}.npy, and it is to be trained on")
        tests = CorruptedTests(opened, dataset.test.labels, *recipe.test_images)
    return Exposure(dataset.train, recipe.seed, recipe.corruptions, tests)


def dataset_of(manifest: Manifest, data_dir: Path | str | None, data: DataSource | None = None) -> Dataset:
    """Return the data set that a run was trained on; ``data`` is given again for a run on arrays.

    Raises:
        RunError: the data there are not those of the run.
        DataError: the data cannot be read, or arrays are not given.
    """
    written = manifest.data
    if data is None and written.name == ARRAYS:
        raise DataError("the run was trained on arrays that were given in Python: give them again, with `data=`")
    folder = written.folder if data_dir is None and data is None else data_dir
    dataset = load(written.name if data is None else data, folder, hold_out=written.held_out)
    if dataset.fingerprint != written.fingerprint:
        where = "" if folder is None else f" at {folder}"
        raise RunError(f"the {written.name}{where} is not the data that the run was trained on")
    return dataset


def versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    names = ("cortexc", "numpy", "scipy", "h5py", "scikit-learn")
    found = {n: metadata.version(n) for n in names}
    return {"python": sys.version.split()[0], "torch": torch.__version__, **found}


def check_fit(program: Program, dataset: Dataset) -> None:
    """Make sure that a program can be trained on a data set.

    Raises:
        RunError: its images are of another shape, or it has another number of classes.
    """
    channels, height, width = dataset.train.images.shape[1:]
    wrong = []
    if program.image_shape != (channels, height, width):
        wanted, has = ("x".join(map(str, shape)) for shape in (program.image_shape, (channels, height, width)))
        keys = [f"`input.channels` {channels}"] if program.image_shape[0] != channels else []
        if program.image_shape[1:] != (height, width):
            keys.append(f"`input.grid` x `input.patch` {height}x{width}")
        shapes = f"{program.name} takes images of {wanted}, and {dataset.name} has {has}"
        wrong.append(f"{shapes}: make {' and '.join(keys)}")
    if program.classes != (classes := len(dataset.classes)):
        has = f"{program.name} has {program.classes} classes, and {dataset.name} has {classes}"
        wrong.append(f"{has}: make `readout.classes` {classes}")
    if wrong:
        raise RunError(f"{'; '.join(wrong)}; `cortexc fit SPEC --data ... -o OUT.yaml` writes a spec that fits")


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """Collect signals to stop instead of stopping at once, so that a run stops between two steps.

    SIGUSR2 is what users of SLURM have it send before a time limit. A signal that is ignored, as SIGHUP is under nohup,
    stays so.
    """
    requests: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield requests
        return
    obeyed = [s for s in STOP_SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
    before = {s: signal.signal(s, lambda number, _: requests.append(number)) for s in obeyed}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Training:
    """The state of one training."""

    def __init__(
        self,
        run: Run,
        model: CorticalTransformer,
        exposure: Exposure,
        manifest: Manifest,
        device: torch.device,
        observe: Observer | None,
        threads: int | None,
    ) -> None:
        self.run, self.recipe, self.device, self.observe = run, manifest.recipe, device, observe
        recipe, self.initial = manifest.recipe, manifest.initial
        self.model = model.to(device).train()
        self.exposure = exposure
        self.shown: ImageSet | None = None  # those on the device
        self.images = torch.empty(0)  # (N, C, H, W) uint8
        self.labels = torch.empty(0)  # (N,)
        self.per_epoch = math.ceil(len(exposure) / recipe.batch_size)
        self.steps = recipe.epochs * self.per_epoch
        self.optimizer = adamw(model, learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay)
        self.bfloat16 = manifest.machine.bfloat16
        self.threads = threads
        self.step = 0
        self.spent = 0.0  # seconds of this epoch before the training was resumed
        self.totals = torch.zeros(3, dtype=torch.float64, device=device)  # loss, correct, images of this epoch
        self.rate = 0.0  # images a second, smoothed

    def go(self, state: dict[str, Any] | None) -> Run:
        """Train to the end, from the state of a checkpoint if there is one.

        Raises:
            RunError: the loss is no longer finite, or the state is of another run.
            KeyboardInterrupt: a stop was requested; a checkpoint has been written.
        """
        if state is not None:
            self.restore(state)
            if state["finished"] and self.step < self.steps:
                self.save(0.0)  # it is finished no longer
        elif self.initial is not None:
            initialise(self.model, self.initial)
        saved = time.monotonic()
        with stop_requests() as stop, taken(self.threads, self.device) as follow_free_cores:
            runs.trim_metrics(self.run, self.step // self.per_epoch)
            while self.step < self.steps:
                if self.step % self.per_epoch == 0:
                    self.totals.zero_()
                    self.spent = 0.0
                epoch, started = self.step // self.per_epoch, time.monotonic()
                self.expose(epoch)
                order = torch.randperm(len(self.labels), generator=seeded(self.recipe.seed, epoch))
                while self.step < (epoch + 1) * self.per_epoch:
                    follow_free_cores()
                    self.one_step(epoch, order)
                    if stop or time.monotonic() - saved > SAVE_EVERY_S:
                        self.save(time.monotonic() - started)
                        saved = time.monotonic()
                    if stop:
                        raise KeyboardInterrupt
                self.end_epoch(epoch + 1, self.spent + time.monotonic() - started)
                self.save(0.0)
                saved = time.monotonic()
        return self.run

    def expose(self, epoch: int) -> None:
        """Copy the images of an epoch to the device, unless they are there."""
        data = self.exposure.epoch(epoch)
        if data is not self.shown:
            self.images = torch.tensor(data.images, device=self.device)
            self.labels = torch.tensor(data.labels, device=self.device)
            self.shown = data

    def one_step(self, epoch: int, order: Tensor) -> None:
        """Train on the next batch of an epoch, with the images in the order (N,)."""
        began = time.monotonic()
        recipe, inside = self.recipe, self.step % self.per_epoch
        factor = warmup_cosine(self.step, steps=self.steps, warmup=max(1, round(recipe.warmup * self.steps)))
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * factor
        index = order[inside * recipe.batch_size : (inside + 1) * recipe.batch_size].to(self.device)
        random = seeded(recipe.seed, epoch, inside)
        images = flip_and_crop(self.images[index], padding=recipe.padding, flip=recipe.flip, generator=random)
        labels = self.labels[index]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = self.model(images.float() / 255)
        loss = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        self.step += 1
        with torch.no_grad():
            correct = (logits.argmax(1) == labels).sum()
            self.totals += torch.stack([loss.double() * len(labels), correct.double(), correct.new_tensor(len(labels))])
        if self.step % 10 == 0 or self.step == self.steps:
            self.show(epoch)
        took = time.monotonic() - began
        self.rate = len(labels) / took if not self.rate else 0.95 * self.rate + 0.05 * len(labels) / took

    def show(self, epoch: int) -> None:
        """Report the progress to the observer.

        Raises:
            RunError: the loss is no longer finite.
        """
        loss, correct, images = self.totals.tolist()
        if not math.isfinite(loss):
            raise RunError(
                f"the loss is {loss} at step {self.step} of {self.steps}: training diverged; try a lower --lr "
                f"(it is {self.recipe.learning_rate:g}); the last sound checkpoint stays in {self.run.folder}"
            )
        if self.observe is None:
            return
        left = (self.steps - self.step) * self.recipe.batch_size / self.rate if self.rate else math.inf
        at = (epoch + 1, self.recipe.epochs, self.step, self.steps)
        self.observe(Progress(*at, loss / images, correct / images, self.rate, left))

    def end_epoch(self, epoch: int, seconds: float) -> None:
        """Write the metrics of an epoch."""
        loss, correct, images = self.totals.tolist()
        entry = {
            "epoch": epoch,
            "step": self.step,
            "loss": round(loss / images, 6),
            "accuracy": round(correct / images, 6),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "seconds": round(seconds, 3),
            "images_per_s": round(images / seconds, 1),
        }
        runs.append_metrics(self.run, entry)

    def save(self, seconds: float) -> None:
        """Write the checkpoint, ``seconds`` into the epoch."""
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "totals": self.totals.cpu(),
            "seconds": self.spent + seconds,
            "finished": self.step >= self.steps,
        }
        runs.save_checkpoint(self.run, state)

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint.

        Raises:
            RunError: it is of another run.
        """
        try:
            runs.load_weights(self.run, self.model, state)
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.spent = int(state["step"]), float(state["seconds"])
            self.totals.copy_(state["totals"])
        except (KeyError, ValueError, TypeError) as error:
            message = f"{self.run.checkpoint_path} does not belong to this run: {error}"
            raise RunError(message) from None
