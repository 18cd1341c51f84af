"""``cortexc evaluate RUN``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cortexc.datasets import known

if TYPE_CHECKING:
    from cortexc.runtime.evaluation import Corrupted


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument(
        "--data", metavar="NAME|X.npz|folder", help="the data set of the run (default: as its manifest has it)"
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="the data directory, if the data were moved since the training"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="of matrix products; bfloat16 is faster if the processor has it (default: float32)",
    )
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text")
    corrupted = parser.add_argument_group(
        "corrupted images", "Without any of these, the folder beside the data (CIFAR-10-C) is used, if there is one."
    )
    corrupted.add_argument("--clean", action="store_true", help="test on the clean images only")
    corrupted.add_argument("--corrupted", type=Path, metavar="FOLDER", help="use this set, in the layout of CIFAR-10-C")
    corrupted.add_argument("--regenerate", action="store_true", help="corrupt the images while testing; writes none")
    corrupted.add_argument(
        "--corruptions", metavar="NAMES", help="benchmark (15), extra (4), all, or names, with commas (default: all)"
    )
    corrupted.add_argument("--severities", metavar="1-5", help="as in 1-5, 5 or 1,3 (default: 1-5)")
    corrupted.add_argument("--corruption-seed", type=int, metavar="SEED", help="with --regenerate (default: 0)")
    corrupted.add_argument(
        "--frost-photos", type=Path, metavar="DIR", help="with --regenerate: folder of the original photographs"
    )
    measures = parser.add_argument_group("more measures")
    measures.add_argument("--mce", action="store_true", help="also the error relative to AlexNet's")
    measures.add_argument(
        "--reference",
        type=Path,
        metavar="RUN",
        action="append",
        default=[],
        help="an evaluated run that defines which answers are hard; may be repeated",
    )
    measures.add_argument("--cifar10h", type=Path, metavar="FILE", help="human votes: cifar10h-counts.npy")


def run(args: argparse.Namespace) -> int:
    """Evaluate and print the table."""
    from cortexc.runtime.evaluation import Measures, evaluate

    from .. import tables
    from ..progress import Display

    corrupted = _corrupted(args)
    measures = Measures(alexnet=args.mce, references=tuple(args.reference), human=args.cifar10h)
    with Display() as display:
        found, manifest = evaluate(
            args.run,
            data=args.data if args.data and args.data.endswith(".npz") else None,
            data_dir=args.data_dir,
            corrupted=corrupted,
            measures=measures,
            precision=args.precision,
            device=args.device,
            observe=display.show_cell,
        )
    if args.format == "json":
        print(tables.evaluation_json(found))
    elif args.format == "csv":
        print(tables.evaluation_csv(found), end="")
    else:
        tables.print_evaluation(found, manifest)
    return 0


def _corrupted(args: argparse.Namespace) -> Corrupted | None:
    """Return which corrupted images to test on; None for none.

    Raises:
        RunError: the run was trained on other data, or options contradict each other.
        CorruptionError: there is no such corruption or severity.
    """
    from cortexc.runtime import run as runs
    from cortexc.runtime.corruptions.catalogue import SEVERITIES, selected, severities
    from cortexc.runtime.corruptions.generation import Source
    from cortexc.runtime.evaluation import Corrupted, official_folder
    from cortexc.runtime.run import RunError

    data = runs.opened(args.run)[2].data
    if args.data is not None and Path(args.data).name != data.name:
        raise RunError(f"{args.run} was trained on {data.name}, and --data says {args.data}")
    ways = [name for name in ("clean", "corrupted", "regenerate") if getattr(args, name)]
    if len(ways) > 1:
        raise RunError(f"--{ways[0]} and --{ways[1]} contradict each other: give one")
    made = [o for o in ("corruption_seed", "frost_photos") if getattr(args, o) is not None]
    if made and not args.regenerate:
        raise RunError(f"--{made[0].replace('_', '-')} is for --regenerate, which is not given")
    given = [o for o in ("corruptions", "severities") if getattr(args, o) is not None]
    if args.clean and given:
        raise RunError(f"--clean and --{given[0]} contradict each other: give one")
    if args.clean:
        return None
    if not (ways or given) and official_folder(data.name, data.held_out, args.data_dir or data.folder) is None:
        missing = f"no folder {known(data.name).corrupted} beside the data"
        print(f"clean images only: {missing}; --regenerate corrupts the images while testing", file=sys.stderr)
        return None
    return Corrupted(
        corruptions=selected(args.corruptions.split(",")) if args.corruptions else None,
        severities=severities(args.severities) if args.severities else SEVERITIES,
        folder=args.corrupted,
        regenerate=Source(seed=args.corruption_seed or 0, frost_photos=args.frost_photos) if args.regenerate else None,
    )
