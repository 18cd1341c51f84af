"""From an arm to its connectome: the spec it names, its overrides laid over it, its null model drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from cortexc.anatomy.nulls import NullError, ignores_seed
from cortexc.connectome.checker import examine
from cortexc.connectome.diagnostics import reading
from cortexc.connectome.diagnostics.error import SpecError
from cortexc.connectome.diagnostics.report import Report
from cortexc.connectome.io.decode import decode
from cortexc.connectome.io.references import Reader, merge
from cortexc.connectome.io.yaml_tree import Mapping, Node, Scalar
from cortexc.connectome.model import Connectome
from cortexc.connectome.origins import Origins, step_into

from .matching import drawn
from .model import Arm, Experiment, NullModel
from .rules import NO_NULL_MODEL


def connectome_of(experiment: Experiment, name: str) -> tuple[Connectome, Report]:
    """Return the connectome of an arm, the first where it is an ensemble, and the findings on it, none an error.

    Raises:
        SpecError: it cannot be made, or has errors.
    """
    return next(connectomes_of(experiment, name))


def connectomes_of(experiment: Experiment, name: str) -> Iterator[tuple[Connectome, Report]]:
    """Yield the connectomes of an arm, one but for an ensemble of null models, and the findings on each, none an error.

    Raises:
        SpecError: one cannot be made, or has errors.
    """
    report = Report()
    reader = Reader(report)
    tree = _tree(experiment, name, reader)
    assert isinstance(tree, Mapping)
    place = experiment.span("arms", name)
    named = Mapping(tree.span, {**tree.items, "name": Scalar(place, name)}, {**tree.keys, "name": place})
    connectome = decode(named, reader.texts, report)
    wanted = experiment.arms[name].null_model
    if wanted is None:
        yield connectome, _sound(connectome, report)
        return
    _sound(connectome, report)
    try:
        for one in _nulls(connectome, wanted):
            found = one.model_copy(update={"name": name})
            yield found, _sound(found, report)
    except NullError as error:
        fault = NO_NULL_MODEL.at(experiment.span("arms", name, "null_model"), str(error))
        raise SpecError(Report([*report.findings, fault])) from None


def _nulls(connectome: Connectome, wanted: NullModel) -> Iterator[Connectome]:
    """Yield the null models that an arm asks for.

    Raises:
        NullError: one of them does not exist, or no draw is as it is wanted.
    """
    if wanted.nulls is not None and ignores_seed(connectome, wanted.model):
        raise NullError(
            f"every seed gives the same {wanted.model} null model: an ensemble would be one, again and again"
        )
    each = isinstance(wanted.nulls, tuple)
    draws = 1 if each or (wanted.nulls is None and not wanted.match) else wanted.draws
    for seed in wanted.nulls if isinstance(wanted.nulls, tuple) else (wanted.seed,):
        found = drawn(connectome, wanted.model, seed=seed, match=wanted.match, within=wanted.within, draws=draws)
        yield from (one.connectome for one in itertools.islice(found, 1 if each else wanted.count))


def base_of(experiment: Experiment, name: str) -> Connectome:
    """Return what an arm is laid over: the arm it is a variant of, or the spec that it names.

    Raises:
        SpecError: it cannot be read.
    """
    arm = experiment.arms[name]
    if arm.of is not None:
        return connectome_of(experiment, arm.of)[0]
    bare = arm.model_copy(update={"overrides": {}, "null_model": None})
    plain = experiment.model_copy(
        update={"arms": {name: bare}, "origins": Origins(_without(experiment, name), experiment.origins.texts)}
    )
    return connectome_of(plain, name)[0]


def _without(experiment: Experiment, name: str) -> Node:
    """Return the tree of the experiment with the overrides of an arm taken out."""
    tree = experiment.origins.tree
    arms = tree.items["arms"]
    arm = arms.items[name]
    kept = Mapping(arm.span, {k: v for k, v in arm.items.items() if k != "overrides"}, arm.keys)
    return Mapping(
        tree.span, {**tree.items, "arms": Mapping(arms.span, {**arms.items, name: kept}, arms.keys)}, tree.keys
    )


def _sound(connectome: Connectome, before: Report) -> Report:
    """Return all findings on a connectome.

    Raises:
        SpecError: there are errors.
    """
    report = Report([*before.findings, *examine(connectome)[1].findings])
    if report.errors:
        raise SpecError(report)
    return report


def _tree(experiment: Experiment, name: str, reader: Reader) -> Node:
    """Return the tree of an arm's spec, references followed, before any null model."""
    arm: Arm = experiment.arms[name]
    place = experiment.span("arms", name)
    node = experiment.origins.tree
    for step in ("arms", name, "overrides"):
        node = step_into(node, step)
    over = node if isinstance(node, Mapping) else Mapping(place)
    if "extends" in over.items:
        hint = "overrides are laid over the arm's `spec`, or over the arm that it is `of`: name that there"
        found = reading.UNKNOWN_KEY.at(over.keys["extends"], "overrides cannot extend another spec", help=hint)
        raise SpecError(Report([found]))
    shown = place.path
    if arm.of is not None:
        return merge(_tree(experiment, arm.of, reader), reader.follow(over, Path(shown), shown))
    spec = experiment.span("arms", name, "spec")
    laid = Mapping(over.span, {**over.items, "extends": Scalar(spec, arm.spec)}, {**over.keys, "extends": spec})
    return reader.follow(laid, Path(shown), shown, root=True)
