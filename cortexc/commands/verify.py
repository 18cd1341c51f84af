"""``cortexc verify RUN|REPORT...``."""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN|REPORT", help="folder of a run or of a report")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="the data directory, if the data were moved")
    parser.epilog = (
        "Of a run: digests, that the files belong together, data and versions. Of a report: that every number follows "
        "from its evidence. Exit status: 0 nothing is wrong, 1 something is, 2 could not look."
    )


def run(args: argparse.Namespace) -> int:
    """Print a line for each thing; return 1 if one is wrong."""
    from cortexc.experiments.reporting import EVIDENCE
    from cortexc.experiments.verification import verify_report
    from cortexc.runtime.verification import verify_run

    found = []
    for folder in args.folders:
        report = (folder / EVIDENCE).is_file()
        for one in verify_report(folder) if report else verify_run(folder, args.data_dir):
            found.append(one)
            print(f"{one.status:<9}{one.what}" + (f": {one.text}" if one.text else ""), flush=True)
    wrong = sum(one.status == "wrong" for one in found)
    print(f"{wrong} of {len(found)} are wrong" if wrong else f"nothing is wrong: {len(found)} looked at")
    return 1 if wrong else 0
