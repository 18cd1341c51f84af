"""Adjacency matrices with labels: CSV, TSV, Excel, MATLAB, NumPy and HDF5."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_TABLE, BAD_VALUE, UNREADABLE
from cortexc.connectome.diagnostics.rule import did_you_mean
from cortexc.connectome.diagnostics.span import Span

from . import frames, matlab
from .edges import SUM_TOLERANCE, joined
from .options import Options
from .report import ImportReport, failed
from .wiring import Wiring

MOST_ENTRIES = 400_000_000
"""Of a dense matrix: 3.2 GB in float64."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A matrix, its labels, and where its entries stand."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    entries: np.ndarray
    """float64 [rows, columns]; NaN where nothing is written."""
    nan: np.ndarray
    """bool [rows, columns]: NaN is written there."""
    wrong: np.ndarray
    """bool [rows, columns]: what is written there is no number."""
    place: Callable[[int, int], Span]
    name: str
    """What the matrix is called: file and variable."""


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read a matrix, and the matrices of SLN and of distances that options name.

    Raises:
        SpecError: unreadable, labels that do not fit, no orientation given, a value that no projection can have.
    """
    if len(paths) != 1:
        hint = "name the matrices of SLN and distances with --sln and --distance"
        raise failed(BAD_TABLE, paths[1], "one matrix is imported at a time", hint)
    path = paths[0]
    strength = _labelled(path, options.variable, options, report)
    if options.rows is None:
        raise failed(AMBIGUOUS, path, "a matrix does not say what its rows are", _evidence(strength.entries))
    report.read.append(f"{path}: {len(strength.rows):,} x {len(strength.columns):,} entries")
    fraction = _is_fraction(strength, options)
    name = "fln" if fraction else "weight"
    if not fraction and np.nanmax(strength.entries, initial=0) <= 1 and not strength.wrong.any():
        report.guess(
            "meaning of the entries", "weight", "they are not known to be FLNe", "a file or variable named fln"
        )
    unreadable = strength.wrong
    if unreadable.any():
        row, column = (int(v) for v in np.argwhere(unreadable)[0])
        raise failed(
            BAD_VALUE, strength.place(row, column),
            f"the entry of {strength.rows[row]}, {strength.columns[column]} is no number",
            "an entry is a number, or empty where there is no connection",
        )  # fmt: skip
    there = np.argwhere(strength.nan | (np.nan_to_num(strength.entries, nan=0.0, posinf=np.inf, neginf=-np.inf) != 0))
    report.read.append(f"{path}: {len(there):,} entries that are not 0")
    values = {name: strength.entries[there[:, 0], there[:, 1]]}
    for field, wanted in (("sln", options.sln), ("distance_mm", options.distance)):
        if wanted is not None:
            values[field] = _companion(path, wanted, field, strength, there, options, report)
    rows = np.array(strength.rows, object)[there[:, 0]]
    columns = np.array(strength.columns, object)[there[:, 1]]
    source, target = (columns, rows) if options.rows == "target" else (rows, columns)

    def place(row: int, field: str) -> Span:
        return strength.place(int(there[row, 0]), int(there[row, 1]))

    names = tuple(dict.fromkeys((*strength.rows, *strength.columns)))
    return joined(source, target, values, None, place, options, report, names=names)


def _is_fraction(matrix: Labelled, options: Options) -> bool:
    """Whether entries are FLNe: the file or the variable is called so, and none is over 1."""
    return (
        "fln" in f"{options.variable or ''} {matrix.name}".lower() and float(np.nanmax(matrix.entries, initial=0)) <= 1
    )


def _evidence(entries: np.ndarray) -> str:
    """Return what the entries say about the orientation, as a hint."""
    across, down = np.nansum(entries, axis=1), np.nansum(entries, axis=0)
    hint = "say it: --rows target (a row lists the inputs of an area) or --rows source (its outputs)"
    limit = 1 + SUM_TOLERANCE
    if across.max(initial=0) <= limit < down.max(initial=0):
        return hint + "; each row sums to at most 1, as the FLNe of a target do: --rows target is likely"
    if down.max(initial=0) <= limit < across.max(initial=0):
        return hint + "; each column sums to at most 1, as the FLNe of a target do: --rows source is likely"
    return hint


def _companion(
    path: str, wanted: str, field: str, strength: Labelled, there: np.ndarray, options: Options, report: ImportReport
) -> np.ndarray:
    """Return the entries of another matrix for the connections of the first."""
    if Path(wanted).is_file():
        other = _labelled(wanted, None, options, report)
        index = [{name: i for i, name in enumerate(names)} for names in (other.rows, other.columns)]
        for names, known, what in (
            (strength.rows, index[0], "row"),
            (strength.columns, index[1], "column"),
        ):
            for name in names:
                if name not in known:
                    raise failed(
                        BAD_TABLE, wanted, f"the matrix of {field} has no {what} `{name}`", did_you_mean(name, known)
                    )
        row = np.array([index[0][n] for n in strength.rows])[there[:, 0]]
        column = np.array([index[1][n] for n in strength.columns])[there[:, 1]]
        found: np.ndarray = other.entries[row, column]
        return found
    entries, _ = _variable(path, wanted)
    if entries.shape != strength.entries.shape:
        message = f"the matrix `{wanted}` is {entries.shape[0]} x {entries.shape[1]}, and that of strengths is "
        raise failed(BAD_TABLE, Span(path, inside=wanted), message + " x ".join(map(str, strength.entries.shape)))
    picked: np.ndarray = entries[there[:, 0], there[:, 1]]
    return picked


def _labelled(path: str, variable: str | None, options: Options, report: ImportReport) -> Labelled:
    suffix = Path(path).suffix.lower()
    frames.exists(path)
    if suffix in {".mat", ".npy", ".npz", ".h5", ".hdf5"}:
        entries, name = _variable(path, variable, report)
        labels = _labels(path, options, entries, report)

        def inside(row: int, column: int) -> Span:
            return Span(path, inside=f"{name}[{row}, {column}]")

        none = np.zeros(entries.shape, bool)
        return Labelled(*labels, entries, np.isnan(entries), none, inside, f"{Path(path).stem} {name}")
    if suffix in frames.COLUMNAR:
        message = f"a matrix is not read from {suffix}: rows have no labels there"
        raise failed(UNREADABLE, path, message, "write it as CSV, with labels in the first row and column")
    return _table(path, options, report)


def _table(path: str, options: Options, report: ImportReport) -> Labelled:
    """Read a matrix from delimited text or Excel: with labels in its first row and column, or without any."""
    frame = frames.read(path, options, report, header="no")
    cells = np.stack([frames.texts(frame, c) for c in frame.data.columns], axis=1)
    texts = [not _numeric(text) for text in cells[0, 1:] if text != ""]
    alike = cells.shape[0] == cells.shape[1] and list(cells[0, 1:]) == list(cells[1:, 0])
    headed = cells.shape[0] == cells.shape[1] + 1 and all(not _numeric(t) and t != "" for t in cells[0])
    headed &= all(_numeric(text) or text == "" for text in cells[1:, 0])
    labelled = not headed and (any(texts) or alike)
    if cells.size > MOST_ENTRIES:
        raise failed(UNREADABLE, path, f"the matrix has {cells.size:,} entries", "import it as an edge list")
    offset, indent = int(labelled or headed), int(labelled)
    body = cells[offset:, indent:]
    if options.labels is not None and (labelled or headed):
        raise failed(BAD_TABLE, path, "the matrix has labels of its own", "leave --labels out")
    if headed:
        rows = columns = [str(v) for v in cells[0]]
        _check_labels(path, rows, body)
        report.guess("labels of rows", "those of the columns", "only the columns have names")
    elif labelled:
        columns, rows = [str(v) for v in cells[0, 1:]], [str(v) for v in cells[1:, 0]]
        for names, place in (
            (columns, lambda i: frame.place(0, frame.data.columns[i + 1])),
            (rows, lambda i: frame.place(i + 1, frame.data.columns[0])),
        ):
            seen: dict[str, int] = {}
            for i, name in enumerate(names):
                if name == "":
                    raise failed(BAD_TABLE, place(i), "a label is empty", "each row and column names an area")
                if name in seen:
                    raise failed(BAD_TABLE, place(i), f"the label `{name}` is there twice", "labels must differ")
                if frames.was_float(name):
                    raise frames.a_float(name, place(i))
                seen[name] = i
    elif options.labels is not None:
        listed = _label_file(options.labels)
        rows = columns = listed
        _check_labels(path, listed, body)
    else:
        _square(path, body)
        rows = columns = [f"area{i + 1}" for i in range(len(body))]
        report.guess("labels", "area1, area2, ...", "the matrix has none", "--labels FILE")
    if not body.size:
        raise failed(BAD_TABLE, path, "the matrix has labels and no entries", "the file may be cut off")
    lowered = np.char.lower(body.astype(str))
    absent = lowered == ""
    nan = np.isin(lowered, ["nan", "na", "n/a"])
    entries = np.full(body.shape, np.nan)
    wrong = np.zeros(body.shape, bool)
    for i, line in enumerate(body):
        try:
            entries[i] = np.where(absent[i] | nan[i], "nan", line).astype(np.float64)
        except ValueError:
            for j, text in enumerate(line):
                if not (absent[i, j] or nan[i, j]):
                    wrong[i, j] = not _numeric(text)
                    entries[i, j] = float(text) if not wrong[i, j] else np.nan

    def place_of(row: int, column: int) -> Span:
        return frame.place(row + offset, frame.data.columns[column + indent])

    return Labelled(tuple(rows), tuple(columns), entries, nan, wrong, place_of, Path(path).stem)


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _square(path: str, body: np.ndarray) -> None:
    if body.shape[0] != body.shape[1]:
        message = f"the matrix has no labels and is {body.shape[0]} x {body.shape[1]}"
        raise failed(BAD_TABLE, path, message, "a matrix without labels must be square")


def _check_labels(path: str, listed: list[str], body: np.ndarray) -> None:
    if len(listed) != body.shape[0] or len(listed) != body.shape[1]:
        message = f"there are {len(listed)} labels for a matrix of {body.shape[0]} x {body.shape[1]}"
        raise failed(BAD_TABLE, path, message, "one label for each row and column")
    if len(set(listed)) < len(listed):
        twice = next(n for i, n in enumerate(listed) if n in listed[:i])
        raise failed(BAD_TABLE, path, f"the label `{twice}` is there twice", "labels must differ")


def _label_file(path: str) -> list[str]:
    frames.exists(path)
    lines = Path(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _variable(path: str, wanted: str | None, report: ImportReport | None = None) -> tuple[np.ndarray, str]:
    """Return a matrix of a file of several variables, and its name."""
    found = _variables(path)
    matrices = {
        n: v for n, v in found.items()
        if isinstance(v, np.ndarray) and v.ndim == 2 and v.dtype.kind in "iufb" and min(v.shape) > 1
    }  # fmt: skip
    if wanted is None:
        named = [n for n in matrices if "fln" in n.lower()] or list(matrices)
        if len(named) != 1:
            listed = ", ".join(f"`{n}` {v.shape[0]} x {v.shape[1]}" for n, v in matrices.items())
            message = "the file has several matrices" if matrices else "the file has no matrix of numbers"
            raise failed(AMBIGUOUS, path, message, f"say which: --variable, one of {listed}" if matrices else "")
        wanted = named[0]
        if len(matrices) > 1 and report is not None:
            report.guess("matrix", wanted, f"by its name, of {', '.join(matrices)}", "--variable")
    if wanted not in matrices:
        raise failed(BAD_TABLE, path, f"there is no matrix `{wanted}`", did_you_mean(wanted, matrices))
    return np.asarray(matrices[wanted], np.float64), wanted


def _variables(path: str) -> dict[str, Any]:
    suffix = Path(path).suffix.lower()
    if found := frames.signature(path, b"PK\x03\x04" if suffix == ".npz" else b"\x89HDF"):
        raise failed(UNREADABLE, path, f"`{path}` is {found[0]}, whatever its name says", found[1])
    try:
        if suffix == ".npy":
            with Path(path).open("rb") as opened:
                return {Path(path).stem: np.load(opened, allow_pickle=False)}
        if suffix == ".npz":
            with Path(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        if suffix == ".mat" and not Path(path).read_bytes()[:10] == b"MATLAB 7.3" and not _is_hdf5(path):
            return matlab.variables(path)
        return _from_hdf5(path, matlab=suffix == ".mat")
    except (
        zipfile.BadZipFile,
        ValueError,
        OSError,
        TypeError,
        EOFError,
        IndexError,
        KeyError,
        NotImplementedError,
    ) as error:
        text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        if text.startswith("Object arrays"):
            raise failed(UNREADABLE, path, f"`{path}` holds {frames.PICKLE[0]}", frames.PICKLE[1]) from None
        if text.startswith("This file contains pickled"):  # as NumPy says of all that is no array
            raise failed(UNREADABLE, path, f"`{path}` is no NumPy array", "save it again with np.save") from None
        raise failed(UNREADABLE, path, f"`{path}` cannot be read: {text}", "the file may be cut off") from None


def _is_hdf5(path: str) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))


def _from_hdf5(path: str, *, matlab: bool) -> dict[str, Any]:
    """Return the datasets of an HDF5 file; MATLAB keeps matrices transposed there, and names as references."""
    import h5py

    found: dict[str, Any] = {}

    def visit(name: str, node: Any) -> None:
        if not isinstance(node, h5py.Dataset) or name.startswith("#refs#"):
            return
        if node.dtype.kind in "iufb" and node.ndim == 2:
            found[name] = node[()].T if matlab else node[()]
        elif h5py.check_ref_dtype(node.dtype) is h5py.Reference:
            codes = [node.file[ref][()].ravel() for ref in node[()].ravel()]
            found[name] = np.array(["".join(map(chr, c)) for c in codes], object)
        elif node.dtype.kind in "SO" and node.ndim == 1:
            found[name] = np.array([v.decode() if isinstance(v, bytes) else str(v) for v in node[()]], object)

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def _labels(
    path: str, options: Options, entries: np.ndarray, report: ImportReport
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels of the rows and of the columns of a matrix without any of its own."""
    if options.labels is not None and Path(options.labels).is_file():
        listed = _label_file(options.labels)
        _check_labels(path, listed, entries)
        return tuple(listed), tuple(listed)
    texts = {name: flat for name, v in _variables(path).items() if (flat := matlab.names(v)) is not None}
    name = options.labels
    if name is None:
        fitting = [n for n, flat in texts.items() if len(flat) == entries.shape[0] == entries.shape[1]]
        if len(fitting) == 1:
            name = fitting[0]
            report.guess("labels", name, "the only list of names of that length", "--labels")
        else:
            _square(path, entries)
            report.guess("labels", "area1, area2, ...", "the file has none that fit", "--labels FILE")
            plain = tuple(f"area{i + 1}" for i in range(len(entries)))
            return plain, plain
    if name not in texts:
        raise failed(BAD_TABLE, path, f"there is no list of names `{name}`", did_you_mean(name, texts))
    _check_labels(path, texts[name], entries)
    return tuple(texts[name]), tuple(texts[name])
