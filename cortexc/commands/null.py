"""``cortexc null SPEC --model NAME --seed S -o SPEC2``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..usage import UsageError, refuse_existing, refuse_other_than_yaml

MOST_COMPILED = 50_000
"""Larger specs are not compiled for a check: that would take longer than the null model."""
SIZES = ("parameters", "flops", "depth")
NAMES = ("degree", "strength", "random", "weights", "distance", "lattice", "reversed", "laminar", "uniform")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("spec", metavar="SPEC", help="path of a spec, or name of a shipped one")
    parser.add_argument("--model", required=True, choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--seed", type=int, default=0, help="of what is random, the first that is tried (default: 0)")
    about = "try seed after seed until these sizes of the compiled network are those of the original: some of "
    about += "parameters,flops,depth (attention and mix ops on the longest path)"
    parser.add_argument("--match", type=_sizes, default=(), metavar="SIZES", help=about)
    parser.add_argument(
        "--within", type=_fraction, metavar="FRACTION", help="largest difference of sizes with --match (default: 0.02)"
    )
    parser.add_argument("--draws", type=_count, metavar="N", help="seeds that --match tries at most (default: 1000)")
    parser.add_argument("-o", "--out", metavar="SPEC2", required=True, type=Path, help="spec to write, a .yaml file")
    parser.add_argument("--force", action="store_true", help="replace a file that is there already")
    parser.epilog = "Exit status: 0 written, 1 written with errors to fix, 2 not written."


def _sizes(text: str) -> tuple[str, ...]:
    wanted = tuple(text.split(","))
    if not set(wanted) <= set(SIZES):
        raise argparse.ArgumentTypeError(f"{text!r}; expected some of {','.join(SIZES)}, with commas between them")
    return wanted


def _fraction(text: str) -> float:
    try:
        if 0 <= (found := float(text)) <= 1:
            return found
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r}; expected a fraction from 0 to 1")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number over 0")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Write the null model, print what it keeps, and check it."""
    import gc

    collecting = gc.isenabled()
    gc.disable()  # it would walk over all projections again and again, and nothing of them is in a circle
    try:
        return _run(args)
    finally:
        if collecting:
            gc.enable()


def _run(args: argparse.Namespace) -> int:
    from cortexc import connectome
    from cortexc.anatomy.nulls import ignores_seed, null
    from cortexc.compiler.checker import check
    from cortexc.connectome.diagnostics import render
    from cortexc.connectome.io.encode import written
    from cortexc.experiments.matching import DRAWS, WITHIN, Drawn, drawn

    if not args.match and (args.within is not None or args.draws is not None):
        option = "--within" if args.within is not None else "--draws"
        raise UsageError(f"{option} needs --match")
    refuse_other_than_yaml(args.out)
    refuse_existing((args.out,), force=args.force)
    if args.out.resolve().with_suffix("") == Path(args.spec).resolve().with_suffix(""):
        raise UsageError(f"{args.out} would replace {args.spec}, or its table: choose another name")
    original = connectome.load(args.spec)
    within = WITHIN if args.within is None else args.within
    draws = (args.draws or DRAWS) if args.match else 1
    if args.match or len(original.projections) <= MOST_COMPILED:
        one = next(drawn(original, args.model, seed=args.seed, match=args.match, within=within, draws=draws))
    else:
        one = Drawn(null(original, args.model, seed=args.seed), args.seed, draws)
    found = one.connectome
    files = written(found, args.out)
    refuse_existing(files, force=args.force)
    assert found.null_model is not None
    record = found.null_model
    head = [f"{record.model} null model of {record.of}, seed {record.seed}."]
    head += [f"kept: {text}" for text in record.kept] + [f"destroyed: {text}" for text in record.destroyed]
    connectome.dump(found, args.out, head=head)
    print("\n".join(head))
    if ignores_seed(original, args.model):
        print(f"the seed is ignored: there is one {record.model} null model of {record.of}, whatever the seed")
    if args.match:
        matched = f"within {100 * within:g} % of {record.of} in {', '.join(args.match)}"
        print(f"{matched}: seed {one.seed}, after {one.draws} draw{'s' if one.draws > 1 else ''}")
    named = ", ".join(map(str, files))
    if len(found.projections) > MOST_COMPILED:
        print(f"wrote {named}: {len(found.projections):,} projections; `cortexc check {args.out}` compiles them")
        return 0
    report = check(args.out)
    print(f"wrote {named}: {render.summary(report)}")
    if len(report):
        print(render.as_text(report, colour=sys.stdout.isatty()))
    return 1 if report.errors else 0
