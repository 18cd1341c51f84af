"""Evaluation of a run on the test images."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from . import device as devices
from . import run as runs
from .data.dataset import ImageSet
from .model import CorticalTransformer, build
from .training import dataset_of


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


@torch.no_grad()
def predict(model: CorticalTransformer, images: torch.Tensor, *, batch_size: int = 500) -> torch.Tensor:
    """Return the logits (N, classes), float32 on the CPU, of images (N, C, H, W) uint8."""
    place = next(model.parameters()).device
    model.eval()
    batches = torch.split(images, batch_size)
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
    folder: Path | str, *, data_dir: Path | str | None = None, device: str = "auto"
) -> tuple[Evaluation, dict[str, Any]]:
    """Evaluate a run on the clean test images, in full precision; return the result and the run's manifest.

    The result is also written to ``evaluation.json`` in the run.

    Raises:
        RunError: there is no run or no checkpoint, or the data have changed.
        DataError: the data cannot be read.
    """
    place = devices.choose(device)
    run, program, manifest = runs.opened(Path(folder))
    state = runs.load_checkpoint(run, place)
    dataset = dataset_of(manifest, data_dir)
    model = build(program).to(place)
    runs.load_weights(run, model, state)
    logits = predict(model, torch.tensor(dataset.test.images))
    found = dataclasses.replace(score(logits, dataset.test, dataset.classes), finished=bool(state["finished"]))
    entry = {
        "data": {"name": dataset.name, "fingerprint": dataset.fingerprint, "split": "test"},
        "step": int(state["step"]),
        **dataclasses.asdict(found),
    }
    runs.write_json(run.evaluation_path, entry)
    return found, manifest
