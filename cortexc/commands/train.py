"""``cortexc train SPEC|X.h5``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cortexc.datasets import known

from ..usage import add_data

if TYPE_CHECKING:
    from cortexc.runtime.run import Run


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "program", nargs="?", metavar="SPEC|X.h5", help="a spec, by path or shipped name, or an artifact"
    )
    add_data(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="RUN",
        help="folder of the run; must not exist yet, unless the same command was stopped: then it goes on",
    )
    parser.add_argument(
        "--hold-out",
        type=int,
        metavar="N",
        help="hold N training images out and test on them: for choices, which must not use the test images, and for "
        "data without any",
    )
    parser.add_argument(
        "--init-from", type=Path, metavar="RUN", help="begin with the weights of this run, which has the same anatomy"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="RUN", help="continue a run from its last checkpoint; with --epochs, for longer"
    )
    parser.add_argument(
        "--like", type=Path, metavar="RUN", help="repeat a run as its manifest has it, in --out, and say what differs"
    )
    parser.add_argument("--epochs", type=int, help="(default: 10)")
    parser.add_argument("--batch-size", type=int, help="(default: 128)")
    parser.add_argument("--lr", type=float, help="highest learning rate (default: 0.001)")
    parser.add_argument("--seed", type=int, help="of compilation, weights, order and augmentation (default: 0)")
    parser.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        help="mirror images at random (default: yes, but not the digits)",
    )
    corrupted = parser.add_argument_group(
        "training on corruptions", "What is seen in training is no test of robustness: the evaluation marks it."
    )
    corrupted.add_argument(
        "--train-corruptions",
        metavar="NAMES",
        help="corrupt training images by these: benchmark, extra, all, or names, with commas",
    )
    corrupted.add_argument(
        "--train-corrupted",
        type=Path,
        metavar="FOLDER",
        help="train on corrupted test images of this set instead, in the layout of CIFAR-10-C; needs --test-images",
    )
    corrupted.add_argument("--test-images", metavar="A-B", help="those test images; the evaluation leaves them out")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def run(args: argparse.Namespace) -> int:
    """Train, or continue a training, and print the result."""
    from cortexc.runtime import run as runs

    folder = args.resume or args.out
    try:
        done = _resume(args) if args.resume else _repeat(args) if args.like else _start(args)
    except KeyboardInterrupt:
        print(f"\nstopped; `cortexc train --resume {folder}` continues from here", file=sys.stderr)
        return 130
    for entry in runs.read_metrics(done):
        print(
            f"epoch {entry['epoch']}: loss {entry['loss']:.3f}, training accuracy {100 * entry['accuracy']:.1f} %, "
            f"{entry['seconds']:.0f} s, {entry['images_per_s']:.0f} images/s"
        )
    print(f"{done.folder}: finished; `cortexc evaluate {done.folder}` tests it")
    if args.like:
        from cortexc.runtime.verification import outcome

        print(f"{args.like} and {done.folder}: {outcome(runs.Run(args.like), done)}")
    return 0


FIXED = (
    *("program", "data", "epochs", "batch_size", "lr", "seed", "flip"),
    *("train_corruptions", "train_corrupted", "test_images", "hold_out", "init_from"),
)
"""Options that a run keeps as they were."""


def _refuse_changes(args: argparse.Namespace, option: str, *more: str, free: tuple[str, ...] = ()) -> None:
    """Raise where an option is given that ``option`` has from a run already, and that is not ``free``."""
    from cortexc.runtime.run import RunError

    if given := [name for name in (*FIXED, *more) if name not in free and getattr(args, name) is not None]:
        named = "SPEC" if given[0] == "program" else "--" + given[0].replace("_", "-")
        raise RunError(f"{named} cannot be changed with {option}: a run keeps the recipe it was started with")


def _repeat(args: argparse.Namespace) -> Run:
    """Train as the manifest of a run has it, in the same precision, and print what else differs from then."""
    from cortexc.runtime import run as runs
    from cortexc.runtime.training import dataset_of, train
    from cortexc.runtime.verification import differences
    from cortexc.runtime.warm_start import initial_of

    from ..progress import Display

    _refuse_changes(args, "--like")
    if args.out is None:
        raise runs.RunError("--out RUN is missing: cortexc train --like RUN --out ANOTHER")
    _, program, manifest = runs.opened(args.like)
    if manifest.extended:
        length = manifest.extended[0].epochs
        raise runs.RunError(
            f"{args.like} was made longer: train for {length} epochs, then extend that by --resume RUN --epochs N"
        )
    initial = manifest.initial
    if initial is not None and initial_of(program, initial.run).weights != initial.weights:
        raise runs.RunError(f"{args.like} began with weights of {initial.run}, which has been trained on since")
    data = dataset_of(manifest, args.data_dir)
    with Display() as display:
        done = train(
            program,
            data=data.name,
            data_dir=args.data_dir or manifest.data.folder,
            out=args.out,
            recipe=manifest.recipe,
            corrupted_folder=manifest.data.corrupted_folder,
            hold_out=data.held_out,
            init_from=None if initial is None else initial.run,
            device=args.device,
            bfloat16=manifest.machine.bfloat16,
            observe=display.show_training,
        )
    changed = differences(manifest, runs.opened(done.folder)[2])
    for line in changed or ["versions and machine are those of then"]:
        print(line)
    return done


def _resume(args: argparse.Namespace) -> Run:
    """Continue a run with the recipe that it was started with."""
    from cortexc.runtime.training import resume

    from ..progress import Display

    _refuse_changes(args, "--resume", "out", "like", free=("epochs",))
    with Display() as display:
        return resume(
            args.resume, epochs=args.epochs, data_dir=args.data_dir, device=args.device, observe=display.show_training
        )


def _start(args: argparse.Namespace) -> Run:
    """Start a new run."""
    from cortexc.runtime.data.dataset import placed
    from cortexc.runtime.manifest import Recipe, RunError
    from cortexc.runtime.training import train

    from ..programs import program_of
    from ..progress import Display

    for name, value in (("a SPEC or an artifact", args.program), ("--out RUN", args.out)):
        if value is None:
            raise RunError(f"{name} is missing: cortexc train SPEC --data digits --out RUN")
    if args.hold_out is not None and args.hold_out < 1:
        raise RunError(f"--hold-out is {args.hold_out}; expected how many training images to leave out, such as 5000")
    data, folder = placed(args.data or "cifar10", args.data_dir)
    options = {"epochs": args.epochs, "batch_size": args.batch_size, "learning_rate": args.lr, "seed": args.seed}
    recipe = Recipe(
        flip=known(data).mirrored if args.flip is None else args.flip,
        corruptions=_corruptions(args),
        test_images=_range(args.test_images),
        **{k: v for k, v in options.items() if v is not None},
    )
    artifact = Path(args.program).suffix.lower() in {".h5", ".hdf5"}
    program = program_of(args.program, None if artifact else recipe.seed)
    counts = program.parameter_counts
    print(f"{program.name}: {counts['total']:,} parameters, {counts['attention']:,} of attention", file=sys.stderr)
    with Display() as display:
        return train(
            program,
            data=data,
            data_dir=folder,
            out=args.out,
            recipe=recipe,
            corrupted_folder=args.train_corrupted,
            hold_out=args.hold_out or 0,
            init_from=args.init_from,
            device=args.device,
            observe=display.show_training,
        )


def _corruptions(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the corruptions to train on; with a folder of corrupted test images, all unless some are named."""
    from cortexc.runtime.corruptions.catalogue import selected

    words = args.train_corruptions or ("all" if args.train_corrupted else None)
    return selected(words.split(",")) if words else ()


def _range(text: str | None) -> tuple[int, int] | None:
    """Return the first and the last index of a text such as ``0-4999``.

    Raises:
        RunError: it is none.
    """
    from cortexc.runtime.run import RunError

    if text is None:
        return None
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal()):
        raise RunError(f"--test-images is `{text}`; expected the first and the last index, as in 0-4999")
    return int(first), int(last)
