"""``cortexc train SPEC|X.h5``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "program", nargs="?", metavar="SPEC|X.h5", help="a spec, by path or shipped name, or an artifact"
    )
    parser.add_argument(
        "--data", choices=("cifar10", "digits"), default=None, help="what to train on (default: cifar10)"
    )
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where CIFAR-10 lies; the digits need none")
    parser.add_argument("--out", type=Path, metavar="RUN", help="folder of the run; must not exist yet")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run from its last checkpoint")
    parser.add_argument("--epochs", type=int, help="(default: 10)")
    parser.add_argument("--batch-size", type=int, help="(default: 128)")
    parser.add_argument("--lr", type=float, help="highest learning rate (default: 0.001)")
    parser.add_argument("--seed", type=int, help="of compilation, weights, order and augmentation (default: 0)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def run(args: argparse.Namespace) -> int:
    """Train, or go on training, and say how it went."""
    from runtime import run as runs
    from runtime.run import RunError
    from runtime.training import Recipe, resume, train

    from ..progress import ProgressDisplay

    if args.resume is not None:
        fixed = {"SPEC": args.program, "--data": args.data, "--out": args.out, "--epochs": args.epochs,
                 "--batch-size": args.batch_size, "--lr": args.lr, "--seed": args.seed}  # fmt: skip
        if given := [name for name, value in fixed.items() if value is not None]:
            raise RunError(f"{given[0]} cannot be changed with --resume: a run keeps the recipe it was started with")
        with ProgressDisplay() as display:
            done = resume(args.resume, data_dir=args.data_dir, device=args.device, observe=display)
    else:
        for name, value in (("a SPEC or an artifact", args.program), ("--out RUN", args.out)):
            if value is None:
                raise RunError(f"{name} is missing: cortexc train SPEC --data digits --out RUN")
        data = args.data or "cifar10"
        if data == "cifar10" and args.data_dir is None:
            raise RunError(
                "--data cifar10 needs --data-dir DIR, where `cortexc data fetch cifar10 --data-dir DIR` puts it"
            )
        options = {
            "epochs": args.epochs,
            "batch_size": args.batch_size,
            "learning_rate": args.lr,
            "seed": args.seed,
        }
        recipe = Recipe(flip=data != "digits", **{k: v for k, v in options.items() if v is not None})
        from ..programs import program_of

        artifact = Path(args.program).suffix.lower() in {".h5", ".hdf5"}
        program = program_of(args.program, None if artifact else recipe.seed)
        counts = program.parameter_counts
        print(
            f"{program.name}: {counts['total']:,} parameters, {counts['attention']:,} of attention",
            file=sys.stderr,
        )
        with ProgressDisplay() as display:
            done = train(
                program, data=data, data_dir=args.data_dir, out=args.out, recipe=recipe, device=args.device,
                observe=display,
            )  # fmt: skip
    for entry in runs.read_metrics(done):
        print(f"epoch {entry['epoch']}: loss {entry['loss']:.3f}, training accuracy {100 * entry['accuracy']:.1f} %, "
              f"{entry['seconds']:.0f} s, {entry['images_per_s']:.0f} images/s")  # fmt: skip
    print(f"{done.folder}: finished; `cortexc evaluate {done.folder}` tests it")
    return 0
