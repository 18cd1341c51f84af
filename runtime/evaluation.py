"""Evaluation of a run: on the clean test images, and on corrupted ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, overload

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from cortexc.datasets import known
from cortexc.replacement import write_json

from . import device as devices
from . import predictions
from . import run as runs
from .arguments import run_folder
from .corruptions.catalogue import CORRUPTIONS, SEVERITIES, Cell
from .corruptions.generation import Source
from .corruptions.sets import CorruptedSet, MadeSet, stored
from .corruptions.writing import channels_last
from .data import cifar_c
from .data.dataset import DataError, Dataset, DataSource, ImageSet, check_corruptible, load
from .manifest import Manifest, Recipe, RunError
from .predictions import CLEAN, Predictions
from .resources import taken
from .robustness import Robustness, measure, read_human
from .run import Run
from .states import trained
from .training import dataset_of

BATCH = {"cpu": 64, "cuda": 1000}
"""Images in one forward pass: few enough for the caches of a processor, many enough to occupy a GPU."""
Precision: TypeAlias = Literal["float32", "bfloat16"]
"""Of matrix products. Whether ``bfloat16`` is faster depends on the device, see ``device``; few predictions change."""
Observer: TypeAlias = Callable[[Cell, int, int], None]
"""Called after each cell with the cell, the number of cells done, and the number of all cells."""


@dataclass(frozen=True)
class Evaluation:
    """Accuracy and loss of a model on the test images, and its robustness."""

    images: int
    accuracy: float
    loss: float
    """Cross entropy [nats]."""
    per_class: dict[str, float]
    """Accuracy on the images of each class."""
    finished: bool = True
    """Whether the training was finished."""
    set: dict[str, Any] | None = None
    """Whether the corrupted images are official, regenerated or foreign, and how they were made; None without any."""
    robustness: Robustness | None = None


@dataclass(frozen=True, kw_only=True)
class Corrupted:
    """Which corrupted images to test on."""

    corruptions: tuple[str, ...] | None = None
    """None for all in the set."""
    severities: tuple[int, ...] = SEVERITIES
    folder: Path | None = None
    """In the layout of CIFAR-10-C; None for the folder of that name beside the data."""
    regenerate: Source | None = None
    """Corrupt the clean test images instead, while testing; nothing is written."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Measures that are computed only on request."""

    alexnet: bool = False
    """mCE, relative to an AlexNet."""
    references: tuple[Path, ...] = ()
    """Other runs, evaluated on the same images, whose predictions define which answers are hard."""
    human: Path | None = None
    """File of human votes, CIFAR-10H."""


@torch.no_grad()
def predict(
    model: nn.Module,
    images: torch.Tensor,
    precision: Precision = "float32",
    between: Callable[[], None] = lambda: None,
) -> torch.Tensor:
    """Return the logits (N, classes), float32 on the CPU, of images (N, C, H, W) uint8.

    ``between`` is called before each batch.
    """
    device = _device(model)
    model.eval()
    found = []
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        for batch in torch.split(images, BATCH.get(device.type, BATCH["cpu"])):
            between()
            found.append(model(batch.to(device).float() / 255).float().cpu())
    return torch.cat(found)


def score(logits: torch.Tensor, data: ImageSet, classes: tuple[str, ...]) -> Evaluation:
    """Return accuracy, loss and accuracy by class of logits (N, classes)."""
    labels = torch.tensor(data.labels)
    correct = logits.argmax(1) == labels
    per_class = {
        name: float(correct[labels == i].double().mean()) for i, name in enumerate(classes) if (labels == i).any()
    }
    loss = float(F.cross_entropy(logits.double(), labels))
    return Evaluation(len(labels), float(correct.double().mean()), loss, per_class)


