"""Official data sets as they are published: an archive, the files in it, and the md5 sums of both."""

from __future__ import annotations

import shlex
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from .dataset import DataError

_READING = (OSError, EOFError, ValueError, zlib.error, tarfile.TarError)


@dataclass(frozen=True, kw_only=True)
class Fetchable:
    """A data set that can be fetched: its address, its archive, and its official md5 sums."""

    name: str
    label: str
    """Its name in texts."""
    url: str
    archive: str
    """File name of the archive, in the data folder."""
    folder: str
    """Name of the folder, in the data folder, that the files are unpacked into."""
    md5: Mapping[str, str]
    """Official md5 sums of the files, and of the archive."""
    locate: Callable[[Path], Path | None]
    """The folder with the files in a data folder; or the archive, if the set can be read from it; or None."""
    members: Callable[[Path, Collection[str]], Iterator[tuple[str, bytes]]]
    """Yields the wanted files of the archive: name and bytes, a large file in pieces."""
    archive_bytes: int
    """Size of the archive."""
    files_bytes: int
    """Size of the files together."""
    replaces: bool
    """Whether a file that is not the official one is replaced; else it is named, and nothing is touched."""
    regenerated: Callable[[Path], bool] = lambda folder: False
    """Whether a folder holds a set made here, not the official one."""
    instead: str = ""
    """Command that makes the set without a network, with the placeholder ``{data_dir}``."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the folder."""
        return tuple(name for name in self.md5 if name != self.archive)


def fetch_command(data_dir: Path, name: str) -> str:
    """Return the command that puts an official data set into a folder."""
    return f"cortexc data fetch {name} --data-dir {shlex.quote(str(data_dir))}"


def how_to_fetch(data_dir: Path, name: str, folder: str) -> str:
    """Say how to put sound data into a folder; the last sentence of most messages."""
    return f"Run `{fetch_command(data_dir, name)}`, or put the official folder {folder} there."


def unreadable(path: Path, error: OSError) -> DataError:
    """Say that the system does not let us read a file or folder."""
    reason = error.strerror or str(error)
    return DataError(f"{path}: cannot be read: {reason}. Check the path and your rights to it.")


def pieces(
    archive: Path, mode: Literal["r:", "r:gz"], names: Mapping[str, str], *, largest: int, piece: int, remedy: str
) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted files of a tar in its order, piece by piece, and nothing else in it.

    Args:
        archive: the tar.
        mode: how `tarfile` opens it.
        names: member of the archive -> the name to yield; of two members with one name the first counts.
        largest: no wanted file has more bytes than this.
        piece: yield so many bytes at once, fewer at the end of a file.
        remedy: the last sentence of a message.

    Raises:
        DataError: it is not a sound tar, or a member is larger than any official file.
    """
    left = set(names.values())
    try:
        with tarfile.open(archive, mode) as tar:
            for member in tar:
                name = names.get(str(PurePosixPath(member.name)))
                if name not in left or not member.isreg():
                    continue
                if member.size > largest:
                    what = f"`{member.name}` has {member.size:,} bytes, so it is not the official one"
                    raise DataError(f"{archive}: {what}. Delete the archive. {remedy}")
                stream = tar.extractfile(member)
                if stream is not None:
                    left.remove(name)
                    yield name, stream.read(piece)  # an empty file has one piece as well
                    while block := stream.read(piece):
                        yield name, block
                if not left:
                    return
    except PermissionError as error:
        raise unreadable(archive, error) from None
    except _READING as error:
        raise DataError(
            f"{archive}: truncated, corrupt or not the official archive ({error}). Delete it. {remedy}"
        ) from None
