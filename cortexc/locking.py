"""One folder, one writer: a lock that ends with the process that holds it, also on a shared folder."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from . import replacement

LOCK: Final = ".lock"
"""The file that is locked. It stays, and names who held it last."""


class LockedError(Exception):
    """Another process is writing there; the message names it."""


@contextmanager
def only_writer(folder: Path, *, wait: float = 0.0, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock of a folder, and remove what dead processes left in it. A process may take it several times.

    Args:
        folder: must exist.
        wait: for another process to give it back [s]; -1 for ever.
        waiting: told who holds it, before the wait.

    Raises:
        LockedError: another process holds it still.
        OSError: there can be no lock in the folder.
    """
    path = folder / LOCK
    lock = FileLock(path, is_singleton=True)
    outer = not lock.is_locked
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if waiting is not None:
            waiting(holder(folder))
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise LockedError(f"{folder}: another process is writing there ({holder(folder)})") from None
    try:
        if outer:
            path.write_text(_here(), encoding="utf-8", errors="backslashreplace")
            replacement.remove_parts(folder)
        yield
    finally:
        lock.release()


def _here() -> str:
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return f"process {os.getpid()} on {platform.node()} since {now}: {shlex.join(sys.argv)}\n"


def holder(folder: Path) -> str:
    """Return who holds the lock of a folder, or held it last, as far as it is known."""
    try:
        said = (folder / LOCK).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        said = ""
    return said[:200] if said.isprintable() and said else "it did not leave its name"
