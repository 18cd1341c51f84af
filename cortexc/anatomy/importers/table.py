"""Edge lists: one row an edge, whatever the columns are called."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE
from cortexc.connectome.diagnostics.rule import did_you_mean
from cortexc.connectome.diagnostics.span import Span

from . import frames
from .edges import joined
from .frames import Frame
from .options import Options
from .report import ImportReport, failed
from .wiring import NUMBERS, WORDS, Wiring

FLN = ("fln", "flne")
WEIGHT = (
    "weight", "w", "strength", "synweight", "synapseweight", "syncount", "synapsecount", "synapses", "nsyn", "nsyns",
    "nsynapses", "numsynapses", "count", "counts", "number", "n", "value", "connectivity", "density", "n_neurons",
    "nneurons", "neurons", "labelledneurons", "labeledneurons",
)  # fmt: skip
SLN = ("sln",)
NEURONS = ("nneurons", "neurons", "labelledneurons", "labeledneurons", "ncells", "cells")
LENGTHS = ("distancemm", "distance", "dist", "length", "lengthmm", "wiringdistancemm", "distanceum", "distancecm")
"""Names of distances, the likeliest first."""
UNITS = {"nm": 1e-6, "um": 1e-3, "micron": 1e-3, "microns": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1e3, "km": 1e6}
"""Millimetres of a unit that the name of a column may end with."""
_LENGTH = re.compile(rf"(?:wiring[^a-z]*)?(distance|(?:dist|length)(?=$|[^a-z]|(?:{'|'.join(UNITS)})(?![a-z])))")
CASE = ("case", "injection", "caseid", "injectionid", "experiment", "experimentid", "animal", "monkey", "subject")
GAP = frozenset({"electrical", "gapjunction", "gap", "gj", "elec", "e_junction"})
MOST_GROUPS = 32


def plain_key(name: str) -> str:
    """Return a column's name as it is compared: small letters and digits."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read an edge list.

    Raises:
        SpecError: see ``frames.read`` and ``edges.joined``; no column for an end, several files.
    """
    if len(paths) != 1:
        raise failed(BAD_TABLE, paths[1], "an edge list is one file", "join the files first, or import one")
    frame = frames.read(paths[0], options, report)
    report.read.append(f"{paths[0]}: {len(frame.data):,} rows, {frame.data.shape[1]} columns")
    frame = selected(frame, options, report)
    columns = _columns(frame, options, report)
    frame, electrical = _divided(frame, columns, report)
    values = _values(frame, columns, report)

    def place(row: int, field: str) -> Span:
        return frame.place(row, columns.get(field, columns.get("fln", columns.get("weight"))))

    found = joined(
        frames.texts(frame, columns["source"]),
        frames.texts(frame, columns["target"]),
        values,
        _numbers(frame, columns["neurons"], optional=True)[0] if "neurons" in columns else None,
        place,
        options,
        report,
        cases=frames.texts(frame, columns["case"]) if "case" in columns else None,
    )
    if electrical is None:
        return found
    apart = {"from": frames.texts(electrical, columns["source"]), "to": frames.texts(electrical, columns["target"])}
    numbers = {n: v for n, v in _values(electrical, columns, ImportReport()).items() if n not in WORDS}
    return dataclasses.replace(found, tables={"electrical": {**apart, **numbers}})


def _columns(frame: Frame, options: Options, report: ImportReport) -> dict[str, str]:
    """Return which column holds what, by field of a projection; also source, target, neurons, case and synapse type.

    Raises:
        SpecError: an end has no column, or an option names one that is not there.
    """
    names = list(frame.data.columns)
    source, target = ends(frame, options, report)
    found = {"source": source, "target": target}

    def free(*known: str) -> str | None:
        return next((c for c in names if plain_key(c) in known and c not in found.values()), None)

    strength = _strength(frame, options, report, (source, target))
    if strength is not None:
        found[_meaning(frame, strength, report)] = strength
    if "fln" in found and (plain := free("weight")):
        found["weight"] = plain
    for field, wanted, known in (
        ("sln", options.sln_column, SLN),
        ("distance_mm", options.distance_column, lengths(names)),
        ("case", options.case_column, CASE),
    ):
        column = _named(frame, wanted, known, field, report, set(found.values()))
        if column is not None:
            found[field] = column
    for field in ("delay", "delay_ms", *WORDS):
        if column := free(plain_key(field)):
            found[field] = column
    if "sln" in found and (column := free(*NEURONS)):
        found["neurons"] = column
    if column := free("type", "kind", "synapsetype"):
        found["synapse type"] = column
    if options.aggregate == "cases" and "case" not in found:
        raise failed(BAD_TABLE, frame.path, "no column says which injection a row is of", "name it: --case-column NAME")
    unused = [c for c in names if c not in found.values() and (c or (frames.texts(frame, c) != "").any())]
    shown = ", ".join(c or "(without a name)" for c in unused)
    report.drop(len(unused), f"columns: {shown}", "the language has no place for them")
    return found


def _values(frame: Frame, columns: dict[str, str], report: ImportReport) -> dict[str, np.ndarray]:
    """Return numbers and words by field of a projection.

    Raises:
        SpecError: a text where a number belongs.
    """
    found: dict[str, np.ndarray] = {}
    both = {"fln", "weight"} <= set(columns)
    for field, column in columns.items():
        if field in {"fln", "weight"}:
            found[field], _ = _numbers(frame, column, optional=both)
        elif field in NUMBERS:
            found[field], absent = _numbers(frame, column, optional=True)
            if absent:
                report.guess(f"empty {field}", f"{absent:,} rows", "taken as not known")
            if field == "distance_mm":
                unit = unit_of(column)
                found[field] = found[field] * UNITS[unit or "mm"]
                if unit is None:
                    report.guess(f"unit of `{column}`", "mm", "the name has no unit", "a column distance_um")
                elif unit != "mm":
                    report.guess(f"unit of `{column}`", unit, "by the name", "a column distance_mm")
            if field == "delay":
                report.guess(f"unit of `{column}`", "steps", "the name has no unit", "a column delay_ms")
        elif field in WORDS:
            found[field] = frames.texts(frame, column)
    return found


def lengths(names: list[str]) -> tuple[str, ...]:
    """Return the columns whose names say that they are distances, as they are compared; best known names first."""
    found = [plain_key(name) for name in names if _LENGTH.match(_spelled(name))]
    return tuple(sorted(found, key=lambda key: LENGTHS.index(key) if key in LENGTHS else len(LENGTHS)))


def _spelled(name: str) -> str:
    return name.strip().lower().replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")


def unit_of(name: str) -> str | None:
    """Return the unit of length that the name of a column has, or None.

    >>> unit_of("dist_um"), unit_of("Distance (mm)"), unit_of("lengthcm"), unit_of("distance")
    ('um', 'mm', 'cm', None)
    """
    words = re.findall(r"[a-z0-9]+", _LENGTH.sub(r"\1 ", _spelled(name)))
    return next((word for word in reversed(words) if word in UNITS), None)


def _divided(frame: Frame, columns: dict[str, str], report: ImportReport) -> tuple[Frame, Frame | None]:
    """Take electrical synapses out of an edge list that says which edges they are, and return them apart."""
    if "synapse type" not in columns:
        return frame, None
    column = columns["synapse type"]
    texts = frames.texts(frame, column)
    groups = sorted(set(texts.tolist()))
    electrical = np.array([plain_key(t) in GAP for t in texts.tolist()], bool)
    if electrical.any() and not electrical.all():
        apart = dataclasses.replace(frame, data=frame.data[electrical])
        report.drop(
            int(electrical.sum()), f"rows of electrical synapses (`{column}`)",
            "gap junctions are no projections; they are kept in the table /electrical", str(apart.place(0)),
        )  # fmt: skip
        return dataclasses.replace(frame, data=frame.data[~electrical]), apart
    if 1 < len(groups) <= MOST_GROUPS:
        shown = ", ".join(groups[:6])
        report.guess(f"rows of all `{column}`", shown, "taken together", f"--where {column}={groups[0]}")
    return frame, None


def selected(frame: Frame, options: Options, report: ImportReport) -> Frame:
    """Return the rows that ``where`` asks for.

    Raises:
        SpecError: no such column, or no such row.
    """
    for clause in options.where:
        column, _, value = clause.partition("=")
        require(frame, column, "--where")
        mask = frames.texts(frame, column) == value
        if not mask.any():
            there = sorted(set(frames.texts(frame, column)))
            raise failed(
                BAD_TABLE, frame.path, f"no row has `{value}` in the column `{column}`", did_you_mean(value, there)
            )
        report.drop(int((~mask).sum()), "rows", f"--where {clause}")
        frame = dataclasses.replace(frame, data=frame.data[mask])
    return frame


def require(frame: Frame, column: str, option: str) -> str:
    """Return a column that a user named.

    Raises:
        SpecError: there is none.
    """
    if column not in frame.data.columns:
        if not frame.named and column.isdigit() and f"column {column}" in frame.data.columns:
            return f"column {column}"
        message = f"{option} names `{column}`, and there is no such column"
        raise failed(BAD_TABLE, frame.head, message, did_you_mean(column, frame.data.columns))
    return column


def ends(frame: Frame, options: Options, report: ImportReport) -> tuple[str, str]:
    """Return the columns of source and target: as named, else by their names, else the first two.

    Raises:
        SpecError: they cannot be told.
    """
    found = {}
    for end, wanted, known in (
        ("source", options.source_column, frames.SOURCE),
        ("target", options.target_column, frames.TARGET),
    ):
        if wanted is not None:
            found[end] = require(frame, wanted, f"--{end}-column")
            continue
        column = next((c for name in known for c in frame.data.columns if plain_key(c) == name), None)
        if column is not None:
            found[end] = column
            if column.lower() != end:
                report.guess(f"column of {end}s", column, "by its name", f"--{end}-column")
    if len(found) < 2 and not frame.named and frame.data.shape[1] >= 2:
        found.setdefault("source", frame.data.columns[0])
        found.setdefault("target", frame.data.columns[1])
        report.guess("columns", "the first is the source, the second the target", "there is no header",
                     "--source-column 2 --target-column 1")  # fmt: skip
    for end in ("source", "target"):
        if end not in found:
            listed = ", ".join(f"`{c}`" for c in list(frame.data.columns)[:12])
            message = f"no column looks like the {end}: the columns are {listed}"
            raise failed(BAD_TABLE, frame.head, message, f"say which it is: --{end}-column NAME" + _otherwise(frame))
    if found["source"] == found["target"]:
        raise failed(BAD_TABLE, frame.path, f"`{found['source']}` cannot be both source and target")
    for column in found.values():
        frames.refuse_floats(frame, column)
    return found["source"], found["target"]


def _otherwise(frame: Frame) -> str:
    """Return what else may be the matter where columns are not found, as the rest of a hint."""
    hint = ""
    if frame.named and frame.first_line:
        hint = "; --header no, if the first line is an edge"
    if len(frame.sheets) > 1:
        hint += f"; `{frame.sheet}` was read of the sheets {', '.join(frame.sheets)}: --sheet takes another one"
    return hint


def _named(
    frame: Frame, wanted: str | None, known: tuple[str, ...], what: str, report: ImportReport, used: set[str]
) -> str | None:
    """Return the column that a user named, or that has a known name, or that begins with one."""
    if wanted is not None:
        return require(frame, wanted, f"--{what.partition('_')[0]}-column")
    free = [c for c in frame.data.columns if c not in used]
    exact = [c for name in known for c in free if plain_key(c) == name]
    begun = [c for name in known if len(name) > 2 for c in free if plain_key(c).startswith(name)]
    found = list(dict.fromkeys((*exact, *begun)))
    if len(found) > 1:
        report.guess(
            f"column of {what}",
            found[0],
            f"the first of {', '.join(found)}",
            "--weight-column" if what == "fln" else f"--{what.partition('_')[0]}-column",
        )
    return found[0] if found else None


def _strength(frame: Frame, options: Options, report: ImportReport, used: tuple[str, str]) -> str | None:
    column = options.weight_column and require(frame, options.weight_column, "--weight-column")
    column = column or _named(frame, None, FLN, "fln", report, set(used))
    exact = [
        c for name in WEIGHT for c in frame.data.columns if plain_key(c) == name.replace("_", "") and c not in used
    ]
    if column is None and exact:
        column = exact[0]
        if len(exact) > 1:
            report.guess("column of weights", column, f"the first of {', '.join(exact)}", "--weight-column")
        elif plain_key(column) != "weight":
            report.guess("column of weights", column, "by its name", "--weight-column")
    if column is None and not frame.named and frame.data.shape[1] >= 3:
        column = frame.data.columns[2]
        report.guess("column of weights", "the third", "there is no header", "--weight-column")
    if column is None:
        report.guess("weights", "none", "no column looks like one: every edge counts alike", "--weight-column")
    return column


def _meaning(frame: Frame, column: str, report: ImportReport) -> str:
    """Return whether a column of strengths holds FLNe or anything else."""
    if not plain_key(column).startswith(FLN):
        return "weight"
    numbers, _ = frames.numbers(frame, column)
    finite = numbers[np.isfinite(numbers)]
    if len(finite) and float((finite > 1).mean()) > 0.5:
        report.guess(f"meaning of `{column}`", "weight", "most values are over 1, so they are no fractions")
        return "weight"
    return "fln"


def _numbers(frame: Frame, column: str, *, optional: bool = False) -> tuple[np.ndarray, int]:
    """Return a column as numbers and how many are absent.

    Raises:
        SpecError: a text that is no number.
    """
    found, wrong = frames.numbers(frame, column, optional=optional)
    if wrong.any():
        texts = frames.texts(frame, column)
        unreadable = wrong & ~np.isin(np.char.lower(texts.astype(str)), list(frames.ABSENT))
        if unreadable.any():
            row = int(np.flatnonzero(unreadable)[0])
            more = f", and {int(unreadable.sum()) - 1:,} more" if unreadable.sum() > 1 else ""
            comma = re.fullmatch(r"-?\d+,\d+", texts[row])
            hint = "write decimal points, not commas" if comma else "name the right column, or mend the value"
            message = f"`{column}` holds `{texts[row]}`, which is no number{more}"
            raise failed(BAD_VALUE, frame.place(row, column), message, hint)
    return found, int(np.isnan(found).sum())
