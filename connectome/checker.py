"""The checker: every rule, in order, over one spec."""

from __future__ import annotations

import os

from .allowances import accepted, unused_allowance
from .diagnostics import Report, Rule, SpecError, lowering, reading
from .io import files
from .model import Connectome
from .rules import anatomy, structure

RULES: tuple[Rule, ...] = (*reading.RULES, *structure.RULES, unused_allowance, *anatomy.RULES, *lowering.RULES)


def check(spec: Connectome | str | os.PathLike[str]) -> Report:
    """Return the findings on a spec: a connectome, a path, or a shipped name. Never raises for a bad spec."""
    return examine(spec)[1]


def examine(spec: Connectome | str | os.PathLike[str], *, accept: bool = True) -> tuple[Connectome | None, Report]:
    """Return the connectome, or None if it could not be read, and the findings on it.

    ``accept``: whether to leave out findings that the spec accepts under ``checker.allow``.
    """
    if isinstance(spec, Connectome):
        connectome, report = spec, Report()
    else:
        try:
            connectome, report = files.read(spec)
        except SpecError as error:
            return None, error.report
    for rules in (structure.RULES, anatomy.RULES):
        if not report.errors:  # a fault in the structure would be reported again as one of the anatomy
            report.extend(finding for rule in rules for finding in rule.findings(connectome))
    return connectome, accepted(connectome, report, RULES, complete=False) if accept else report


def load(path: str | os.PathLike[str]) -> Connectome:
    """Read a spec from a path, or a shipped one by name, and check it.

    Raises:
        SpecError: the spec has errors; ``error.report`` holds every finding with its location.
    """
    connectome, report = examine(path)
    if connectome is None or report.errors:
        raise SpecError(report)
    return connectome


def explain(code: str) -> Rule | None:
    """Return the rule with this code or name, or None."""
    return next((r for r in RULES if code.upper() == r.code or code.lower() == r.name), None)
