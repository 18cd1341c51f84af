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
from .stacked import Stack, StackedModel, captured

BATCH = 3000
"""Answers at once, of all seeds together, at most."""


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


@torch.no_grad()
def asked(model: StackedModel, tests: DeviceTests, stream: torch.cuda.Stream | None = None) -> Iterator[Tensor | None]:
    """Ask the models block by block, in full float32, on a stream as a CUDA graph.

    Yields None after each block that was added to the stream, so that others get a turn, then the logits
    (S, cell, image, class), float32 on the device.
    """
    seeds, (cells, count) = len(model.models), tests.images.shape[:2]
    size = next(n for n in range(max(1, min(count, BATCH // seeds)), 0, -1) if count % n == 0)
    blocks = tests.images.reshape(-1, size, *tests.images.shape[2:])
    said = torch.empty(seeds, len(blocks), size, len(tests.classes), device=blocks.device)
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
    """What one model said, on the CPU, and the model."""

    run: Run
    name: str
    step: int
    model: CorticalTransformer
    predicted: NDArray[np.uint8]
    confidence: NDArray[np.float16]
    true_probability: NDArray[np.float32]
    clean: Tensor


def heard(stack: Stack, name: str, logits: Tensor, labels: NDArray[np.int64]) -> list[Heard]:
    """Bring what a stack said, logits (S, cell, image, class), to the CPU, one entry for each run."""
    right = torch.from_numpy(labels).to(logits.device).expand(logits.shape[1], -1)[..., None]
    found = []
    for s, run in enumerate(stack.runs):
        probability = logits[s].double().softmax(2)
        top, which = probability.max(2)
        arrays = (which.to(torch.uint8), top.half(), probability.gather(2, right)[..., 0].float())
        found.append(
            Heard(run, name, stack.step, stack.model.give(s), *(t.cpu().numpy() for t in arrays), logits[s, 0].cpu())  # type: ignore[arg-type,call-arg]
        )
    return found


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
