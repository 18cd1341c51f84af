"""Edge lists: one row an edge, whatever the columns are called."""

from __future__ import annotations

import re

import numpy as np

from ..diagnostics.importing import BAD_TABLE, BAD_VALUE
from ..diagnostics.rule import did_you_mean
from ..diagnostics.span import Span
from . import frames
from .edges import joined
from .frames import Frame
from .options import Options
from .report import ImportReport, failed
from .wiring import WORDS, Wiring

SOURCE = (
    "source", "from", "pre", "presynaptic", "src", "origin", "sourcearea", "areasource", "sourceid", "preid",
    "prerootid", "preptrootid", "bodyidpre", "prebodyid", "sourcenode", "sourcenodeid", "presynapticneuron",
    "prename", "preneuron", "presyn", "sourcename", "sourceneuron", "idpre", "fromarea", "efferent", "node1",
)  # fmt: skip
TARGET = (
    "target", "to", "post", "postsynaptic", "tgt", "destination", "dest", "targetarea", "areatarget", "targetid",
    "postid", "postrootid", "postptrootid", "bodyidpost", "postbodyid", "targetnode", "targetnodeid",
    "postsynapticneuron", "postname", "postneuron", "postsyn", "targetname", "targetneuron", "idpost", "toarea",
    "injected", "injectedarea", "injectionsite", "afferent", "node2",
)  # fmt: skip
FLN = ("fln", "flne")
WEIGHT = (
    "weight", "w", "strength", "synweight", "synapseweight", "syncount", "synapsecount", "synapses", "nsyn", "nsyns",
    "nsynapses", "numsynapses", "count", "counts", "number", "n", "value", "connectivity", "density", "n_neurons",
    "nneurons", "neurons",
)  # fmt: skip
SLN = ("sln",)
NEURONS = ("nneurons", "neurons", "labelledneurons", "ncells", "cells")
LENGTHS = {"distancemm": 1.0, "distance": 1.0, "dist": 1.0, "length": 1.0, "lengthmm": 1.0, "wiringdistancemm": 1.0,
           "distanceum": 1e-3, "distancecm": 10.0}  # fmt: skip
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
    columns = list(frame.data.columns)
    source, target = ends(frame, options, report)
    strength = _strength(frame, options, report, (source, target))
    values: dict[str, np.ndarray] = {}
    neurons = None
    used = {source, target}
    if strength is not None:
        used.add(strength)
        numbers, _ = _numbers(frame, strength)
        values[_meaning(strength, numbers, options, report)] = numbers
    plain = next((c for c in columns if plain_key(c) == "weight" and c not in used), None)
    if "fln" in values and plain is not None:
        used.add(plain)
        values["weight"], _ = _numbers(frame, plain, optional=True)
    for field, wanted, known in (
        ("sln", options.sln_column, SLN),
        ("distance_mm", options.distance_column, tuple(LENGTHS)),
        ("delay", None, ("delay",)),
        ("delay_ms", None, ("delayms",)),
    ):
        column = _named(frame, wanted, known, field, report, used)
        if column is not None:
            used.add(column)
            numbers, absent = _numbers(frame, column, optional=True)
            factor = LENGTHS.get(plain_key(column), 1.0) if field == "distance_mm" else 1.0
            values[field] = numbers * factor
            if field == "distance_mm" and plain_key(column) in {"distance", "dist", "length"}:
                report.guess(f"unit of `{column}`", "mm", "the name has no unit", "a column distance_um")
            if absent:
                report.guess(f"empty {field}", f"{absent:,} rows", "taken as not known")
    for field in WORDS:
        column = next((c for c in columns if plain_key(c) == field and c not in used), None)
        if column is not None:
            used.add(column)
            values[field] = frames.texts(frame, column)
    counted = next((c for c in columns if plain_key(c) in NEURONS and c not in used), None)
    if counted is not None and "sln" in values:
        neurons, _ = _numbers(frame, counted, optional=True)
        used.add(counted)
    case = _named(frame, options.case_column, CASE, "case", report, used)
    if options.aggregate == "cases" and case is None:
        raise failed(BAD_TABLE, frame.path, "no column says which injection a row is of", "name it: --case-column NAME")
    if case is not None:
        used.add(case)
    frame, values, neurons, gap = _without_gap_junctions(frame, values, neurons, used, report, (source, target))
    if unused := [c for c in columns if c not in used and (c or (frames.texts(frame, c) != "").any())]:
        shown = ", ".join(c or "(without a name)" for c in unused)
        report.drop(len(unused), f"columns: {shown}", "the language has no place for them")
    raw = {end: frames.texts(frame, column) for end, column in (("source", source), ("target", target))}
    fields = {"source": source, "target": target}
    for field in values:
        fields[field] = strength if field in {"fln", "weight"} and strength else field

    def place(row: int, field: str) -> Span:
        return frame.place(row, fields.get(field))

    cases = None if case is None else frames.texts(frame, case)
    found = joined(raw["source"], raw["target"], values, neurons, place, options, report, cases=cases)
    return found if gap is None else _with_table(found, gap)


