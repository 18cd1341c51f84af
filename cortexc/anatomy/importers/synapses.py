"""Lists of synapses, or of connected neurons, with a table of neurons: streamed, summed to areas and populations."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE

from . import frames, table
from .frames import Frame
from .neurons import Pairs, aggregated, grouped, report_unused
from .options import Options
from .report import ImportReport, failed
from .wiring import Wiring

UNASSIGNED = "unassigned"
IDS = ("nodeid", "id", "rootid", "ptrootid", "bodyid", "neuronid", "neuron", "cellid", "skid", "name")
COUNTS = (
    "syncount", "synapsecount", "synapses", "nsyn", "nsyns", "nsynapses", "numsynapses", "synapseweight", "weight",
    "count", "counts", "w", "n",
)  # fmt: skip


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read edges between neurons (each file is one part of the list), and the table of neurons that options name.

    Raises:
        SpecError: no table of neurons, columns that cannot be told, unknown identifiers, bad counts.
    """
    if options.neurons is None:
        message = "the edges join neurons, and nothing says which areas these lie in"
        raise failed(BAD_TABLE, paths[0], message, "name the table of neurons: --neurons FILE")
    about = frames.read(options.neurons, Options(header=options.header), report)
    identifier = _identifier(about, options, report)
    frames.refuse_floats(about, identifier)
    about = _identified(about, identifier, options, report)
    ids = frames.texts(about, identifier)
    index = _index(ids, about, identifier)
    columns = {c: frames.texts(about, c) for c in about.data.columns if c != identifier}
    neurons = grouped(columns, np.full(len(ids), UNASSIGNED, object), options, report, about.path)
    pairs = Pairs(len(ids))
    lost = _Lost()
    plan: tuple[str, str, str | None] | None = None
    for path in paths:
        for frame in frames.chunks(path, options, ImportReport() if plan else report):
            if plan is None:
                plan = _plan(frame, options, report)
                wanted = {clause.partition("=")[0] for clause in options.where}
                report_unused("columns of edges", [c for c in frame.data.columns if c not in {*plan, *wanted}], report)
            chosen = _selected(frame, options, lost)
            if len(chosen.data):
                pairs.add(*_edges(chosen, plan, index, options, lost))
    if not pairs.rows:
        raise failed(BAD_TABLE, paths[0], "no edge is left to import", "check --where and --invalid")
    report.drop(lost.unchosen, "rows", f"--where {' '.join(options.where)}")
    report.drop(lost.unknown, "edges to or from neurons not in the table", "--invalid drop", lost.first_unknown)
    report.drop(lost.nameless, "edges with an empty end", "--invalid drop", lost.first_nameless)
    report.drop(lost.bad, "edges with a bad number of synapses", "--invalid drop", lost.first_bad)
    report.drop(lost.empty, "edges of 0 synapses", "no synapse, no connection")
    return aggregated(neurons, pairs, options, report)


@dataclass
class _Lost:
    """What was left out on the way."""

    unchosen: int = 0
    unknown: int = 0
    nameless: int = 0
    bad: int = 0
    empty: int = 0
    first_unknown: str = ""
    first_nameless: str = ""
    first_bad: str = ""


@dataclass(frozen=True, eq=False)
class _Index:
    """Where each identifier is in the table of neurons."""

    ranked: np.ndarray
    order: np.ndarray
    whole: bool
    """Whether identifiers are 64-bit integers."""


def _identified(about: Frame, identifier: str, options: Options, report: ImportReport) -> Frame:
    """Return the rows of a table of neurons that have an identifier.

    Raises:
        SpecError: a row has none, unless such rows are to be dropped.
    """
    blank = frames.texts(about, identifier) == ""
    if not blank.any():
        return about
    where = about.place(int(np.flatnonzero(blank)[0]), identifier)
    if options.invalid == "error":
        message = f"the neuron of this row has no identifier: `{identifier}` is empty"
        more = f", and so is it in {int(blank.sum()) - 1:,} more" if blank.sum() > 1 else ""
        hint = "no edge could name it; --invalid drop leaves such neurons out"
        raise failed(BAD_VALUE, where, message + more, hint)
    report.drop(int(blank.sum()), "neurons without an identifier", "--invalid drop", str(where))
    return dataclasses.replace(about, data=about.data[~blank])


def _index(ids: np.ndarray, about: Frame, identifier: str) -> _Index:
    """Return the index of a table of neurons.

    Raises:
        SpecError: a neuron is there twice.
    """
    keys, whole = _keys(ids)
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    twice = np.flatnonzero(ranked[1:] == ranked[:-1])
    if len(twice):
        row = int(order[int(twice[0]) + 1])
        message = f"the neuron {ids[row]} is there twice"
        raise failed(BAD_TABLE, about.place(row, identifier), message, "each has one row")
    return _Index(ranked, order, whole)


def _selected(frame: Frame, options: Options, lost: _Lost) -> Frame:
    """Return the rows that ``where`` asks for; a block may have none."""
    for clause in options.where:
        column, _, value = clause.partition("=")
        mask = frames.texts(frame, table.require(frame, column, "--where")) == value
        lost.unchosen += int((~mask).sum())
        frame = dataclasses.replace(frame, data=frame.data[mask])
    return frame


