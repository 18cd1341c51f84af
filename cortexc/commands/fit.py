"""``cortexc fit SPEC --data ... -o OUT.yaml``."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from ..usage import UsageError, add_data, refuse_existing, refuse_other_than_yaml


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("spec", metavar="SPEC", help="path of a spec, or name of a shipped one")
    add_data(parser, required=True)
    parser.add_argument("--hold-out", type=int, default=0, metavar="N", help="as for `cortexc train`")
    parser.add_argument("-o", "--out", metavar="OUT.yaml", required=True, type=Path, help="spec to write")
    parser.add_argument("--force", action="store_true", help="replace a file that is there already")
    parser.epilog = "What is written extends SPEC. Exit status: 0 written, 1 written with errors to fix, 2 not written."


def run(args: argparse.Namespace) -> int:
    """Write the spec, and check it."""
    import yaml

    from cortexc import connectome, specs
    from cortexc.compiler.checker import check
    from cortexc.connectome.diagnostics import render
    from cortexc.connectome.fitting import FittingError, overlay
    from cortexc.connectome.io.files import locate
    from cortexc.replacement import write
    from cortexc.runtime.data.dataset import load, mean_and_std

    refuse_other_than_yaml(args.out)
    spec, file = connectome.load(args.spec), locate(args.spec)
    if args.out.resolve() == file.resolve():
        raise UsageError(f"{args.out} is the spec itself: choose another name")
    refuse_existing((args.out,), force=args.force)
    data = load(args.data, args.data_dir, hold_out=args.hold_out)
    channels, rows, columns = shape = data.train.images.shape[1:]
    mean, std = mean_and_std(data.train)
    try:
        changed = overlay(spec, shape=shape, classes=len(data.classes), mean=mean, std=std)
    except FittingError as error:
        raise UsageError(str(error)) from None
    shipped = specs.find(args.spec) == file
    base = args.spec if shipped else Path(os.path.relpath(file.resolve(), args.out.resolve().parent)).as_posix()
    name = re.sub(r"[.@:~>]", "-", args.out.stem)
    words = yaml.safe_dump({"extends": base, "name": name, **changed}, sort_keys=False, default_flow_style=None)
    head = f"# {spec.name} for {data.name}: {channels}x{rows}x{columns} pixels, {len(data.classes)} classes.\n"
    write(args.out, (head + words).encode())
    report = check(args.out)
    print(f"wrote {args.out}: {render.summary(report)}")
    if len(report):
        print(render.as_text(report, colour=sys.stdout.isatty()))
    return 1 if report.errors else 0