def _with_table(wiring: Wiring, gap: dict[str, np.ndarray]) -> Wiring:
    import dataclasses

    return dataclasses.replace(wiring, tables={"electrical": gap})


def selected(frame: Frame, options: Options, report: ImportReport) -> Frame:
    """Return the rows that ``where`` asks for.

    Raises:
        SpecError: no such column, or no such row.
    """
    import dataclasses

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
        raise failed(BAD_TABLE, Span(frame.path, max(1, frame.first_line - 1)), message,
                     did_you_mean(column, frame.data.columns))  # fmt: skip
    return column


def ends(frame: Frame, options: Options, report: ImportReport) -> tuple[str, str]:
    """Return the columns of source and target: as named, else by their names, else the first two.

    Raises:
        SpecError: they cannot be told.
    """
    found = {}
    for end, wanted, known in (("source", options.source_column, SOURCE), ("target", options.target_column, TARGET)):
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
            raise failed(BAD_TABLE, Span(frame.path, max(1, frame.first_line - 1)), message,
                         f"say which it is: --{end}-column NAME")  # fmt: skip
    if found["source"] == found["target"]:
        raise failed(BAD_TABLE, frame.path, f"`{found['source']}` cannot be both source and target")
    return found["source"], found["target"]


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


def _meaning(column: str, numbers: np.ndarray, options: Options, report: ImportReport) -> str:
    """Return whether a column of strengths holds FLNe or anything else."""
    if not plain_key(column).startswith(FLN):
        return "weight"
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


def _without_gap_junctions(
    frame: Frame,
    values: dict[str, np.ndarray],
    neurons: np.ndarray | None,
    used: set[str],
    report: ImportReport,
    pair: tuple[str, str],
) -> tuple[Frame, dict[str, np.ndarray], np.ndarray | None, dict[str, np.ndarray] | None]:
    """Take electrical synapses out of an edge list that says which edges they are, and return them apart."""
    import dataclasses

    for column in [c for c in frame.data.columns if c not in used and plain_key(c) in {"type", "kind", "synapsetype"}]:
        texts = frames.texts(frame, column)
        groups = sorted(set(texts))
        mask = np.array([plain_key(t) in GAP for t in texts.tolist()], bool)
        used.add(column)
        if mask.any() and not mask.all():
            apart = dataclasses.replace(frame, data=frame.data[mask])
            kept = {"from": frames.texts(apart, pair[0]), "to": frames.texts(apart, pair[1])}
            kept |= {name: v[mask] for name, v in values.items() if name not in WORDS}
            report.drop(
                int(mask.sum()), f"rows of electrical synapses (`{column}`)",
                "gap junctions are no projections; they are kept in the table /electrical", str(apart.place(0)),
            )  # fmt: skip
            rest = dataclasses.replace(frame, data=frame.data[~mask])
            values = {name: v[~mask] for name, v in values.items()}
            return rest, values, None if neurons is None else neurons[~mask], kept
        if 1 < len(groups) <= MOST_GROUPS and not mask.any():
            shown = ", ".join(groups[:6])
            report.guess(f"rows of all `{column}`", shown, "taken together", f"--where {column}={groups[0]}")
    return frame, values, neurons, None