@overload
def evaluate(
    model: Path | str,
    *,
    data: DataSource | None = None,
    data_dir: Path | str | None = None,
    corrupted: Corrupted | None = None,
    measures: Measures | None = None,
    precision: Precision = "float32",
    device: str = "auto",
    threads: int | None = None,
    observe: Observer | None = None,
) -> tuple[Evaluation, Manifest]: ...
@overload
def evaluate(
    model: nn.Module,
    *,
    data: DataSource,
    data_dir: Path | str | None = None,
    hold_out: int = 0,
    out: Path | str | None = None,
    corrupted: Corrupted | None = None,
    measures: Measures | None = None,
    precision: Precision = "float32",
    threads: int | None = None,
    observe: Observer | None = None,
) -> tuple[Evaluation, Predictions]: ...
def evaluate(
    model: Path | str | nn.Module,
    *,
    data: DataSource | None = None,
    data_dir: Path | str | None = None,
    hold_out: int = 0,
    out: Path | str | None = None,
    corrupted: Corrupted | None = None,
    measures: Measures | None = None,
    precision: Precision = "float32",
    device: str = "auto",
    threads: int | None = None,
    observe: Observer | None = None,
) -> tuple[Evaluation, Manifest | Predictions]:
    """Evaluate a run, or any model, on the test images; return the result, and the run's manifest or the predictions.

    The result is also written to ``evaluation.json`` in the run, and the prediction for each image to
    ``predictions.h5``. Test images that the run was trained on are left out. Of a model, both are written to ``out``.

    Args:
        model: folder of a run; or any module from images (B, channels, height, width) in [0, 1] to logits (B, classes),
            which is tested where it is, and keeps its mode.
        data: what to test a module on, see `cortexc.runtime.data.load`. The data of a run are found by its manifest,
            unless they were arrays in Python.
        data_dir: the data directory, if the data were moved since the training.
        hold_out: of a module: how many training images become the test images, as in its training.
        out: of a module: where to write; None for nowhere.
        corrupted: which corrupted images to test on; None for the clean ones alone.
        measures: what else to measure.
        precision: of matrix products.
        device: ``auto``, ``cpu`` or ``cuda``, for a run.
        threads: of a processor; None for as many as there are free cores, see ``resources``.
        observe: called with the progress.

    Raises:
        RunError: there is no run or no checkpoint, the data have changed, a reference run does not fit, or a module
            returns no logits for these classes.
        DataError: the data cannot be read, or the corrupted images are not what they should be.
    """
    how = _How(corrupted, measures or Measures(), precision, threads, observe)
    folder = None if data_dir is None else Path(data_dir)
    if isinstance(model, nn.Module):
        if data is None:
            raise RunError("data is missing: evaluate(module, data=...) says what to test it on")
        into = None if out is None else Run(Path(out))
        return _evaluate_module(model, load(data, data_dir, hold_out=hold_out), into, folder, how)
    if hold_out or out is not None:
        raise RunError("hold_out and out are for a module: a run has its own")
    run, program, manifest = runs.opened(run_folder(model))
    with runs.written_alone(run.folder):
        dataset = dataset_of(manifest, data_dir, data)
        network, state = trained(run, program, devices.choose(device))
        found, _ = _tested(network, dataset, manifest.recipe, run, manifest.name, folder or manifest.data.folder, how)
        result = dataclasses.replace(found, finished=bool(state["finished"]))
        write(run, result, dataset, step=int(state["step"]), precision=precision)
    return result, manifest


@dataclass(frozen=True)
class _How:
    """How a model is tested: the arguments of `evaluate` that are the same for a run and for a module."""

    corrupted: Corrupted | None
    measures: Measures
    precision: Precision
    threads: int | None
    observe: Observer | None


def _evaluate_module(
    module: nn.Module, dataset: Dataset, into: Run | None, data_dir: Path | None, how: _How
) -> tuple[Evaluation, Predictions]:
    mode = module.training
    try:
        found = _tested(module, dataset, Recipe(), into, type(module).__name__, data_dir, how)
    finally:
        module.train(mode)
    if into is not None:
        write(into, found[0], dataset, step=0, precision=how.precision)
    return found


