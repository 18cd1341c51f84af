"""Lists of synapses, or of connected neurons, with a table of neurons: streamed, summed to areas and populations."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.diagnostics import Span, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE

from . import frames, neuron_matrix, regions, table
from .columns import COUNT, known
from .frame import Frame, advice
from .neurons import Pairs, aggregated, grouped
from .options import Options
from .refusal import Fault, Refusal
from .report import ImportReport
from .wiring import Wiring

if TYPE_CHECKING:
    import pandas as pd

Plan = tuple[str, str, str | None, str | None]
"""The columns of sources, of targets, of numbers of synapses (None where each row is one), and of regions, if any."""
UNASSIGNED = "unassigned"
MOST_ASKED = 1000
"""Edges by which the column of identifiers is found."""
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
    dense = len(paths) == 1 and neuron_matrix.is_one(paths[0], options)
    identifier = _identifier(about, None if dense else paths[0], options, report)
    about.refuse_floats(identifier)
    about = _identified(about, identifier, options, report)
    index = _index(about, identifier)
    columns = {c: about.texts(c) for c in about.data.columns if c != identifier}
    neurons = grouped(columns, np.full(len(about.data), UNASSIGNED, object), options, report, about.path)
    if dense:
        tally = _Tally(Pairs(len(index)), Refusal("entries", options.invalid))
        tally.pairs.add(*neuron_matrix.edges(paths[0], index, options, report))
    else:
        tally = _once(_tallied(paths, index, {}, options, report), paths, index, options, report)
    if not tally.pairs.rows:
        raise failed(BAD_TABLE, paths[0], "no edge is left to import", "check --where and --invalid")
    report.drop(tally.unchosen, "rows", f"--where {' '.join(options.where)}")
    tally.refusal.report(report)
    report.drop(tally.empty, "edges of 0 synapses", "no synapse, no connection")
    tally.pairs.settle()
    _say_sums(tally, report)
    return aggregated(neurons, tally.pairs, options, report)


@dataclass(eq=False)
class _Tally:
    """What the edges of all files add up to."""

    pairs: Pairs
    refusal: Refusal
    plan: Plan | None = None
    unchosen: int = 0
    """Rows that ``where`` does not ask for."""
    empty: int = 0
    """Edges of no synapses."""
    names: set[str] = field(default_factory=set)
    """Of regions."""
    apart: list[regions.Rows] = field(default_factory=list)
    """Rows of regions that lie in others, which are not in ``pairs``, and rows of these, which are."""


def _tallied(
    paths: list[str], index: pd.Index[Any], inside: dict[str, str], options: Options, report: ImportReport
) -> _Tally:
    """Return the sums of all edges; ``inside``: regions whose rows are kept apart, with those that contain them."""
    found = _Tally(Pairs(len(index)), Refusal("edges", options.invalid))
    for path in paths:
        for frame in frames.chunks(path, options, ImportReport() if found.plan else report):
            found.plan = found.plan or _plan(frame, options, report)
            chosen = _selected(frame, options)
            found.unchosen += len(frame.data) - len(chosen.data)
            if not len(chosen.data):
                continue
            pre, post, synapses, keep = _edges(chosen, found.plan, index, options, found.refusal)
            some = synapses > 0
            found.empty += int((~some).sum())
            column = found.plan[3]
            if column is not None:
                column = chosen.named_column(column, "the first part of the list")
                found.names |= {str(name).strip() for name in chosen.data[column].unique()}
                if inside:
                    names = chosen.texts(column)[keep]
                    some &= ~_set_apart(found, names, pre * len(index) + post, synapses, inside)
            found.pairs.add(pre[some], post[some], synapses[some], synapses[some])
    return found


def _set_apart(
    tally: _Tally, names: np.ndarray, pair: np.ndarray, synapses: np.ndarray, inside: dict[str, str]
) -> np.ndarray:
    """Keep rows of regions that contain others or lie in them; return which rows are of inner ones: bool [rows]."""
    inner = np.isin(names, list(inside))
    both = inner | np.isin(names, list(inside.values()))
    outer = np.array([inside.get(name, name) for name in names[both].tolist()], object)
    tally.apart.append(regions.Rows(pair[both], outer, inner[both], synapses[both]))
    return inner


def _once(tally: _Tally, paths: list[str], index: pd.Index[Any], options: Options, report: ImportReport) -> _Tally:
    """Return the sums in which synapses count once that lie in a region and in a part of it."""
    inside = regions.nested(sorted(tally.names))
    if not inside or tally.plan is None:
        return tally
    again = _tallied(paths, index, inside, options, ImportReport())
    rows = regions.Rows(*(np.concatenate([getattr(r, f.name) for r in again.apart]) for f in fields(regions.Rows)))
    twice = regions.counted_twice(rows)
    first, whole = next(iter(inside.items()))
    column = tally.plan[3]
    if twice is None:
        why = f"`{first}` could lie in `{whole}` by its name, and has more synapses of a pair"
        report.guess(f"regions of `{column}`", "apart from each other", why, f"--where {column}=NAME")
        return tally
    why = f"their synapses are in the rows of the whole region too: `{first}` lies in `{whole}` by its name"
    report.drop(int(twice.sum()), f"rows of parts of regions (`{column}`)", why)
    alone = rows.inner & ~twice
    pre, post = np.divmod(rows.pair[alone], len(index))
    again.pairs.add(pre, post, rows.synapses[alone], rows.synapses[alone])
    return again


def _say_sums(tally: _Tally, report: ImportReport) -> None:
    """Say that rows of one pair of neurons are added, where rows have numbers of synapses."""
    if tally.plan is None or tally.plan[2] is None or tally.pairs.rows == len(tally.pairs.key):
        return
    column = tally.plan[3]
    why = f"{tally.pairs.rows:,} rows are of {len(tally.pairs.key):,} pairs"
    if column is None:
        report.guess("rows of one pair", "summed", why)
    else:
        why += f"; synapses count twice if regions of `{column}` overlap"
        report.guess("rows of one pair", "summed", why, f"--where {column}=NAME")


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
    return frame.kept(frame.chosen(options.where)) if options.where else frame


def _edges(
    frame: Frame, plan: Plan, index: pd.Index[Any], options: Options, refusal: Refusal
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of the neurons at both ends, and numbers of synapses, of the edges of a block that can be used.

    Also which edges these are: bool [rows of the block].
    """
    source, target, count, _ = plan
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
            advice(first) or "expected a number, 0 or more",
        )
        keep = refusal.kept(keep, fault)
    return ends[0][keep], ends[1][keep], synapses[keep], keep


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
    count = _counts(frame, (source, target), options, report)
    region = next(iter(known(frame.data.columns, regions.COLUMNS, but=(source, target, count))), None)
    plan = source, target, count, region
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


