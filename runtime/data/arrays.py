"""Images of one's own in memory: arrays, and map-style data sets of torch, become a `Dataset`.

Nothing of torch is imported: of its data sets only their length and their items are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .dataset import DataError, Dataset, ImageSet, assemble

NAME: Final = "arrays"
CHANNELS: Final = (1, 3)


def read(given: Any, name: str = NAME) -> Dataset:
    """Return a data set of arrays, or of map-style data sets of torch.

    Args:
        given: a mapping of ``train``, ``test`` and ``classes`` (names); or what is under ``train`` alone. Each split is
            a pair (images, labels), or a map-style data set of items (image, label), each of which is read once.
            Without ``test``, the test images are held out later. Without names, classes are called by their numbers.
        name: what it is called.

    Images are (N, H, W, C), (N, C, H, W) or (N, H, W), with 1 or 3 channels; whole numbers from 0 to 255, or floating
    point in [0, 1], which is rounded to 255ths. Labels are (N,), whole numbers from 0.

    Raises:
        DataError: it is something else.
    """
    parts = dict(given) if isinstance(given, Mapping) else {"train": given}
    if "train" not in parts or (more := parts.keys() - {"train", "test", "classes"}):
        extra = "" if "train" not in parts else f", and no `{min(map(str, more))}`"
        raise DataError(f"{name}: expected a mapping with `train`, and `test` and `classes` if there are any{extra}")
    splits = {part: _split(parts[part], f"{name}, {part}") for part in ("train", "test") if parts.get(part) is not None}
    train, test = splits["train"], splits.get("test")
    classes = _classes(parts.get("classes", getattr(parts["train"], "classes", None)), train, name)
    if test is not None and test.images.shape[1:] != train.images.shape[1:]:
        shapes = " and ".join("x".join(map(str, s.images.shape[1:])) for s in (train, test))
        raise DataError(f"{name}: training and test images are of one shape, and these are {shapes}")
    for part, split in splits.items():
        if (top := int(split.labels.max())) >= len(classes):
            raise DataError(f"{name}, {part}: there is a label {top}, and the classes are 0 to {len(classes) - 1}")
    return assemble(name, classes, train=train, test=test)


def pixels(images: ArrayLike, where: str) -> NDArray[np.uint8]:
    """Return images as uint8 (N, C, H, W), C-contiguous; see `read` for what they can be.

    Raises:
        DataError: they are something else; it begins with ``where``.
    """
    found = np.asarray(images)
    if found.ndim == 3:
        found = found[:, None]
    elif found.ndim == 4:
        last, first = found.shape[3] in CHANNELS, found.shape[1] in CHANNELS
        if last == first:
            why = "which axis has the channels cannot be told" if last else "no axis has 1 or 3 channels"
            raise DataError(f"{where}: images are {found.shape}, and {why}; expected (N, H, W, C) or (N, C, H, W)")
        found = found.transpose(0, 3, 1, 2) if last else found
    else:
        raise DataError(f"{where}: images are {found.shape}; expected (N, H, W, C), (N, C, H, W) or (N, H, W)")
    if not found.size:
        raise DataError(f"{where}: there are no images")
    if found.dtype.kind not in "uif":
        raise DataError(f"{where}: images are {found.dtype}; expected uint8, from 0 to 255")
    low, high = found.min(), found.max()
    if found.dtype.kind == "f":
        if not (low >= 0 and high <= 1):
            what = f"floating-point images are in [0, 1], and these are from {low:g} to {high:g}"
            raise DataError(f"{where}: {what}: give them as uint8, from 0 to 255, before any normalisation")
        found = np.rint(found * 255)
    elif low < 0 or high > 255:
        raise DataError(f"{where}: images are from {low} to {high}; expected 0 to 255")
    elif high == 1:
        raise DataError(f"{where}: images are of 0 and 1, and white is 255: give floating point in [0, 1]")
    return np.ascontiguousarray(found, np.uint8)


def _labels(labels: ArrayLike, count: int, where: str) -> NDArray[np.int64]:
    found = np.asarray(labels)
    if found.shape == (count, 1):
        found = found[:, 0]
    if found.shape != (count,) or found.dtype.kind not in "ui":
        raise DataError(f"{where}: labels are {found.dtype} {found.shape}; expected whole numbers {(count,)}")
    if found.min() < 0:
        raise DataError(f"{where}: there is a label {found.min()}; expected 0 for the first class")
    return np.ascontiguousarray(found, np.int64)


def _split(split: Any, where: str) -> ImageSet:
    if not isinstance(split, tuple):
        split = _items(split, where)
    if len(split) != 2:
        raise DataError(f"{where}: {len(split)} arrays are given; expected a pair, (images, labels)")
    images = pixels(split[0], where)
    return ImageSet(images, _labels(split[1], len(images), where))


def _items(source: Any, where: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return images and labels of a map-style data set."""
    if isinstance(source, np.ndarray | str) or not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):
        what = f"{where}: this is {type(source).__name__}"
        raise DataError(f"{what}; expected a pair (images, labels), or a map-style data set of torch")
    images, labels = [], []
    for index in range(len(source)):
        item = source[index]
        if not isinstance(item, Sequence) or len(item) != 2:
            raise DataError(f"{where}: item {index} is {type(item).__name__}; expected a pair (image, label)")
        images.append(np.asarray(item[0]))
        labels.append(np.asarray(item[1]))
        if images[-1].shape != images[0].shape:
            what = f"item {index} is {images[-1].shape}, and the first is {images[0].shape}"
            raise DataError(f"{where}: {what}: resize the images to one size")
    if not images:
        raise DataError(f"{where}: there are no images")
    return np.stack(images), np.stack(labels)


def _classes(names: Any, train: ImageSet, name: str) -> tuple[str, ...]:
    """Return the names of the classes; without names, each number must occur."""
    if names is not None:
        words = tuple(map(str, names))
        if len(words) < 2 or len(set(words)) < len(words):
            raise DataError(f"{name}: `classes` are {len(words)} names; expected two or more, each another")
        return words
    found = np.unique(train.labels)
    missing = np.setdiff1d(np.arange(found[-1] + 1), found)
    if len(missing) or len(found) < 2:
        what = f"no training image has the label {missing[0]}" if len(missing) else "all images are of one class"
        raise DataError(f"{name}: {what}; labels count the classes from 0, or `classes` names them all")
    return tuple(map(str, found))
