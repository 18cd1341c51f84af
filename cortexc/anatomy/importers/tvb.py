"""Connectivity of The Virtual Brain: a zip archive or a folder of weights, tract lengths and centres.

References:
    P. Sanz Leon et al. (2013), The Virtual Brain, https://doi.org/10.3389/fninf.2013.00010
    https://docs.thevirtualbrain.org/manuals/UserGuide/DataExchange.html
"""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

from cortexc.connectome.diagnostics import failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, UNREADABLE

from .options import Options
from .report import ImportReport, cause, listed

PARTS = {
    "weights": ("weights", "weight"),
    "lengths": ("tract_lengths", "tract", "tracts"),
    "centres": ("centres", "centers", "centres_of_regions"),
}
"""What the files are called, without their endings."""


def unfolded(path: str, options: Options, report: ImportReport) -> tuple[str, Options]:
    """Return the matrix of weights in an archive or a folder, and options that name the other files.

    Any other path, and its options, are returned as they are.

    Raises:
        SpecError: an archive or a folder without weights.
    """
    names = _members(path)
    if names is None:
        return path, options
    found = {part: [n for n in names if _stem(n) in known] for part, known in PARTS.items()}
    if len(found["weights"]) != 1:
        _refuse(path, names, found["weights"])
    inside = {part: f"{path}/{given[0]}" for part, given in found.items() if len(given) == 1}
    report.read.append(f"{path}: connectivity of The Virtual Brain, with {', '.join(map(_stem, inside.values()))}")
    used = {name.removeprefix(f"{path}/") for name in inside.values()}
    report.unused("files", [name for name in names if name not in used])
    if "lengths" in inside and options.distance is None:
        report.guess("unit of tract lengths", "mm", "as The Virtual Brain has them", "--distance")
    chosen = dataclasses.replace(
        options,
        labels=options.labels or inside.get("centres"),
        distance=options.distance or inside.get("lengths"),
    )
    return inside["weights"], chosen


def _members(path: str) -> list[str] | None:
    """Return the names of the files in a folder or a zip archive, None where it is neither."""
    if Path(path).is_dir():
        return sorted(p.name for p in Path(path).iterdir() if p.is_file() and not p.name.startswith("."))
    if not Path(path).is_file() or Path(path).suffix.lower() != ".zip":
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = [i.filename for i in archive.infolist() if not i.is_dir()]
    except zipfile.BadZipFile as error:
        message = f"`{path}` is no zip archive that can be read: {cause(error)}"
        raise failed(UNREADABLE, path, message, "the file may be cut off") from None
    return sorted(name for name in names if not name.startswith("__MACOSX/"))


def _stem(name: str) -> str:
    return Path(name).name.partition(".")[0].lower()


def _refuse(path: str, names: list[str], weights: list[str]) -> None:
    kind = "folder" if Path(path).is_dir() else "zip archive"
    if weights:
        raise failed(BAD_TABLE, path, f"the {kind} has several matrices of weights: {listed(weights)}", "keep one")
    if "[Content_Types].xml" in names:
        raise failed(UNREADABLE, path, f"`{path}` is an Excel workbook", "rename it to .xlsx")
    message = f"`{path}` is a {kind} without `weights.txt`, which The Virtual Brain writes; it holds {listed(names)}"
    raise failed(
        UNREADABLE, path, message, "name the files in it" if kind == "folder" else "unpack it, and name a file"
    )
