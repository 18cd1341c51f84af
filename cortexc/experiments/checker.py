"""Reading and checking an experiment file, and every arm of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cortexc import compiler, specs
from cortexc.connectome.diagnostics import Report, SpecError, did_you_mean, failed, reading
from cortexc.connectome.io import yaml_tree
from cortexc.connectome.io.decode import validated
from cortexc.connectome.io.yaml_tree import Mapping
from cortexc.connectome.model import Connectome

from .arms import connectome_of
from .model import Experiment
from .rules import OF_ARMS, OF_FILE, Arms

KEY = "cortexc_experiment"
FIRST_KEY = re.compile(rb"(\xef\xbb\xbf)?[{\s]*[\"']?" + KEY.encode() + rb"[\"']?\s*:")
"""The line that an experiment has, and a spec does not."""


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
    for rule in OF_FILE:
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
    for rule in OF_ARMS:
        report.extend(rule.findings(Arms(experiment, connectomes)))
    if experiment.evaluation.human is not None and not (votes := votes_path(experiment)).is_file():
        hint = "it is `cifar10h-counts.npy` of https://github.com/jcpeterson/cifar-10h, beside the experiment"
        span, message = experiment.span("evaluation", "human"), f"there is no file `{votes}`"
        report.add(reading.MISSING_FILE.at(span, message, help=hint))
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
    return file if file.is_file() else specs.find(f"experiments/{os.fspath(path)}")
