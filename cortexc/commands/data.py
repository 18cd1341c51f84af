"""The command ``cortexc data``: fetch the images to train and test on, verify them, corrupt them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cortexc.datasets import DATASETS, known


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands and their arguments."""
    shipped = [
        f"{d.name} ({d.title}, {d.training_images:,} + {d.test_images:,} images, {d.license})"
        for d in DATASETS.values()
    ]
    parser.epilog = f"The data sets: {'; '.join(shipped)}."
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    fetch = actions.add_parser(
        "fetch",
        help="download and unpack a data set",
        description="Download a data set, check it and unpack it. A broken download is taken up where it "
        "stopped. An archive that is already in the folder is used as it is, without the network. cifar10-c needs "
        "2.9 GB for the archive and as much for its arrays; arrays that are not the official ones stay as they are.",
    )
    verify = actions.add_parser(
        "verify",
        help="compare the files of a data set with their official md5 sums",
        description="Compare the files of a data set with their official md5 sums. Exit status 1 if one is "
        "missing or wrong.",
    )
    for action in (fetch, verify):
        action.add_argument("name", metavar="NAME", help="the data set: cifar10, cifar10-c or cifar100")
        action.add_argument("--data-dir", metavar="DIR", type=Path, required=True, help="its folder")
    fetch.add_argument("--quiet", action="store_true", help="show no progress bar")
    corrupt = actions.add_parser(
        "corrupt",
        help="regenerate CIFAR-10-C, or the like of it, from clean test images",
        description="Corrupt the test images of a data set and write them in the layout of CIFAR-10-C. Of CIFAR-10, "
        "the eight deterministic corruptions come out as the official bytes; the others are equal in distribution. "
        "A call that was interrupted can be repeated: complete arrays are kept.",
    )
    corrupt.add_argument("name", metavar="NAME", help=f"{', '.join(DATASETS)}, an .npz, or folder")
    corrupt.add_argument("--data-dir", metavar="DIR", type=Path, help="its folder, unless it comes with cortexc")
    corrupt.add_argument("-o", "--out", metavar="OUT", type=Path, required=True, help="folder to write to")
    corrupt.add_argument(
        "--corruptions",
        metavar="NAMES",
        default="all",
        help="benchmark (15), extra (4), all, or names, with commas (default: all)",
    )
    corrupt.add_argument("--severities", metavar="1-5", default="1-5", help="as in 1-5, 5 or 1,3 (default: 1-5)")
    corrupt.add_argument("--seed", type=int, default=0, help="of all random corruptions (default: 0)")
    corrupt.add_argument("--workers", type=int, metavar="N", help="threads (default: one a processor)")
    corrupt.add_argument(
        "--frost-photos", type=Path, metavar="DIR", help="folder of the original photographs (default: drawn frost)"
    )


def run(args: argparse.Namespace) -> int:
    """Fetch, verify or corrupt; return 1 if ``verify`` finds a file missing or wrong, else 0."""
    if args.action == "corrupt":
        return _corrupt(args)
    from cortexc.runtime.data import fetching

    if args.action == "fetch":
        print(fetching.fetch(args.name, args.data_dir, progress=not args.quiet).summary)
        return 0
    checks = fetching.verify(args.name, args.data_dir)
    for check in checks:
        detail = f"  (md5 {check.found}, expected {check.expected})" if check.status == "wrong" else ""
        print(f"{check.status:<8}{check.path}{detail}")
    wrong = sum(check.status != "ok" for check in checks)
    count = len(checks)
    found = f"{wrong} of {count} files are missing or wrong" if wrong else f"all {count} files are the official ones"
    advice = fetching.advice(args.name, checks, args.data_dir)
    print(f"{found}. {advice}" if advice else found)
    return 1 if wrong else 0


def _corrupt(args: argparse.Namespace) -> int:
    """Write a regenerated set, and print which of its arrays have the official bytes."""
    from cortexc.runtime.corruptions.catalogue import selected, severities
    from cortexc.runtime.corruptions.generation import Source
    from cortexc.runtime.corruptions.sets import describe
    from cortexc.runtime.corruptions.writing import write
    from cortexc.runtime.data.cifar_c import MD5
    from cortexc.runtime.data.dataset import load

    from ..progress import Display

    names, levels = selected(args.corruptions.split(",")), severities(args.severities)
    source = Source(seed=args.seed, frost_photos=args.frost_photos)
    dataset = load(args.name, args.data_dir)
    with Display() as display:
        manifest = write(
            dataset,
            args.out,
            corruptions=names,
            severities=levels,
            source=source,
            workers=args.workers,
            progress=display.show_cell,
            waiting=lambda holder: print(f"{args.out}: waiting for another process ({holder})", file=sys.stderr),
        )
    arrays, name = len(manifest["md5"]) - 1, known(dataset.name).corrupted
    print(f"{args.out}: {describe(manifest, name)}, {arrays} arrays of {len(levels)} x {len(dataset.test):,} images")
    if same := [file for file, md5 in manifest["md5"].items() if MD5.get(file) == md5]:
        print(f"the official bytes, by md5: {', '.join(same)}")
    return 0
