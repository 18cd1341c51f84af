"""``cortexc inspect SPEC|X.h5``."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("program", metavar="SPEC|X.h5", help="a spec, by path or shipped name, or an artifact")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--seed", type=int, default=None, help="of random kernels, for a spec (default: 0)")
    parser.add_argument(
        "--hierarchy", action="store_true", help="list the areas of a spec by level: declared, and fitted to all SLN"
    )


def run(args: argparse.Namespace) -> int:
    """Print the listing."""
    if args.hierarchy:
        return _hierarchy(args)
    from cortexc.compiler import printer

    from ..programs import program_of

    program = program_of(args.program, args.seed)
    print(printer.as_json(program) if args.format == "json" else printer.as_text(program))
    return 0


def _hierarchy(args: argparse.Namespace) -> int:
    """Print the levels of the areas, from low to high, and how well the fitted ones explain the SLN."""
    import json

    from cortexc import connectome
    from cortexc.connectome.hierarchy import fit, order

    spec = connectome.load(args.program)
    fitted = fit(spec)
    rows = [
        {"area": name, "declared": spec.areas[name].level, "fitted": fitted.levels.get(name)} for name in order(spec)
    ]
    if args.format == "json":
        print(json.dumps({"areas": rows, "projections": fitted.projections, "explained": fitted.explained}, indent=2))
        return 0
    width = max(len("area"), *(len(name) for name in spec.areas))
    print(f"{'area':{width}}  declared  fitted to SLN")
    for row in rows:
        cells = ["" if row[key] is None else f"{row[key]:.3f}" for key in ("declared", "fitted")]
        print(f"{row['area']:{width}}  {cells[0]:>8}  {cells[1]:>13}".rstrip())
    if fitted.explained is None:
        print("no projection between areas has an SLN: there is nothing to fit")
    else:
        count = fitted.projections
        print(f"logit(SLN) = rise from source to target, R2 = {fitted.explained:.2f} over {count} projections")
    return 0
