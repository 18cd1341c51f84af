"""HDF5 files that are written completely or not at all, end with a digest, and are read with care."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py

from . import digests, replacement

MARK: Final = "digest"
MARKED: Final = "sha256, behind the end"
"""Attribute of a file that ends with a digest: without it, a lost end would look like a file of an earlier version."""

_FREE: Final = 2**20
_TIGHTEST: Final = 1100
"""Bytes of data that a stored byte may stand for, beyond the first MiB: deflate reaches 1,032."""


class StrangeError(OSError):
    """An HDF5 file would have another file read, or declares much more than it holds."""


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
        StrangeError: see `read`.
        OSError: the file cannot be read.
    """
    has_digest = digests.check(path)
    with read(path) as file:
        if MARK in file.attrs and not has_digest:
            raise digests.DigestError(f"{path}: damaged: it has lost its digest, so its end was changed or cut off")
        yield file


def read(path: str | os.PathLike[str]) -> Any:
    """Return a file to read, in which no other file is read and no size is a mere claim.

    Soft links are followed: they stay in the file.

    Raises:
        StrangeError: it has external links, virtual datasets or external storage, or declares data that it lacks.
        OSError: the file cannot be read.
    """
    file = h5py.File(path, "r")
    try:
        if strange := file.visititems_links(_other_link) or file.visititems(_other_data):
            raise StrangeError(f"{os.fspath(path)}: {strange}")
    except (RuntimeError, SystemError) as error:  # which h5py raises of damaged links
        file.close()
        raise OSError(str(error)) from None
    except BaseException:
        file.close()
        raise
    return file


def _other_link(name: str, link: Any) -> str | None:
    inside = isinstance(link, h5py.HardLink | h5py.SoftLink)
    return None if inside else f"`{name}` links to another file: copy the data into this one"


def _other_data(name: str, node: Any) -> str | None:
    if not isinstance(node, h5py.Dataset):
        return None
    if node.is_virtual or node.external:
        return f"the data of `{name}` are in another file: copy them into this one"
    if node.nbytes > _FREE + _TIGHTEST * node.id.get_storage_size():
        return f"`{name}` declares {node.size:,} values, and does not hold them"
    return None
