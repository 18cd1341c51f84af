"""Images of one's own in an ``.npz`` file of NumPy: training and test arrays, or one pair of arrays."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from . import arrays
from .archives import unreadable
from .dataset import DataError, Dataset

TRAIN = (("train_images", "train_labels"), ("x_train", "y_train"), ("images", "labels"))
TEST = (("test_images", "test_labels"), ("x_test", "y_test"))
"""Names of images and labels: those of MedMNIST, those of Keras, and of a file with one pair."""


def read(path: Path) -> Dataset:
    """Read a file; `arrays.read` says what its arrays can be. ``classes`` may name the classes; other arrays are left.

    Raises:
        DataError: it is missing or damaged, lacks an array, or an array is not what it should be.
    """
    try:
        with path.open("rb") as stream:  # NumPy leaves a damaged one open
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise DataError(f"{path}: this is a single array; expected an .npz, as numpy.savez writes it")
            found = {
                part: (file[pair[0]], file[pair[1]])
                for part, known in (("train", TRAIN), ("test", TEST))
                if (pair := next((p for p in known if set(p) <= set(file)), None))
            }
            names = {"classes": file["classes"]} if "classes" in file else {}
            there = ", ".join(file)
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged, or not an .npz of plain arrays: {error}") from None
    if "train" not in found:
        wanted = "train_images, train_labels, test_images and test_labels, or images and labels"
        raise DataError(f"{path}: its arrays are {there}; expected {wanted}")
    return arrays.read(found | names, path.name)
