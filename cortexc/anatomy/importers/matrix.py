"""Adjacency matrices, dense or sparse: CSV, TSV, Excel, MATLAB, NumPy, SciPy, Matrix Market and HDF5."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from cortexc.connectome.diagnostics import Span, SpecError, did_you_mean, failed
from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_TABLE, BAD_VALUE, UNREADABLE

from . import arrays, files, frames, labels, matlab, tvb
from .columns import SOURCE, TARGET, plain
from .edges import SUM_TOLERANCE, Edges, joined
from .frame import ABSENT, Frame, a_date, a_float, advice, number, of_marks, repeated, was_date, was_float
from .options import Options
from .report import ImportReport, listed
from .scales import may_be_percentages, unscaled
from .wiring import Wiring

_SIDE = re.compile(r"(?i)(?:^|(?<=[\W_]))(?:ipsi(?:lateral)?|contra(?:lateral)?|left|right|[lr]h?)(?=$|[\W_])")
"""How people write the hemisphere of an area, as a word of its name."""
MOST_MARGINS = 4
"""Rows or columns before the entries."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A matrix, its labels, and where its entries stand."""

    rows: list[str]
    columns: list[str]
    entries: np.ndarray
    """float64 [rows, columns]; NaN where nothing is written."""
    nan: np.ndarray
    """bool [rows, columns]: NaN is written there."""
    wrong: np.ndarray
    """bool [rows, columns]: what is written there is no number."""
    location: Callable[[int, int], Span]
    name: str
    """What the matrix is called: file and variable."""
    text: Callable[[int, int], str] = lambda _row, _column: ""
    """What is written as an entry, where it is a text."""
    numbered: bool = False
    """Whether its labels are invented."""


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read a matrix, and the matrices of SLN and of distances that options name.

    Raises:
        SpecError: unreadable, labels that do not fit, no orientation given, a value that no projection can have.
    """
    hint = "name the matrices of SLN and distances with --sln and --distance"
    path, options = tvb.unfolded(paths[0], options, report) if len(paths) == 1 else (paths[0], options)
    path = files.only([path, *paths[1:]], "one matrix is imported at a time", hint)
    strength = labelled(path, options.variable, options, report)
    strength, name = _meant(strength, options, report)
    strength = _whole(strength, path, options, report)
    either = undirected(strength) and options.sln is None
    if options.rows is None and not either:
        raise failed(AMBIGUOUS, path, "a matrix does not say what its rows are", evidence(strength.entries))
    report.read.append(f"{path}: {len(strength.rows):,} x {len(strength.columns):,} entries")
    if name == "weight" and not strength.wrong.any() and np.nan_to_num(strength.entries).max(initial=0) <= 1:
        why = "they are not known to be FLNe"
        report.guess("meaning of the entries", "weight", why, "a file or variable named fln")
    if strength.wrong.any():
        row, column = (int(v) for v in np.argwhere(strength.wrong)[0])
        message = f"the entry of {strength.rows[row]}, {strength.columns[column]} is no number"
        hint = advice(strength.text(row, column)) or "an entry is a number, or empty where there is no connection"
        raise failed(BAD_VALUE, strength.location(row, column), message, hint)
    own = strength.nan & (np.array(strength.rows)[:, None] == np.array(strength.columns)[None, :])
    if own.any():
        report.drop(int(own.sum()), "connections of areas to themselves", "their entries are no numbers: not known")
    there = np.argwhere(
        strength.nan & ~own | (np.nan_to_num(strength.entries, nan=0.0, posinf=np.inf, neginf=-np.inf) != 0)
    )
    report.read.append(f"{path}: {len(there):,} entries that are not 0")
    values = {name: strength.entries[there[:, 0], there[:, 1]]}
    for field, wanted in (("sln", options.sln), ("distance_mm", options.distance)):
        if wanted is not None:
            values[field] = _companion(path, wanted, field, strength, there, options, report)
    rows = np.array(strength.rows, object)[there[:, 0]]
    columns = np.array(strength.columns, object)[there[:, 1]]
    source, target = (columns, rows) if options.rows == "target" else (rows, columns)

    def location(row: int, field: str) -> Span:
        return strength.location(int(there[row, 0]), int(there[row, 1]))

    names = tuple(dict.fromkeys((*strength.rows, *strength.columns)))
    found = joined(Edges(source, target, values, location, names=names), options, report)
    return replace(found, numbered=strength.numbered)


def _meant(matrix: Labelled, options: Options, report: ImportReport) -> tuple[Labelled, str]:
    """Return a matrix of strengths by its scale, and which field of a projection they are."""
    named = "fln" in matrix.name.lower()
    entries = unscaled(matrix.entries, "fln" if named else "weight", matrix.name, options.scale, report)
    most = np.nan_to_num(entries).max(initial=0)
    percent = options.scale is None and may_be_percentages(entries)
    return replace(matrix, entries=entries), "fln" if named and (most <= 1 or percent) else "weight"


def _whole(matrix: Labelled, path: str, options: Options, report: ImportReport) -> Labelled:
    """Return a matrix with both halves where a user says that it is symmetric; say where one half is empty.

    Raises:
        SpecError: it cannot be symmetric.
    """
    square = matrix.rows == matrix.columns
    halves = _halves(matrix.entries) if square else {}
    if not options.symmetric:
        for name, empty in (("upper", "lower"), ("lower", "upper")):
            if halves and halves[name] > 1 and not halves[empty]:
                why = f"the {empty} triangle is empty, as where the {name} one is of both directions"
                report.guess("direction", "one way", why, "--symmetric")
                report.edits.append("import again with --symmetric if the connections are undirected")
        return matrix
    if not square:
        raise failed(BAD_TABLE, path, "the matrix is not symmetric: its rows and columns have other labels")
    entries = matrix.entries
    if all(halves.values()) and (differ := np.argwhere(_filled(entries) != _filled(entries).T)).size:
        row, column = (int(v) for v in differ[0])
        message = (
            f"the matrix is not symmetric: {matrix.rows[row]}, {matrix.rows[column]} is {entries[row, column]:g}, "
            f"and {matrix.rows[column]}, {matrix.rows[row]} is {entries[column, row]:g}"
        )
        raise failed(BAD_TABLE, matrix.location(row, column), message, "leave --symmetric out, and say what --rows are")
    report.read.append(f"{path}: one half of a symmetric matrix; each entry counts both ways (--symmetric)")
    upper = halves["upper"] >= halves["lower"]

    def location(row: int, column: int) -> Span:
        turned = (row > column) == upper
        return matrix.location(column, row) if turned else matrix.location(row, column)

    return replace(
        matrix,
        entries=_mirrored(entries, upper=upper),
        nan=_mirrored(matrix.nan, upper=upper),
        wrong=_mirrored(matrix.wrong, upper=upper),
        text=lambda row, column: matrix.text(column, row) if (row > column) == upper else matrix.text(row, column),
        location=location,
    )


def _filled(entries: np.ndarray) -> np.ndarray:
    """Return entries, 0 where nothing is written."""
    return np.where(np.isnan(entries), 0.0, entries)


def _halves(entries: np.ndarray) -> dict[str, int]:
    """Return how many entries that are not 0 stand above the diagonal, and below it."""
    there = _filled(entries) != 0
    return {"upper": int(np.triu(there, 1).sum()), "lower": int(np.tril(there, -1).sum())}


def _mirrored(matrix: np.ndarray, *, upper: bool) -> np.ndarray:
    """Return a matrix with one half in place of the other."""
    above = np.triu(np.ones(matrix.shape, bool), 1)
    return np.where(above.T if upper else above, matrix.T, matrix)


def undirected(matrix: Labelled) -> bool:
    """Whether it does not matter what the rows of a matrix are."""
    return matrix.rows == matrix.columns and np.array_equal(matrix.entries, matrix.entries.T, equal_nan=True)


def evidence(entries: np.ndarray) -> str:
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
    row, column = there.T
    if files.is_there(wanted):
        other = labelled(wanted, None, options, report)
        entries = unscaled(other.entries, field, other.name, options.scale, report)
        if other.numbered and entries.shape == strength.entries.shape:
            report.guess(f"labels of {wanted}", "those of the strengths", "it has none, and is of the same size")
        else:
            row = _indices(strength.rows, other.rows, f"the matrix of {field} has no row", wanted)[row]
            column = _indices(strength.columns, other.columns, f"the matrix of {field} has no column", wanted)[column]
    else:
        entries = unscaled(_variable(path, wanted)[0], field, wanted, options.scale, report)
        if entries.shape != strength.entries.shape:
            message = f"the matrix `{wanted}` is {_by(entries)}, and that of strengths is {_by(strength.entries)}"
            raise failed(BAD_TABLE, Span(path, inside=wanted), message)
    if options.symmetric and not all((halves := _halves(entries)).values()):
        entries = _mirrored(entries, upper=halves["upper"] > 0)
    return entries[row, column]


def _layered(path: str, arrays: dict[str, np.ndarray]) -> SpecError:
    """Return the error of a file whose arrays have more than two dimensions."""
    name, array = next(iter(arrays.items()))
    which = ":, :" + ", 0" * (array.ndim - 2) if array.shape[0] == array.shape[1] else "0, " * (array.ndim - 2) + ":, :"
    hint = f"save one layer as a matrix, or their mean: numpy.save('{Path(path).stem}-1.npy', a[{which}]), a the array"
    if path.lower().endswith(".mat"):
        layer = ":,:" + ",1" * (array.ndim - 2)
        hint = f"save one layer as a matrix, or their mean; in MATLAB: W = {name}({layer}); save W.mat W"
    return failed(
        BAD_TABLE, Span(path, inside=name), f"`{name}` is {_by(array)}, and a matrix has two dimensions", hint
    )


def _by(matrix: np.ndarray) -> str:
    return " x ".join(map(str, matrix.shape))


def _indices(names: list[str], there: list[str], lacks: str, path: str) -> np.ndarray:
    """Return where the labels of one matrix are among those of another."""
    index = {name: i for i, name in enumerate(there)}
    for name in names:
        if name not in index:
            raise failed(BAD_TABLE, path, f"{lacks} `{name}`", did_you_mean(name, index))
    return np.array([index[name] for name in names])


def labelled(path: str, variable: str | None, options: Options, report: ImportReport) -> Labelled:
    """Return a matrix of a file, and its labels; these may be invented.

    Raises:
        SpecError: no matrix, or labels that do not fit.
    """
    files.exists(path)
    if files.suffix(path) in arrays.SUFFIXES:
        entries, name = _variable(path, variable, report)
        names, invented = _labels(path, options, entries, report)

        def inside(row: int, column: int) -> Span:
            return Span(path, inside=f"{name}[{row}, {column}]")

        none = np.zeros(entries.shape, bool)
        called = f"{Path(path).stem} {name}"
        return Labelled(names, names, entries, np.isnan(entries), none, inside, called, numbered=invented)
    return _table(path, options, report)


def _table(path: str, options: Options, report: ImportReport) -> Labelled:
    """Read a matrix from a table: with labels in its first row and column, or without any."""
    import pandas as pd

    frame = frames.sheet(path, options, report)
    texts = [pd.Series(frame.texts(c), dtype=object) for c in frame.data.columns]
    cells = np.stack([frame.pointed(t).to_numpy(object) for t in texts], axis=1)
    if cells.size > matlab.MOST_ENTRIES:
        raise failed(UNREADABLE, path, f"the matrix has {cells.size:,} entries", "import it as an edge list")
    first = {plain(text) for text in _listed(cells[0])}
    if options.header == "auto" and not first.isdisjoint(SOURCE) and not first.isdisjoint(TARGET):
        message = "the first line names a source and a target, as that of an edge list"
        hint = "`cortexc import table` reads it; --header yes, if these are areas"
        raise failed(AMBIGUOUS, frame.head, message, hint)
    if cells.shape[1] > cells.shape[0] and (cells[:, -1] == "").all():
        cells = cells[:, :-1]  # each line ends with a separator
    top, left = _before(cells, frame, report) if options.header == "auto" else (0, 0)
    cells = cells[top:, left:]
    given = None if options.labels is None else labels.of_file(options.labels, report)
    head, side = _margins(cells, path, options, given, report)
    body = cells[head:, side:]

    def location(row: int, column: int) -> Span:
        return frame.location(row + head + top, frame.data.columns[column + side + left])

    columns = [str(v) for v in cells[0, side:]] if head else None
    rows = [str(v) for v in cells[head:, 0]] if side else None
    if given is not None:
        if (head or side) and not _numeric([*(columns or []), *(rows or [])]):
            raise failed(BAD_TABLE, path, "the matrix has labels of its own", "leave --labels out")
        if head or side:
            report.drop(1, "row and column of numbers", f"{options.labels} names the areas")
        rows = columns = _fitting(given, path, body)
    elif rows is None and columns is None:
        rows = columns = _numbered(path, body, "the matrix has none", report)
    else:
        rows, columns = _both(rows, columns, path, body, location, report)
    if not body.size:
        raise failed(BAD_TABLE, path, "the matrix has labels and no entries", "the file may be cut off")
    corner = str(cells[0, 0]) if head and side else ""
    name, invented = f"{Path(path).stem} {corner}".strip(), not (given or head or side)
    return Labelled(rows, columns, *_entries(body), location, name, lambda i, j: str(body[i, j]), invented)


def _before(cells: np.ndarray, frame: Frame, report: ImportReport) -> tuple[int, int]:
    """Return how many rows and columns stand before the labels: a title, merged cells, or numbers of the areas.

    Raises:
        SpecError: only several rows or columns together tell the labels apart.
    """
    top, left = _above(cells, frame, "rows"), _above(cells.T, frame, "columns")
    across, down = set(_listed(cells[top, left + 1 :])), set(_listed(cells[top + 1 :, left]))
    if 2 * len(across & down) < min(len(across), len(down)):
        return 0, 0
    for what, lines in (("rows", cells[:top]), ("columns", cells.T[:left])):
        report.drop(len(lines), f"{what} before the labels", listed([t for t in dict.fromkeys(lines.ravel()) if t]))
    return top, left


def _above(cells: np.ndarray, frame: Frame, what: str) -> int:
    """Return the first row that has a name for each area, 0 where none has."""
    rows = [_listed(row[min(2, len(row) - 2) :]) for row in cells[:MOST_MARGINS]] if cells.shape[1] > 2 else []
    names = [i for i, row in enumerate(rows) if _named(row) and _texts(row)]
    if (found := next((i for i in names if repeated(rows[i]) is None), None)) is not None:
        return found
    if len(names) > 1 and repeated(zip(*(rows[i] for i in names), strict=True)) is None:
        both = " ".join(rows[i][0] for i in reversed(names))
        message = f"the labels stand in {len(names)} {what}, none of which tells all areas apart"
        raise failed(BAD_TABLE, frame.head, message, f"join them: `{both}`")
    return 0


def _margins(
    cells: np.ndarray, path: str, options: Options, given: list[str] | None, report: ImportReport
) -> tuple[int, int]:
    """Return how many rows and columns of labels a matrix has: none, one of each, or one of either.

    ``given``: the names that a user lists. Texts are labels; numbers are only where nothing says that they are entries.
    """
    height, width = cells.shape
    if options.header != "auto":
        return (0, 0) if options.header == "no" else (1, 0) if height == width + 1 else (1, 1)
    corner, inner, side = str(cells[0, 0]), _listed(cells[0, 1:]), _listed(cells[1:, 0])
    if height == width + 1 and _texts([corner, *inner]) and _numeric(side):
        return 1, 0
    if width == height + 1 and _texts([corner, *side]) and _numeric(inner):
        return 0, 1
    alike = (
        inner == side and 1 < len(set(inner)) == len(inner) and all(t.lower() in ABSENT or _texts([t]) for t in inner)
    )
    if alike or ((not _is_number(corner) or _named(side)) and _named(inner)):
        return 1, 1
    if height != width or inner != side or not _may_label(inner):
        return 0, 0
    symmetric = np.array_equal(cells, cells.T)
    if given is not None and (len(given) == height or (len(given) == height - 1 and not symmetric)):
        return (0, 0) if len(given) == height else (1, 1)
    same = "the first row and the first column hold the same numbers"
    blank = all(text == "" for text in np.diag(cells))
    if not _is_number(corner) and not (corner == "" and blank and symmetric):
        report.guess("labels", listed(inner), f"{same}, and the corner is no number", "--header no")
        return 1, 1
    if corner != "" and symmetric:
        report.guess("first row and column", "entries", "the matrix is symmetric", "--header yes")
        return 0, 0
    hint = "say which: --header yes (labels of rows and columns), or --header no (entries)"
    raise failed(AMBIGUOUS, path, f"{same}: they may be labels, or entries", hint)


def _listed(cells: np.ndarray) -> list[str]:
    return [str(v) for v in cells]


def _texts(names: list[str]) -> bool:
    """Whether all of these are texts, and no numbers."""
    return all(not _is_number(text) and text != "" for text in names)


def _numeric(names: list[str]) -> bool:
    """Whether none of these is a text."""
    return all(_is_number(text) or text == "" for text in names)


def _named(names: list[str]) -> bool:
    """Whether any of these is a name: no number, and not how people write that nothing is known."""
    return any(not _is_number(text) and text.lower() not in ABSENT for text in names)


def _is_number(text: str) -> bool:
    return number(text) is not None or of_marks(text) is not None


def _may_label(names: list[str]) -> bool:
    """Whether numbers could be labels: whole ones that differ."""
    return len(set(names)) == len(names) and all(re.fullmatch(r"\d+(\.0+)?", text) for text in names)


def _both(
    rows: list[str] | None,
    columns: list[str] | None,
    path: str,
    body: np.ndarray,
    location: Callable[[int, int], Span],
    report: ImportReport,
) -> tuple[list[str], list[str]]:
    """Return the labels of rows and of columns, after checking them; those of one are those of the other."""
    square = body.shape[0] == body.shape[1]
    if rows is not None and columns is not None and square and _named(columns) and _counts(rows):
        report.drop(1, "column of row numbers", "the columns have names")
        rows = None
    if columns is not None:
        _check_margin(columns, lambda i: location(-1, i))
    if rows is not None:
        _check_margin(rows, lambda i: location(i, -1))
    if rows is None or columns is None:
        shared = _fitting(rows or columns or [], path, body)
        of, those = ("rows", "columns") if rows is None else ("columns", "rows")
        report.guess(f"labels of {of}", f"those of the {those}", f"only the {those} have names")
        return shared, shared
    report.read.append(f"{path}: {len(rows)} labels of rows, {listed(rows)}")
    _differing(rows, columns, report)
    return rows, columns


def _counts(names: list[str]) -> bool:
    """Whether labels only count the rows: 0, 1, 2 or 1, 2, 3."""
    return names in ([str(i + first) for i in range(len(names))] for first in (0, 1))


def _differing(rows: list[str], columns: list[str], report: ImportReport) -> None:
    """Say which labels only rows or only columns have, with the nearest one of the others."""
    for which, own, other in (("rows", rows, columns), ("columns", columns, rows)):
        alone = [name for name in own if name not in set(other)]
        if not alone:
            continue
        others = {_sideless(name): name for name in other} | {plain(name): name for name in other}
        near = {
            n: others.get(plain(n)) or others.get(_sideless(n)) or next(iter(get_close_matches(n, other, 1, 0.7)), "")
            for n in alone
        }
        shown = [f"`{n}`" + (f" (nearest: `{near[n]}`)" if near[n] else "") for n in alone]
        report.guess(f"labels of {which} only", f"{len(alone)} areas of their own", listed(shown))


def _sideless(name: str) -> str:
    """Return a name as it is compared, without the hemisphere."""
    return plain(_SIDE.sub("", name))


def _check_margin(names: list[str], location: Callable[[int], Span]) -> None:
    """Raise where a label of a row or column cannot be an area's name."""
    again = repeated(names)
    for i, name in enumerate(names):
        if name == "":
            raise failed(BAD_TABLE, location(i), "a label is empty", "each row and column names an area")
        if i == again:
            raise failed(BAD_TABLE, location(i), f"the label `{name}` is there twice", "labels must differ")
        if was_float(name):
            raise a_float(name, location(i))
        if was_date(name):
            raise a_date(name, location(i))


