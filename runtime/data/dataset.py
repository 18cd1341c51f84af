"""A data set in memory: training and test images with labels, and a fingerprint."""

from __future__ import annotations

import hashlib
import importlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cortexc.datasets import DATASETS, IMAGE_SHAPE, DatasetRecord

FOLDER: Final = "folder"
"""The name of a data set that is a folder of images for each class."""
NPZ: Final = ".npz"


class DataError(Exception):
    """Data are missing, damaged or not what they should be; the message says where, and how to fix it."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """The images of one split as they were published, not scaled to [0, 1]."""

    images: NDArray[np.uint8]
    """(image, channel, height, width), 0..255, C-contiguous; those of shipped data sets are (N, 3, 32, 32)."""
    labels: NDArray[np.int64]
    """(N,), an index into the classes."""

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(f"images are {images.dtype} {images.shape}; expected uint8 (N, C, H, W)")
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


DataSource: TypeAlias = str | os.PathLike[str] | Dataset | Any
"""A shipped name, the path of an ``.npz``, ``folder``, a `Dataset`, or what `arrays.read` takes."""


def assemble(name: str, classes: tuple[str, ...], *, train: ImageSet, test: ImageSet | None) -> Dataset:
    """Put two splits together and take their fingerprint; for the readers. No test images: they are held out later."""
    if test is None:
        test = ImageSet(train.images[:0], train.labels[:0])
    digest = hashlib.sha256()
    for split in (train, test):
        digest.update(split.images.data)
        digest.update(split.labels.astype("<i8", copy=False).data)
    return Dataset(name, classes, train, test, f"sha256:{digest.hexdigest()}")


def held_out(dataset: Dataset, count: int) -> Dataset:
    """Return a data set whose test images are ``count`` training images, which are not trained on any more.

    For choices of models and settings, which must not be made on the real test images. Of a shipped data set they are
    the last ones; of one's own, whose images may be sorted by class, they are drawn, always the same.

    Raises:
        DataError: there are not so many training images.
    """
    rest = len(dataset.train) - count
    if count < 1 or rest < 1:
        raise DataError(f"{count} images are to be held out; expected 1 to {len(dataset.train) - 1} of {dataset.name}")
    images, labels = dataset.train.images, dataset.train.labels
    parts: tuple[Any, Any] = slice(rest), slice(rest, None)
    if dataset.name not in DATASETS:
        order = np.random.RandomState(0).permutation(len(labels))  # the one generator that promises never to change
        parts = np.sort(order[:rest]), np.sort(order[rest:])
    train, test = (ImageSet(images[part], labels[part]) for part in parts)
    return replace(assemble(dataset.name, dataset.classes, train=train, test=test), held_out=count)


def mean_and_std(images: ImageSet) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each channel [pixel values 0 to 1]; the latter at least 1/255."""
    total = np.zeros((images.images.shape[1], 256))  # channel value
    for block in np.array_split(images.images, -(-len(images) // 1000)):  # a copy of all would take much memory
        total += [np.bincount(channel.ravel(), minlength=256) for channel in block.swapaxes(0, 1)]
    share, values = total / total.sum(1, keepdims=True), np.arange(256) / 255
    mean = share @ values
    std = np.sqrt(np.maximum(share @ values**2 - mean**2, 0))
    return mean.tolist(), np.maximum(std, 1 / 255).tolist()


def load(data: DataSource, data_dir: Path | str | None = None, *, hold_out: int = 0) -> Dataset:
    """Read a data set into memory; it downloads nothing.

    Args:
        data: a key of `cortexc.datasets.DATASETS`; the path of an ``.npz``; ``folder``, for a folder of images a class;
            a `Dataset`; or arrays and data sets of torch, see `arrays.read`.
        data_dir: the folder of it, unless the data set comes with the program or is in memory.
        hold_out: how many training images become the test images.

    Raises:
        DataError: there is no such data set, it has no test images, or its files are missing or damaged.
        ValueError: the reader of a data set and its record in `cortexc.datasets` do not agree.
    """
    if isinstance(data, str | os.PathLike):
        found = _read(*placed(data, data_dir))
    else:
        found = data if isinstance(data, Dataset) else _module("arrays").read(data)
    if hold_out:
        return held_out(found, hold_out)
    if not len(found.test):
        raise DataError(
            f"{found.name} has no test images: give some, or hold out N training images with --hold-out N "
            "(`hold_out=N` in Python)"
        )
    return found


def placed(data: str | os.PathLike[str], data_dir: Path | str | None) -> tuple[str, Path | None]:
    """Return name and folder of a data set that is read from files; together they find it again.

    Raises:
        DataError: there is no such data set, or it is read from a folder and none is given.
    """
    name, folder = os.fspath(data), None if data_dir is None else Path(data_dir)
    if name.endswith(NPZ):
        path = Path(name) if folder is None else folder / name
        return path.name, path.parent
    if name not in DATASETS and name != FOLDER:
        shipped = ", ".join(DATASETS)
        known = f"the known ones are {shipped}, the path of an .npz, and `folder`"
        hint = f"; a folder of images is --data folder --data-dir {name}" if Path(name).is_dir() else ""
        raise DataError(f"there is no data set `{name}`; {known}{hint}")
    if folder is None and (name == FOLDER or DATASETS[name].needs_folder):
        can_be_fetched = name != FOLDER and hasattr(reader(DATASETS[name]), "FETCHABLE")
        advice = f"; `cortexc data fetch {name} --data-dir DIR` fills it" if can_be_fetched else ""
        raise DataError(f"{name} needs --data-dir DIR{advice}")
    return name, folder


def _read(name: str, folder: Path | None) -> Dataset:
    found: Dataset
    if folder is not None and name.endswith(NPZ):
        found = _module("npz").read(folder / name)
    elif name == FOLDER:
        found = _module("image_folder").read(folder)
    else:
        record = DATASETS[name]
        found = reader(record).read(folder)
        if (found.name, len(found.classes)) != (record.name, record.classes):
            what = f"`{found.name}` with {len(found.classes)} classes"
            raise ValueError(
                f"runtime/data/{record.reader}.py reads {what}; its record is {record.name}, {record.classes}"
            )
    return found


def reader(record: DatasetRecord) -> ModuleType:
    """Return the module that reads a data set: it has ``read``, and ``FETCHABLE`` where something can be fetched."""
    return _module(record.reader)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f".{name}", __package__)


def check_corruptible(dataset: Dataset) -> None:
    """Make sure that the images of a data set can be corrupted.

    Raises:
        DataError: they cannot: the published corruptions are for colour images of 32 x 32 pixels.
    """
    if (shape := dataset.train.images.shape[1:]) != IMAGE_SHAPE:
        has = f"{dataset.name} has {'x'.join(map(str, shape))}"
        raise DataError(f"corruptions are for images of {'x'.join(map(str, IMAGE_SHAPE))}, and {has}")
