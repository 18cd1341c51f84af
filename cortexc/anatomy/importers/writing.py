"""The spec of an import as files: YAML with comments, large tables in HDF5 beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cortexc import hdf5
from cortexc.connectome.io import encode, tables
from cortexc.connectome.model import Connectome
from cortexc.replacement import replacing

from .report import ImportReport

MOST_INLINE = 60
"""More projections than this are kept in a table."""
MOST_POPULATIONS = 16
"""Larger matrices of a circuit are kept in HDF5."""
_COMMENTS = {
    "sources": "where the numbers come from",
    "input": "images of 3 x 32 x 32 become tokens; a guess, not anatomy",
    "circuits": "populations, and how probably a pair of their neurons is connected (rows are targets)",
    "areas": "each a sheet of grid columns",
    "lateral": "connections of areas to themselves",
    "projections": "from the data, but for those of the input",
    "attention": "of the model: not anatomy",
    "dynamics": "of the model: not anatomy",
    "readout": "where the decision is read: a guess, not anatomy",
}


def write(
    connectome: Connectome,
    extra: dict[str, dict[str, np.ndarray]],
    path: Path,
    files: list[str],
    command: str,
    report: ImportReport,
) -> list[Path]:
    """Write a spec, and its tables where there are any; return the files. All of them are whole, or none is there.

    Raises:
        OSError: a file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".h5")
    data = encode.resolved(connectome, path.parent.resolve())
    tabled = len(connectome.projections) > MOST_INLINE
    dense = {n: c.connections.probability for n, c in connectome.circuits.items() if c.connections is not None}
    matrices = {n: np.array(p) for n, p in dense.items() if isinstance(p, tuple) and len(p) > MOST_POPULATIONS}
    for number, name in enumerate(matrices):
        link = {"file": beside.name, "dataset": f"/circuits/{number}"}
        data["circuits"][name]["connections"]["probability"] = link
    body = [p for p in connectome.projections if p.source != ("model",)]
    if tabled:
        written_out = zip(data["projections"], connectome.projections, strict=True)
        kept = [entry for entry, p in written_out if p.source == ("model",)]
        data["projections"] = [*kept, {"file": beside.name, "dataset": "/projections", "source": "data"}]
    text = _text(data, files, command, report, {n: c for n, c in extra.items() if len(c)}, beside.name)
    written = [path, beside] if tabled or matrices or extra else [path]
    with replacing(*reversed(written)) as (*beside_it, part):
        part.write_text(text, encoding="utf-8")
        for table in beside_it:
            with hdf5.built(table) as file:
                if tabled:
                    tables.fill(file.create_group("projections"), encode.columns(body, sources=False))
                for number, matrix in enumerate(matrices.values()):
                    file.create_dataset(f"circuits/{number}", data=matrix)
                for name, columns in extra.items():
                    group = file.create_group(name)
                    for column, values in columns.items():
                        kind = h5py.string_dtype() if values.dtype == object else None
                        group.create_dataset(column, data=values, dtype=kind)
    return written


def fingerprint(path: str) -> str:
    """Return the first half of the SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _text(
    data: dict[str, Any], files: list[str], command: str, report: ImportReport, extra: dict[str, Any], beside: str
) -> str:
    """Return the YAML: a head that says what was read, guessed and dropped, then the parts with a comment each."""
    lines = [f"# Imported by: {command}"]
    lines += [f"#   {Path(f).name}  sha256 {fingerprint(f)}" for f in files if Path(f).is_file()]
    lines += [f"# {line}" for line in report.lines()]
    lines += [f"# {beside} holds /{name} too, which the language has no place for" for name in extra]
    out = [line.replace("\n", " ") for line in lines]
    for line in encode.as_yaml(data).splitlines():
        key = line.partition(":")[0]
        if key in _COMMENTS and key in data:
            out.append(f"# {_COMMENTS[key]}")
        out.append(line)
    return "\n".join(out) + "\n"
