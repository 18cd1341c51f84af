"""Lists of synapses, or of connected neurons, with a table of neurons: streamed, summed to areas and populations."""

from __future__ import annotations

import numpy as np

from ..diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE
from . import frames, table
from .frames import Frame
from .neurons import Pairs, aggregated, grouped
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
    own = Options(separator=None, header=options.header)
    about = frames.read(options.neurons, own, report)
    identifier = _identifier(about, options, report)
    ids = frames.texts(about, identifier)
    keys, coded = _keys(ids)
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    if len(ranked) > 1 and (twice := ranked[1:] == ranked[:-1]).any():
        row = int(order[int(np.flatnonzero(twice)[0]) + 1])
        raise failed(
            BAD_TABLE, about.place(row, identifier), f"the neuron {ids[row]} is there twice", "each has one row"
        )
    columns = {c: frames.texts(about, c) for c in about.data.columns if c != identifier}
    neurons = grouped(columns, np.full(len(ids), UNASSIGNED, object), options, report, about.path)
    pairs = Pairs(len(ids))
    unknown, bad = 0, 0
    first_unknown = first_bad = ""
    plan: tuple[str, str, str | None] | None = None
    for path in paths:
        for frame in frames.chunks(path, options, ImportReport() if plan else report):
            if plan is None:
                plan = _plan(frame, options, report)
            chosen = table.selected(frame, options, ImportReport()) if options.where else frame
            source, target, count = plan
            found = []
            wrong = np.zeros(len(chosen.data), bool)
            for column in (source, target):
                table.require(chosen, column, "the first part of the list")
                places, missing = _found(chosen, column, ranked, order, coded)
                if missing.any():
                    row = int(np.flatnonzero(missing)[0])
                    where = chosen.place(row, column)
                    if options.invalid == "error":
                        written = str(chosen.data[column].iloc[row]).strip() or "(empty)"
                        message = f"the {'source' if column == source else 'target'} {written} is not in "
                        hint = "add it to the table of neurons; --invalid drop leaves such edges out"
                        raise failed(UNKNOWN_NODE, where, message + f"`{options.neurons}`", hint)
                    first_unknown = first_unknown or str(where)
                wrong |= missing
                found.append(places)
            unknown += int(wrong.sum())
            synapses = np.ones(len(chosen.data))
            if count is not None:
                synapses, unreadable = frames.numbers(chosen, count)
                off = (unreadable | ~np.isfinite(synapses) | (synapses < 0)) & ~wrong
                if off.any():
                    row = int(np.flatnonzero(off)[0])
                    where = chosen.place(row, count)
                    if options.invalid == "error":
                        message = f"the number of synapses is `{chosen.data[count].iloc[row]}`"
                        hint = "expected a number, 0 or more; --invalid drop leaves such edges out"
                        raise failed(BAD_VALUE, where, message, hint)
                    first_bad = first_bad or str(where)
                    bad += int(off.sum())
                    wrong |= off
            keep = ~wrong & (np.nan_to_num(synapses) > 0)
            pairs.add(found[0][keep], found[1][keep], synapses[keep], synapses[keep])
    report.drop(unknown, "edges to or from neurons that are not in the table", "--invalid drop", first_unknown)
    report.drop(bad, "edges with a bad number of synapses", "--invalid drop", first_bad)
    return aggregated(neurons, pairs, options, report)


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


def _found(
    frame: Frame, column: str, ranked: np.ndarray, order: np.ndarray, coded: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of identifiers in the table of neurons, and which are not in it."""
    values = frame.data[column]
    valid = np.ones(len(values), bool)
    if coded and values.dtype == np.int64:
        keys = values.to_numpy()
    elif coded:
        keys, valid = _integers(frames.texts(frame, column))
    else:
        keys = frames.texts(frame, column).astype(str)
    at = np.searchsorted(ranked, keys)
    at[at == len(ranked)] = 0
    missing = ~valid | (ranked[at] != keys) if len(ranked) else np.ones(len(keys), bool)
    return order[at] if len(ranked) else at, missing


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
