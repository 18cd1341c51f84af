"""``cortexc export SPEC|X.h5|RUN --to FORMAT -o FILE``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..usage import UsageError, refuse_existing

GRAPHS = ("graphml", "json", "csv", "sonata", "nir")
MODELS = ("torch", "onnx")
ENDINGS = {"torch": ".pt2", "onnx": ".onnx"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("what", metavar="SPEC|X.h5|RUN", help="a spec; for torch and onnx also an artifact or a run")
    parser.add_argument(
        "--to",
        required=True,
        choices=(*GRAPHS, *MODELS),
        metavar="FORMAT",
        help="graphml, json (node-link), csv (edges), sonata or nir: areas and projections; torch or onnx: the model",
    )
    parser.add_argument("-o", "--out", metavar="FILE", required=True, type=Path, help="file to write")
    parser.add_argument("--seed", type=int, default=None, help="of the weights of an untrained model (default: 0)")
    parser.add_argument("--force", action="store_true", help="replace files that are there already")
    parser.epilog = "Exit status: 0 written, 2 not written."


def run(args: argparse.Namespace) -> int:
    """Write the graph or the model."""
    from cortexc.anatomy.exporters import sonata

    files = tuple(sonata.writers(args.out)) if args.to == "sonata" else (args.out,)
    refuse_existing(files, force=args.force)
    return _graph(args) if args.to in GRAPHS else _model(args)


def _graph(args: argparse.Namespace) -> int:
    from cortexc import connectome
    from cortexc.anatomy.exporters import write

    if args.seed is not None or Path(args.what).is_dir() or Path(args.what).suffix in {".h5", ".hdf5"}:
        raise UsageError(f"{args.to} is a format of specs: give a spec, and no --seed")
    spec = connectome.load(args.what)
    try:
        found = write(spec, args.to, args.out)
    except ValueError as error:
        raise UsageError(str(error)) from None
    print(f"wrote {', '.join(map(str, found.files))}")
    for part in found.lost:
        print(f"not in {args.to}: {part}")
    return 0


def _model(args: argparse.Namespace) -> int:
    if args.out.suffix.lower() != ENDINGS[args.to]:
        raise UsageError(f"{args.out}: a file of the format {args.to} ends in {ENDINGS[args.to]}")
    from cortexc.runtime import build
    from cortexc.runtime.exporting import trained, write_exported, write_onnx

    from ..programs import program_of

    folder = Path(args.what)
    if folder.is_dir():
        if args.seed is not None:
            raise UsageError("a run has its weights already; give --seed with a spec")
        model, state = trained(folder), "trained"
    else:
        model, state = build(program_of(args.what, args.seed)), "untrained"
    args.out.parent.mkdir(parents=True, exist_ok=True)
    (write_onnx if args.to == "onnx" else write_exported)(model, args.out)
    rows = "x".join(map(str, model.program.image_shape))
    print(f"wrote {args.out}: the {state} model; images (B, {rows}) in [0, 1] -> logits (B, {model.program.classes})")
    return 0