def _tested(
    model: nn.Module, dataset: Dataset, recipe: Recipe, run: Run | None, name: str, data_dir: Path | None, how: _How
) -> tuple[Evaluation, Predictions]:
    """Return the evaluation of a model, and its predictions, which are written to a run if there is one."""
    chosen, measures, precision = _device(model), how.measures, how.precision
    if measures.alexnet and not known(dataset.name).has_alexnet:
        raise RunError(f"mCE is relative to an AlexNet on CIFAR-10-C, and the run was trained on {dataset.name}")
    votes = None
    if measures.human is not None:
        votes = read_human(measures.human, dataset.test.labels, len(dataset.classes))
    references = [(str(path), predictions.of_run(runs.opened(path)[0])) for path in measures.references]

    keep = kept(dataset, recipe)
    clean = ImageSet(dataset.test.images[keep], dataset.test.labels[keep])
    tests = corrupted_cells(dataset, how.corrupted, data_dir)
    identity = tests.identity()
    with taken(how.threads, chosen) as follow_free_cores:
        logits = predict(model, torch.from_numpy(clean.images), precision, follow_free_cores)
    if logits.shape[1:] != (len(dataset.classes),):
        raise RunError(
            f"{name} returns {tuple(logits.shape)} for {len(clean):,} images, and {dataset.name} has "
            f"{len(dataset.classes)} classes: expected (images, classes)"
        )
    about = {"run": name, "weights": digest(model), "data": dataset.fingerprint, "set": identity}
    about["precision"] = precision
    cells = (CLEAN, *tests.cells)

    def given() -> Iterator[torch.Tensor]:
        yield logits
        with taken(how.threads, chosen) as follow_free_cores:
            for done, (cell, images) in enumerate(tests.images(keep), 1):
                yield predict(model, images, precision, follow_free_cores)
                if how.observe is not None:
                    how.observe(cell, done, len(tests.cells))

    found = None if run is None else _previous(run, about, cells, keep)
    if found is None:
        found = collected(given(), cells, keep, clean.labels, about)
        if run is not None:
            run.folder.mkdir(parents=True, exist_ok=True)
            predictions.save(found, run.predictions_path)
    robustness = None
    if tests.cells or votes is not None:
        seen = recipe.corruptions
        robustness = measure(found, seen=seen, alexnet=measures.alexnet, references=references, human=votes)
    return dataclasses.replace(score(logits, clean, dataset.classes), set=identity, robustness=robustness), found


def _device(model: nn.Module) -> torch.device:
    return next((tensor.device for tensor in model.parameters()), torch.device("cpu"))


def kept(dataset: Dataset, recipe: Recipe) -> NDArray[np.int64]:
    """Return the indices (image,) of the test images that a recipe does not train on in any form, ascending."""
    return np.setdiff1d(np.arange(len(dataset.test)), recipe.excluded)


def write(run: Run, found: Evaluation, dataset: Dataset, *, step: int, precision: Precision) -> None:
    """Write an evaluation into its run: of the weights after ``step`` steps, in a precision of matrix products."""
    entry = {
        "data": {"name": dataset.name, "fingerprint": dataset.fingerprint, "split": "test"},
        "step": step,
        "precision": precision,
        **dataclasses.asdict(found),
    }
    write_json(run.evaluation_path, entry)


@dataclass(frozen=True, eq=False)
class CorruptedCells:
    """The corrupted images of a test: an opened set, and those of its cells that are tested."""

    set: CorruptedSet | None = None
    cells: tuple[Cell, ...] = ()

    def identity(self) -> dict[str, Any] | None:
        """Return what the images are; None if there are none. Of a folder, every byte is read.

        Raises:
            DataError: a file cannot be read, or a regenerated one has changed since it was made.
        """
        return None if self.set is None else self.set.identity(tuple(dict.fromkeys(c.corruption for c in self.cells)))

    def images(self, keep: NDArray[np.int64]) -> Iterator[tuple[Cell, torch.Tensor]]:
        """Yield each cell and its images (N, C, H, W) uint8: those of the test images whose indices are ``keep``.

        Raises:
            DataError: a file cannot be read any more.
        """
        if self.set is not None:
            for cell, images in self.set.images(self.cells):
                yield cell, torch.from_numpy(np.ascontiguousarray(images[keep].transpose(0, 3, 1, 2)))


