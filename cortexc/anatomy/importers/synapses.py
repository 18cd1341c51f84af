"""Lists of synapses, or of connected neurons, with a table of neurons: streamed, summed to areas and populations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.diagnostics import Span, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE

from . import frames, table
from .columns import COUNT, known
from .frame import Frame, of_marks
from .neurons import Pairs, aggregated, grouped
from .options import Options
from .refusal import Fault, Refusal
from .report import ImportReport
from .wiring import Wiring

if TYPE_CHECKING:
    import pandas as pd

Plan = tuple[str, str, str | None]
"""The columns of sources, of targets, and of numbers of synapses; None where each row is one."""
UNASSIGNED = "unassigned"
IDS = "nodeid id rootid ptrootid bodyid neuronid neuron cellid skid name".split()


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
    about.refuse_floats(identifier)
    about = _identified(about, identifier, options, report)
    index = _index(about, identifier)
    columns = {c: about.texts(c) for c in about.data.columns if c != identifier}
    neurons = grouped(columns, np.full(len(about.data), UNASSIGNED, object), options, report, about.path)
    pairs = Pairs(len(about.data))
    refusal = Refusal("edges", options.invalid)
    plan: Plan | None = None
    unchosen = empty = 0
    for path in paths:
        for frame in frames.chunks(path, options, ImportReport() if plan else report):
            plan = plan or _plan(frame, options, report)
            chosen = _selected(frame, options)
            unchosen += len(frame.data) - len(chosen.data)
            if len(chosen.data):
                pre, post, synapses = _edges(chosen, plan, index, options, refusal)
                some = synapses > 0
                empty += int((~some).sum())
                pairs.add(pre[some], post[some], synapses[some], synapses[some])
    if not pairs.rows:
        raise failed(BAD_TABLE, paths[0], "no edge is left to import", "check --where and --invalid")
    report.drop(unchosen, "rows", f"--where {' '.join(options.where)}")
    refusal.report(report)
    report.drop(empty, "edges of 0 synapses", "no synapse, no connection")
    return aggregated(neurons, pairs, options, report)


def _identified(about: Frame, identifier: str, options: Options, report: ImportReport) -> Frame:
    """Return the rows of a table of neurons that have an identifier."""
    blank = about.texts(identifier) == ""
    more = f", and so is it in {int(blank.sum()) - 1:,} more" if blank.sum() > 1 else ""
    fault = Fault(
        "without an identifier",
        blank,
        BAD_VALUE,
        lambda row: about.location(row, identifier),
        lambda _: f"the neuron of this row has no identifier: `{identifier}` is empty{more}",
        "no edge could name it",
    )
    refusal = Refusal("neurons", options.invalid)
    keep = refusal.kept(np.ones(len(blank), bool), fault)
    refusal.report(report)
    return about.kept(keep)


def _index(about: Frame, identifier: str) -> pd.Index[Any]:
    """Return where each identifier is in the table of neurons: of int64 where all are such, else of text."""
    import pandas as pd

    ids = about.texts(identifier)
    whole = all(_whole(text) and str(int(text)) == text for text in ids.tolist())
    index = pd.Index([int(text) for text in ids.tolist()], dtype="int64") if whole else pd.Index(ids, dtype="object")
    if index.has_duplicates:
        row = int(index.duplicated().argmax())
        message = f"the neuron {ids[row]} is there twice"
        raise failed(BAD_TABLE, about.location(row, identifier), message, "each has one row")
    return index


def _selected(frame: Frame, options: Options) -> Frame:
    """Return the rows that ``where`` asks for; a block may have none."""
    for clause in options.where:
        frame = frame.kept(frame.matching(clause))
    return frame


def _edges(
    frame: Frame, plan: Plan, index: pd.Index[Any], options: Options, refusal: Refusal
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of the neurons at both ends, and numbers of synapses, of the edges of a block that can be used."""
    source, target, count = plan
    keep = np.ones(len(frame.data), bool)
    ends = []
    for end, column in (("source", source), ("target", target)):
        rows, missing = _found(frame, column, index)
        ends.append(rows)
        keep = refusal.kept(keep, *_unknown(frame, end, column, missing, options))
    synapses = np.ones(len(frame.data))
    if count is not None:
        counts = frame.named_column(count, "the first part of the list")
        synapses, unreadable = frame.numbers(counts)
        first = str(frame.data[counts].iloc[int(unreadable.argmax())]).strip()
        fault = Fault(
            "with a bad number of synapses",
            unreadable | ~np.isfinite(synapses) | (synapses < 0),
            BAD_VALUE,
            lambda row: frame.location(row, counts),
            lambda row: f"the number of synapses is `{frame.data[counts].iloc[row]}`",
            of_marks(first) or "expected a number, 0 or more",
        )
        keep = refusal.kept(keep, fault)
    return ends[0][keep], ends[1][keep], synapses[keep]


