"""Edge lists: one row an edge, whatever the columns are called."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from cortexc.connectome.diagnostics import Span, did_you_mean, failed
from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_TABLE, BAD_VALUE, UNKNOWN_NODE

from . import files, frames
from .columns import CASE, FLN, NEURONS, SOURCE, TARGET, WEIGHT, in_mm, is_fln, known, lengths, plain
from .edges import STRENGTHS, SUM_TOLERANCE, Edges, joined
from .frame import ABSENT, Frame, advice
from .options import Options
from .report import ImportReport, and_more
from .scales import bare, may_be_percentages, of_name, unscaled
from .wiring import NUMBERS, WORDS, Wiring

GAP = frozenset({"electrical", "gapjunction", "gap", "gj", "elec", "ej", "ejunction"})
MOST_GROUPS, MOST_TITLES = 32, 20
MOST_ONE_WAY = 5
"""So many pairs may all be of one direction by chance."""
DIRECTED = frozenset({"fln", "sln", "direction"})
"""Fields that are not the same in both directions."""


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read an edge list.

    Raises:
        SpecError: see ``frames.read`` and ``edges.joined``; no column for an end, several files.
    """
    path = files.only(paths, "an edge list is one file", "join the files first, or import one")
    frame = frames.read(path, options, report)
    report.read.append(f"{path}: {len(frame.data):,} rows, {frame.data.shape[1]} columns")
    frame = _selected(frame, options, report)
    columns = _columns(frame, options, report)
    frame, electrical = _divided(frame, columns, report)

    _refuse_merged(frame, columns, options)

    def location(row: int, field: str) -> Span:
        return frame.location(row, columns.get(field, columns.get("fln", columns.get("weight"))))

    edges = Edges(
        frame.texts(columns["source"]),
        frame.texts(columns["target"]),
        _values(frame, columns, options, report),
        location,
        neurons=_numbers(frame, columns["neurons"], optional=True)[0] if "neurons" in columns else None,
        cases=frame.texts(columns["case"]) if "case" in columns else None,
    )
    found = joined(_undirected(edges, report) if options.symmetric else edges, options, report)
    _say_one_way(found, report)
    if electrical is None:
        return found
    apart = {"from": electrical.texts(columns["source"]), "to": electrical.texts(columns["target"])}
    numbers = {n: v for n, v in _values(electrical, columns, options, ImportReport()).items() if n not in WORDS}
    return dataclasses.replace(found, tables={"electrical": {**apart, **numbers}})


def _refuse_merged(frame: Frame, columns: dict[str, str], options: Options) -> None:
    """Raise where an end is empty in a workbook: of merged cells only the first has the name."""
    for end in ("source", "target") if frame.sheet and options.invalid == "error" else ():
        empty = frame.texts(columns[end]) == ""
        if empty[1:].any() and not empty[0]:
            message = f"the {end} is empty{and_more(int(empty.sum()), ' such rows')}"
            hint = "of merged cells only the first has the name: unmerge them, and fill it down"
            hint += "; --invalid drop leaves such rows out"
            raise failed(UNKNOWN_NODE, frame.location(int(empty.argmax()), columns[end]), message, hint)


def _say_one_way(found: Wiring, report: ImportReport) -> None:
    """Say that connections may be undirected: no pair is there both ways, and nothing has a direction."""
    size, source, target = len(found.areas), found.source, found.target
    both = np.isin(target * size + source, source * size + target) & (source != target)
    if len(source) > MOST_ONE_WAY and not both.any() and DIRECTED.isdisjoint(found.values):
        report.guess("direction", "from source to target", "no pair is there both ways", "--symmetric")


def _undirected(edges: Edges, report: ImportReport) -> Edges:
    """Return edges that a user says are undirected in both directions.

    Raises:
        SpecError: they have a direction, or a pair is there both ways, so that it would count twice.
    """
    pairs = dict(zip(zip(edges.source, edges.target, strict=True), range(len(edges.source)), strict=True))
    again = [(row, pairs[b, a]) for (a, b), row in pairs.items() if a != b and (b, a) in pairs]
    if (directed := next((name for name in edges.values if name in DIRECTED), None)) is not None:
        called = {"fln": "FLNe", "sln": "SLN"}.get(directed, "directions")
        message = f"the table has {called}, so its rows are not undirected"
        raise failed(BAD_TABLE, edges.location(0, directed), message, "leave --symmetric out, or take the column out")
    if again:
        row, other = max(again)
        one, two = edges.source[other], edges.target[other]
        message = (
            f"{two} -> {one} is here, and {one} -> {two} too ({edges.location(other, '')}): both would count twice"
        )
        hint = "leave --symmetric out if each pair is there both ways; else take one of the two rows out"
        raise failed(AMBIGUOUS, edges.location(row, ""), message, hint)
    report.read.append(f"{len(edges.source):,} rows of undirected connections; each counts both ways (--symmetric)")
    return edges.both_ways()


