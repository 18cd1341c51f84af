"""Testing a stack: S models answer the same images at once, which lie on the device for all stacks together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import predictions as answers
from .corruptions.catalogue import Cell
from .data.dataset import Dataset
from .evaluation import CorruptedCells, collected, digest, score, write
from .manifest import read as read_manifest
from .predictions import CLEAN
from .robustness import measure
from .run import Run
from .stacked import Stack, StackedModel, captured

BATCH = 3000
"""Answers at once, of all seeds together, at most."""


@dataclass(frozen=True, eq=False)
class DeviceTests:
    """The test images of all cells on the device, the clean ones first."""

    dataset: Dataset
    cells: tuple[Cell, ...]
    images: Tensor
    """(cell, N, C, H, W), uint8."""
    identity: dict[str, Any] | None
    """What the corrupted images are."""


def on_device(dataset: Dataset, tests: CorruptedCells, device: torch.device) -> DeviceTests:
    """Bring the clean test images and those of the cells to the device.

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
def asked(model: StackedModel, tests: DeviceTests, stream: torch.cuda.Stream | None = None) -> Iterator[Tensor | None]:
    """Ask the models block by block, in full float32, on a stream as a CUDA graph.

    Yields None after each block that was added to the stream, so that others get a turn, then the logits
    (S, cell, image, class), float32 on the device.
    """
    seeds, (cells, count) = len(model.models), tests.images.shape[:2]
    size = next(n for n in range(max(1, min(count, BATCH // seeds)), 0, -1) if count % n == 0)
    blocks = tests.images.reshape(-1, size, *tests.images.shape[2:])
    said = torch.empty(seeds, len(blocks), size, len(tests.dataset.classes), device=blocks.device)
    at = torch.zeros(1, dtype=torch.int64, device=blocks.device)

    def one_block() -> None:
        logits = model.logits(blocks.index_select(0, at)[0])
        said.index_copy_(1, at, logits[:, None])
        at.add_(1)

    ask = captured(one_block, (at,), stream) if stream is not None else one_block
    for _ in range(len(blocks)):
        with torch.cuda.stream(stream):  # not around the yield: whoever has a turn meanwhile has a stream of its own
            ask()
        yield None
    if stream is not None:
        stream.synchronize()
    yield said.view(seeds, cells, count, -1)


@dataclass(frozen=True, eq=False)
class Heard:
    """What one model said, on the CPU."""

    run: Run
    step: int
    weights: str
    """Hash of the weights."""
    logits: Tensor
    """(cell, image, class)"""


def heard(stack: Stack, logits: Tensor, tests: DeviceTests) -> list[Heard]:
    """Bring what a stack said, logits (S, cell, image, class), to the CPU, one entry for each run."""
    here = logits.cpu()
    return [Heard(run, stack.step, digest(stack.model.give(s)), here[s]) for s, run in enumerate(stack.runs)]


def conclude(one: Heard, tests: DeviceTests) -> None:
    """Write the predictions and the evaluation of one run, as ``evaluation.evaluate`` does; no device is waited for.

    Raises:
        RunError: the disk does not take them.
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
    answers.save(found, one.run.predictions_path)
    robustness = measure(found) if len(tests.cells) > 1 else None
    scored = score(one.logits[0], dataset.test, dataset.classes)
    result = dataclasses.replace(scored, set=tests.identity, robustness=robustness)
    write(one.run, result, dataset, step=one.step, precision="float32")
