"""The complete checker: the rules of the connectome, and those that need its compiled graph."""

from __future__ import annotations

import os

from cortexc.connectome import checker as reading
from cortexc.connectome.allowances import accepted
from cortexc.connectome.diagnostics import Report, Rule, SpecError
from cortexc.connectome.model import Connectome

from .ir import Graph
from .pipeline import run
from .rules import cost, graph
from .rules.stages import Stages

COMPILED: tuple[Rule, ...] = (*graph.RULES, *cost.RULES)
RULES: tuple[Rule, ...] = (*reading.RULES, *COMPILED)
"""All rules for specs."""


def check(spec: Connectome | str | os.PathLike[str]) -> Report:
    """Return all findings on a spec: a connectome, a path, or a shipped name. Never raises for a bad spec.

    Rules that need the compiled graph run on a trial compilation, if the spec has no errors.
    """
    connectome, report = reading.examine(spec, accept=False)
    if connectome is None:
        return report
    if not report.errors:
        seen: dict[str, Graph] = {}
        try:
            final = run(connectome, seed=0, observe=seen.__setitem__)
        except SpecError as error:
            report.extend(error.report)
        else:
            stages = Stages(connectome, seen["connect"], final)
            for rule in COMPILED:
                report.extend(rule.findings(stages))
    return accepted(connectome, report, RULES, complete=True)


def explain(code: str) -> Rule | None:
    """Return the rule with this code or name, or None."""
    return next((r for r in RULES if code.upper() == r.code or code.lower() == r.name), None)
