"""``cortexc compile SPEC -o X.h5``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..usage import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("spec", metavar="SPEC", help="path of a spec, or name of a shipped one")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="X.h5", help="the artifact to write")
    parser.add_argument("--seed", type=int, default=0, help="of random kernels (default: 0)")
    parser.add_argument("--force", action="store_true", help="replace a file that is no artifact; those are replaced")


def run(args: argparse.Namespace) -> int:
    """Compile and write the artifact."""
    from cortexc.compiler.artifact import is_artifact

    from ..programs import compile_spec

    if args.out.exists() and not is_artifact(args.out) and not args.force:
        message = "is there already and is no artifact: it may be a table of the spec. Choose another name"
        raise UsageError(f"{args.out} {message}; --force replaces it")
    program = compile_spec(args.spec, args.seed)
    program.save(args.out)
    counts = program.parameter_counts
    size = f"{counts['total']:,} parameters ({counts['attention']:,} of attention)"
    print(f"{args.out}: {program.name}, {len(program.ops)} ops, {size}, {program.content_hash()}")
    return 0
