"""``cortexc schema``."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--experiment", action="store_true", help="that of experiment files")
    parser.epilog = "Save it, and put `# yaml-language-server: $schema=PATH` on the first line of a spec."


def run(args: argparse.Namespace) -> int:
    """Print the JSON Schema."""
    import json

    from cortexc import connectome, experiments

    print(json.dumps(experiments.json_schema() if args.experiment else connectome.json_schema(), indent=2))
    return 0
