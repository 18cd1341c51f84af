"""Digests: a file ends with the SHA-256 of all that is before it, so damage is noticed when it is read.

HDF5 and torch read nothing behind their own end. In JSON the digest is the last member.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO, Final

_BLOCK: Final = 2**20
_LONGEST: Final = 128
_ENDS: Final = (
    re.compile(rb"\ncortexc (sha256:[0-9a-f]{64})\n\Z"),
    re.compile(rb',\n  "digest": "(sha256:[0-9a-f]{64})"\n}\n\Z'),
)


class DigestError(ValueError):
    """The content of a file does not match its digest."""


def append(path: Path, *, json: bool) -> None:
    """End a file with its digest; one of JSON is an object in lines, with an indent of 2.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("r+b") as file:
        size = file.seek(0, 2) - (len(b"\n}\n") if json else 0)
        end = b',\n  "digest": "%s"\n}\n' if json else b"\ncortexc %s\n"
        digest = _sha256(file, size)
        file.seek(size)
        file.write(end % digest)


def check(path: Path) -> bool:
    """Compare a file with its digest; return whether it has one, which files of earlier versions have not.

    Raises:
        DigestError: they do not match.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LONGEST))
        tail = file.read()
        found = next((match for end in _ENDS if (match := end.search(tail))), None)
        if found is None:
            return False
        if _sha256(file, size - len(found[0])) != found[1]:
            raise DigestError(f"{path}: damaged: it does not match its digest, so it was changed after it was written")
        return True


def _sha256(file: BinaryIO, size: int) -> bytes:
    """Return the digest of the first bytes of a file."""
    found = hashlib.sha256()
    file.seek(0)
    while size and (block := file.read(min(size, _BLOCK))):
        found.update(block)
        size -= len(block)
    return b"sha256:" + found.hexdigest().encode()
