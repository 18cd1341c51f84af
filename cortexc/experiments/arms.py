"""From an arm to its connectome: the spec it names, its overrides laid over it, its null model drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

from cortexc.anatomy.nulls import NullError, ignores_seed
from cortexc.connectome.checker import examine
from cortexc.connectome.diagnostics import Report, Span, SpecError, failed, reading
from cortexc.connectome.io.decode import decode
from cortexc.connectome.io.references import Reader, merge
from cortexc.connectome.io.yaml_tree import Mapping, Node, Scalar
from cortexc.connectome.locations import step_into
from cortexc.connectome.model import Connectome

from .matching import drawn
from .model import Experiment, NullModel
from .rules import NO_NULL_MODEL


def connectome_of(experiment: Experiment, name: str) -> tuple[Connectome, Report]:
    """Return the connectome of an arm, the first if it is an ensemble, and the findings on it, none an error.

    Raises:
        SpecError: it cannot be made, or has errors.
    """
    return next(connectomes_of(experiment, name))


def connectomes_of(experiment: Experiment, name: str) -> Iterator[tuple[Connectome, Report]]:
    """Yield the connectomes of an arm, one but for an ensemble of null models, and the findings on each, none an error.

    Raises:
        SpecError: one cannot be made, or has errors.
    """
    connectome, report = _read(experiment, name)
    wanted = experiment.arms[name].null_model
    if wanted is None:
        yield connectome, _checked(connectome, report)
        return
    _checked(connectome, report)  # so that errors of the arm itself are not reported as those of the null model
    try:
        for one in _nulls(connectome, wanted):
            found = one.model_copy(update={"name": name})
            yield found, _checked(found, report)
    except NullError as error:
        report.add(NO_NULL_MODEL.at(experiment.span("arms", name, "null_model"), str(error)))
        raise SpecError(report) from None


def _nulls(connectome: Connectome, wanted: NullModel) -> Iterator[Connectome]:
    """Yield the null models of an arm.

    Raises:
        NullError: one of them does not exist, or no draw fits the wanted sizes.
    """
    if wanted.nulls is not None and ignores_seed(connectome, wanted.model):
        model = f"the same {wanted.model} null model"
        raise NullError(f"every seed gives {model}: an ensemble would be one, again and again")
    each = isinstance(wanted.nulls, tuple)
    draws = 1 if each or (wanted.nulls is None and not wanted.match) else wanted.draws
    for seed in wanted.nulls if isinstance(wanted.nulls, tuple) else (wanted.seed,):
        found = drawn(connectome, wanted.model, seed=seed, match=wanted.match, within=wanted.within, draws=draws)
        yield from (one.connectome for one in itertools.islice(found, 1 if each else wanted.count))


def base_of(experiment: Experiment, name: str) -> Connectome:
    """Return what an arm is laid over: the arm it is a variant of, or the spec that it names.

    Raises:
        SpecError: it cannot be read, or has errors.
    """
    arm = experiment.arms[name]
    if arm.of is not None:
        return connectome_of(experiment, arm.of)[0]
    connectome, report = _read(experiment, name, overrides=False)
    _checked(connectome, report)
    return connectome


def _read(experiment: Experiment, name: str, *, overrides: bool = True) -> tuple[Connectome, Report]:
    """Return the connectome of an arm before any null model, and what was found while it was read."""
    report = Report()
    reader = Reader(report)
    tree = _tree(experiment, name, reader, overrides=overrides)
    assert isinstance(tree, Mapping)
    return decode(_with_key(tree, "name", name, experiment.span("arms", name)), reader.texts, report), report


def _checked(connectome: Connectome, before: Report) -> Report:
    """Return what was found before, while a connectome was read, and what the rules find on it.

    Raises:
        SpecError: there are errors.
    """
    report = Report([*before.findings, *examine(connectome)[1].findings])
    if report.errors:
        raise SpecError(report)
    return report


def _tree(experiment: Experiment, name: str, reader: Reader, *, overrides: bool = True) -> Node:
    """Return the tree of an arm's spec with its overrides laid over it, references followed."""
    arm = experiment.arms[name]
    span = experiment.span("arms", name)
    written = reduce(step_into, ("arms", name, "overrides"), experiment.locations.tree) if overrides else None
    over = written if isinstance(written, Mapping) else Mapping(span)
    if "extends" in over.items:
        hint = "overrides are laid over the arm's `spec`, or over the arm that it is `of`: name that there"
        raise failed(reading.UNKNOWN_KEY, over.keys["extends"], "overrides cannot extend another spec", hint)
    if arm.of is not None:
        return merge(_tree(experiment, arm.of, reader), reader.follow(over, Path(span.path), span.path))
    laid = _with_key(over, "extends", arm.spec, experiment.span("arms", name, "spec"))
    return reader.follow(laid, Path(span.path), span.path, root=True)


def _with_key(tree: Mapping, key: str, value: object, span: Span) -> Mapping:
    """Return a tree with one key more, or with another value of it, as if it were written at ``span``."""
    return Mapping(tree.span, {**tree.items, key: Scalar(span, value)}, {**tree.keys, key: span})