def corrupted_cells(dataset: Dataset, corrupted: Corrupted | None, data_dir: Path | None) -> CorruptedCells:
    """Open the corrupted images to test on.

    Args:
        dataset: whose test images they are made from.
        corrupted: which ones; None for none.
        data_dir: the data directory; if no folder of the corrupted set is given, it is searched for here.

    Raises:
        DataError: there is no such set, it belongs to other images, or it lacks a corruption or severity.
    """
    if corrupted is None:
        return CorruptedCells()
    check_corruptible(dataset)
    record = known(dataset.name)
    shown = str(corrupted.folder or record.corrupted)
    tests: CorruptedSet
    if corrupted.regenerate is not None:
        tests = MadeSet(channels_last(dataset.test.images), corrupted.regenerate)
    elif dataset.held_out:
        raise DataError(
            f"the run is tested on {dataset.held_out:,} training images that were held out, and a folder holds the "
            "test images: `--regenerate` corrupts those held out while testing"
        )
    elif (folder := corrupted.folder or official_folder(dataset.name, 0, data_dir)) is None:
        what = f"there is no folder {shown} beside the data; `--regenerate` corrupts the test images while testing"
        more = f", `cortexc data fetch {record.official}` downloads the official set" if record.official else ""
        raise DataError(what + more)
    else:
        tests = stored(folder, dataset.test, dataset.fingerprint)
    names = corrupted.corruptions or tests.corruptions
    if missing := [name for name in names if name not in tests.corruptions]:
        raise DataError(f"{shown}: there is no {missing[0]}.npy, and it was asked for")
    if absent := [severity for severity in corrupted.severities if severity not in tests.severities]:
        raise DataError(f"{shown}: there is no severity {absent[0]}, and it was asked for")
    return CorruptedCells(tests, tuple(Cell(n, s) for n in CORRUPTIONS if n in names for s in corrupted.severities))


def official_folder(name: str, held_out: int, data_dir: Path | None) -> Path | None:
    """Return the folder of corrupted test images beside the data, such as CIFAR-10-C; None if there is none.

    Where training images are ``held_out`` for the test, there is none either: such a folder holds the test images.
    """
    return None if held_out or data_dir is None else cifar_c.locate(data_dir, known(name).corrupted)


def _previous(
    run: Run, about: dict[str, Any], cells: tuple[Cell, ...], indices: NDArray[np.int64]
) -> Predictions | None:
    """Return the predictions of an earlier evaluation, if they are of the same weights, images and cells."""
    if not run.predictions_path.exists():
        return None
    try:
        before = predictions.load(run.predictions_path)
    except RunError:
        return None
    same = before.about == about and set(cells) <= set(before.cells) and np.array_equal(before.indices, indices)
    return before.only(cells) if same else None


def collected(
    given: Iterable[torch.Tensor],
    cells: tuple[Cell, ...],
    indices: NDArray[np.int64],
    labels: NDArray[np.int64],
    about: dict[str, Any],
) -> Predictions:
    """Return the predictions for all images, from logits.

    Args:
        given: logits (image, class) on the CPU, of each cell in turn.
        cells: `CLEAN` first.
        indices: (image,), of the images in the test set.
        labels: (image,), theirs.
        about: run, weights, data, corrupted set and precision.
    """
    shape = (len(cells), len(labels))
    confidence, true_probability = np.empty(shape, np.float16), np.empty(shape, np.float32)
    answers = np.empty(shape, np.int64)
    classes = 1
    for row, logits in enumerate(given):
        probability = logits.double().softmax(1)
        top, which = probability.max(1)
        classes = logits.shape[1]
        answers[row], confidence[row] = which.numpy(), top.numpy()
        true_probability[row] = probability.gather(1, torch.from_numpy(labels)[:, None])[:, 0].numpy()
    kind = np.min_scalar_type(classes - 1)
    given_labels, predicted = labels.astype(kind), answers.astype(kind)
    return Predictions(cells, indices, given_labels, predicted, confidence, true_probability, about)


def digest(model: nn.Module) -> str:
    """Return the hash of a model's weights, which tells runs apart."""
    return runs.weights_digest(model.state_dict())
