"""The checker: every rule, in order, over one spec."""

from __future__ import annotations

import os

from .diagnostics import lowering, reading
from .diagnostics.error import SpecError
from .diagnostics.report import Report
from .diagnostics.rule import Rule
from .io import files
from .model import Connectome
from .rules import structure

RULES: tuple[Rule, ...] = (*reading.RULES, *structure.RULES, *lowering.RULES)


def check(spec: Connectome | str | os.PathLike[str]) -> Report:
    """Return the findings on a spec: a connectome, a path, or a shipped name. Never raises for a bad spec."""
    return examine(spec)[1]


def examine(spec: Connectome | str | os.PathLike[str]) -> tuple[Connectome | None, Report]:
    """Return the connectome, where it could be read at all, and the findings on it."""
    if isinstance(spec, Connectome):
        connectome, report = spec, Report()
    else:
        try:
            connectome, report = files.read(spec)
        except SpecError as error:
            return None, error.report
    for rule in RULES:
        if rule.check is not None:
            report.extend(rule.check(connectome, rule))
    return connectome, report


def load(path: str | os.PathLike[str]) -> Connectome:
    """Read a spec from a path, or a shipped one by name, and check it.

    Raises:
        SpecError: the spec has errors; ``error.report`` holds every finding with its place.
    """
    connectome, report = examine(path)
    if connectome is None or report.errors:
        raise SpecError(report)
    return connectome


def explain(code: str) -> Rule | None:
    """Return the rule of a code or a name, or None."""
    return next((r for r in RULES if code.upper() == r.code or code.lower() == r.name), None)
