"""Reading and checking an experiment file, and every arm of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cortexc import compiler, specs
from cortexc.connectome.diagnostics import reading
from cortexc.connectome.diagnostics.error import SpecError, failed
from cortexc.connectome.diagnostics.report import Report
from cortexc.connectome.diagnostics.rule import Diagnostic, did_you_mean
from cortexc.connectome.io import yaml_tree
from cortexc.connectome.io.decode import validated
from cortexc.connectome.io.yaml_tree import Mapping
from cortexc.connectome.model import Connectome
from cortexc.datasets import DATASETS, IMAGE_SHAPE

from .arms import connectome_of
from .model import Experiment
from .rules import RULES, UNFIT_DATA, UNMATCHED

KEY = "cortexc_experiment"
FIRST_KEY = re.compile(rb"(\xef\xbb\xbf)?[{\s]*[\"']?" + KEY.encode() + rb"[\"']?\s*:")
"""The line that an experiment has, and a spec does not."""
SAME_INPUT = ("grid", "patch", "channels", "width", "mean", "std", "point_spread", "gain_control", "positions")
"""What arms must have in common for their tokens to be the same."""


def is_experiment(path: str | os.PathLike[str]) -> bool:
    """Return whether a file, or the shipped file of a name, is an experiment and not a spec."""
    file = _located(path)
    if file is None:
        return False
    with file.open("rb") as lines:
        return any(FIRST_KEY.match(line) for line in lines)


def check(path: str | os.PathLike[str]) -> Report:
    """Return the findings on an experiment file and on every arm of it. Never raises for a bad file."""
    try:
        return examine(path)[1]
    except SpecError as error:
        return error.report


def load(path: str | os.PathLike[str]) -> Experiment:
    """Read an experiment from a path, or a shipped one by name, and check it.

    Raises:
        SpecError: it, or an arm of it, has errors.
    """
    return examine(path)[0]


def examine(path: str | os.PathLike[str]) -> tuple[Experiment, Report]:
    """Return an experiment and the findings on it, none of which is an error.

    Raises:
        SpecError: there are errors.
    """
    experiment, report = read(path)
    for rule in RULES:
        report.extend(rule.findings(experiment))
    if report.errors:  # the arms cannot be compiled
        raise SpecError(report)
    connectomes: dict[str, Connectome] = {}
    for name in experiment.arms:
        try:
            connectomes[name], findings = connectome_of(experiment, name)
            report.extend(findings)
            report.extend(compiler.check(connectomes[name]))
        except SpecError as error:
            report.extend(error.report)
    report.extend(_unfit_data(experiment))
    for name, found in connectomes.items():
        report.extend(_unfit_arm(experiment, name, found, connectomes.get(experiment.baseline)))
    if report.errors:
        raise SpecError(report)
    return experiment, report


def read(path: str | os.PathLike[str]) -> tuple[Experiment, Report]:
    """Read an experiment file without looking at its arms.

    Raises:
        SpecError: it cannot be read as one.
    """
    report, shown = Report(), os.fspath(path)
    file = _located(path)
    if file is None:
        message = f"there is no file `{shown}`, and no shipped experiment of that name"
        hint = did_you_mean(shown, specs.experiments())
        raise failed(reading.MISSING_FILE, shown, message, hint)
    shown = shown if file == Path(path) else str(file)
    tree, text = yaml_tree.parse(file, shown, report)
    if not isinstance(tree, Mapping):
        report.add(reading.WRONG_TYPE.at(tree.span, "an experiment is a mapping", help=f"start with `{KEY}: 1`"))
        raise SpecError(report)
    if KEY not in tree.items and "cortexc" in tree.items:
        hint = f"an arm of an experiment names it as `spec`; an experiment starts with `{KEY}: 1`"
        message = "this is a spec, and an experiment is expected"
        report.add(reading.WRONG_TYPE.at(tree.keys["cortexc"], message, help=hint))
        raise SpecError(report)
    return validated(Experiment, tree, {shown: text}, report), report


def votes_path(experiment: Experiment) -> Path:
    """Return the path of the human votes that an experiment names; it is relative to the experiment's file."""
    return Path(experiment.span("evaluation", "human").path).parent / str(experiment.evaluation.human)


def _located(path: str | os.PathLike[str]) -> Path | None:
    file = Path(path)
    if file.is_file():
        return file
    return specs.find(f"experiments/{os.fspath(path)}")


def _unfit_data(experiment: Experiment) -> Iterator[Diagnostic]:
    """Yield the findings on the data of an experiment."""
    record, hold_out = DATASETS[experiment.data.name], experiment.data.hold_out or 0
    if hold_out >= record.training_images:
        message = f"{hold_out:,} images are held out, and {record.name} has {record.training_images:,} to train on"
        yield UNFIT_DATA.at(experiment.span("data", "hold_out"), message, help="hold fewer out")
    if experiment.evaluation.human is not None and not (votes := votes_path(experiment)).is_file():
        hint = "it is `cifar10h-counts.npy` of https://github.com/jcpeterson/cifar-10h, beside the experiment"
        message = f"there is no file `{votes}`"
        yield reading.MISSING_FILE.at(experiment.span("evaluation", "human"), message, help=hint)


def _unfit_arm(experiment: Experiment, name: str, found: Connectome, base: Connectome | None) -> Iterator[Diagnostic]:
    """Yield the findings on an arm that does not fit the data, or whose input differs from the baseline's."""
    record, span = DATASETS[experiment.data.name], experiment.locations.span(("arms", name), key=True)
    seen = (found.input.channels, *(side * found.input.patch for side in found.input.grid))
    if seen != IMAGE_SHAPE:
        message = f"the arm `{name}` takes images of {_by(seen)}, and the data have {_by(IMAGE_SHAPE)}"
        yield UNFIT_DATA.at(span, message, help="change `input.grid` or `input.patch`")
    if found.readout.classes != record.classes:
        message = f"the arm `{name}` has {found.readout.classes} classes, and {record.name} has {record.classes}"
        yield UNFIT_DATA.at(span, message, help="change `readout.classes`")
    if base is None or experiment.arms[name].other_input is not None:
        return
    if other := [field for field in SAME_INPUT if getattr(found.input, field) != getattr(base.input, field)]:
        message = f"the arm `{name}` and the baseline `{experiment.baseline}` differ in `input.{other[0]}`"
        hint = "give it the same input, or say under `other_input` why it has another one"
        yield UNMATCHED.at(span, message, help=hint)


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
