"""Corrupted sets to test on: a folder in the layout of CIFAR-10-C, or one that is made while it is read.

A folder has ``<corruption>.npy``, uint8 (severities x N, 32, 32, 3), the images of one severity after those of the
last, and ``labels.npy`` to match. What was regenerated here also has a ``manifest.json``, which says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cortexc import digests

from ..data.cifar_c import LABELS, MANIFEST, MD5
from ..data.dataset import DataError, ImageSet
from .catalogue import CORRUPTIONS, SEVERITIES, Cell
from .generation import Source, blocks
from .ice import DRAWN, FIRST_DRAWN

Pixels = NDArray[np.uint8]

FORMAT = 1


class CorruptedSet(Protocol):
    """Corrupted test images, in the order of the clean ones."""

    @property
    def corruptions(self) -> tuple[str, ...]:
        """Those that are there, in the order of the catalogue."""

    @property
    def severities(self) -> tuple[int, ...]:
        """Those that are there."""

    def images(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Pixels]]:
        """Yield the images (N, 32, 32, 3) of cells, in this order."""

    def identity(self, corruptions: Sequence[str]) -> dict[str, Any]:
        """Return what these corruptions are: ``kind`` is official, regenerated or foreign; and what else is known."""


@dataclass(frozen=True, eq=False)
class MadeSet:
    """A set that is corrupted while it is read: nothing is written, and the pixels are those of a written one."""

    clean: Pixels
    """(N, 32, 32, 3)."""
    source: Source
    severities: tuple[int, ...] = SEVERITIES
    corruptions: tuple[str, ...] = tuple(CORRUPTIONS)

    def images(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Pixels]]:
        """Yield the images (N, 32, 32, 3) of cells, in this order.

        Raises:
            DataError: photographs of frost cannot be read.
        """
        filled = np.empty_like(self.clean)
        for cell, first, block in blocks(self.clean, cells, self.source):
            filled[first : first + len(block)] = block
            if first + len(block) == len(filled):
                yield cell, filled
                filled = np.empty_like(self.clean)

    def identity(self, corruptions: Sequence[str]) -> dict[str, Any]:
        """Return that the set is regenerated, and how."""
        return {"kind": "regenerated", **self.source.describe()}


@dataclass(frozen=True, eq=False)
class StoredSet:
    """A set in a folder, whose files have the right form."""

    folder: Path
    corruptions: tuple[str, ...]
    severities: tuple[int, ...]
    count: int
    """Images of a severity."""
    manifest: dict[str, Any] | None
    """The content of its ``manifest.json``; None without one."""

    def images(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Pixels]]:
        """Yield the images (N, 32, 32, 3) of cells, in this order, mapped from the files.

        Raises:
            DataError: a file cannot be read any more.
        """
        for cell in cells:
            path = self.folder / f"{cell.corruption}.npy"
            try:
                mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError) as error:
                raise DataError(f"{path}: cannot be read: {error}") from None
            start = self.severities.index(cell.severity) * self.count
            yield cell, mapped[start : start + self.count]

    def identity(self, corruptions: Sequence[str]) -> dict[str, Any]:
        """Read every byte and return what the files are, by their md5 sums.

        Raises:
            DataError: a file cannot be read, or a regenerated one has changed since it was made.
        """
        names = (*(f"{name}.npy" for name in corruptions), LABELS)
        with ThreadPoolExecutor() as pool:
            found = dict(zip(names, pool.map(md5_of, (self.folder / name for name in names)), strict=True))
        if self.manifest is not None:
            written = self.manifest["md5"]
            if changed := [name for name in names if found[name] != written[name]]:
                raise DataError(
                    f"{self.folder / changed[0]}: not what {MANIFEST} says was written: its md5 is "
                    f"{found[changed[0]]}, expected {written[changed[0]]}. Make the set again in an empty folder."
                )
            return {"kind": "regenerated", **{key: self.manifest[key] for key in ("seed", "frost", "versions")}}
        if foreign := [name for name in names if found[name] != MD5[name]]:
            return {"kind": "foreign", "foreign": foreign}
        return {"kind": "official"}


def md5_of(path: Path) -> str:
    """Return the md5 sum of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def describe(identity: dict[str, Any], name: str = "CIFAR-10-C") -> str:
    """Return what a set is in a few words, for the head of a table or a plot."""
    if identity["kind"] == "regenerated":
        words = {FIRST_DRAWN: "drawn frost of version 1", DRAWN: "drawn frost"}
        frost = words.get(identity["frost"], "frost of photographs")
        return f"{name} (regenerated, seed {identity['seed']}, {frost})"
    if identity["kind"] == "foreign":
        files = identity["foreign"]
        return f"{name} (foreign: {len(files)} files are not the official ones, {files[0]} among them)"
    return f"{name} (official)"


def has_drawn_frost(identity: dict[str, Any] | None) -> bool:
    """Return whether the frost of a set is drawn; None is no set."""
    return identity is not None and identity.get("frost") in (FIRST_DRAWN, DRAWN)


