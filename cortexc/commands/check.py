"""``cortexc check SPEC...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectome import Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("specs", nargs="+", metavar="SPEC", help="path of a spec, or name of a shipped one")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.epilog = "Exit status: 0 clean, 1 findings, 2 there is no such spec."


def run(args: argparse.Namespace) -> int:
    """Check each spec; all findings of all specs are shown."""
    import specs
    from connectome.diagnostics import render
    from connectome.diagnostics.report import Report

    everything, status = Report(), 0
    for spec in args.specs:
        report = check(spec)
        everything.extend(report)
        if len(report):
            absent = not Path(spec).is_file() and specs.find(spec) is None
            status = max(status, 2 if absent else 1)
        elif args.format == "text":
            print(f"{spec}: clean")
    if args.format == "json":
        print(render.as_json(everything))
    elif len(everything):
        print(render.as_text(everything, colour=sys.stdout.isatty()))
        codes = sorted({f.code for f in everything})
        print(f"\n{render.summary(everything)}; run `cortexc explain {codes[0]}` for more on {codes[0]}")
    return status


def check(spec: str) -> Report:
    """Return the findings of the checker, and, where it finds no error, those of a trial compilation."""
    import compiler
    from connectome.checker import examine
    from connectome.diagnostics.error import SpecError

    connectome, report = examine(spec)
    if connectome is not None and not report.errors:
        try:
            compiler.run(connectome, seed=0)
        except SpecError as error:
            report.extend(error.report)
    return report