def _identifier(about: Frame, edges: str | None, options: Options, report: ImportReport) -> str:
    """Return the column of a table of neurons that names them: by its values, which the edges have, and its name."""
    if options.id_column is not None:
        return about.named_column(options.id_column, "--id-column")
    named = known(about.data.columns, IDS)
    likely = [*named, *(str(c) for c in about.data.columns if c not in named)]
    asked, share = set() if edges is None else _asked(edges, options), dict.fromkeys(likely, 0.0)
    for column in likely:
        share[column] = len(asked.intersection(about.texts(column).tolist())) / max(1, len(asked))
        if share[column] == 1:
            break
    best = max(likely, key=lambda column: share[column])  # the first of them where several are as good
    if share[best] > 0 and best != likely[0]:
        why = f"it has {share[best]:.0%} of the ends of the first edges, and `{likely[0]}` {share[likely[0]]:.0%}"
        report.guess("identifier of a neuron", f"column `{best}`", why, "--id-column")
    elif not named:
        report.guess("identifier of a neuron", f"column `{best}`", "the first", "--id-column")
    return best


def _asked(path: str, options: Options) -> set[str]:
    """Return the neurons that the first edges of a list name, as texts."""
    frame = next(frames.chunks(path, options, ImportReport()))
    frame = frame.kept(np.arange(len(frame.data)) < MOST_ASKED)
    return {name for end in table.ends(frame, options, ImportReport()) for name in frame.texts(end).tolist() if name}


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
