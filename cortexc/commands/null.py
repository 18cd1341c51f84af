"""``cortexc null SPEC --model NAME --seed S -o SPEC2``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

MOST_COMPILED = 50_000
"""Larger specs are not compiled for a check: that would take longer than the null model."""
NAMES = ("degree", "random", "weights", "distance", "lattice", "reversed", "laminar", "uniform")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("spec", metavar="SPEC", help="path of a spec, or name of a shipped one")
    parser.add_argument("--model", required=True, choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--seed", type=int, default=0, help="of what is random (default: 0)")
    parser.add_argument("-o", "--out", metavar="SPEC2", required=True, type=Path, help="spec to write, a .yaml file")
    parser.add_argument("--force", action="store_true", help="replace a file that is there already")
    parser.epilog = "Exit status: 0 written, 1 written with errors to fix, 2 not written."


def run(args: argparse.Namespace) -> int:
    """Write the null model, say what it kept, and check it."""
    import gc

    from cortexc import connectome
    from cortexc.anatomy.nulls import null
    from cortexc.compiler.checker import check
    from cortexc.connectome.diagnostics import render
    from cortexc.connectome.io.encode import written

    if args.out.suffix not in {".yaml", ".yml"}:
        print(f"error: {args.out}: a spec is a .yaml file", file=sys.stderr)
        return 2
    if args.out.exists() and not args.force:
        print(f"error: {args.out} is there already; --force replaces it", file=sys.stderr)
        return 2
    if args.out.resolve().with_suffix("") == Path(args.spec).resolve().with_suffix(""):
        print(f"error: {args.out} would replace {args.spec}, or its table: choose another name", file=sys.stderr)
        return 2
    gc.disable()  # it would walk over all projections again and again, and nothing of them is in a circle
    found = null(connectome.load(args.spec), args.model, seed=args.seed)
    files = written(found, args.out)
    if there := [file for file in files if file.exists() and not args.force]:
        print(f"error: {there[0]} is there already; --force replaces it", file=sys.stderr)
        return 2
    assert found.null_model is not None
    record = found.null_model
    head = [f"{record.model} null model of {record.of}, seed {record.seed}."]
    head += [f"kept: {text}" for text in record.kept] + [f"destroyed: {text}" for text in record.destroyed]
    connectome.dump(found, args.out, head=head)
    print("\n".join(head))
    named = ", ".join(map(str, files))
    if len(found.projections) > MOST_COMPILED:
        print(f"wrote {named}: {len(found.projections):,} projections; `cortexc check {args.out}` compiles them")
        return 0
    report = check(args.out)
    print(f"wrote {named}: {render.summary(report)}")
    if len(report):
        print(render.as_text(report, colour=sys.stdout.isatty()))
    return 1 if report.errors else 0
