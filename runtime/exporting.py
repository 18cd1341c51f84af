"""The model for other programs: torch.export and ONNX."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from pathlib import Path
from typing import Any

import torch

from cortexc.replacement import replacing

from . import run as runs
from .model import CorticalTransformer, build

LARGEST_BATCH = 4096


class ExportError(Exception):
    """A model cannot be exported; the message says why and what to do."""


def trained(folder: Path) -> CorticalTransformer:
    """Return the model of a run with the weights of its last checkpoint.

    Raises:
        RunError: there is no such run, or nothing was trained in it.
    """
    run, program, _ = runs.opened(folder)
    model = build(program)
    runs.load_weights(run, model, runs.load_checkpoint(run, torch.device("cpu")))
    return model


def as_exported(model: CorticalTransformer) -> torch.export.ExportedProgram:
    """Return the model in evaluation mode as a ``torch.export`` program; the number of images is free."""
    images = torch.rand(2, *model.program.image_shape, generator=torch.Generator().manual_seed(0))
    batch = torch.export.Dim("batch", min=1, max=LARGEST_BATCH)
    return torch.export.export(model.eval().cpu(), (images,), dynamic_shapes={"images": {0: batch}})


def write_exported(model: CorticalTransformer, path: Path) -> None:
    """Write a ``.pt2`` file, which ``torch.export.load`` reads without this project.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path) as (part,), part.open("wb") as file:  # raises at once if the folder cannot be written
        torch.export.save(as_exported(model), file)


def write_onnx(model: CorticalTransformer, path: Path) -> None:
    """Write an ONNX file: input ``images`` (B, channels, rows, columns) in [0, 1], output ``logits`` (B, classes).

    Raises:
        ExportError: the packages that it takes are not installed.
    """
    if missing := [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]:
        raise ExportError(f"{' and '.join(missing)} are not installed: pip install 'cortexc[onnx]'")
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)  # it warns of a missing torchvision, which is not needed
    try:
        with replacing(path) as (part,), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside torch's own exporter
            found: Any = torch.onnx.export(
                as_exported(model), dynamo=True, input_names=["images"], output_names=["logits"], verbose=False
            )
            found.save(part)
    finally:
        noisy.setLevel(level)