def _selected(frame: Frame, options: Options, report: ImportReport) -> Frame:
    """Return the rows that ``where`` asks for."""
    for clause in options.where:
        if not frame.chosen([clause]).any():
            column, _, value = clause.partition("=")
            there = frame.texts(frame.named_column(column, "--where"))
            hint = did_you_mean(value, sorted(set(there)))
            raise failed(BAD_TABLE, frame.path, f"no row has `{value}` in the column `{column}`", hint)
    if not options.where:
        return frame
    mask, said = frame.chosen(options.where), f"--where {' '.join(options.where)}"
    if not mask.any():
        raise failed(BAD_TABLE, frame.path, f"no row is left by {said}", "values of several columns must all hold")
    report.drop(int((~mask).sum()), "rows", said)
    return frame.kept(mask)


def _columns(frame: Frame, options: Options, report: ImportReport) -> dict[str, str]:
    """Return which column holds what, by field of a projection; also source, target, neurons, case and synapse type."""
    names = list(frame.data.columns)
    source, target = ends(frame, options, report)
    found = {"source": source, "target": target}
    if options.fln_column is not None:
        found["fln"] = frame.named_column(options.fln_column, "--fln-column")
        if options.weight_column is not None:
            found["weight"] = frame.named_column(options.weight_column, "--weight-column")
    elif (strength := _strength(frame, options, report, (source, target))) is not None:
        found[_meaning(frame, strength, options, report)] = strength

    def take(field: str, *names_of_it: str) -> None:
        """Use the first column that has one of the names and no use yet."""
        if free := known(names, names_of_it, but=found.values()):
            found[field] = min(free, key=names.index)

    if "fln" in found:
        take("weight", "weight")
    for field, wanted, likely in (
        ("sln", options.sln_column, ["sln"]),
        ("distance_mm", options.distance_column, lengths(names)),
        ("case", options.case_column, CASE),
    ):
        if column := _named(frame, wanted, likely, field, report, found.values()):
            found[field] = column
    if "case" in found and "weight" in found and "fln" not in found and (total := _fractions(frame, found, options)):
        if total == 100:
            message = f"`{found['weight']}` sums to 100 into each target of an injection, as percentages do"
            hint = f"--fln-column {found['weight']} --percent; or --aggregate says how its rows join"
            raise failed(AMBIGUOUS, frame.head, message, hint)
        found["fln"] = found.pop("weight")
        why = "they are fractions that sum to at most 1 into each target of an injection"
        report.guess(f"meaning of `{found['fln']}`", "FLNe", why)
    for field in ("delay", "delay_ms", *WORDS):
        take(field, plain(field))
    if "sln" in found:
        take("neurons", *NEURONS)
    take("synapse type", "type", "kind", "synapsetype", "hemisphere", "hemi", "hemisphereid")
    if options.aggregate == "cases" and "case" not in found:
        raise failed(BAD_TABLE, frame.path, "no column says which injection a row is of", "name it: --case-column NAME")
    unused = [c for c in names if c not in found.values() and (c or (frame.texts(c) != "").any())]
    report.unused("columns", unused, "the language has no place for them")
    return found


def ends(frame: Frame, options: Options, report: ImportReport) -> tuple[str, str]:
    """Return the columns of source and target: as named, else by their names, else the first two.

    Raises:
        SpecError: they cannot be told.
    """
    if not frame.named and options.source_column is None:
        _refuse_matrix(frame)
    found = {}
    for end, wanted, likely in (("source", options.source_column, SOURCE), ("target", options.target_column, TARGET)):
        if wanted is not None:
            found[end] = frame.named_column(wanted, f"--{end}-column")
        elif named := known(frame.data.columns, likely):
            found[end] = named[0]
            if named[0].lower() != end:
                report.guess(f"column of {end}s", named[0], "by its name", f"--{end}-column")
    if len(found) < 2 and not frame.named and frame.data.shape[1] >= 2:
        first, second = frame.data.columns[:2]
        found = {"source": first, "target": second, **found}
        change = "--source-column 2 --target-column 1"
        report.guess("columns", "the first is the source, the second the target", "there is no header", change)
    for end in ("source", "target"):
        if end not in found:
            listed = ", ".join(f"`{c}`" for c in list(frame.data.columns)[:12])
            message = f"no column looks like the {end}: the columns are {listed}"
            raise failed(BAD_TABLE, frame.head, message, f"say which it is: --{end}-column NAME" + _otherwise(frame))
    if found["source"] == found["target"]:
        raise failed(BAD_TABLE, frame.path, f"`{found['source']}` cannot be both source and target")
    for end in ("source", "target"):
        frame.refuse_floats(found[end])
    return found["source"], found["target"]