def _edges(
    frame: Frame, plan: tuple[str, str, str | None], index: _Index, options: Options, lost: _Lost
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return places of both ends, synapses and weights of the edges of a block that can be used.

    Raises:
        SpecError: an unknown neuron or a bad number, unless such rows are to be dropped.
    """
    source, target, count = plan
    hint = "; --invalid drop leaves such edges out"
    ends = []
    unknown = np.zeros(len(frame.data), bool)
    nameless = np.zeros(len(frame.data), bool)
    for end, column in (("source", source), ("target", target)):
        places, missing = _found(frame, table.require(frame, column, "the first part of the list"), index)
        ends.append(places)
        if not missing.any():
            continue
        row = int(np.flatnonzero(missing)[0])
        where = frame.place(row, column)
        blank = missing & (frames.texts(frame, column) == "")
        if options.invalid == "error" and blank[row]:
            raise failed(UNKNOWN_NODE, where, f"the {end} of this edge is empty", "name a neuron at both ends" + hint)
        if options.invalid == "error":
            message = f"the {end} {str(frame.data[column].iloc[row]).strip()} is not in `{options.neurons}`"
            raise failed(UNKNOWN_NODE, where, message, "add it to the table of neurons" + hint)
        for which, first in ((blank, "first_nameless"), (missing & ~blank, "first_unknown")):
            if which.any() and not getattr(lost, first):
                setattr(lost, first, str(frame.place(int(np.flatnonzero(which)[0]), column)))
        nameless |= blank
        unknown |= missing
    lost.nameless += int(nameless.sum())
    lost.unknown += int((unknown & ~nameless).sum())
    synapses, bad = np.ones(len(frame.data)), np.zeros(len(frame.data), bool)
    if count is not None:
        synapses, unreadable = frames.numbers(frame, count)
        bad = (unreadable | ~np.isfinite(synapses) | (synapses < 0)) & ~unknown
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            where = frame.place(row, count)
            if options.invalid == "error":
                message = f"the number of synapses is `{frame.data[count].iloc[row]}`"
                raise failed(BAD_VALUE, where, message, "expected a number, 0 or more" + hint)
            lost.first_bad = lost.first_bad or str(where)
        lost.bad += int(bad.sum())
    empty = ~unknown & ~bad & (synapses == 0)
    lost.empty += int(empty.sum())
    keep = ~(unknown | bad | empty)
    return ends[0][keep], ends[1][keep], synapses[keep], synapses[keep]


def _plan(frame: Frame, options: Options, report: ImportReport) -> tuple[str, str, str | None]:
    """Return the columns of sources, targets and numbers of synapses."""
    source, target = table.ends(frame, options, report)
    if options.weight_column is not None:
        return source, target, table.require(frame, options.weight_column, "--weight-column")
    for name in COUNTS:
        for column in frame.data.columns:
            if table.plain_key(column) == name and column not in {source, target}:
                report.guess("number of synapses", f"column `{column}`", "by its name", "--weight-column")
                return source, target, column
    if not frame.named and frame.data.shape[1] == 3:
        report.guess("number of synapses", "the third column", "there is no header", "--weight-column")
        return source, target, str(frame.data.columns[2])
    report.guess("number of synapses", "1 a row", "no column counts them", "--weight-column")
    return source, target, None


def _identifier(frame: Frame, options: Options, report: ImportReport) -> str:
    if options.id_column is not None:
        return table.require(frame, options.id_column, "--id-column")
    for name in IDS:
        for column in frame.data.columns:
            if table.plain_key(column) == name:
                return str(column)
    first = str(frame.data.columns[0])
    report.guess("identifier of a neuron", f"column `{first}`", "the first", "--id-column")
    return first


def _keys(ids: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return identifiers as int64 where all of them are such, which is fast and exact; else as text."""
    try:
        whole = np.array([int(v) for v in ids.tolist()], dtype=object)
    except ValueError:
        return ids.astype(str), False
    if all(-(2**63) <= v < 2**63 and str(v) == t for v, t in zip(whole.tolist(), ids.tolist(), strict=True)):
        return whole.astype(np.int64), True
    return ids.astype(str), False


def _found(frame: Frame, column: str, index: _Index) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of identifiers in the table of neurons, and which are not in it."""
    values = frame.data[column]
    valid = np.ones(len(values), bool)
    if index.whole and values.dtype == np.int64:
        keys = values.to_numpy()
    elif index.whole:
        keys, valid = _integers(frames.texts(frame, column))
    else:
        keys = frames.texts(frame, column).astype(str)
    if not len(index.ranked):
        return np.zeros(len(keys), np.int64), np.ones(len(keys), bool)
    at = np.minimum(np.searchsorted(index.ranked, keys), len(index.ranked) - 1)
    return index.order[at], ~valid | (index.ranked[at] != keys)


def _integers(text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    try:
        return np.array(text.tolist(), dtype=np.int64), np.ones(len(text), bool)
    except (ValueError, OverflowError):
        valid = np.array([_whole(t) for t in text.tolist()], bool)
        return np.array([int(t) if v else 0 for t, v in zip(text.tolist(), valid, strict=True)], np.int64), valid


def _whole(text: str) -> bool:
    """Whether a text is an integer of 64 bits."""
    plain = text.removeprefix("-")
    return plain.isdecimal() and len(plain) < 20 and -(2**63) <= int(text) < 2**63