def stored(folder: Path, clean: ImageSet, fingerprint: str) -> StoredSet:
    """Open a folder, and check the form of every file in it that is in the catalogue.

    Args:
        folder: where the files are.
        clean: the test images that were corrupted.
        fingerprint: of the data set that they belong to.

    Raises:
        DataError: the folder, labels or all arrays are missing; a file is damaged or of the wrong form; or the set was
            made from other images.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; {HOW_TO_GET}")
    manifest = _manifest(folder, fingerprint)
    severities = SEVERITIES if manifest is None else tuple(manifest["severities"])
    rows = len(severities) * len(clean)
    corruptions = tuple(name for name in CORRUPTIONS if (folder / f"{name}.npy").exists())
    if manifest is not None:
        corruptions = tuple(name for name in corruptions if f"{name}.npy" in manifest["md5"])
    if not corruptions:
        raise DataError(f"{folder}: there is no array of CIFAR-10-C in it, such as gaussian_noise.npy; {HOW_TO_GET}")
    _check_labels(folder / LABELS, clean.labels, len(severities))
    for name in corruptions:
        path = folder / f"{name}.npy"
        shape, dtype = read_header(path)
        if dtype != np.uint8 or shape != (rows, 32, 32, 3):
            raise DataError(
                f"{path}: it holds {dtype} {_by(shape)}; expected uint8 {_by((rows, 32, 32, 3))}: the {len(clean):,} "
                f"test images at {len(severities)} severities"
            )
    return StoredSet(folder, corruptions, severities, len(clean), manifest)


HOW_TO_GET = (
    "`cortexc data fetch cifar10-c --data-dir DIR` downloads the official set, "
    "`cortexc data corrupt cifar10 --data-dir DIR -o DIR/CIFAR-10-C` makes one"
)


def read_header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type of an .npy file in C order, after checking that all of it is there.

    Raises:
        DataError: it is missing, damaged, or holds Python objects.
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(file)
            start, size = file.tell(), path.stat().st_size
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; {HOW_TO_GET}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise DataError(f"{path}: this is no .npy file that NumPy can read; copy or make it again") from None
    if dtype.hasobject:
        raise DataError(f"{path}: it holds Python objects, which may run code when read; expected plain numbers")
    expected = start + dtype.itemsize * int(np.prod(shape, dtype=object))
    if size != expected:
        what = "truncated" if size < expected else "longer than it says"
        raise DataError(f"{path}: the file is {what}: {size:,} bytes, expected {expected:,}. Copy or make it again.")
    if fortran and len(shape) > 1:
        raise DataError(f"{path}: the array is in Fortran order; expected C order")
    return tuple(shape), dtype


def _check_labels(path: Path, labels: NDArray[np.int64], severities: int) -> None:
    shape, dtype = read_header(path)
    expected = (severities * len(labels),)
    if dtype.kind not in "iu" or shape != expected:
        raise DataError(f"{path}: it holds {dtype} {_by(shape)}; expected uint8 {_by(expected)}")
    found = np.load(path, allow_pickle=False)
    if wrong := int((found.reshape(severities, -1) != labels).sum()):
        row = int(np.flatnonzero(found != np.tile(labels, severities))[0])
        raise DataError(
            f"{path}: {wrong:,} of {len(found):,} labels are not those of the test images; the first is in row {row}: "
            f"{found[row]}, expected {labels[row % len(labels)]}. The set belongs to other images or another order."
        )


def _manifest(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    path = folder / MANIFEST
    if not path.exists():
        return None
    found = read_manifest(path)
    if found["data"]["fingerprint"] != fingerprint:
        raise DataError(
            f"{path}: this set was made from other images: {found['data']['name']}, "
            f"{found['data']['fingerprint'][:19]}...; expected {fingerprint[:19]}..."
        )
    return found


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a regenerated set.

    Raises:
        DataError: it cannot be read, or is none.
    """
    try:
        digests.check(path)
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except digests.DigestError as error:
        raise DataError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged: {error}") from None
    form = {
        "format": int,
        "kind": str,
        "data": dict,
        "seed": int,
        "severities": list,
        "frost": str,
        "versions": dict,
        "md5": dict,
    }
    wrong = [key for key, kind in form.items() if not isinstance(found, dict) or not isinstance(found.get(key), kind)]
    if not wrong:
        wrong = [f"data.{key}" for key in ("name", "fingerprint") if not isinstance(found["data"].get(key), str)]
        wrong += [] if found["severities"] and set(found["severities"]) <= set(SEVERITIES) else ["severities"]
        wrong += [] if isinstance(found["md5"].get(LABELS), str) else [f"md5.{LABELS}"]
        wrong += [] if (found["format"], found["kind"]) == (FORMAT, "regenerated") else ["format or kind"]
    if wrong:
        raise DataError(f"{path}: damaged, or not written by this program: `{wrong[0]}` is not as expected")
    result: dict[str, Any] = found
    return result


def _by(shape: Sequence[int]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
