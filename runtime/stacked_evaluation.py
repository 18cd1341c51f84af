"""Testing a stack: S models classify the same images at once. All stacks share the images on the device."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import predictions
from .corruptions.catalogue import Cell
from .data.dataset import Dataset
from .evaluation import CorruptedCells, collected, digest, score, write
from .manifest import read as read_manifest
from .predictions import CLEAN
from .robustness import measure
from .run import Run
from .stacked import Stack, StackedModel, captured

BATCH = 3000
"""Largest number of images in one forward pass, counted once for each seed."""


@dataclass(frozen=True, eq=False)
class DeviceTests:
    """The test images of all cells on the device, the clean ones first."""

    dataset: Dataset
    cells: tuple[Cell, ...]
    images: Tensor
    """(cell, N, C, H, W), uint8."""
    identity: dict[str, Any] | None
    """What the corrupted images are."""


def tests_on_device(dataset: Dataset, tests: CorruptedCells, device: torch.device) -> DeviceTests:
    """Copy the clean test images and those of the cells to the device.

    Raises:
        DataError: the corrupted images cannot be read, or are not what they should be.
    """
    clean = dataset.test.images
    images = torch.empty(1 + len(tests.cells), *clean.shape, dtype=torch.uint8, device=device)
    images[0] = torch.from_numpy(clean).to(device)
    for row, (_, pixels) in enumerate(tests.images(np.arange(len(clean))), start=1):
        images[row] = pixels.to(device)
    return DeviceTests(dataset, (CLEAN, *tests.cells), images, tests.identity())


@torch.no_grad()
def evaluate_stack(
    model: StackedModel, tests: DeviceTests, stream: torch.cuda.Stream | None = None
) -> Iterator[Tensor | None]:
    """Run the models on all test images, block by block, in full float32; on a stream, as a CUDA graph.

    Yields None after each block is queued, so that other stacks can queue work, and at last the logits
    (S, cell, image, class), float32 on the device.
    """
    seeds, (cells, count) = len(model.models), tests.images.shape[:2]
    size = next(n for n in range(max(1, min(count, BATCH // seeds)), 0, -1) if count % n == 0)
    blocks = tests.images.reshape(-1, size, *tests.images.shape[2:])
    outputs = torch.empty(seeds, len(blocks), size, len(tests.dataset.classes), device=blocks.device)
    at = torch.zeros(1, dtype=torch.int64, device=blocks.device)

    def one_block() -> None:
        logits = model.logits(blocks.index_select(0, at)[0])
        outputs.index_copy_(1, at, logits[:, None])
        at.add_(1)

    run_block = captured(one_block, (at,), stream) if stream is not None else one_block
    for _ in range(len(blocks)):
        with torch.cuda.stream(stream):  # not around the yield: other stacks have their own streams
            run_block()
        yield None
    if stream is not None:
        stream.synchronize()
    yield outputs.view(seeds, cells, count, -1)


@dataclass(frozen=True, eq=False)
class RunLogits:
    """The logits of one run, on the CPU."""

    run: Run
    step: int
    weights: str
    """Hash of the weights."""
    logits: Tensor
    """(cell, image, class)"""


def unstack(stack: Stack, logits: Tensor) -> list[RunLogits]:
    """Copy the logits (S, cell, image, class) of a stack to the CPU, and split them by run."""
    on_cpu = logits.cpu()
    return [RunLogits(run, stack.step, digest(stack.model.get_model(s)), on_cpu[s]) for s, run in enumerate(stack.runs)]


def write_evaluation(one: RunLogits, tests: DeviceTests) -> None:
    """Write the predictions and the evaluation of one run, as ``evaluation.evaluate`` does. Needs no device.

    Raises:
        RunError: they cannot be written.
    """
    dataset = tests.dataset
    about: dict[str, Any] = {
        "run": read_manifest(one.run.manifest_path).name,
        "weights": one.weights,
        "data": dataset.fingerprint,
    }
    about |= {"set": tests.identity, "precision": "float32"}
    labels = dataset.test.labels
    found = collected(one.logits, tests.cells, np.arange(len(labels)), labels, about)
    predictions.save(found, one.run.predictions_path)
    robustness = measure(found) if len(tests.cells) > 1 else None
    scored = score(one.logits[0], dataset.test, dataset.classes)
    result = dataclasses.replace(scored, set=tests.identity, robustness=robustness)
    write(one.run, result, dataset, step=one.step, precision="float32")
