"""HDF5 files that are written completely or not at all, and end with a digest."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py

from . import digests, replacement

MARK: Final = "digest"
MARKED: Final = "sha256, behind the end"
"""Attribute of a file that ends with a digest: without it, a lost end would look like a file of an earlier version."""


@contextmanager
def built(path: Path) -> Iterator[Any]:
    """Yield an HDF5 file in memory, and write it at the end: a full disk is then an ordinary OSError."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        yield file
    path.write_bytes(buffer.getbuffer())


@contextmanager
def written(path: Path) -> Iterator[Any]:
    """Yield an HDF5 file in memory; at the end it takes the place of a file, with a digest.

    Raises:
        OSError: it cannot be written.
    """
    with replacement.replacing(path, digest=True) as (part,), built(part) as file:
        file.attrs[MARK] = MARKED
        yield file


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield an HDF5 file to read, after a look at its digest; files of earlier versions have none.

    Raises:
        DigestError: it does not match, or is gone.
        OSError: the file cannot be read.
    """
    has_digest = digests.check(path)
    with h5py.File(path, "r") as file:
        if MARK in file.attrs and not has_digest:
            raise digests.DigestError(f"{path}: damaged: it has lost its digest, so its end was changed or cut off")
        yield file
