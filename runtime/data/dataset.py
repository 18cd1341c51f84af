"""A data set in memory: training and test images (32 x 32) with labels, and a fingerprint."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from cortexc.datasets import DATASETS, IMAGE_SHAPE, DatasetRecord


class DataError(Exception):
    """Data are missing, damaged or not what they should be; the message says where, and how to fix it."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """The images of one split as they were published, not scaled to [0, 1]."""

    images: NDArray[np.uint8]
    """(image, channel, height, width) = (N, 3, 32, 32), 0..255, C-contiguous."""
    labels: NDArray[np.int64]
    """(N,), an index into the classes."""

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != IMAGE_SHAPE:
            raise ValueError(f"images are {images.dtype} {images.shape}; expected uint8 (N, 3, 32, 32)")
        if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
            raise ValueError(f"labels are {labels.dtype} {labels.shape}; expected int64 {images.shape[:1]}")
        if not (images.flags.c_contiguous and labels.flags.c_contiguous):
            raise ValueError("images and labels must be C-contiguous")

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory, made by `load`. Compare two by their fingerprints."""

    name: str
    classes: tuple[str, ...]
    train: ImageSet
    test: ImageSet
    fingerprint: str
    """``sha256:`` and 64 hex digits, of the bytes of images and labels (little-endian), train before test."""
    held_out: int = 0
    """How many training images were made the test images; 0 if the test images are the published ones."""


def assemble(name: str, classes: tuple[str, ...], *, train: ImageSet, test: ImageSet) -> Dataset:
    """Put two splits together and take their fingerprint; for the readers."""
    digest = hashlib.sha256()
    for split in (train, test):
        digest.update(split.images.data)
        digest.update(split.labels.astype("<i8", copy=False).data)
    return Dataset(name, classes, train, test, f"sha256:{digest.hexdigest()}")


def held_out(dataset: Dataset, count: int) -> Dataset:
    """Return a data set whose test images are the last ``count`` training images, and are not trained on any more.

    For choices of models and settings, which must not be made on the real test images.

    Raises:
        DataError: there are not so many training images.
    """
    rest = len(dataset.train) - count
    if count < 1 or rest < 1:
        raise DataError(f"{count} images are to be held out; expected 1 to {len(dataset.train) - 1} of {dataset.name}")
    images, labels = dataset.train.images, dataset.train.labels
    train, test = ImageSet(images[:rest], labels[:rest]), ImageSet(images[rest:], labels[rest:])
    return replace(assemble(dataset.name, dataset.classes, train=train, test=test), held_out=count)


def load(name: str, data_dir: Path | None) -> Dataset:
    """Read a data set into memory; it downloads nothing.

    Args:
        name: a key of `cortexc.datasets.DATASETS`.
        data_dir: its folder; not needed for a data set that comes with the program.

    Raises:
        DataError: there is no such data set, or its files are missing or damaged.
        ValueError: the reader of a data set and its record in `cortexc.datasets` do not agree.
    """
    record = located(name, data_dir)
    dataset: Dataset = reader(record).read(data_dir)
    if (dataset.name, len(dataset.classes)) != (record.name, record.classes):
        found = f"`{dataset.name}` with {len(dataset.classes)} classes"
        raise ValueError(
            f"runtime/data/{record.reader}.py reads {found}; its record is {record.name}, {record.classes}"
        )
    return dataset


def reader(record: DatasetRecord) -> ModuleType:
    """Return the module that reads a data set: it has ``read``, and ``FETCHABLE`` where something can be fetched."""
    return importlib.import_module(f".{record.reader}", __package__)


def located(name: str, data_dir: Path | None) -> DatasetRecord:
    """Return the record of a data set, once it is known where to read it.

    Raises:
        DataError: there is no such data set, or it is read from a folder and none is given.
    """
    if name not in DATASETS:
        raise DataError(f"there is no data set `{name}`; the known ones are {', '.join(DATASETS)}")
    if DATASETS[name].needs_folder and data_dir is None:
        can_be_fetched = hasattr(reader(DATASETS[name]), "FETCHABLE")
        advice = f"; `cortexc data fetch {name} --data-dir DIR` fills it" if can_be_fetched else ""
        raise DataError(f"{name} needs --data-dir DIR{advice}")
    return DATASETS[name]
