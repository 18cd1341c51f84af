"""``cortexc inspect SPEC|X.h5``."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("program", metavar="SPEC|X.h5", help="a spec, by path or shipped name, or an artifact")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--seed", type=int, default=None, help="of random kernels, for a spec (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Print the listing."""
    from compiler import printer

    from ..programs import program_of

    program = program_of(args.program, args.seed)
    print(printer.as_json(program) if args.format == "json" else printer.as_text(program))
    return 0
