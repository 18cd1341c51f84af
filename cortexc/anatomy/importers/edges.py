"""From edges by name to one projection a pair: several rows of a pair are joined by a rule that the report states."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from cortexc.connectome.diagnostics import Rule, Span, SpecError, failed
from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_TABLE, BAD_VALUE, ORIENTATION, UNKNOWN_NODE
from cortexc.connectome.model import LARGEST, MAX_DELAY, SMALLEST

from .frame import ABSENT
from .options import Options
from .refusal import Fault, Refusal
from .report import ImportReport, and_more
from .scales import HOW, may_be_percentages
from .wiring import WORDS, Wiring

SUM_TOLERANCE = 0.01
"""FLNe of one target may exceed 1 by this much, for rounding."""
FRACTION = "a fraction lies between 0 and 1"
RANGES: dict[str, tuple[float, float, str]] = {
    "fln": (0.0, 1.0, FRACTION),
    "sln": (0.0, 1.0, FRACTION),
    "weight": (SMALLEST, LARGEST, f"a strength is 0, or from {SMALLEST:g} to {LARGEST:g}: take another unit"),
    "distance_mm": (0.0, LARGEST, "a distance is 0 or more [mm]"),
    "delay": (0, MAX_DELAY, f"a delay is a whole number of steps, 0 to {MAX_DELAY}"),
    "delay_ms": (SMALLEST, LARGEST, "a delay is over 0 [ms]"),
}
"""Per field: the least and the most that it can be, and what to say of others. 0 is no strength, and left out later."""
SYNONYMS = {
    "mode": {"driver": "driving", "modulator": "modulatory"},
    "direction": {"ff": "feedforward", "fb": "feedback", "lat": "lateral"},
}
"""How else the field writes a mode or a direction; case and hyphens do not matter."""
CHOICES = {"mode": ("driving", "modulatory", "relay"), "direction": ("feedforward", "lateral", "feedback")}

STRENGTHS = ("weight", "fln")


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges by the names of their ends, as a file lists them: a row an edge."""

    source: np.ndarray
    """text [rows], as ``target``."""
    target: np.ndarray
    values: dict[str, np.ndarray]
    """float64 or text [rows], by field of a projection."""
    location: Callable[[int, str], Span]
    """Where the value of a row and a field stands."""
    names: tuple[str, ...] = ()
    """Areas that the data list, which come first."""
    neurons: np.ndarray | None = None
    """float64 [rows]: how many labelled neurons a row rests on, by which SLN are weighted."""
    cases: np.ndarray | None = None
    """text [rows]: the injection that a row is of."""

    def both_ways(self) -> Edges:
        """Return the edges and, behind them, their reverse; those of an area to itself stay one."""
        size = len(self.source)
        turned = np.flatnonzero(self.source != self.target)
        found = self._taken(np.r_[np.arange(size), turned])
        found.source[size:], found.target[size:] = self.target[turned], self.source[turned]
        return found

    def kept(self, keep: np.ndarray) -> Edges:
        """Return the rows that ``keep`` (bool [rows]) says; their locations stay."""
        return self._taken(np.flatnonzero(keep))

    def _taken(self, rows: np.ndarray) -> Edges:
        """Return rows by their indices (int64)."""
        return Edges(
            self.source[rows],
            self.target[rows],
            {name: column[rows] for name, column in self.values.items()},
            lambda row, field: self.location(int(rows[row]), field),
            self.names,
            None if self.neurons is None else self.neurons[rows],
            None if self.cases is None else self.cases[rows],
        )


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Which rows are of the same projection: of one pair of areas, and of one mode where modes are known."""

    areas: tuple[str, ...]
    source: np.ndarray
    """int64 [rows]: indices into ``areas``, as ``target``."""
    target: np.ndarray
    of: np.ndarray
    """int64 [rows]: the projection of a row."""
    first: np.ndarray
    """int64 [projections]: the first row of each."""
    count: np.ndarray
    """int64 [projections]: the rows of each."""


def joined(edges: Edges, options: Options, report: ImportReport) -> Wiring:
    """Return the wiring of a list of edges: rows of one projection become one value a field.

    Raises:
        SpecError: a value that no projection can have, an end without a name, rows of a pair that contradict.
    """
    edges = _counted(edges, options, report)
    values = _one_strength(_worded(edges.values, report), "these rows have FLNe too", lambda _: "", report)
    edges = _sound(_unsigned(replace(edges, values=values), options, report), options, report)
    pairs = _paired(edges)
    repeated = int((pairs.count > 1).sum())
    if repeated and options.aggregate == "error":
        raise _twice(edges, pairs)
    merged = {name: _merged(name, edges, pairs, options) for name in edges.values}

    def pair(k: int) -> str:
        return f"{edges.source[pairs.first[k]]} -> {edges.target[pairs.first[k]]}"

    merged = _one_strength(merged, "other rows of these pairs have FLNe", pair, report)
    _refuse_summed(merged, edges, pairs, options)
    if edges.cases is not None:
        merged = _over_injections(merged, edges.cases, pairs, options, report)
    if repeated:
        rules = ", ".join(f"{name}: {_said(name, edges, options)}" for name in edges.values if name not in WORDS)
        why = f"{repeated:,} pairs have several rows, {len(pairs.of):,} rows in all"
        change = "--aggregate" if set(STRENGTHS) & set(edges.values) else "--aggregate sum, which counts the rows,"
        report.guess("rows of one pair", rules or "one projection", why, change)
    _say_ranks(merged.get("weight"), report)
    found = Wiring(pairs.areas, pairs.source[pairs.first], pairs.target[pairs.first], merged)
    found = found.picked(np.argsort(pairs.first))
    orientation(found, report, edges.location(0, "") if len(edges.source) else Span("<python>"))
    return found


def _say_ranks(weight: np.ndarray | None, report: ImportReport) -> None:
    """Say that strengths which are 1, 2 and 3 (and 4) alone are read as amounts: people write ranks so."""
    there = [] if weight is None else np.unique(weight).tolist()
    if there in ([1, 2, 3], [1, 2, 3, 4]):
        why = "ranks of density, as in CoCoMac, are none: 3 is not three times 1"
        report.guess(f"strengths 1 to {len(there)}", "amounts", why, "a number for each rank in the file")


def _unsigned(edges: Edges, options: Options, report: ImportReport) -> Edges:
    """Return edges without negative strengths, where a user says what to do with them."""
    weight = edges.values.get("weight")
    if options.negative == "error" or weight is None or not (negative := weight < 0).any():
        return edges
    row = int(negative.argmax())
    first = f"{edges.source[row]} -> {edges.target[row]} {weight[row]:g}"
    if options.negative == "drop":
        report.drop(int(negative.sum()), "negative weights", "--negative drop", first)
        return edges.kept(~negative)
    report.guess(f"{int(negative.sum()):,} negative weights", "their size", f"--negative absolute, first {first}")
    return replace(edges, values={**edges.values, "weight": np.abs(weight)})


def _counted(edges: Edges, options: Options, report: ImportReport) -> Edges:
    """Return edges without strengths with 1 for each row, where rows are to be counted.

    Raises:
        SpecError: their strengths are to be joined in another way.
    """
    if set(STRENGTHS) & set(edges.values) or options.aggregate in {"auto", "error"}:
        return edges
    if options.aggregate != "sum":
        message = f"--aggregate {options.aggregate} joins the strengths of rows, and they have none"
        hint = "name the column of strengths, --weight-column; or count rows, --aggregate sum"
        raise failed(BAD_TABLE, "--aggregate", message, hint)
    report.guess("weight", "the number of rows of a pair", "--aggregate sum, and no strengths", "--weight-column")
    return replace(edges, values={"weight": np.ones(len(edges.source)), **edges.values})


def _paired(edges: Edges) -> _Pairs:
    areas = tuple(dict.fromkeys((*edges.names, *edges.source.tolist(), *edges.target.tolist())))
    index = {name: i for i, name in enumerate(areas)}
    source, target = (np.fromiter((index[n] for n in end), np.int64, len(end)) for end in (edges.source, edges.target))
    key = source * len(areas) + target
    if "mode" in edges.values:  # projections of different modes are different projections
        modes, code = np.unique(edges.values["mode"].astype(str), return_inverse=True)
        key = key * len(modes) + code
    _, first, of, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return _Pairs(areas, source, target, of, first, count)


def _twice(edges: Edges, pairs: _Pairs) -> SpecError:
    """Return the error of a pair that has several rows."""
    pair = int((pairs.count > 1).argmax())
    first, again = np.flatnonzero(pairs.of == pair)[:2].tolist()
    message = f"the pair {edges.source[first]} -> {edges.target[first]} is there twice"
    hint = "say how they join: --aggregate sum, mean, median, max"
    return failed(AMBIGUOUS, edges.location(again, ""), message, hint)


def _merged(name: str, edges: Edges, pairs: _Pairs, options: Options) -> np.ndarray:
    """Return one value a projection."""
    if name in WORDS:
        return _agreed(name, edges, pairs)
    if (pairs.count == 1).all():
        return edges.values[name][pairs.first]
    weight = edges.neurons if name == "sln" else None
    return _reduced(edges.values[name], pairs.of, len(pairs.first), _rule(name, options), weight)


def _over_injections(
    merged: dict[str, np.ndarray], cases: np.ndarray, pairs: _Pairs, options: Options, report: ImportReport
) -> dict[str, np.ndarray]:
    """Return the values with sums over rows divided by the injections into the target, where that is asked for."""
    injections = np.unique(np.stack([pairs.target.astype(str), cases.astype(str)], axis=1), axis=0)[:, 0]
    into = np.bincount(injections.astype(np.int64), minlength=len(pairs.areas))
    of_target = into[pairs.target[pairs.first]]
    if options.aggregate == "cases":
        return {name: v / of_target if name in STRENGTHS else v for name, v in merged.items()}
    if missing := int((pairs.count < of_target).sum()):
        why = f"{missing:,} pairs are not in every injection of their target"
        report.guess("injections without a row of a pair", "left out of its mean", why, "--aggregate cases")
    return merged


def _worded(values: dict[str, np.ndarray], report: ImportReport) -> dict[str, np.ndarray]:
    """Return the values with modes and directions as the language writes them.

    A field of which no value is known holds something else of the same name, and is left out.
    """
    found = dict(values)
    for name in [n for n in WORDS if n in values]:
        known = dict.fromkeys(values[name].tolist(), "")
        for text in known:
            plain = re.sub(r"[\s_-]+", "", text.lower())
            known[text] = "" if text.strip().lower() in ABSENT else SYNONYMS[name].get(plain, plain)
        given = [text for text, word in known.items() if word]
        if given and not any(known[text] in CHOICES[name] for text in given):
            shown = ", ".join(f"`{text}`" for text in given[:3])
            count = sum(known[text] != "" for text in values[name].tolist())
            report.drop(count, f"values of `{name}`", f"{shown}: none is one of {', '.join(CHOICES[name])}")
            del found[name]
            continue
        if changed := {t: word for t, word in known.items() if word in CHOICES[name] and word != t.lower()}:
            said = ", ".join(f"{text} is {word}" for text, word in changed.items())
            report.guess(f"words of `{name}`", said, "as the field uses them")
        words = [known[t] if known[t] in ("", *CHOICES[name]) else t for t in values[name].tolist()]
        found[name] = np.array(words, object)
    return found


def _refuse_summed(merged: dict[str, np.ndarray], edges: Edges, pairs: _Pairs, options: Options) -> None:
    """Raise where FLNe were summed to more than all that there is."""
    over = np.flatnonzero(np.nan_to_num(merged.get("fln", np.zeros(0))) > 1)
    if options.aggregate == "sum" and len(over):
        row = int(pairs.first[over[0]])
        message = f"the FLNe of {edges.source[row]} -> {edges.target[row]} sum to {merged['fln'][over[0]]:g}"
        hint = "fractions of several injections are not summed: --aggregate mean, or cases"
        raise failed(BAD_VALUE, edges.location(row, "fln"), message, hint)


def _one_strength(
    values: dict[str, np.ndarray], why: str, called: Callable[[int], str], report: ImportReport
) -> dict[str, np.ndarray]:
    """Return the values with one strength each: FLNe where it is given, else the weight."""
    if not set(STRENGTHS) <= set(values):
        return values
    both = ~np.isnan(values["fln"]) & ~np.isnan(values["weight"])
    if both.any():
        report.drop(int(both.sum()), "weights", why, called(int(both.argmax())))
    found = {**values, "weight": np.where(both, np.nan, values["weight"])}
    return {name: column for name, column in found.items() if name != "weight" or not np.isnan(column).all()}


def _rule(name: str, options: Options) -> str:
    if name in STRENGTHS and options.aggregate not in {"auto", "error"}:
        return "sum" if options.aggregate == "cases" else options.aggregate
    return "sum" if name == "weight" else "mean"


def _said(name: str, edges: Edges, options: Options) -> str:
    """Return in words how rows of one pair become one value."""
    if options.aggregate == "cases" and name in STRENGTHS:
        return "mean over injections"
    return "mean weighted by neurons" if name == "sln" and edges.neurons is not None else _rule(name, options)


def _reduced(column: np.ndarray, group: np.ndarray, size: int, rule: str, weight: np.ndarray | None) -> np.ndarray:
    """Return one value a group; NaN counts as not there."""
    if rule in {"median", "max"}:
        import pandas as pd

        return pd.Series(column).groupby(group).agg(rule).to_numpy()
    known = ~np.isnan(column)
    w = np.ones(len(column)) if weight is None else np.where(np.isnan(weight) | (weight <= 0), 1.0, weight)
    total = np.bincount(group[known], column[known] * (w[known] if rule == "mean" else 1.0), size)
    share = np.bincount(group[known], w[known], size)
    with np.errstate(invalid="ignore"):
        return np.where(share > 0, total / share if rule == "mean" else total, np.nan)


def _agreed(name: str, edges: Edges, pairs: _Pairs) -> np.ndarray:
    """Return the word of each projection, which all its rows must say."""
    column = edges.values[name]
    kept = column[pairs.first]
    differ = column != kept[pairs.of]
    if differ.any():
        row = int(differ.argmax())
        message = f"`{name}` is {column[row]}, and another row of the same pair says {kept[pairs.of[row]]}"
        raise failed(AMBIGUOUS, edges.location(row, name), message, "give each pair one value")
    return kept


def _sound(edges: Edges, options: Options, report: ImportReport) -> Edges:
    """Return the edges that can be projections. Others are an error, or left out and counted, as the user says."""
    refusal = Refusal("rows", options.invalid)
    keep = refusal.kept(np.ones(len(edges.source), bool), *_faults(edges))
    refusal.report(report)
    for name in STRENGTHS:
        zero = keep & (edges.values.get(name, np.nan) == 0)
        if zero.any():
            where = str(edges.location(int(zero.argmax()), name))
            report.drop(int(zero.sum()), f"rows of {name} 0", "no strength, no projection", where)
            keep &= ~zero
    return edges.kept(keep)


def _faults(edges: Edges) -> Iterator[Fault]:
    """Yield all that may be wrong with edges."""
    columns = {"source": edges.source, "target": edges.target, **edges.values}

    def fault(
        field: str, kind: str, bad: np.ndarray, said: str, help: str, rule: Rule = BAD_VALUE, optional: bool = True
    ) -> Fault:
        """Return a fault of the values of a field; ``said`` may name the ``{pair}`` and the ``{value}``."""
        more = and_more(int(bad.sum()), " such rows")

        def message(row: int) -> str:
            return said.format(pair=f"{edges.source[row]} -> {edges.target[row]}", value=columns[field][row]) + more

        return Fault(f"with {kind}", bad, rule, lambda row: edges.location(row, field), message, help, optional)

    for end in ("source", "target"):
        empty, hint = columns[end] == "", "name the area at both ends"
        yield fault(end, f"an empty {end}", empty, f"the {end} is empty", hint, UNKNOWN_NODE)
    for name, column in edges.values.items():
        is_ = f"the {name} of {{pair}} is"
        if name in WORDS:
            bad = ~np.isin(column.astype(str), ("", *CHOICES[name]))
            hint = f"expected one of {', '.join(CHOICES[name])}"
            yield fault(name, f"an unknown {name}", bad, f"{is_} `{{value}}`", hint)
            continue
        nan = np.isnan(column)
        if name in STRENGTHS:
            other = edges.values.get("fln" if name == "weight" else "weight", np.nan)
            kind, hint = f"a {name} that is no number", "expected a finite number, 0 or more"
            yield fault(name, kind, nan & np.isnan(other), f"{is_} no number", hint)
        least, most, hint = RANGES[name]
        percent = hint == FRACTION and may_be_percentages(column)
        known = np.where(nan | ((column == 0) & (name == "weight")), least, column)
        bad = (known < least) | (known > most) | ((known != np.floor(known)) & (name == "delay"))
        hint = f"{hint}; {HOW[name]}" if percent else hint
        if name == "weight" and (known < 0).any():
            hint = "the language has no negative strengths: --negative absolute takes their size, drop leaves them out"
        yield fault(name, f"a {name} out of range", bad, f"{is_} {{value:g}}", hint, optional=not percent)


def orientation(wiring: Wiring, report: ImportReport, location: Span) -> None:
    """Warn where the FLNe look transposed: they sum to at most 1 out of every area, and to more into some."""
    fln = wiring.values.get("fln")
    if fln is None or len(fln) < 6:
        return
    size = len(wiring.areas)
    known = ~np.isnan(fln) & (wiring.source != wiring.target)
    into = np.bincount(wiring.target[known], fln[known], size)
    out = np.bincount(wiring.source[known], fln[known], size)
    if into.max(initial=0) > 1 + SUM_TOLERANCE and out.max(initial=0) <= 1 + SUM_TOLERANCE:
        worst = wiring.areas[int(into.argmax())]
        message = (
            f"the FLNe into `{worst}` sum to {into.max():.3f}, and those out of each area to at most {out.max():.3f}: "
            "source and target look swapped"
        )
        help = "import again with the other --rows, or with --source-column and --target-column exchanged"
        report.findings.add(ORIENTATION.at(location, message, help=help))