def _refuse_matrix(frame: Frame) -> None:
    """Raise where a table without names of columns is a matrix: of numbers, and with as many rows as columns."""
    rows, columns = frame.data.shape
    if rows != columns or columns < 3:
        return
    cells = [frame.numbers(column) for column in frame.data.columns]
    diagonal = [numbers[i] for i, (numbers, _) in enumerate(cells)]
    if not any(wrong.any() for _, wrong in cells) and (columns > 3 or not any(diagonal)):
        message = f"these are {rows} rows of {columns} numbers, as a matrix has them"
        hint = "`cortexc import matrix` reads it; if each row is an edge, --source-column 1 --target-column 2"
        raise failed(AMBIGUOUS, frame.location(0), message, hint)


def _otherwise(frame: Frame) -> str:
    """Return what else may be the matter where columns are not found, as the rest of a hint."""
    hint = ""
    if frame.named and len(shared := set(frame.texts(frame.data.columns[0])) & set(frame.data.columns)) > 1:
        return f"; or it is a matrix, as {', '.join(sorted(shared)[:3])} name rows too: `cortexc import matrix`"
    if {"structureid", "experimentid"} <= {plain(name) for name in frame.data.columns}:
        return "; what an experiment of the Allen atlas labels: join it with the areas injected, as a column `source`"
    if frame.named and frame.first_line:
        for row, cells in frame.data.head(MOST_TITLES).astype(str).iterrows():
            words, line = {plain(cell) for cell in cells}, int(row) + frame.first_line  # type: ignore[call-overload]
            if not words.isdisjoint(SOURCE) and not words.isdisjoint(TARGET):
                return f"; --skip-rows {line - 1}, if the names of the columns stand in line {line}"
    if frame.named and frame.first_line:
        hint = "; --header no, if the first line is an edge"
    if len(frame.sheets) > 1:
        hint += f"; `{frame.sheet}` was read of the sheets {', '.join(frame.sheets)}: --sheet takes another one"
    return hint


def _named(
    frame: Frame, wanted: str | None, likely: Sequence[str], what: str, report: ImportReport, used: Collection[str]
) -> str | None:
    """Return the column that a user named, or that has a likely name, or that begins with one."""
    option = "--weight-column" if what == "fln" else f"--{what.partition('_')[0]}-column"
    if wanted is not None:
        return frame.named_column(wanted, option)
    free = [c for c in frame.data.columns if c not in used]
    begun = [c for name in likely if len(name) > 2 for c in free if plain(bare(c)).startswith(name)]
    found = sorted(dict.fromkeys((*known(free, likely), *begun)), key=lambda column: of_name(column) != "plain")
    if len(found) > 1:
        report.guess(f"column of {what}", found[0], f"the first of {', '.join(found)}", option)
    return found[0] if found else None


def _strength(frame: Frame, options: Options, report: ImportReport, used: tuple[str, str]) -> str | None:
    """Return the column of strengths, None where every edge counts alike."""
    names = list(frame.data.columns)
    if options.weight_column:
        return frame.named_column(options.weight_column, "--weight-column")
    if column := _named(frame, None, FLN, "fln", report, used):
        return column
    if found := known(names, WEIGHT, but=used):
        if len(found) > 1:
            report.guess("column of weights", found[0], f"the first of {', '.join(found)}", "--weight-column")
        elif plain(found[0]) != "weight":
            report.guess("column of weights", found[0], "by its name", "--weight-column")
        return found[0]
    if not frame.named and len(names) >= 3:
        report.guess("column of weights", "the third", "there is no header", "--weight-column")
        return names[2]
    if options.aggregate != "sum":
        report.guess("weights", "none", "no column looks like one: every edge counts alike", "--weight-column")
    return None


def _meaning(frame: Frame, column: str, options: Options, report: ImportReport) -> str:
    """Return whether a column of strengths holds FLNe or anything else."""
    if not is_fln(column):
        return "weight"
    numbers, _ = frame.numbers(column)
    finite = numbers[np.isfinite(numbers)]
    plain_numbers = (options.scale or of_name(column)) == "plain"
    meant = options.scale == "plain" or not may_be_percentages(finite)
    if plain_numbers and meant and len(finite) and float((finite > 1).mean()) > 0.5:
        report.guess(f"meaning of `{column}`", "weight", "most values are over 1, so they are no fractions")
        return "weight"
    return "fln"


