"""Findings that the spec itself accepts, with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .diagnostics import Diagnostic, Report, Rule, Severity, Span, did_you_mean
from .diagnostics.rule import rule
from .model import Allowance, Connectome


def accepted(connectome: Connectome, report: Report, rules: Iterable[Rule], *, complete: bool) -> Report:
    """Return a report without the findings that the spec accepts. Errors stay.

    ``complete``: whether the report has the findings of all rules. Allowances that accept nothing are then added to it.
    """
    allow = connectome.checker.allow
    if not allow:
        return report
    codes = {rule.name: rule.code for rule in rules}
    used: set[int] = set()
    kept = Report()
    spans = [_span(connectome, one) for one in allow]
    for finding in report:
        matching = [
            i
            for i, (one, around) in enumerate(zip(allow, spans, strict=True))
            if codes.get(one.rule, one.rule) == finding.code and _inside(finding.span, around)
        ]
        used.update(matching)
        if not matching or finding.severity is Severity.ERROR:
            kept.add(finding)
    if complete:
        kept.extend(unused_allowance.findings(_Use(connectome, spans, used, {*codes, *codes.values()})))
    return kept


@dataclass(frozen=True)
class _Use:
    """What became of the allowances of a spec."""

    connectome: Connectome
    spans: list[Span | str | None]
    used: set[int]
    known: set[str]
    """Codes and names of all rules."""


@rule("S212", "unused-allowance", Severity.WARNING)
def unused_allowance(use: _Use, rule: Rule) -> Iterator[Diagnostic]:
    """An entry of `checker.allow` is not used: its rule does not exist, its location does not exist, or the checker
    finds nothing there that it could accept.

    Bad:

    ```yaml
    checker: {allow: [{rule: A413, at: areas.V4, reason: a fovea}]}
    ```

    Good:

    ```yaml
    areas: {V4: {grid: [16, 16]}}
    checker: {allow: [{rule: A413, at: areas.V4, reason: a fovea}]}
    ```
    """
    connectome = use.connectome
    for i, one in enumerate(connectome.checker.allow):
        if one.rule not in use.known:
            hint = did_you_mean(one.rule, sorted(use.known))
            yield rule.at(connectome.span("checker", "allow", i, "rule"), f"there is no rule `{one.rule}`", help=hint)
        elif isinstance(use.spans[i], str):
            hint = "write a path such as `areas.V4` or `circuits.granular`, or a projection as `V2 -> V1`"
            yield rule.at(connectome.span("checker", "allow", i, "at"), f"`{one.at}` is not in this spec", help=hint)
        elif i not in use.used and connectome.null_model is None:  # a null model inherits the entries of the original
            message = f"{one.rule} finds nothing{f' at `{one.at}`' if one.at else ''}, so nothing is accepted"
            yield rule.at(connectome.span("checker", "allow", i), message, help="take the entry out")


def pair_of(one: Allowance) -> tuple[str, str] | None:
    """Return origin and target of the projection that an allowance names; None if it does not name a projection."""
    found = re.fullmatch(r"\s*(\S.*?)\s*->\s*(\S.*?)\s*", one.at or "")
    return None if found is None else (found[1], found[2])


def _span(connectome: Connectome, one: Allowance) -> Span | str | None:
    """Return the span that an allowance covers; None for the whole spec; its text if the spec has no such location.

    In a connectome that was made in Python values have no locations: there an allowance covers everything.
    """
    if one.at is None or connectome.locations.tree is None:
        return None
    ends = pair_of(one)
    if ends is not None:
        for i, p in enumerate(connectome.projections):
            if (p.origin, p.target) == ends:
                return connectome.span("projections", i)
        return one.at
    path = tuple(int(step) if step.isdecimal() else step for step in one.at.split("."))
    if not connectome.locations.has(path):
        return one.at
    key, value = connectome.locations.span(path, key=True), connectome.span(*path)
    return Span(value.path, key.line, key.column, value.end_line, value.end_column, value.inside)


def _inside(span: Span, around: Span | str | None) -> bool:
    if around is None:
        return True
    if isinstance(around, str) or (span.path, span.inside) != (around.path, around.inside):
        return False
    return (around.line, around.column) <= (span.line, span.column) <= (around.end_line, around.end_column)