def _entries(body: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the entries of a matrix of texts as numbers, where NaN is written, and where no number is.

    float64 [rows, columns], NaN where nothing or no number is written; bool and bool of the same shape.
    """
    lowered = np.char.lower(body.astype(str))
    nan = np.isin(lowered, list(ABSENT - {""}))
    nothing = nan | (lowered == "")
    entries = np.full(body.shape, np.nan)
    wrong = np.zeros(body.shape, bool)
    for i, line in enumerate(np.where(nothing, "nan", body)):
        try:
            entries[i] = line.astype(np.float64)
        except ValueError:
            read = [number(text) for text in line]
            wrong[i] = [value is None for value in read]
            entries[i] = [np.nan if value is None else value for value in read]
    return entries, nan, wrong


def _numbered(path: str, body: np.ndarray, why: str, report: ImportReport) -> list[str]:
    """Return labels for a matrix without any."""
    if body.shape[0] != body.shape[1]:
        message = f"the matrix has no labels and is {_by(body)}"
        raise failed(BAD_TABLE, path, message, "a matrix without labels must be square")
    report.guess("labels", "area1, area2, ...", why, "--labels FILE")
    return [f"area{i + 1}" for i in range(len(body))]


def _fitting(listed: list[str], path: str, body: np.ndarray) -> list[str]:
    """Return labels after checking that they fit the rows and the columns of a matrix."""
    if len(listed) != body.shape[0] or len(listed) != body.shape[1]:
        message = f"there are {len(listed)} labels for a matrix of {_by(body)}"
        raise failed(BAD_TABLE, path, message, "one label for each row and column")
    if (again := repeated(listed)) is not None:
        raise failed(BAD_TABLE, path, f"the label `{listed[again]}` is there twice", "labels must differ")
    return listed


def _variable(path: str, wanted: str | None, report: ImportReport | None = None) -> tuple[np.ndarray, str]:
    """Return a matrix of a file of several variables, and its name."""
    found = arrays.of_file(path, report or ImportReport())
    matrices = {n: v for n, v in found.items() if v.ndim == 2 and v.dtype.kind in "iufb" and min(v.shape) > 1}
    if wanted is None:
        named = [n for n in matrices if "fln" in n.lower()] or list(matrices)
        if len(named) != 1:
            if not matrices and (deep := {n: v for n, v in found.items() if v.ndim > 2}):
                raise _layered(path, deep)
            listed = ", ".join(f"`{n}` {_by(v)}" for n, v in matrices.items())
            message = "the file has several matrices" if matrices else "the file has no matrix of numbers"
            raise failed(AMBIGUOUS, path, message, f"say which: --variable, one of {listed}" if matrices else "")
        wanted = named[0]
        if len(matrices) > 1 and report is not None:
            report.guess("matrix", wanted, f"by its name, of {', '.join(matrices)}", "--variable")
    wanted = _full(wanted, found)
    if wanted in found and found[wanted].ndim > 2:
        raise _layered(path, {wanted: found[wanted]})
    if wanted not in matrices:
        raise failed(BAD_TABLE, path, f"there is no matrix `{wanted}`", did_you_mean(wanted, matrices))
    return np.asarray(matrices[wanted], np.float64), wanted


def _full(wanted: str, names: Iterable[str]) -> str:
    """Return a variable with the structs or groups in which it lies, where only one is called so."""
    inside = [name for name in names if re.fullmatch(rf".*[./]{re.escape(wanted)}", name)]
    return inside[0] if wanted not in names and len(inside) == 1 else wanted


def _labels(path: str, options: Options, entries: np.ndarray, report: ImportReport) -> tuple[list[str], bool]:
    """Return the labels of a matrix without any of its own, for rows and columns, and whether they are invented.

    Raises:
        SpecError: several lists fit, or the one that was named does not.
    """
    if options.labels is not None and files.is_there(options.labels):
        return _fitting(labels.of_file(options.labels, report), path, entries), False
    texts = {name: flat for name, v in arrays.of_file(path, report).items() if (flat := matlab.names(v)) is not None}
    name = options.labels
    if name is None:
        fitting = [n for n, flat in texts.items() if len(flat) == entries.shape[0] == entries.shape[1]]
        fitting = [n for n in fitting if repeated(texts[n]) is None]
        fitting = [n for i, n in enumerate(fitting) if texts[n] not in [texts[other] for other in fitting[:i]]]
        if len(fitting) > 1:
            shown = ", ".join(f"`{n}` ({listed(texts[n], 3)})" for n in fitting)
            raise failed(
                AMBIGUOUS, path, f"{len(fitting)} lists of names fit the matrix", f"say which: --labels, {shown}"
            )
        if not fitting:
            there = ", ".join(f"`{n}` has {len(flat)}" for n, flat in texts.items())
            why = (
                f"no list of the file is of {entries.shape[0]} different names: {there}"
                if texts
                else "the file has none"
            )
            return _numbered(path, entries, why, report), True
        name = fitting[0]
        report.guess("labels", name, f"the only list of that many different names: {listed(texts[name])}", "--labels")
    name = _full(name, texts)
    if name not in texts:
        raise failed(BAD_TABLE, path, f"there is no list of names `{name}`", did_you_mean(name, texts))
    return _fitting(texts[name], path, entries), False
