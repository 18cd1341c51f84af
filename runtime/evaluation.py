"""Evaluation of a run: on the clean test images, and on corrupted ones."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from . import device as devices
from . import predictions as answers
from . import run as runs
from .corruptions.catalogue import CORRUPTIONS, SEVERITIES, Cell
from .corruptions.generation import Source
from .corruptions.sets import CorruptedSet, MadeSet, stored
from .corruptions.writing import channels_last
from .data import cifar_c
from .data.dataset import DataError, Dataset, ImageSet
from .exposure import excluded, seen
from .model import CorticalTransformer, build
from .predictions import CLEAN, Predictions
from .robustness import Robustness, measure, read_human
from .run import Run, RunError
from .training import dataset_of

BATCH = {"cpu": 64, "cuda": 1000}
"""Images at once: few enough for the caches of a processor, many enough to fill an accelerator."""
Precision: TypeAlias = Literal["float32", "bfloat16"]
"""Of matrix products. In ``bfloat16``, as in training, a test takes about half the time; few answers change."""
Observer: TypeAlias = Callable[[Cell, int, int], None]
"""Called with the cell that is done, the cells done, and the cells in all."""


@dataclass(frozen=True)
class Evaluation:
    """How a model does on a set of images."""

    images: int
    accuracy: float
    loss: float
    """Cross entropy [nats]."""
    per_class: dict[str, float]
    """Accuracy on the images of each class."""
    finished: bool = True
    """Whether the training was over."""
    set: dict[str, Any] | None = None
    """What the corrupted images are: official, regenerated or foreign, and how made; None where there were none."""
    robustness: Robustness | None = None


@dataclass(frozen=True, kw_only=True)
class Corrupted:
    """Which corrupted images to test on."""

    corruptions: tuple[str, ...] | None = None
    """None for all that are there."""
    severities: tuple[int, ...] = SEVERITIES
    folder: Path | None = None
    """In the layout of CIFAR-10-C; None for the folder of that name beside the data."""
    regenerate: Source | None = None
    """Corrupt the clean test images instead, while testing; nothing is written."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is measured beside the usual."""

    alexnet: bool = False
    """mCE, relative to an AlexNet."""
    references: tuple[Path, ...] = ()
    """Other runs, evaluated on the same images, that tell what is hard."""
    human: Path | None = None
    """Votes of people, CIFAR-10H."""


@torch.no_grad()
def predict(model: CorticalTransformer, images: torch.Tensor, precision: Precision = "float32") -> torch.Tensor:
    """Return the logits (N, classes), float32 on the CPU, of images (N, C, H, W) uint8."""
    place = next(model.parameters()).device
    model.eval()
    batches = torch.split(images, BATCH[place.type])
    with torch.autocast(place.type, torch.bfloat16, enabled=precision == "bfloat16"):
        return torch.cat([model(batch.to(place).float() / 255).float().cpu() for batch in batches])


def score(logits: torch.Tensor, data: ImageSet, classes: tuple[str, ...]) -> Evaluation:
    """Return accuracy, loss and accuracy by class of logits (N, classes)."""
    labels = torch.tensor(data.labels)
    correct = logits.argmax(1) == labels
    per_class = {
        name: float(correct[labels == i].double().mean()) for i, name in enumerate(classes) if (labels == i).any()
    }
    loss = float(F.cross_entropy(logits.double(), labels))
    return Evaluation(len(labels), float(correct.double().mean()), loss, per_class)


def evaluate(
    folder: Path | str,
    *,
    data_dir: Path | str | None = None,
    corrupted: Corrupted | None = None,
    measures: Measures | None = None,
    precision: Precision = "float32",
    device: str = "auto",
    observe: Observer | None = None,
) -> tuple[Evaluation, dict[str, Any]]:
    """Evaluate a run on the test images; return the result and the run's manifest.

    The result is also written to ``evaluation.json`` in the run, and what the model said of each image to
    ``predictions.h5``. Test images that the run was trained on are left out.

    Args:
        folder: of the run.
        data_dir: where the data lie now, if they were moved.
        corrupted: which corrupted images to test on; None for the clean ones alone.
        measures: what else to measure.
        precision: of matrix products.
        device: ``auto``, ``cpu`` or ``cuda``.
        observe: told about the work.

    Raises:
        RunError: there is no run or no checkpoint, the data have changed, or a reference run does not fit.
        DataError: the data cannot be read, or the corrupted images are not what they should be.
    """
    place = devices.choose(device)
    run, program, manifest = runs.opened(Path(folder))
    state = runs.load_checkpoint(run, place)
    dataset = dataset_of(manifest, data_dir)
    model = build(program).to(place)
    runs.load_weights(run, model, state)
    measures = measures or Measures()
    if measures.alexnet and dataset.name != "cifar10":
        raise RunError(f"mCE is relative to an AlexNet on CIFAR-10-C, and the run was trained on {dataset.name}")
    votes = _votes(measures, dataset)
    references = [(str(path), answers.load(runs.opened(path)[0].predictions_path)) for path in measures.references]

    keep = np.setdiff1d(np.arange(len(dataset.test)), excluded(manifest))
    clean = ImageSet(dataset.test.images[keep], dataset.test.labels[keep])
    tests, cells, identity = _tests(dataset, corrupted, manifest, data_dir)
    logits = predict(model, torch.from_numpy(clean.images), precision)
    result = dataclasses.replace(score(logits, clean, dataset.classes), finished=bool(state["finished"]))
    about = {
        "run": manifest["name"],
        "weights": digest(model),
        "data": dataset.fingerprint,
        "set": identity,
        "precision": precision,
    }
    found = _previous(run, about, (CLEAN, *cells), keep)
    if found is None:
        given = itertools.chain([logits], _logits(model, tests, cells, keep, precision, observe))
        found = _collected(given, (CLEAN, *cells), keep, clean.labels, about)
        answers.save(found, run.predictions_path)
    robustness = None
    if cells or votes is not None:
        robustness = measure(
            found, seen=seen(manifest), alexnet=measures.alexnet, references=references, human=votes
        )  # fmt: skip
    result = dataclasses.replace(result, set=identity, robustness=robustness)
    entry = {
        "data": {"name": dataset.name, "fingerprint": dataset.fingerprint, "split": "test"},
        "step": int(state["step"]),
        "precision": precision,
        **dataclasses.asdict(result),
    }
    runs.write_json(run.evaluation_path, entry)
    return result, manifest


