"""Files that are written completely or not at all, whenever the process is killed or the power fails.

A file is written as a part beside its place: ``.NAME.HOST-PID-TOKEN-NUMBER.part``. Parts of dead processes are removed
when the file is written again.
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from . import digests

_PART = re.compile(r"\.(?P<name>.*)\.(?P<host>[^/]*)-(?P<pid>\d+)-(?P<token>[0-9a-f]{8})-\d+\.part", re.DOTALL)
_MOST = 40
"""Characters of a name that its part repeats: names have an end, too."""


@contextmanager
def replacing(*paths: Path, digest: bool = False, before: Path | None = None) -> Iterator[tuple[Path, ...]]:
    """Yield a file to write beside each path; at the end they take the places of the paths, or none is left.

    What was written is on the disk before it gets its name. Of several files the last is the one that names the others:
    while those change, it is away.

    Args:
        paths: the files.
        digest: end each with its digest.
        before: the name that a file of before gets, instead of being lost.

    Raises:
        OSError: a file cannot be written; ``filename`` is its own name, not that of the part.
    """
    maker = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
    parts = tuple(path.with_name(f".{path.name[:_MOST]}.{maker}-{i}.part") for i, path in enumerate(paths))
    own = dict(zip(map(str, parts), paths, strict=True))
    done = False
    try:
        for part, path in zip(parts, paths, strict=True):
            _remove_dead(path)
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield parts
        for part, path in zip(parts, paths, strict=True):
            if digest:
                digests.append(part, json=path.suffix == ".json")
            sync(part)
        for path in paths[-1:] if before or len(paths) > 1 else ():
            with suppress(FileNotFoundError):
                path.unlink() if before is None else path.replace(before)
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
        done = True
        for folder in {path.parent for path in paths}:
            sync(folder)
    except OSError as error:
        if error.filename is not None and str(error.filename) not in own:
            raise
        name = own.get(str(error.filename), paths[-1])
        raise OSError(error.errno or 0, error.strerror or str(error), str(name)) from None
    finally:
        for part in () if done else parts:
            with suppress(OSError):  # a folder that cannot be written has none
                part.unlink()


def write(path: Path, content: bytes | memoryview, *, digest: bool = False, before: Path | None = None) -> None:
    """Write a file; see `replacing`.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path, digest=digest, before=before) as (part,):
        part.write_bytes(content)


def write_json(path: Path, data: Any) -> None:
    """Write an object as JSON, with a digest as its last member.

    Raises:
        OSError: it cannot be written.
    """
    write(path, (json.dumps(data, indent=2) + "\n").encode(), digest=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and wait until they are on the disk.

    Raises:
        OSError: one cannot be made.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Raises:
        OSError: the disk refuses.
    """
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def unfinished(path: Path, *, named_in: Path) -> bool:
    """Return whether a process put a file in its place, and died before it placed the one that names it."""
    still = {found["token"] for _, found in _parts(path)}
    return path != named_in and any(found["token"] not in still for _, found in _dead(named_in))


def remove_parts(folder: Path) -> None:
    """Remove all parts in a folder: nobody else may be writing there."""
    for path in folder.iterdir():
        if is_part(path):
            path.unlink(missing_ok=True)


def is_part(path: Path) -> bool:
    """Return whether a file is one that is being written, or was."""
    return path.name.startswith(".") and path.suffix == ".part"


def _remove_dead(path: Path) -> None:
    for part, _ in _dead(path):
        part.unlink(missing_ok=True)


def _dead(path: Path) -> list[tuple[Path, re.Match[str]]]:
    """Return the parts of a file that processes of this machine left behind which are no longer there."""
    here = platform.node()
    return [(part, found) for part, found in _parts(path) if found["host"] == here and not _alive(int(found["pid"]))]


def _parts(path: Path) -> list[tuple[Path, re.Match[str]]]:
    listed = ((other, _PART.fullmatch(other.name)) for other in path.parent.iterdir())
    return [(part, found) for part, found in listed if found and found["name"] == path.name[:_MOST]]


def _alive(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