def _unknown(frame: Frame, end: str, column: str, missing: np.ndarray, options: Options) -> list[Fault]:
    """Return what may be wrong with one end of edges, what the earlier row has first."""
    if not missing.any():
        return []
    blank = missing & (frame.texts(column) == "")

    def location(row: int) -> Span:
        return frame.location(row, column)

    def stranger(row: int) -> str:
        return f"the {end} {str(frame.data[column].iloc[row]).strip()} is not in `{options.neurons}`"

    kind, hint = "to or from neurons not in the table", "add it to the table of neurons"
    empty, named = f"the {end} of this edge is empty", "name a neuron at both ends"
    faults = [
        Fault(kind, missing & ~blank, UNKNOWN_NODE, location, stranger, hint),
        Fault("with an empty end", blank, UNKNOWN_NODE, location, lambda _: empty, named),
    ]
    return sorted(faults, key=lambda fault: int(fault.bad.argmax()))


def _plan(frame: Frame, options: Options, report: ImportReport) -> Plan:
    """Return the columns of an edge list of neurons; those that are not used are reported."""
    source, target = table.ends(frame, options, report)
    plan = source, target, _counts(frame, (source, target), options, report)
    used = {*plan, *(clause.partition("=")[0] for clause in options.where)}
    report.unused("columns of edges", [c for c in frame.data.columns if c not in used])
    return plan


def _counts(frame: Frame, ends: tuple[str, str], options: Options, report: ImportReport) -> str | None:
    """Return the column of numbers of synapses, None where each row is one."""
    if options.weight_column is not None:
        return frame.named_column(options.weight_column, "--weight-column")
    if found := known(frame.data.columns, COUNT, but=ends):
        report.guess("number of synapses", f"column `{found[0]}`", "by its name", "--weight-column")
        return found[0]
    if not frame.named and frame.data.shape[1] == 3:
        report.guess("number of synapses", "the third column", "there is no header", "--weight-column")
        return str(frame.data.columns[2])
    report.guess("number of synapses", "1 a row", "no column counts them", "--weight-column")
    return None


def _identifier(frame: Frame, options: Options, report: ImportReport) -> str:
    if options.id_column is not None:
        return frame.named_column(options.id_column, "--id-column")
    if found := known(frame.data.columns, IDS):
        return found[0]
    first = str(frame.data.columns[0])
    report.guess("identifier of a neuron", f"column `{first}`", "the first", "--id-column")
    return first


def _found(frame: Frame, column: str, index: pd.Index[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of identifiers in the table of neurons, and which are not in it."""
    import pandas as pd

    column = frame.named_column(column, "the first part of the list")
    valid = np.ones(len(frame.data), bool)
    if index.dtype == frame.data[column].dtype == np.int64:
        keys = frame.data[column].to_numpy()
    else:
        keys = frame.texts(column)
        if index.dtype == np.int64:
            keys, valid = _integers(keys)
    rows = index.get_indexer(pd.Index(keys, dtype=index.dtype))
    return rows, ~valid | (rows < 0)


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