def official_folder(manifest: dict[str, Any], data_dir: Path | str | None) -> Path | None:
    """Return the folder CIFAR-10-C beside a run's data, or None where there is none."""
    if manifest["data"].get("held_out"):
        return None  # it belongs to the real test images
    place = manifest["data"]["folder"] if data_dir is None else data_dir
    return None if place is None else cifar_c.locate(Path(place))


def _votes(measures: Measures, dataset: Dataset) -> NDArray[np.float64] | None:
    if measures.human is None:
        return None
    return read_human(measures.human, dataset.test.labels, len(dataset.classes))


def _tests(
    dataset: Dataset, corrupted: Corrupted | None, manifest: dict[str, Any], data_dir: Path | str | None
) -> tuple[CorruptedSet | None, tuple[Cell, ...], dict[str, Any] | None]:
    """Return the corrupted set, the cells of it that are asked for, and what it is."""
    if corrupted is None:
        return None, (), None
    tests: CorruptedSet
    if corrupted.regenerate is not None:
        tests = MadeSet(channels_last(dataset.test.images), corrupted.regenerate)
    else:
        folder = corrupted.folder or official_folder(manifest, data_dir)
        if held_out := manifest["data"].get("held_out"):
            raise DataError(
                f"the run is tested on {held_out:,} training images that were held out, and a folder holds the test "
                "images: `--regenerate` corrupts those held out while testing"
            )
        if folder is None:
            raise DataError(
                f"there is no folder {cifar_c.FOLDER} beside the data; `--regenerate` corrupts the test images while "
                "testing, `cortexc data fetch cifar10-c` downloads the official set"
            )
        tests = stored(folder, dataset.test, dataset.fingerprint)
    names = corrupted.corruptions or tests.corruptions
    if missing := [name for name in names if name not in tests.corruptions]:
        raise DataError(f"{corrupted.folder or cifar_c.FOLDER}: there is no {missing[0]}.npy, and it was asked for")
    if absent := [severity for severity in corrupted.severities if severity not in tests.severities]:
        raise DataError(f"{corrupted.folder or cifar_c.FOLDER}: there is no severity {absent[0]}, and it was asked for")
    names = tuple(name for name in CORRUPTIONS if name in names)
    cells = tuple(Cell(name, severity) for name in names for severity in corrupted.severities)
    return tests, cells, tests.identity(names)


def _logits(
    model: CorticalTransformer,
    tests: CorruptedSet | None,
    cells: Sequence[Cell],
    keep: NDArray[np.int64],
    precision: Precision,
    observe: Observer | None,
) -> Iterator[torch.Tensor]:
    """Yield the logits of each cell."""
    if tests is None:
        return
    for done, (cell, images) in enumerate(tests.images(cells), 1):
        pixels = torch.from_numpy(np.ascontiguousarray(images[keep].transpose(0, 3, 1, 2)))
        yield predict(model, pixels, precision)
        if observe is not None:
            observe(cell, done, len(cells))


def _previous(
    run: Run, about: dict[str, Any], cells: tuple[Cell, ...], indices: NDArray[np.int64]
) -> Predictions | None:
    """Return the predictions of an earlier evaluation, if they are of the same weights, images and cells."""
    if not run.predictions_path.exists():
        return None
    try:
        before = answers.load(run.predictions_path)
    except RunError:
        return None
    same = before.about == about and set(cells) <= set(before.cells) and np.array_equal(before.indices, indices)
    return before.only(cells) if same else None


def _collected(
    given: Iterator[torch.Tensor],
    cells: tuple[Cell, ...],
    indices: NDArray[np.int64],
    labels: NDArray[np.int64],
    about: dict[str, Any],
) -> Predictions:
    shape = (len(cells), len(labels))
    predicted, confidence = np.empty(shape, np.uint8), np.empty(shape, np.float16)
    true_probability = np.empty(shape, np.float32)
    for row, logits in enumerate(given):
        probability = logits.double().softmax(1)
        top, which = probability.max(1)
        predicted[row], confidence[row] = which.numpy(), top.numpy()
        true_probability[row] = probability.gather(1, torch.from_numpy(labels)[:, None])[:, 0].numpy()
    return Predictions(
        cells, indices, labels.astype(np.uint8), predicted, confidence, true_probability, about
    )  # fmt: skip


def digest(model: CorticalTransformer) -> str:
    """Return the hash of the weights of a model."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return f"sha256:{digest.hexdigest()}"
