"""Reading a spec from a path, and writing one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cortexc import specs

from ..diagnostics import Report, SpecError, did_you_mean, failed, reading
from ..model import Connectome
from . import encode
from .decode import decode
from .references import Reader

TEXT = "<text>"
"""What stands for the path of a spec that is given as text."""


def locate(name: str | os.PathLike[str]) -> Path:
    """Return the file that ``name`` means: a path, or else the name of a shipped spec.

    Raises:
        SpecError: neither exists.
        TypeError: it is no path.
    """
    if not isinstance(name, str | os.PathLike):
        raise TypeError(
            f"the spec is of type {type(name).__name__}, and a path, the name of a shipped spec or a Connectome is "
            "expected; Connectome.model_validate makes one of a dict"
        )
    if "\n" in os.fspath(name):
        message = "this is the text of a spec, and a path or the name of a shipped spec is expected"
        raise failed(reading.MISSING_FILE, TEXT, message, "write it to a file, and give the path of the file")
    path = Path(name)
    found = path if path.is_file() else specs.find(os.fspath(name))
    if found is not None:
        return found
    if path.is_dir():
        message = f"`{name}` is a folder, and a spec is a file"
    else:
        message = f"there is no file `{name}`, and no shipped spec of that name"
    raise failed(reading.MISSING_FILE, os.fspath(name), message, did_you_mean(name, specs.names()))


def read(path: str | os.PathLike[str]) -> tuple[Connectome, Report]:
    """Read a spec without the rules that need the whole connectome; return it with the findings so far.

    Raises:
        SpecError: the spec cannot be read; the report names every location.
    """
    report = Report()
    file = locate(path)
    reader = Reader(report)
    try:
        tree = reader.read(file, os.fspath(file))
        return decode(tree, reader.texts, report), report
    except SpecError as error:
        if error.report is not report:
            report.extend(error.report)
        raise SpecError(report) from None


def dump(connectome: Connectome, path: str | os.PathLike[str], *, head: Sequence[str] = ()) -> None:
    """Write a spec as YAML that loads to an equal value.

    More than a few hundred projections go to an HDF5 file of the same name beside it. ``head``: lines of a comment at
    the top.

    Raises:
        OSError: the file cannot be written. Nothing is left half-written under its name.
    """
    encode.write(connectome, Path(path), head)
