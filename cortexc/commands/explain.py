"""``cortexc explain CODE``."""

from __future__ import annotations

import argparse

from ..usage import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="code or name of a rule; all are listed without one")


def run(args: argparse.Namespace) -> int:
    """Print the page of a rule."""
    from cortexc.compiler import checker
    from cortexc.connectome.diagnostics import importing
    from cortexc.connectome.diagnostics.rule import did_you_mean
    from cortexc.experiments.rules import RULES

    rules = (*checker.RULES, *importing.RULES, *RULES)
    if args.code is None:
        for rule in rules:
            print(f"{rule.code}  {rule.severity.value:7}  {rule.name}")
        return 0
    found = next((r for r in rules if args.code.upper() == r.code or args.code.lower() == r.name), None)
    if found is None:
        hint = did_you_mean(args.code, [r.code for r in rules])
        raise UsageError(f"there is no rule `{args.code}`; {hint}")
    print(f"{found.code} {found.name} ({found.severity.value})\n\n{found.page}")
    return 0
