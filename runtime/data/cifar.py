"""Reads CIFAR-10 and CIFAR-100 in their official python version, from the folder or straight from the archive.

The batches are Python 2 pickles, and a pickle may run any code it likes. These are therefore read by an
unpickler that knows only the three numpy names in them, and replaces them by inert stand-ins:
whatever a file says, nothing outside this module is called. The arrays are then built from the bytes, after
their shapes have been checked.

References:
    A. Krizhevsky (2009), Learning multiple layers of features from tiny images,
    https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import cifar_c
from .archives import Fetchable, how_to_fetch, pieces, unreadable
from .dataset import DataError, Dataset, ImageSet, assemble

FOLDER = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    ARCHIVE: "c58f30108f718f92721af3b95e74349a",
}
"""Official md5 sums: the seven files of the folder, and the archive that holds them."""
FILES = tuple(name for name in MD5 if name != ARCHIVE)
TRAIN = FILES[:5]
PIXELS = 3 * 32 * 32
"""An image is a row of 3 x 32 x 32 bytes: red, green, blue, row by row."""
MAX_BYTES = 256 * 2**20
"""No official file is as large [bytes]; a larger one is not read at all."""

_UNPICKLING = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError),
    *(LookupError, OverflowError, MemoryError, RecursionError),
)


class _Array:
    """Stands in for a pickled numpy array: keeps the arguments in the file, and runs nothing."""

    def __init__(self, *_: object) -> None:
        self.shape: object = None
        self.dtype: object = None
        self.fortran: object = None
        self.raw: object = None

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, self.fortran, self.raw = state


class _DType:
    """Stands in for a pickled numpy dtype."""

    def __init__(self, code: object = None, *_: object) -> None:
        self.code = _text(code)

    def __setstate__(self, state: object) -> None:
        pass


_GLOBALS: dict[tuple[str, str], type] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,  # the name in numpy 1, and so in the official files
    ("numpy._core.multiarray", "_reconstruct"): _Array,  # in numpy 2
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in _GLOBALS:
            raise pickle.UnpicklingError(f"it asks for `{module}.{name}`, which no file of CIFAR needs")
        return _GLOBALS[module, name]


def _text(value: object) -> str:
    """Return a string of Python 2 or 3 as text, and nothing for what is none."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, kw_only=True)
