"""``cortexc evaluate RUN``."""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where the data lie now, if they were moved")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """Evaluate and print the table."""
    import dataclasses
    import json

    from runtime.evaluation import evaluate

    from ..tables import evaluation_table

    found, manifest = evaluate(args.run, data_dir=args.data_dir, device=args.device)
    if args.format == "json":
        print(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        print(evaluation_table(found, manifest))
    return 0
