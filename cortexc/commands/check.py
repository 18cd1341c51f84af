"""``cortexc check SPEC...``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..usage import UsageError

if TYPE_CHECKING:
    from cortexc.connectome import Report
    from cortexc.connectome.diagnostics.rule import Rule


ROUNDS = 10
"""After a fix the spec is read further and may show more to fix; this many times at most."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "specs", nargs="+", metavar="SPEC", help="path of a spec or experiment, or name of a shipped one"
    )
    parser.add_argument("--format", choices=("text", "json", "sarif", "github"), default="text")
    parser.add_argument(
        "--select",
        metavar="CODES",
        default="",
        help="show these only: codes, names or beginnings of codes, with commas",
    )
    parser.add_argument(
        "--ignore", metavar="CODES", default="", help="leave these out; errors that keep a spec from being read stay"
    )
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "info"),
        default="warning",
        metavar="SEVERITY",
        help="exit with 1 for a finding as bad as this: error, warning or info (default: warning)",
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="fix what has one meaning (misspelt words, decimal commas, tabs, missing levels), and show the change",
    )
    parser.epilog = "Exit status: 0 clean, 1 findings, 2 there is no such spec."


def run(args: argparse.Namespace) -> int:
    """Check each spec; all findings of all specs are shown."""
    from cortexc import specs
    from cortexc.compiler.checker import RULES as SPEC_RULES
    from cortexc.compiler.checker import check
    from cortexc.connectome.diagnostics import github, render, sarif
    from cortexc.connectome.diagnostics.report import Report
    from cortexc.connectome.diagnostics.rule import Severity
    from cortexc.experiments import checker as experiments
    from cortexc.experiments.rules import RULES as EXPERIMENT_RULES

    rules = (*SPEC_RULES, *EXPERIMENT_RULES)
    select, ignore = _codes(args.select, rules), _codes(args.ignore, rules)
    if args.fix:
        _fix(args.specs)
    everything, status = Report(), 0
    for spec in args.specs:
        found = experiments.check(spec) if experiments.is_experiment(spec) else check(spec)
        report = found.only(select, ignore)
        absent = not (Path(spec).is_file() or specs.find(spec) or experiments.is_experiment(spec))
        if absent or any(f.code.startswith("S1") for f in found.errors):  # nothing else could be looked at
            report = found
        everything.findings += report
        if report.at_least(Severity(args.fail_on)):
            status = max(status, 2 if absent else 1)
        if not len(report) and args.format == "text":
            print(render.printable(f"{spec}: clean"))
    if args.format == "text":
        _print(everything)
    elif args.format == "github":
        print(github.as_github(everything))
    elif args.format == "json":
        print(render.as_json(everything))
    else:
        print(sarif.as_sarif(everything, rules))
    return status


def _fix(specs: list[str]) -> None:
    """Fix the specs, again as long as fixes reveal new findings, and show each change."""
    from cortexc.compiler.checker import check
    from cortexc.connectome.io import fixing
    from cortexc.experiments import checker as experiments

    for spec in specs:
        find = experiments.check if experiments.is_experiment(spec) else check
        for _ in range(ROUNDS):
            changes = fixing.fixed(find(spec))
            for change in changes:
                fixing.write(change)
                print(change.diff, end="", file=sys.stderr)
            if not changes:
                break


def _print(report: Report) -> None:
    from cortexc.connectome.diagnostics import render

    if len(report):
        print(render.as_text(report, colour=sys.stdout.isatty()))
        codes = sorted({f.code for f in report})
        print(f"\n{render.summary(report)}; run `cortexc explain {codes[0]}` for more on {codes[0]}")


def _codes(text: str, rules: Sequence[Rule]) -> list[str]:
    """Return the codes, or beginnings of codes, that a list names.

    Raises:
        UsageError: one names no rule.
    """
    from cortexc.connectome.diagnostics.rule import did_you_mean

    names = {rule.name: rule.code for rule in rules}
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        code = names.get(word.lower(), word.upper())
        if not any(rule.code.startswith(code) for rule in rules):
            hint = did_you_mean(word, [*names.values(), *names])
            raise UsageError(f"there is no rule `{word}`; {hint}")
        found.append(code)
    return found
