"""Images of one's own as files: a folder a class, laid out as for ``ImageFolder`` of torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .archives import unreadable
from .dataset import FOLDER, DataError, Dataset, ImageSet, assemble

SUFFIXES = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}
"""Of image files, as torchvision has them; other files are left."""
_DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


class _File(NamedTuple):
    path: Path
    label: int


def read(folder: Path) -> Dataset:
    """Read ``train/CLASS/*`` and ``test/CLASS/*``, or ``CLASS/*`` alone; then the test images are held out later.

    Classes are sorted by name, images by path; an image may lie deeper than its class. All images have one size. They
    have one channel if every file is grey, else three; transparency is dropped.

    Raises:
        DataError: a folder is missing or empty, or a file is damaged or of another size or depth.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    try:
        train = folder / "train" if (folder / "train").is_dir() else folder
        classes = _folders(train)
        if len(classes) < 2:
            expected = "expected two or more, each named after its class"
            raise DataError(f"{train}: there are {len(classes)} folders in it; {expected}")
        files = _files(train, classes)
        tests: list[_File] = []
        if train != folder and (folder / "test").is_dir():
            if others := sorted(set(_folders(folder / "test")) - set(classes)):
                raise DataError(f"{folder / 'test' / others[0]}: there is no class of this name in {train}")
            tests = _files(folder / "test", [c for c in classes if (folder / "test" / c).is_dir()], classes)
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from None
    first = files[0].path
    size = _head(first)[1]
    grey = True
    for file in (*files, *tests):
        mode, found = _head(file.path)
        if found != size:
            what = f"{_by(found)} pixels, and {first} has {_by(size)}"
            raise DataError(f"{file.path}: {what}: resize all images to one size")
        grey = grey and mode in {"1", "L"}
    train_set, test_set = (_images(part, size, "L" if grey else "RGB") for part in (files, tests))
    return assemble(FOLDER, tuple(classes), train=train_set, test=test_set)


def _folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _files(folder: Path, classes: list[str], known: list[str] | None = None) -> list[_File]:
    """Return the image files of classes, each with its index among the ``known`` ones."""
    found = []
    for name in classes:
        paths = sorted(p for p in (folder / name).rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not paths:
            raise DataError(f"{folder / name}: there is no image in it; expected {', '.join(sorted(SUFFIXES))}")
        found += [_File(path, (known or classes).index(name)) for path in paths]
    return found


def _head(path: Path) -> tuple[str, tuple[int, int]]:
    """Return mode and size (width, height) of an image file, without its pixels."""
    try:
        with Image.open(path) as image:
            mode, size = image.mode, image.size
    except _DAMAGED as error:
        raise _unsound(path, error) from None
    if mode.startswith(("I", "F")):
        raise DataError(f"{path}: its pixels have more than 8 bits: convert all images to 8 bits a channel")
    return mode, size


def _images(files: list[_File], size: tuple[int, int], mode: str) -> ImageSet:
    width, height = size
    images = np.empty((len(files), len(mode), height, width), np.uint8)
    for row, file in enumerate(files):
        images[row] = _pixels(file.path, mode).reshape(height, width, -1).transpose(2, 0, 1)
    return ImageSet(images, np.array([file.label for file in files], np.int64))


def _pixels(path: Path, mode: str) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert(mode))
    except _DAMAGED as error:
        raise _unsound(path, error) from None


def _unsound(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: damaged, or not an image that Pillow can read ({error})")


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
