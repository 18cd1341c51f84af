"""From edges by name to one projection a pair: several rows of a pair are joined by a rule that the report states."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_VALUE, ORIENTATION, UNKNOWN_NODE
from cortexc.connectome.diagnostics.span import Span
from cortexc.connectome.model import LARGEST, MAX_DELAY, SMALLEST

from .frames import ABSENT
from .options import Options
from .report import ImportReport, failed
from .wiring import WORDS, Wiring

SUM_TOLERANCE = 0.01
"""FLNe of one target may exceed 1 by this much, for rounding."""
FRACTION = "a fraction lies between 0 and 1: divide a percentage by 100"
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

Place = Callable[[int, str], Span]


def joined(
    source: np.ndarray,
    target: np.ndarray,
    values: dict[str, np.ndarray],
    neurons: np.ndarray | None,
    place: Place,
    options: Options,
    report: ImportReport,
    *,
    names: tuple[str, ...] = (),
    cases: np.ndarray | None = None,
) -> Wiring:
    """Return the wiring of a list of edges.

    ``source``, ``target``: text [rows]. ``values``: float64 or text [rows], by field of a projection. ``neurons``: how
    many labelled neurons a row rests on, by which SLN are weighted. ``place(row, field)`` says where a value stands.
    ``names``: areas that the data list, which come first. ``cases``: text [rows], the injection that a row is of.

    Raises:
        SpecError: a value that no projection can have, an end without a name, rows of a pair that contradict.
    """
    values = _one_strength(_worded(values, report), report)
    keep = _sound(source, target, values, place, options, report)
    source, target = source[keep], target[keep]
    values = {name: column[keep] for name, column in values.items()}
    neurons = None if neurons is None else neurons[keep]
    rows = np.flatnonzero(keep)
    areas = tuple(dict.fromkeys((*names, *source.tolist(), *target.tolist())))
    index = {name: i for i, name in enumerate(areas)}
    s = np.fromiter((index[n] for n in source), np.int64, len(source))
    t = np.fromiter((index[n] for n in target), np.int64, len(target))
    key = s * len(areas) + t
    if "mode" in values:  # projections of different modes are different projections
        modes, code = np.unique(values["mode"].astype(str), return_inverse=True)
        key = key * len(modes) + code
    unique, first, inverse, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    repeated = int((count > 1).sum())
    if repeated:
        example = int(first[np.flatnonzero(count > 1)[0]])
        if options.aggregate == "error":
            again = int(np.flatnonzero(key == key[example])[1])
            message = f"the pair {source[example]} -> {target[example]} is there twice"
            raise failed(
                AMBIGUOUS, place(int(rows[again]), ""), message, "say how they join: --aggregate sum, mean, median, max"
            )
    merged: dict[str, np.ndarray] = {}
    for name, column in values.items():
        if name in WORDS:
            merged[name] = _agreed(name, column, inverse, first, rows, place)
            continue
        rule = _rule(name, options)
        if repeated:
            merged[name] = _reduced(column, inverse, len(unique), rule, neurons if name == "sln" else None)
        else:
            merged[name] = column[first]
    if {"fln", "weight"} <= set(merged):
        both = ~np.isnan(merged["fln"]) & ~np.isnan(merged["weight"])
        merged["weight"] = np.where(both, np.nan, merged["weight"])
        pairs = [f"{areas[s[k]]} -> {areas[t[k]]}" for k in first[both][:1]]
        report.drop(int(both.sum()), "weights", "other rows of these pairs have FLNe", *pairs)
    if cases is not None:
        merged = _over_injections(merged, cases[keep], t, t[first], count, options, report)
    if repeated:
        rules = ", ".join(f"{n}: {_said(n, options, neurons)}" for n in values if n not in WORDS) or "one projection"
        report.guess(
            "rows of one pair", rules, f"{repeated:,} pairs have several rows, {len(key):,} rows in all", "--aggregate"
        )
    found = Wiring(
        areas,
        s[first][order],
        t[first][order],
        {name: column[order] for name, column in merged.items()},
    )
    orientation(found, report, place(int(rows[0]), "") if len(rows) else Span("<python>"))
    return found


def _over_injections(
    merged: dict[str, np.ndarray],
    cases: np.ndarray,
    targets: np.ndarray,
    target: np.ndarray,
    count: np.ndarray,
    options: Options,
    report: ImportReport,
) -> dict[str, np.ndarray]:
    """Return the values with sums over rows divided by the injections into the target, where that is asked for.

    ``cases``, ``targets``: text and int64 [rows]. ``target``, ``count``: int64 [pairs], rows of each pair.
    """
    injections = np.unique(np.stack([targets.astype(str), cases.astype(str)], axis=1), axis=0)[:, 0]
    of_target = np.bincount(injections.astype(np.int64), minlength=int(targets.max(initial=0)) + 1)[target]
    missing = int((count < of_target).sum())
    if options.aggregate == "cases":
        return {name: v / of_target if name in {"fln", "weight"} else v for name, v in merged.items()}
    if missing:
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


def _one_strength(values: dict[str, np.ndarray], report: ImportReport) -> dict[str, np.ndarray]:
    """Return the values with one strength a row: FLNe where it is given, else the weight."""
    if not {"fln", "weight"} <= set(values):
        return values
    fln, weight = values["fln"], values["weight"]
    if (both := ~np.isnan(fln) & ~np.isnan(weight)).any():
        report.drop(int(both.sum()), "weights", "these rows have FLNe too")
        weight = np.where(both, np.nan, weight)
    if np.isnan(weight).all():
        return {name: column for name, column in values.items() if name != "weight"}
    return {**values, "weight": weight}


def _rule(name: str, options: Options) -> str:
    if name in {"fln", "weight"} and options.aggregate not in {"auto", "error"}:
        return "sum" if options.aggregate == "cases" else options.aggregate
    return "sum" if name == "weight" else "mean"


def _said(name: str, options: Options, neurons: np.ndarray | None) -> str:
    rule = (
        "mean over injections" if options.aggregate == "cases" and name in {"fln", "weight"} else _rule(name, options)
    )
    return "mean weighted by neurons" if name == "sln" and neurons is not None else rule


def _reduced(column: np.ndarray, group: np.ndarray, size: int, rule: str, weight: np.ndarray | None) -> np.ndarray:
    """Return one value a group; NaN counts as not there."""
    known = ~np.isnan(column)
    out = np.full(size, np.nan)
    if rule in {"sum", "mean"}:
        w = np.ones(len(column)) if weight is None else np.where(np.isnan(weight) | (weight <= 0), 1.0, weight)
        total = np.bincount(group[known], column[known] * (w[known] if rule == "mean" else 1.0), size)
        share = np.bincount(group[known], w[known], size)
        there = share > 0
        out[there] = total[there] / share[there] if rule == "mean" else total[there]
        return out
    order = np.lexsort((column, group))
    order = order[known[order]]
    starts = np.flatnonzero(np.r_[True, group[order][1:] != group[order][:-1]]) if len(order) else np.zeros(0, int)
    ends = np.r_[starts[1:], len(order)] - 1
    groups = group[order][starts]
    if rule == "max":
        out[groups] = column[order][ends]
    else:
        low, high = (starts + ends) // 2, (starts + ends + 1) // 2
        out[groups] = (column[order][low] + column[order][high]) / 2
    return out


def _agreed(
    name: str, column: np.ndarray, group: np.ndarray, first: np.ndarray, rows: np.ndarray, place: Place
) -> np.ndarray:
    kept: np.ndarray = column[first]
    differ = column != kept[group]
    if differ.any():
        row = int(np.flatnonzero(differ)[0])
        message = f"`{name}` is {column[row]}, and another row of the same pair says {kept[group[row]]}"
        raise failed(AMBIGUOUS, place(int(rows[row]), name), message, "give each pair one value")
    return kept


def _sound(
    source: np.ndarray,
    target: np.ndarray,
    values: dict[str, np.ndarray],
    place: Place,
    options: Options,
    report: ImportReport,
) -> np.ndarray:
    """Return which rows can be projections. Others are an error, or left out and counted, as the user says."""
    keep = np.ones(len(source), bool)

    def refuse(bad: np.ndarray, field: str, what: str, message: Callable[[int], str], rule: Any, help: str) -> None:
        nonlocal keep
        bad = bad & keep
        if not bad.any():
            return
        row, count = int(np.flatnonzero(bad)[0]), int(bad.sum())
        if options.invalid == "error":
            more = f", and {count - 1:,} more such rows" if count > 1 else ""
            raise failed(rule, place(row, field), message(row) + more, help + "; --invalid drop leaves such rows out")
        report.drop(count, f"rows with {what}", "--invalid drop", str(place(row, field)))
        keep &= ~bad

    for end, column in (("source", source), ("target", target)):
        refuse(
            column == "", end, f"an empty {end}", lambda _, end=end: f"the {end} is empty", UNKNOWN_NODE,  # type: ignore[misc]
            "name the area at both ends",
        )  # fmt: skip

    def pair(row: int) -> str:
        return f"{source[row]} -> {target[row]}"

    for name, column in values.items():
        if name in WORDS:
            known = ("", *CHOICES[name])
            refuse(
                ~np.isin(column.astype(str), known), name, f"an unknown {name}",
                lambda row, name=name, column=column: f"the {name} of {pair(row)} is `{column[row]}`",  # type: ignore[misc]
                BAD_VALUE, f"expected one of {', '.join(CHOICES[name])}",
            )  # fmt: skip
            continue
        if name in {"weight", "fln"}:
            other = values.get("fln" if name == "weight" else "weight")
            refuse(
                np.isnan(column) & np.isnan(np.nan if other is None else other), name, f"a {name} that is no number",
                lambda row, name=name: f"the {name} of {pair(row)} is no number",  # type: ignore[misc]
                BAD_VALUE, "expected a finite number, 0 or more",
            )  # fmt: skip
        least, most, hint = RANGES[name]
        known_values = np.where(np.isnan(column) | ((column == 0) & (name == "weight")), least, column)
        fractional = (known_values != np.floor(known_values)) & (name == "delay")
        refuse(
            (known_values < least) | (known_values > most) | fractional, name, f"a {name} out of range",
            lambda row, name=name, column=column: f"the {name} of {pair(row)} is {column[row]:g}",  # type: ignore[misc]
            BAD_VALUE, hint,
        )  # fmt: skip
    for name in ("weight", "fln"):
        if name in values:
            zero = keep & (values[name] == 0)
            if zero.any():
                row = int(np.flatnonzero(zero)[0])
                report.drop(int(zero.sum()), f"rows of {name} 0", "no strength, no projection", str(place(row, name)))
                keep &= ~zero
    return keep


def orientation(wiring: Wiring, report: ImportReport, place: Span) -> None:
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
        report.findings.add(ORIENTATION.at(place, message, help=help))
