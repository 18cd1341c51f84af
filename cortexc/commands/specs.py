"""``cortexc specs``."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--paths", action="store_true", help="print the files' paths only")


def run(args: argparse.Namespace) -> int:
    """List the shipped specs."""
    from cortexc import connectome, specs

    for name in specs.names():
        print(specs.path(name) if args.paths else f"{name:24}{connectome.load(name).description or ''}")
    for kernel in specs.kernels():
        print(specs.find(kernel) if args.paths else f"{kernel}   (horizontal connections: use it in `extends:`)")
    for circuit in specs.circuits():
        print(specs.find(circuit) if args.paths else f"{circuit}   (a circuit: use it as `file:`)")
    for experiment in specs.experiments():
        file = specs.find(f"experiments/{experiment}")
        print(file if args.paths else f"{experiment:24}(an experiment: `cortexc experiment run {experiment}`)")
    return 0
