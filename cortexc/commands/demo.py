"""``cortexc demo``."""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("spec", nargs="?", default="macaque-ventral", metavar="SPEC", help="(default: macaque-ventral)")
    parser.add_argument("--out", type=Path, metavar="RUN", help="keep the run in this folder")
    parser.add_argument("--epochs", type=int, default=20, help="(default: 20)")
    parser.epilog = "Trains on scikit-learn's handwritten digits; nothing is downloaded."


def run(args: argparse.Namespace) -> int:
    """Check, compile, train on the digits, evaluate."""
    import tempfile

    from cortexc.runtime.evaluation import evaluate
    from cortexc.runtime.manifest import Recipe
    from cortexc.runtime.training import train

    from ..programs import compile_spec
    from ..progress import Display
    from ..tables import evaluation_table

    program = compile_spec(args.spec, 0)
    dense = compile_spec("vit-tiny", 0)
    ours, theirs = (p.parameter_counts["attention"] for p in (program, dense))
    print(f"{program.name}: checked and compiled to {len(program.ops)} ops", flush=True)
    print(f"attention parameters: {ours:,}; the dense vit-tiny has {theirs:,} ({theirs / ours:.1f} times as many)")
    recipe = Recipe(epochs=args.epochs, batch_size=64, learning_rate=2e-3, flip=False, padding=2)
    with tempfile.TemporaryDirectory(prefix="cortexc-demo-") as temporary:
        out = args.out or Path(temporary) / "run"
        with Display() as display:
            train(program, data="digits", data_dir=None, out=out, recipe=recipe, observe=display.show_training)
        found, manifest = evaluate(out)
    print(evaluation_table(found, manifest))
    return 0
