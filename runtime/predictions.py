"""The predictions of a model for every image in every cell: all measures are computed from this one file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cortexc import hdf5
from cortexc.digests import DigestError

from .corruptions.catalogue import Cell
from .manifest import RunError, read
from .run import Run, load_checkpoint, weights_digest

CLEAN = Cell("clean", 0)
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers of one model to test images; arrays are (cell, image)."""

    cells: tuple[Cell, ...]
    """`CLEAN` first."""
    indices: NDArray[np.int64]
    """(image,), of the images in the test set, ascending."""
    labels: NDArray[np.unsignedinteger]
    """(image,), of the smallest type that has room for the classes."""
    predicted: NDArray[np.unsignedinteger]
    """The class with the largest probability."""
    confidence: NDArray[np.float16]
    """Its probability."""
    true_probability: NDArray[np.float32]
    """The probability of the label."""
    about: dict[str, Any]
    """Run, data and corrupted set: two models can be compared where ``data`` and ``set`` agree."""

    def rows(self, cells: tuple[Cell, ...]) -> NDArray[np.int64]:
        """Return which rows of the arrays belong to cells.

        Raises:
            KeyError: one is not there.
        """
        where = {cell: row for row, cell in enumerate(self.cells)}
        return np.array([where[cell] for cell in cells], np.int64)

    def only(self, cells: tuple[Cell, ...]) -> Predictions:
        """Return the predictions in some of the cells.

        Raises:
            KeyError: one is not there.
        """
        rows = self.rows(cells)
        arrays = (self.predicted[rows], self.confidence[rows], self.true_probability[rows])
        return Predictions(cells, self.indices, self.labels, *arrays, about=self.about)

    def correct(self, cells: tuple[Cell, ...]) -> NDArray[np.bool_]:
        """Return (cell, image), whether the answers are right."""
        return np.asarray(self.predicted[self.rows(cells)] == self.labels)


def save(predictions: Predictions, path: Path) -> None:
    """Write predictions to an HDF5 file; a file of that name is replaced when the new one is complete.

    Raises:
        RunError: it cannot be written.
    """
    arrays = {
        "indices": predictions.indices,
        "labels": predictions.labels,
        "severity": np.array([cell.severity for cell in predictions.cells], np.uint8),
        "predicted": predictions.predicted,
        "confidence": predictions.confidence,
        "true_probability": predictions.true_probability,
    }
    try:
        with hdf5.written(path) as file:
            file.attrs["format"] = FORMAT
            file.attrs["about"] = json.dumps(predictions.about)
            file["corruption"] = [cell.corruption for cell in predictions.cells]
            for name, array in arrays.items():
                file.create_dataset(name, data=array, compression="gzip", compression_opts=4, shuffle=True)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None


def of_run(run: Run) -> Predictions:
    """Read the predictions of a run, and make sure that they are its own.

    Raises:
        RunError: there are none, they are damaged, or other weights than those of the run gave them.
    """
    found = load(run.predictions_path)
    made = read(run.manifest_path)
    own = found.about.get("run") == made.name and found.about.get("data") == made.data.fingerprint
    if own and run.checkpoint_path.is_file():
        weights = load_checkpoint(run, torch.device("cpu"))["model"]
        own = found.about.get("weights") == weights_digest(weights)
    if not own:
        raise RunError(
            f"{run.predictions_path}: these are not the predictions of this run, or of its weights now: "
            f"`cortexc evaluate {run.folder}` makes them"
        )
    return found


def load(path: Path) -> Predictions:
    """Read the predictions of a run.

    Raises:
        RunError: there are none, or the file is damaged.
    """
    if not path.is_file():
        raise RunError(f"{path}: there are no predictions; `cortexc evaluate {path.parent}` makes them")
    try:
        with hdf5.opened(path) as file:
            if file.attrs["format"] != FORMAT:
                raise RunError(f"{path}: format {file.attrs['format']}, expected {FORMAT}; evaluate the run again")
            names = file["corruption"].asstr()[:]
            cells = tuple(Cell(str(n), int(s)) for n, s in zip(names, file["severity"][:], strict=True))
            arrays = ("indices", "labels", "predicted", "confidence", "true_probability")
            loaded = {name: file[name][:] for name in arrays}
            return Predictions(cells, **loaded, about=json.loads(file.attrs["about"]))
    except DigestError as error:
        raise RunError(f"{error}; evaluate the run again") from None
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(f"{path}: damaged: {error}; evaluate the run again") from None
