"""What commands share: options of the data, and why a command is not run as it was called."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from .datasets import DATASETS
from .replacement import unfinished


class UsageError(ValueError):
    """A command is not run as it was called; the message says why, and nothing is written."""


def refuse_existing(files: Sequence[Path], *, force: bool) -> None:
    """Raise where a file is there already, unless it may be replaced; of several, the first one names the others."""
    for file in files:
        if file.exists() and not force and not unfinished(file, named_in=files[0]):
            raise UsageError(f"{file} is there already; --force replaces it")


def refuse_other_than_yaml(file: Path) -> None:
    """Raise where the name of a spec to write does not end as that of a YAML file."""
    if file.suffix not in {".yaml", ".yml"}:
        raise UsageError(f"{file}: a spec is a .yaml file")


def add_data(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add the options that say what to train and test on."""
    shipped = ", ".join(DATASETS)
    default = "" if required else " (default: cifar10)"
    parser.add_argument(
        "--data",
        required=required,
        metavar="NAME|X.npz|folder",
        help=f"{shipped}, images and labels in an .npz, or a folder of images a class{default}",
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder of the data, unless they come with cortexc"
    )