def _fractions(frame: Frame, columns: dict[str, str], options: Options) -> int | None:
    """Return what strengths sum to if they are fractions of all that reaches the target of an injection: 1 or 100."""
    numbers, _ = frame.numbers(columns["weight"], optional=True)
    known = ~np.isnan(numbers)
    if not known.any() or (numbers[known] < 0).any():
        return None
    ends = np.stack([frame.texts(columns[name])[known].astype(str) for name in ("case", "target")])
    _, injection = np.unique(ends, axis=1, return_inverse=True)
    sums = np.bincount(np.ravel(injection), numbers[known])
    if sums.max() <= 1 + SUM_TOLERANCE:
        return None if (numbers[known] == np.floor(numbers[known])).all() else 1
    percent = options.aggregate == "auto" and len(sums) > 1 and (abs(sums / 100 - 1) <= SUM_TOLERANCE).all()
    return 100 if percent else None


def _divided(frame: Frame, columns: dict[str, str], report: ImportReport) -> tuple[Frame, Frame | None]:
    """Take electrical synapses out of an edge list that says which edges they are, and return them apart."""
    if "synapse type" not in columns:
        return frame, None
    column = columns["synapse type"]
    texts = frame.texts(column)
    groups = sorted(set(texts.tolist()))
    electrical = np.isin(texts, [group for group in groups if plain(group) in GAP])
    if electrical.any() and not electrical.all():
        apart = frame.kept(electrical)
        why = "gap junctions are no projections; they are kept in the table /electrical"
        report.drop(int(electrical.sum()), f"rows of electrical synapses (`{column}`)", why, str(apart.location(0)))
        return frame.kept(~electrical), apart
    if 1 < len(groups) <= MOST_GROUPS:
        shown = ", ".join(groups[:6])
        report.guess(f"rows of all `{column}`", shown, "taken together", f"--where {column}={groups[0]}")
    return frame, None


def _values(frame: Frame, columns: dict[str, str], options: Options, report: ImportReport) -> dict[str, np.ndarray]:
    """Return numbers and words by field of a projection."""
    found: dict[str, np.ndarray] = {}
    either = set(STRENGTHS) <= set(columns)
    for field, column in columns.items():
        if field in WORDS:
            found[field] = frame.texts(column)
        elif field in STRENGTHS:
            numbers, _ = _numbers(frame, column, optional=either)
            found[field] = _meant(frame, numbers, field, column, options, report)
        elif field in NUMBERS:
            found[field], absent = _numbers(frame, column, optional=True)
            if absent:
                report.guess(f"empty {field}", f"{absent:,} rows", "taken as not known")
            if field == "sln":
                found[field] = _meant(frame, found[field], field, column, options, report)
            if field == "distance_mm":
                found[field] = in_mm(found[field], column, "a column", report)
            if field == "delay":
                report.guess(f"unit of `{column}`", "steps", "the name has no unit", "a column delay_ms")
    return found


def _meant(
    frame: Frame, numbers: np.ndarray, field: str, column: str, options: Options, report: ImportReport
) -> np.ndarray:
    """Return numbers of a column by their scale."""
    percent = "percent" in {of_name(column), options.scale}
    marked = percent and any(text.endswith("%") for text in frame.texts(column).tolist())
    return unscaled(numbers, field, column, options.scale, report, marked=marked)


def _numbers(frame: Frame, column: str, *, optional: bool = False) -> tuple[np.ndarray, int]:
    """Return a column as numbers and how many are absent."""
    found, wrong = frame.numbers(column, optional=optional)
    if wrong.any():
        texts = frame.texts(column)
        unreadable = wrong & ~np.isin(np.char.lower(texts.astype(str)), list(ABSENT))
        if unreadable.any():
            row = int(unreadable.argmax())
            if plain(texts[row]) in {*STRENGTHS, *FLN, "sln"}:
                message, hint = f"`{column}` and `{texts[row]}` are two lines of names", "write one line of names"
                raise failed(BAD_TABLE, frame.location(row, column), message, hint)
            hint = advice(texts[row]) or "name the right column, or fix the value"
            message = f"`{column}` holds `{texts[row]}`, which is no number{and_more(int(unreadable.sum()))}"
            raise failed(BAD_VALUE, frame.location(row, column), message, hint)
    return found, int(np.isnan(found).sum())
