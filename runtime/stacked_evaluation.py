"""Testing a stack: S models answer the same images at once, which lie on the device for all stacks together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import predictions as answers
from . import run as runs
from .corruptions.catalogue import Cell
from .corruptions.sets import CorruptedSet
from .data.dataset import Dataset, ImageSet
from .evaluation import digest, score
from .model import CorticalTransformer
from .predictions import CLEAN, Predictions
from .robustness import measure
from .run import Run
from .stacked import Stack, StackedModel

BATCH = 1000
"""Answers at once, of all seeds together."""


@dataclass(frozen=True, eq=False)
class DeviceTests:
    """The test images of all cells on the device, the clean ones first."""

    cells: tuple[Cell, ...]
    images: Tensor
    """(cell, N, C, H, W), uint8."""
    clean: ImageSet
    classes: tuple[str, ...]
    about: dict[str, Any]
    """Fingerprint of the data, and what the corrupted images are."""


def on_device(dataset: Dataset, tests: CorruptedSet, cells: Sequence[Cell], device: torch.device) -> DeviceTests:
    """Bring the clean test images and those of the cells to the device.

    Raises:
        DataError: the corrupted images cannot be read, or are not what they should be.
    """
    clean = dataset.test
    images = torch.empty(1 + len(cells), *clean.images.shape, dtype=torch.uint8, device=device)
    images[0] = torch.from_numpy(clean.images).to(device)
    for row, (_, pixels) in enumerate(tests.images(cells), start=1):
        images[row] = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2)
    names = tuple(dict.fromkeys(cell.corruption for cell in cells))
    about = {"data": dataset.fingerprint, "set": tests.identity(names)}
    return DeviceTests((CLEAN, *cells), images, clean, dataset.classes, about)


@dataclass(frozen=True, eq=False)
class Said:
    """What the models of a stack said, on the device; arrays are (S, cell, image)."""

    predicted: Tensor
    confidence: Tensor
    true_probability: Tensor
    clean: Tensor
    """(S, image, class), the logits on the clean images."""


@torch.no_grad()
def asked(model: StackedModel, tests: DeviceTests) -> Iterator[Said | None]:
    """Ask the models batch by batch, in full float32; yield None after each, so that others get a turn, then all."""
    seeds, device = len(model.models), tests.images.device
    shape = (seeds, *tests.images.shape[:2])
    labels = torch.from_numpy(tests.clean.labels).to(device)
    said = Said(
        torch.empty(shape, dtype=torch.uint8, device=device),
        torch.empty(shape, dtype=torch.float16, device=device),
        torch.empty(shape, dtype=torch.float32, device=device),
        torch.empty(seeds, shape[2], len(tests.classes), device=device),
    )
    size = max(1, BATCH // seeds)
    for cell in range(shape[1]):
        for first in range(0, shape[2], size):
            span = slice(first, min(first + size, shape[2]))
            logits = model.logits(tests.images[cell, span])
            probability = logits.double().softmax(2)
            top, which = probability.max(2)
            said.predicted[:, cell, span], said.confidence[:, cell, span] = which.to(torch.uint8), top.half()
            right = labels[span].expand(seeds, -1)[..., None]
            said.true_probability[:, cell, span] = probability.gather(2, right)[..., 0].float()
            if cell == 0:
                said.clean[:, span] = logits
            yield None
    yield said


@dataclass(frozen=True, eq=False)
class Heard:
    """What one model said, on the CPU, and the model."""

    run: Run
    name: str
    step: int
    model: CorticalTransformer
    predicted: NDArray[np.uint8]
    confidence: NDArray[np.float16]
    true_probability: NDArray[np.float32]
    clean: Tensor


def heard(stack: Stack, name: str, said: Said) -> list[Heard]:
    """Bring what a stack said to the CPU, one entry for each run; waits for the device."""
    predicted, confidence, probability = (
        t.cpu().numpy() for t in (said.predicted, said.confidence, said.true_probability)
    )
    clean = said.clean.cpu()
    return [
        Heard(run, name, stack.step, stack.model.give(s), predicted[s], confidence[s], probability[s], clean[s])
        for s, run in enumerate(stack.runs)
    ]


def conclude(one: Heard, tests: DeviceTests, data: str) -> None:
    """Write the predictions and the evaluation of one run, as ``evaluation.evaluate`` does; nothing waits for a device.

    Args:
        one: what the model said.
        tests: what it was asked.
        data: name of the data set.

    Raises:
        RunError: the disk does not take them.
    """
    labels = tests.clean.labels
    about = {"run": one.name, "weights": digest(one.model), **tests.about, "precision": "float32"}
    arrays = (one.predicted, one.confidence, one.true_probability)
    found = Predictions(tests.cells, np.arange(len(labels)), labels.astype(np.uint8), *arrays, about)
    answers.save(found, one.run.predictions_path)
    robustness = measure(found) if len(tests.cells) > 1 else None
    result = dataclasses.replace(
        score(one.clean, tests.clean, tests.classes), set=tests.about["set"], robustness=robustness
    )
    entry = {
        "data": {"name": data, "fingerprint": tests.about["data"], "split": "test"},
        "step": one.step,
        "precision": "float32",
        **dataclasses.asdict(result),
    }
    runs.write_json(one.run.evaluation_path, entry)