class Version:
    """One of the two data sets: its files, and what is in them."""

    name: str
    title: str
    archive: str
    folder: str
    md5: Mapping[str, str]
    """Official md5 sums of the files and of the archive."""
    train: Mapping[str, int]
    """Files with training images, and how many are in each."""
    test: str
    meta: str
    labels: str
    """The key of the labels in a file."""
    names: str
    """The key of the class names in ``meta``."""
    classes: int

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the folder."""
        return tuple(name for name in self.md5 if name != self.archive)

    def locate(self, data_dir: Path) -> Path | None:
        """Return what `read` would read: the folder with the files, or else the archive; None without either.

        Raises:
            DataError: one may not look into the folder.
        """
        try:
            if any((data_dir / name).is_file() for name in self.files):
                return data_dir
            if (data_dir / self.folder).is_dir():
                return data_dir / self.folder
            return data_dir / self.archive if (data_dir / self.archive).is_file() else None
        except OSError as error:
            raise unreadable(data_dir, error) from None

    def members(self, archive: Path, wanted: Collection[str] | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of the official files in the archive, in its order, and nothing else in it.

        Raises:
            DataError: it is not a sound gzipped tar, or a member is larger than any official file.
        """
        names = {f"{self.folder}/{name}": name for name in (self.files if wanted is None else wanted)}
        remedy = self.how_to_fetch(archive.parent)
        return pieces(archive, "r:gz", names, largest=MAX_BYTES, piece=MAX_BYTES, remedy=remedy)

    def read(self, data_dir: Path) -> Dataset:
        """Read the 50,000 training and 10,000 test images.

        Args:
            data_dir: a folder that holds the official files, or their folder (``cifar-10-batches-py``), or the archive
                (``cifar-10-python.tar.gz``), which is read in memory and not unpacked. Looked for in this order.

        Raises:
            DataError: the folder does not hold the data set, or a file is missing, truncated or foreign.
        """
        source = self.locate(data_dir)
        if source is None:
            what = f"no {self.title} here: expected a folder with {self.folder} or {self.archive} in it"
            where = what if data_dir.exists() else "no such folder"
            raise DataError(f"{data_dir}: {where}. {self.how_to_fetch(data_dir)}")

        count, starts = 0, {}
        for name, rows in self.train.items():
            starts[name], count = count, count + rows
        images = np.empty((count, 3, 32, 32), np.uint8)  # image channel height width
        labels = np.empty(count, np.int64)  # image
        classes: tuple[str, ...] = ()
        test: ImageSet | None = None
        missing = set(self.files)
        for name, content in self._contents(source, data_dir) if source.is_dir() else self.members(source):
            file = _File(self, source / name, data_dir)
            batch = file.unpickled(content)
            if name == self.meta:
                classes = file.classes(batch)
            elif name == self.test:
                test = ImageSet(*file.rows(batch, TESTS))
            else:
                part = slice(starts[name], starts[name] + self.train[name])
                images[part], labels[part] = file.rows(batch, self.train[name])
            missing.discard(name)
        if missing or test is None:
            raise self._missing(source, missing, data_dir)
        return assemble(self.name, classes, train=ImageSet(images, labels), test=test)

    def how_to_fetch(self, data_dir: Path) -> str:
        """Say how to put sound data into a folder."""
        return how_to_fetch(data_dir, self.name, self.folder)

    def _missing(self, source: Path, names: set[str], data_dir: Path) -> DataError:
        what = f"of the {_COUNTS[len(self.files)]} official files these are missing: {', '.join(sorted(names))}"
        return DataError(f"{source}: {what}. {self.how_to_fetch(data_dir)}")

    def _contents(self, folder: Path, data_dir: Path) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of the official files, after checking that all are there."""
        if missing := {name for name in self.files if not (folder / name).is_file()}:
            raise self._missing(folder, missing, data_dir)
        for name in sorted(self.files):
            path = folder / name
            try:
                size = path.stat().st_size
                content = path.read_bytes() if size <= MAX_BYTES else b""
            except OSError as error:
                raise unreadable(path, error) from None
            if size > MAX_BYTES:
                raise _File(self, path, data_dir).error(f"it has {size:,} bytes")
            yield name, content


TESTS = 10_000
_COUNTS = {3: "three", 7: "seven"}


class _File:
    """A file that is being read: its checks, and their error messages."""

    def __init__(self, version: Version, path: Path, data_dir: Path) -> None:
        self.version = version
        self.path = path
        self.data_dir = data_dir

    def error(self, why: str) -> DataError:
        what = f"not a sound file of {self.version.title}, python version: {why}"
        return DataError(f"{self.path}: {what}. {self.version.how_to_fetch(self.data_dir)}")

    def unpickled(self, content: bytes) -> dict[str, object]:
        try:
            batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        except _UNPICKLING as error:
            raise self.error(str(error) or type(error).__name__) from None
        if not isinstance(batch, dict):
            raise self.error(f"it holds a {type(batch).__name__}, and a dictionary belongs there")
        return {_text(key): value for key, value in batch.items()}

    def rows(self, batch: dict[str, object], rows: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return images (rows, 3, 32, 32) and labels (rows,) of a batch."""
        key, classes = self.version.labels, self.version.classes
        data, labels = batch.get("data"), batch.get(key)
        if not isinstance(data, _Array):
            raise self.error("it has no array `data`")
        code = data.dtype.code if isinstance(data.dtype, _DType) else None
        if data.shape != (rows, PIXELS) or code != "u1":
            expected = f"expected {(rows, PIXELS)} and u1, which is uint8"
            raise self.error(f"`data` has shape {data.shape} and type {code}; {expected}")
        if data.fortran or not isinstance(data.raw, bytes) or len(data.raw) != rows * PIXELS:
            raise self.error(f"`data` does not hold {rows * PIXELS:,} bytes, row by row")
        if not isinstance(labels, list) or len(labels) != rows:
            raise self.error(f"`{key}` is not a list of {rows:,}")
        if not all(type(label) is int and 0 <= label < classes for label in labels):
            raise self.error(f"a label is not a whole number from 0 to {classes - 1}")
        pixels = np.frombuffer(data.raw, np.uint8).reshape(rows, 3, 32, 32)  # image channel height width
        return pixels, np.array(labels, np.int64)

    def classes(self, meta: dict[str, object]) -> tuple[str, ...]:
        """Return the class names of the file of names."""
        key, count = self.version.names, self.version.classes
        names = meta.get(key)
        words = [_text(name) for name in names] if isinstance(names, list) else []
        if len(words) != count or len(set(words)) != count or not all(words):
            raise self.error(f"`{key}` is not a list of {count} different names")
        return tuple(words)


VERSION = Version(
    name="cifar10",
    title="CIFAR-10",
    archive=ARCHIVE,
    folder=FOLDER,
    md5=MD5,
    train=dict.fromkeys(TRAIN, 10_000),
    test="test_batch",
    meta="batches.meta",
    labels="labels",
    names="label_names",
    classes=10,
)
read = VERSION.read


CIFAR10 = Fetchable(
    name="cifar10",
    label="CIFAR-10",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    archive=ARCHIVE,
    folder=FOLDER,
    md5=MD5,
    locate=VERSION.locate,
    members=VERSION.members,
    archive_bytes=200_000_000,
    files_bytes=200_000_000,
    replaces=True,
)
FETCHABLE = (CIFAR10, cifar_c.CIFAR10_C)
"""What `fetching` can bring: the images, and the official corrupted ones."""
