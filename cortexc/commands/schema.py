"""``cortexc schema``."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what it is for."""
    parser.epilog = "Save it, and put `# yaml-language-server: $schema=PATH` on the first line of a spec."


def run(args: argparse.Namespace) -> int:
    """Print the JSON Schema."""
    import json

    import connectome

    print(json.dumps(connectome.json_schema(), indent=2))
    return 0
