"""``cortexc experiment run|report FILE``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cortexc.experiments.model import Experiment
    from cortexc.experiments.planning import Schedule

RUNS = Path("runs")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="verb", metavar="run|report", required=True)
    make = verbs.add_parser("run", help="make the missing runs; a finished run is never repeated")
    _common(make)
    make.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder of the data set, unless it comes with cortexc"
    )
    made = make.add_mutually_exclusive_group()
    made.add_argument("--corrupted", type=Path, metavar="FOLDER", help="test on this set, in the layout of CIFAR-10-C")
    made.add_argument("--regenerate", action="store_true", help="corrupt the test images while testing")
    make.add_argument(
        "--jobs", type=int, metavar="N", help="runs at once (default: one a core, as far as memory goes; one on a GPU)"
    )
    make.add_argument(
        "--stacked",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="train the seeds of an arm as one batched model; --jobs then counts such models (default: on a GPU)",
    )
    make.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    make.add_argument("--dry-run", action="store_true", help="list the runs and the state of each, and make none")
    make.epilog = "Exit status: 0 all runs are finished, 1 some failed, 2 could not run."
    report = verbs.add_parser("report", help="write tables, plots and one HTML page from finished runs")
    _common(report)
    report.add_argument(
        "--evidence", type=Path, metavar="FILE", help="take the evidence.h5 of a report instead of the runs"
    )
    report.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="folder for the report")


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an experiment, by path or shipped name")
    parser.add_argument("--plan", default="full", metavar="NAME", help="a plan of the file (default: all of it)")
    parser.add_argument(
        "--runs", type=Path, metavar="DIR", help=f"folder of the runs (default: {RUNS}/NAME, NAME being the experiment)"
    )


def run(args: argparse.Namespace) -> int:
    """Make the runs, or the report."""
    experiment = _experiment(args.file)
    folder = args.runs or RUNS / experiment.name
    return _run(experiment, folder, args) if args.verb == "run" else _report(experiment, folder, args)


def _experiment(file: str) -> Experiment:
    """Read the experiment, and print its findings.

    Raises:
        SpecError: it has errors.
    """
    from cortexc.connectome.diagnostics import render
    from cortexc.experiments.checker import examine

    experiment, report = examine(file)
    if len(report):
        print(render.as_text(report, colour=sys.stderr.isatty()), file=sys.stderr)
    return experiment


def _run(experiment: Experiment, folder: Path, args: argparse.Namespace) -> int:
    from cortexc.experiments.execution import Setting, execute
    from cortexc.experiments.planning import schedule
    from cortexc.experiments.stacking import execute_together
    from cortexc.runtime.device import choose
    from cortexc.runtime.run import RunError
    from cortexc.runtime.training import STOP_SIGNALS

    from ..progress import Display

    if args.jobs is not None and not 1 <= args.jobs <= 256:
        raise RunError(f"--jobs is {args.jobs}; expected from 1, and no more than the machine has cores")
    for number in STOP_SIGNALS:  # they stop it as Ctrl-C does
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    plan = schedule(experiment, args.plan, folder)
    if args.dry_run:
        _list(plan)
        return 0
    setting = Setting(args.data_dir, args.corrupted, args.regenerate, args.device, args.jobs)
    options = f" --plan {args.plan}" if args.plan != "full" else ""
    again = f"cortexc experiment run {args.file}{options}"
    stacked = choose(args.device).type == "cuda" if args.stacked is None else args.stacked
    try:
        with Display() as display:
            show = display.show_runs
            failed = execute_together([plan], setting, show) if stacked else execute(plan, setting, show)
    except KeyboardInterrupt:
        print(f"\nstopped; the same `{again} ...` continues from here", file=sys.stderr)
        return 130
    for name, why in failed.items():
        print(f"{folder / name}: failed: {why}", file=sys.stderr)
    done = len(plan.tasks) - len(failed)
    print(f"{folder}: {done} of {len(plan.tasks)} runs are done")
    if not failed:
        where = f" --runs {args.runs}" if args.runs else ""
        print(f"`cortexc experiment report {args.file}{options}{where} -o DIR` writes tables, plots and the page")
    return 1 if failed else 0


def _list(plan: Schedule) -> None:
    from cortexc.experiments.planning import standing

    width = max(len(task.name) for task in plan.tasks)
    for task in plan.tasks:
        counts = task.program.parameter_counts
        print(
            f"{task.name:{width}}  {standing(task, plan.experiment, plan.cells):8}{task.recipe.epochs:4} epochs  "
            f"{counts['attention']:>9,} of {counts['total']:>9,} parameters are of attention  "
            f"{task.program.flops_per_image / 1e6:7.1f} MFLOPs an image"
            + ("" if task.null_seed is None else f", null model of seed {task.null_seed}")
        )


def _report(experiment: Experiment, folder: Path, args: argparse.Namespace) -> int:
    from cortexc.experiments import reporting
    from cortexc.experiments.planning import schedule

    plan = schedule(experiment, args.plan, folder)
    command = ["cortexc", *sys.argv[1:]]
    written = reporting.write(plan, args.out, file=args.file, command=command, published=args.evidence)
    print(written.summary)
    print(f"wrote {os.fspath(args.out)}: " + ", ".join(written.files))
    return 0
