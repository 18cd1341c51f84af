"""The command ``cortexc data``: fetch the images that models learn from, and verify them."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "fetch or verify the images to train on"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    fetch = actions.add_parser(
        "fetch",
        help="download and unpack a data set",
        description="Download a data set, check it and unpack it. A broken download is taken up where it "
        "stopped. An archive that already lies in the folder is used as it is, without the network.",
    )
    verify = actions.add_parser(
        "verify",
        help="compare the files of a data set with their official md5 sums",
        description="Compare the files of a data set with their official md5 sums. Exit status 1 if one is "
        "missing or wrong.",
    )
    for action in (fetch, verify):
        action.add_argument("name", metavar="NAME", help="the data set: cifar10")
        action.add_argument("--data-dir", metavar="DIR", type=Path, required=True, help="the folder it lies in")
    fetch.add_argument("--quiet", action="store_true", help="show no progress bar")


def run(args: argparse.Namespace) -> int:
    """Do it; 0, or 1 if ``verify`` found a file missing or wrong."""
    from runtime.data import fetching

    if args.action == "fetch":
        print(fetching.fetch(args.name, args.data_dir, progress=not args.quiet).summary)
        return 0
    checks = fetching.verify(args.name, args.data_dir)
    for check in checks:
        detail = f"  (md5 {check.found}, expected {check.expected})" if check.status == "wrong" else ""
        print(f"{check.status:<8}{check.path}{detail}")
    wrong = sum(check.status != "ok" for check in checks)
    if wrong:
        advice = fetching.advice(checks, args.data_dir)
        print(f"{wrong} of {len(checks)} files are missing or wrong. {advice}")
        return 1
    print(f"all {len(checks)} files are the official ones")
    return 0
