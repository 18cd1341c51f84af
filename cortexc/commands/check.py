"""``cortexc check SPEC...``."""

from __future__ import annotations

import argparse
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("specs", nargs="+", metavar="SPEC", help="path of a spec, or name of a shipped one")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.epilog = "Exit status: 0 clean, 1 findings, 2 a spec could not be read."


def run(args: argparse.Namespace) -> int:
    """Check each spec; all findings of all specs are shown."""
    import connectome
    from connectome.diagnostics import reading, render
    from connectome.diagnostics.report import Report

    everything, status = Report(), 0
    for spec in args.specs:
        report = connectome.check(spec)
        everything.extend(report)
        if len(report):
            unread = any(f.code == reading.MISSING_FILE.code and f.span.path == spec for f in report)
            status = max(status, 2 if unread else 1)
        elif args.format == "text":
            print(f"{spec}: clean")
    if args.format == "json":
        print(render.as_json(everything))
    elif len(everything):
        print(render.as_text(everything, colour=sys.stdout.isatty()))
        codes = sorted({f.code for f in everything})
        print(f"\n{render.summary(everything)}; run `cortexc explain {codes[0]}` for more on {codes[0]}")
    return status
