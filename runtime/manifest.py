"""The manifest of a run: recipe, data, seeds, versions and machine."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from cortexc import digests
from cortexc.compiler.artifact import Program

from .corruptions.catalogue import selected

FORMAT: Final = 1


class RunError(Exception):
    """A run cannot be started, resumed or evaluated; the message says why and what to do."""


KIND_NAMES = {int: "a whole number", (int, float): "a number", bool: "true or false"}
KINDS: dict[str, Any] = {
    **dict.fromkeys(("epochs", "batch_size", "seed", "padding"), int),
    **dict.fromkeys(("learning_rate", "weight_decay", "warmup", "label_smoothing", "clip"), (int, float)),
    "flip": bool,
}
"""What each field of a recipe must be."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained."""

    epochs: int = 10
    batch_size: int = 128
    learning_rate: float = 1e-3
    """Highest learning rate of the schedule."""
    seed: int = 0
    """Of weights, order and augmentation."""
    weight_decay: float = 0.05
    warmup: float = 0.1
    """Fraction of all steps in which the learning rate rises."""
    label_smoothing: float = 0.1
    padding: int = 4
    """Largest shift of the random crop [pixels]."""
    flip: bool = True
    clip: float = 1.0
    """Largest norm of the gradient."""
    corruptions: tuple[str, ...] = ()
    """Corruptions that are trained on. The evaluation marks them."""
    test_images: tuple[int, int] | None = None
    """First and last of the test images that are trained on in these corruptions. The evaluation leaves them out. None:
    training images are corrupted instead."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            RunError: a value is out of its range.
        """
        object.__setattr__(self, "corruptions", selected(self.corruptions) if self.corruptions else ())
        if self.test_images is not None:
            object.__setattr__(self, "test_images", tuple(self.test_images))
            if not self.corruptions:
                raise RunError("test images are to be trained on, and no corruption is named")
        for name, kind in KINDS.items():
            if isinstance(value := getattr(self, name), bool) != (kind is bool) or not isinstance(value, kind):
                raise RunError(f"{name.replace('_', ' ')} is {value!r}, and must be {KIND_NAMES[kind]}")
        for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0), ("padding", 0)):
            if getattr(self, name) < low:
                raise RunError(f"{name.replace('_', ' ')} is {getattr(self, name)}, and must be at least {low}")
        for name in ("learning_rate", "clip"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise RunError(f"{name.replace('_', ' ')} is {value}, and must be a positive number")
        for name in ("weight_decay", "warmup", "label_smoothing"):
            value = getattr(self, name)
            if not 0 <= value < (math.inf if name == "weight_decay" else 1):
                raise RunError(f"{name.replace('_', ' ')} is {value}, and must be from 0, and less than 1")

    @property
    def excluded(self) -> NDArray[np.int64]:
        """Indices of the test images that are trained on in a corrupted form, and cannot be tested on."""
        return np.arange(0) if self.test_images is None else np.arange(self.test_images[0], self.test_images[1] + 1)


class Record(BaseModel):
    """Base of the frozen models that are stored as JSON."""

    model_config = ConfigDict(frozen=True)


class Seeds(Record):
    """The seeds of a run."""

    compile: int
    train: int


class Machine(Record):
    """The machine that a run was trained on."""

    platform: str
    processor: str
    cores: int
    threads: int
    device: str
    bfloat16: bool
    """Whether the training multiplied in bfloat16."""
    stacked: int = 0
    """How many seeds were trained together as one batched model; 0 for a run trained alone."""


class Images(Record):
    """The data of a run. Fields with a default are absent in runs of earlier versions."""

    name: str
    """A key of `cortexc.datasets.DATASETS`, the name of an ``.npz``, ``folder`` or ``arrays``."""
    folder: Path | None
    """The data directory."""
    corrupted_folder: Path | None = None
    """Of the corrupted test images that were trained on."""
    corrupted: dict[str, object] | None = None
    """Their identity: official, regenerated or foreign."""
    fingerprint: str
    held_out: int = 0
    """How many training images were held out, as the test images."""
    training_images: int
    test_images: int
    classes: tuple[str, ...]


class Initial(Record):
    """The weights that a run began with, where they are those of another run."""

    run: Path
    program: str
    """Content hash of its program."""
    weights: str
    """Their hash."""
    step: int
    """After which step of that run."""
    head: bool
    """Whether the head was taken too: the number of classes is the same."""


class Extension(Record):
    """That a run was made longer than it was to be, after some of it had been trained."""

    step: int
    """How many steps had been trained."""
    epochs: int
    """In a schedule for so many epochs."""


class Manifest(Record):
    """The content of ``manifest.json``."""

    format: Literal[1] = FORMAT
    name: str
    program: str
    """Content hash of the program."""
    spec: str = ""
    """Hash of what the program was compiled from, comments and versions apart."""
    parameters: dict[str, int]
    """Learnable parameters by kind, and in ``total``."""
    flops_per_image: int
    recipe: Recipe
    seeds: Seeds
    initial: Initial | None = None
    """None: it began with fresh weights."""
    extended: tuple[Extension, ...] = ()
    """Empty: the whole run had the schedule of the recipe."""
    data: Images
    versions: dict[str, str]
    machine: Machine
    command: tuple[str, ...]
    started: str
    """Date and time, ISO 8601."""


def spec_hash(program: Program) -> str:
    """Return the hash of what a program was compiled from, comments and versions apart."""
    return f"sha256:{hashlib.sha256(program.spec.encode()).hexdigest()}"


def read(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        RunError: there is none, it is damaged, or another version of cortexc wrote it.
    """
    try:
        digests.check(path)
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from None
    except digests.DigestError as error:
        raise RunError(f"{error}; move {path.parent} away to make the run again") from None
    except (ValueError, RecursionError):
        raise RunError(f"{path} is damaged: it is not JSON; move {path.parent} away to make the run again") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise RunError(f"{path} was written by another version of cortexc")
    try:
        return Manifest.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = "is missing" if first["type"] == "missing" else f"is not as expected: {first['msg']}"
        raise RunError(f"{path} is damaged: `{where}` {what}; move {path.parent} away to make the run again") from None
