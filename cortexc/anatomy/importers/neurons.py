"""From neurons and synapses to areas, layers and populations.

Strengths between areas can be what tracers measure: FLNe is the fraction of all labelled neurons outside the target
that lie in the source (Markov et al. 2014, doi 10.1093/cercor/bhs270), SLN the supragranular fraction of those (doi
10.1002/cne.23458). Here every presynaptic neuron counts as labelled. Inside an area, the probability of a connection is
the number of connected pairs over the number of all pairs of neurons.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from cortexc.connectome.diagnostics import failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE
from cortexc.connectome.laminar import INFRAGRANULAR, SUPRAGRANULAR
from cortexc.connectome.model import Circuit

from .columns import known
from .options import Options, Strength
from .report import JOINS, ImportReport, listed
from .wiring import Wiring

AREA = ("area brainarea region brainregion neuropil roi mainneuropil structure acronym parcel location").split()
LAYER = "layer corticallayer lamina location".split()
KIND = (
    "ei kind synapseclass excitatoryinhibitory polarity neurotransmitter nt nttype topnt transmitter toptransmitter"
).split()
TYPE = "popname population celltype mtype type cellclass class".split()
INTERNEURONS = "pvalb|pv|sst|vip|htr3a"
"""Types that are inhibitory wherever they are named, as a regular expression."""
INHIBITORY = frozenset(
    "i inh inhibitory gaba gabaergic gly glycine interneuron -1 pv pvalb sst vip htr3a sncg lamp5 basket chandelier "
    "martinotti".split()
)
GLUTAMATE = frozenset({"glut", "glutamate", "glutamatergic"})
EXCITATORY = GLUTAMATE | frozenset(
    "e exc excitatory ach acetylcholine pyramidal 1 da dopamine ser serotonin oct octopamine pc".split()
)
MOST_TYPES = 32
"""More types than this are not taken for populations unless asked for."""
MOST_POPULATIONS = 128

LAYER_NUMBER = "2/3|2_3|23|5/6|5_6|56|[1-6]"
"""How people write the number of a layer, as a regular expression."""
_LAYER = re.compile(rf"(?:^|[^0-9])({LAYER_NUMBER})(?:[a-cA-C][a-z]*)?$")
_DOUBLE = {"2/3": "L2/3", "2_3": "L2/3", "23": "L2/3", "5/6": "L5/6", "5_6": "L5/6", "56": "L5/6"}


@dataclass(frozen=True)
class Group:
    """A population: the neurons of one layer, kind and type in one area."""

    area: int
    layer: str | None
    inhibitory: bool
    name: str
    """What it is called in its area."""
    label: str
    """What it is called among those of all areas."""


@dataclass(frozen=True, eq=False)
class Neurons:
    """Neurons, each in one population."""

    areas: tuple[str, ...]
    groups: tuple[Group, ...]
    group: np.ndarray
    """int64 [neurons]: of each neuron that an edge may name."""
    cells: np.ndarray
    """[groups]: how many neurons a population has, those that no edge names too."""

    @cached_property
    def area(self) -> np.ndarray:
        """int64 [groups]"""
        return np.array([g.area for g in self.groups], np.int64)

    @cached_property
    def inhibitory(self) -> np.ndarray:
        """bool [groups]"""
        return np.array([g.inhibitory for g in self.groups], bool)

    def in_layers(self, layers: frozenset[str]) -> np.ndarray:
        """Return which populations lie in some layers: bool [groups]."""
        return np.array([g.layer in layers for g in self.groups], bool)


def layer_of(text: str) -> str | None:
    """Return the layer that a text ends with, or None.

    >>> layer_of("VisL4"), layer_of("2/3"), layer_of("6a"), layer_of("LGN")
    ('L4', 'L2/3', 'L6', None)
    """
    found = _LAYER.search(text.strip())
    return _DOUBLE.get(found[1], f"L{found[1]}") if found else None


def grouped(
    columns: dict[str, np.ndarray], fallback: np.ndarray, options: Options, report: ImportReport, path: str
) -> Neurons:
    """Return neurons in populations, by what their table says of them.

    ``columns``: text [neurons], by name. ``fallback``: text [neurons], the area where no column names one.

    Raises:
        SpecError: a column that was named is not there, or there are too many populations.
    """
    chosen = _chosen(columns, options, report, path)
    for what, name in chosen.items():
        if name is not None and getattr(options, f"{what}_column") is None:
            report.guess(f"{what} of a neuron", f"column `{name}`", "by its name", f"--{what}-column")
    spare = [c for c in columns if c not in chosen.values() and (columns[c] != "").any()]
    report.unused("columns of neurons", spare)

    def said(what: str) -> np.ndarray:
        name = chosen[what]
        return np.full(len(fallback), "", object) if name is None else columns[name]

    if chosen["area"] is None:
        shown = ", ".join(dict.fromkeys(fallback.tolist()))
        report.guess("area of a neuron", shown, "no column names areas", "--area-column")
    nameless = said("area") == ""
    if chosen["area"] is not None and nameless.any():
        there = ", ".join(dict.fromkeys(fallback[nameless].tolist()))
        report.guess(f"area of {int(nameless.sum()):,} neurons", there, "their area is empty")
    areas = np.where(nameless, fallback, said("area"))
    stated = chosen["kind"] is not None
    inhibitory = _inhibitory(said("kind" if stated else "type"), stated, options, report)
    return _neurons(areas, said("layer"), said("type"), inhibitory, report, path)


def _chosen(columns: dict[str, np.ndarray], options: Options, report: ImportReport, path: str) -> dict[str, str | None]:
    """Return the column of areas, layers, kinds and types, None where there is none."""

    def column(what: str, likely: list[str]) -> str | None:
        wanted: str | None = getattr(options, f"{what}_column")
        if wanted is not None and wanted not in columns:
            shown = ", ".join(f"`{c}`" for c in columns)
            raise failed(BAD_TABLE, path, f"--{what}-column names `{wanted}`; the columns are {shown}")
        return wanted or next(iter(known(columns, likely)), None)

    layer, area = column("layer", LAYER), column("area", AREA)
    layers = [] if layer is None else [layer_of(text) for text in set(columns[layer].tolist())]
    if area is not None and area == layer and options.area_column is None:
        area, layer = (None, layer) if None not in layers else (area, None)
    if options.layer_column is None and not any(layers):
        layer = None
    kind, type_ = column("kind", KIND), column("type", TYPE)
    if options.type_column is None:
        type_ = _uncrowded(columns, {area, kind, layer}, report)
    elif type_ in {area, kind}:
        type_ = None
    return {"area": area, "layer": layer, "kind": kind, "type": type_}


def _uncrowded(columns: dict[str, np.ndarray], used: set[str | None], report: ImportReport) -> str | None:
    """Return the likeliest column of types that has few enough of them for populations."""
    likely = known(columns, TYPE, but=used)
    types = {name: len(set(columns[name].tolist())) for name in likely}
    if crowded := {name: count for name, count in types.items() if count > MOST_TYPES}:
        shown = ", ".join(f"`{name}` with {count:,} values" for name, count in crowded.items())
        why = f"more than {MOST_TYPES} types are no populations"
        report.guess("type of a neuron", f"not {shown}", why, "--type-column")
    return next((name for name in likely if name not in crowded), None)


def _inhibitory(values: np.ndarray, stated: bool, options: Options, report: ImportReport) -> np.ndarray:
    """Return which neurons are inhibitory, by transmitter or kind, else by the name of their type: bool [neurons]."""
    chosen = {v.lower() for v in options.inhibitory}
    by_name = re.compile(rf"(?:^|[\d/_ -])I$|(?:{INTERNEURONS})", re.IGNORECASE)
    found: dict[str, bool] = {}
    unknown: list[str] = []
    for value in dict.fromkeys(values.tolist()):
        plain = value.strip().lower()
        words = set(re.split(r"[^a-z0-9-]+", plain)) | {plain}
        if chosen:
            found[value] = bool(chosen & words)
            continue
        found[value] = bool(words & INHIBITORY) or (not stated and by_name.search(value) is not None)
        if not found[value] and not words & EXCITATORY:
            unknown.append(value or "(empty)")
    if unknown:
        why = f"nothing says that {listed(unknown)} inhibit"
        report.guess("kind of neurons", "excitatory", why, "--inhibitory VALUE,VALUE")
    glutamate = sum(v.strip().lower() in GLUTAMATE and not found[v] for v in values.tolist())
    if glutamate and not chosen:
        why = f"so it is in vertebrates; in insects it often inhibits: {glutamate:,} neurons"
        report.guess("glutamate", "excitatory", why, "--inhibitory")
    return np.array([found[v] for v in values.tolist()], bool)


def _neurons(
    areas: np.ndarray, layers: np.ndarray, types: np.ndarray, inhibitory: np.ndarray, report: ImportReport, path: str
) -> Neurons:
    names = tuple(dict.fromkeys(areas.tolist()))
    index = {name: i for i, name in enumerate(names)}
    by_layer = {value: layer_of(value) for value in set(layers.tolist())}
    if lost := sorted(v for v, found in by_layer.items() if found is None and v):
        report.guess("layer of neurons", "none", f"`{lost[0]}` is no layer" + (", and others" if lost[1:] else ""))
    described = zip(areas.tolist(), layers.tolist(), types.tolist(), inhibitory.tolist(), strict=True)
    keys = [(index[area], by_layer[layer], type_, inhibits) for area, layer, type_, inhibits in described]
    distinct = sorted(set(keys), key=lambda k: (k[0], k[1] or "", k[3], k[2]))
    groups = []
    for key in distinct:
        area, layer, _, inhibits = key
        name = _name(key, [other for other in distinct if other[0] == area])
        groups.append(Group(area, layer, inhibits, name, f"{names[area]}.{name}"))
    for area_name, count in zip(names, np.bincount([g.area for g in groups], minlength=len(names)), strict=True):
        if count > MOST_POPULATIONS:
            message = f"`{area_name}` would have {count} populations, and at most {MOST_POPULATIONS} make sense"
            raise failed(BAD_TABLE, path, message, "name a coarser column: --type-column")
    number = {key: i for i, key in enumerate(distinct)}
    group = np.fromiter((number[k] for k in keys), np.int64, len(keys))
    return Neurons(names, tuple(groups), group, np.bincount(group, minlength=len(groups)))


Key = tuple[int, str | None, str, bool]
"""Area, layer, type, and whether it inhibits."""


def _name(key: Key, here: list[Key]) -> str:
    """Return a population's name, unique in its area: its type, or layer and kind; both where one is not enough.

    ``here``: all populations of the area.
    """
    _, layer, type_, inhibits = key
    letter = "I" if inhibits else "E"
    deep = (layer or "").replace("/", "")
    if not type_:
        return f"{deep}{letter}"
    name = re.sub(rf"[{JOINS}\n]", "_", type_)
    if sum(other[2] == type_ for other in here) > 1:
        name = f"{deep}_{name}" if deep else name
        if sum(other[2] == type_ and other[1] == layer for other in here) > 1:
            name += f"_{letter}"
    return name


@dataclass
class Pairs:
    """Connected pairs of neurons, summed up chunk by chunk."""

    size: int
    """Neurons."""
    key: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    synapses: np.ndarray = field(default_factory=lambda: np.zeros(0))
    weight: np.ndarray = field(default_factory=lambda: np.zeros(0))
    waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    rows: int = 0

    def add(self, pre: np.ndarray, post: np.ndarray, synapses: np.ndarray, weight: np.ndarray) -> None:
        """Add edges: int64 numbers of neurons, float64 numbers of synapses and weights [edges]."""
        self.rows += len(pre)
        self.waiting.append(_summed(pre.astype(np.int64) * self.size + post, synapses, weight))
        if sum(len(k) for k, _, _ in self.waiting) > max(4_000_000, len(self.key)):
            self.settle()

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Return both neurons of each pair: int64 [pairs] and int64 [pairs]."""
        return np.divmod(self.key, max(1, self.size))

    def settle(self) -> None:
        """Sum what was added into one entry a pair."""
        parts = [(self.key, self.synapses, self.weight), *self.waiting]
        joined = [np.concatenate([part[i] for part in parts]) for i in range(3)]
        self.key, self.synapses, self.weight = _summed(*joined)
        self.waiting.clear()


def _summed(key: np.ndarray, synapses: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    unique, inverse = np.unique(key, return_inverse=True)
    return unique, np.bincount(inverse, synapses, len(unique)), np.bincount(inverse, weight, len(unique))


@dataclass(frozen=True, eq=False)
class Connections:
    """Connections from population to population: what their connected pairs of neurons add up to."""

    source: np.ndarray
    """int64 [connections]: indices into ``Neurons.groups``, as ``target``."""
    target: np.ndarray
    """int64 [connections]"""
    pairs: np.ndarray
    """int64 [connections]: connected pairs of neurons."""
    synapses: np.ndarray
    weight: np.ndarray
    probability: np.ndarray
    """float64 [connections]: that a pair of neurons is connected."""
    within: np.ndarray
    """bool [connections]: whether they stay in their area."""


def connected(neurons: Neurons, pairs: Pairs) -> Connections:
    """Return the connections among populations, ordered by source and target."""
    pre, post = pairs.ends()
    size = max(1, len(neurons.groups))
    joined = neurons.group[pre] * size + neurons.group[post]
    key, code, count = np.unique(joined, return_inverse=True, return_counts=True)
    synapses, weight = (np.bincount(code, values, len(key)) for values in (pairs.synapses, pairs.weight))
    source, target = np.divmod(key, size)
    probability = count / (neurons.cells[source] * neurons.cells[target])
    within = neurons.area[source] == neurons.area[target]
    return Connections(source, target, count, synapses, weight, probability, within)


def tabled(neurons: Neurons, connections: Connections) -> dict[str, np.ndarray]:
    """Return connections among populations as the columns of a table."""
    labels = np.array([g.label for g in neurons.groups], object)
    return {
        "from": labels[connections.source],
        "to": labels[connections.target],
        "pairs": connections.pairs.astype(np.float64),
        "synapses": connections.synapses,
        "weight": connections.weight,
        "probability": connections.probability,
    }


def aggregated(neurons: Neurons, pairs: Pairs, options: Options, report: ImportReport) -> Wiring:
    """Return areas, their circuits, and the projections between them; say what was counted."""
    pairs.settle()
    autapses = int(np.equal(*pairs.ends()).sum())
    report.read.append(
        f"{pairs.size:,} neurons in {len(neurons.areas):,} areas and {len(neurons.groups):,} populations; "
        f"{pairs.rows:,} edges, {len(pairs.key):,} connected pairs, {pairs.synapses.sum():,.0f} synapses"
        + (f", {autapses:,} autapses" if autapses else "")
    )
    connections = connected(neurons, pairs)
    found = wired(neurons, pairs, connections, options.strength, report)
    if len(found.source):
        report.guess("strength of a projection", options.strength, "as counted in the data", "--strength")
    inside, between = connections.within, ~connections.within & ~neurons.inhibitory[connections.source]
    report.read.append(f"{int(inside.sum()):,} connections of populations inside areas, {int(between.sum()):,} between")
    return found


def wired(
    neurons: Neurons,
    pairs: Pairs,
    connections: Connections,
    strength: Strength,
    report: ImportReport,
    sln_of: Literal["neurons", "strength"] = "neurons",
) -> Wiring:
    """Return the areas that have an excitatory population, with their circuits and the projections among them.

    ``sln_of``: what the SLN is a fraction of: the neurons that project, or what the strength counts.
    """
    area_of_source, area_of_target = neurons.area[connections.source], neurons.area[connections.target]
    silent = ~connections.within & neurons.inhibitory[connections.source]
    if silent.any():
        first = int(silent.argmax())
        where = f"{neurons.areas[area_of_source[first]]} -> {neurons.areas[area_of_target[first]]}"
        what = "connected pairs with an inhibitory neuron at the source"
        why = "inhibitory populations stay within their area"
        report.drop(int(connections.pairs[silent].sum()), what, why, where)
    circuits = _circuits(neurons, connections)
    alive = np.array([name in circuits for name in neurons.areas], bool)
    if not alive.all():
        mute, lost = int((~alive).sum()), ~(alive[area_of_source] & alive[area_of_target])
        why = "all their neurons are inhibitory, and an area needs one that is not"
        report.drop(mute, "areas", why, neurons.areas[int(alive.argmin())])
        report.drop(int(connections.pairs[lost].sum()), "connected pairs of these areas", "with them")
    areas = tuple(name for name in neurons.areas if name in circuits)
    projections = _projections(neurons, pairs, alive, strength, sln_of)
    found = Wiring(areas, *projections, circuits=circuits, tables={"connections": tabled(neurons, connections)})
    if "weight" in found.values:
        some = found.values["weight"] != 0
        report.drop(int((~some).sum()), "projections of weight 0", "no strength, no projection")
        found = found.picked(some)
    return found


def _circuits(neurons: Neurons, connections: Connections) -> dict[str, Circuit]:
    """Return the circuit of each area that has an excitatory population."""
    members: dict[int, list[int]] = {}
    for i, group in enumerate(neurons.groups):
        members.setdefault(group.area, []).append(i)
    inside: dict[int, list[int]] = {}
    for k in np.flatnonzero(connections.within).tolist():
        inside.setdefault(neurons.groups[connections.source[k]].area, []).append(k)
    return {
        neurons.areas[area]: _circuit(neurons, connections, groups, inside.get(area, []))
        for area, groups in members.items()
        if not neurons.inhibitory[groups].all()
    }


def _circuit(neurons: Neurons, connections: Connections, groups: list[int], inside: list[int]) -> Circuit:
    """Return the circuit of an area: of some populations, and of connections inside."""
    populations = {}
    for i in groups:
        group = neurons.groups[i]
        layer = {"layer": group.layer} if group.layer else {}
        kind = "inhibitory" if group.inhibitory else "excitatory"
        populations[group.name] = {"kind": kind, **layer, "cells": float(neurons.cells[i]), "source": "data"}
    data: dict[str, Any] = {"populations": populations, "source": "data"}
    if inside:
        row = {group: i for i, group in enumerate(groups)}
        matrix = [[0.0] * len(groups) for _ in groups]
        for k in inside:
            probability = min(1.0, connections.probability[k])
            matrix[row[connections.target[k]]][row[connections.source[k]]] = float(f"{probability:.6g}")
        names = list(populations)
        data["connections"] = {"rows": "target", "populations": names, "probability": matrix, "source": "data"}
    return Circuit.model_validate(data)


def _projections(
    neurons: Neurons, pairs: Pairs, alive: np.ndarray, strength: Strength, sln_of: Literal["neurons", "strength"]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return source, target (int64 [projections]) and values of the projections among the areas that are alive."""
    pre, post = pairs.ends()
    group = neurons.group[pre]
    a, b = neurons.area[group], neurons.area[neurons.group[post]]
    chosen = (a != b) & alive[a] & alive[b] & ~neurons.inhibitory[group]
    number, size = np.cumsum(alive) - 1, max(1, int(alive.sum()))
    pre, group, a, b = pre[chosen], group[chosen], number[a[chosen]], number[b[chosen]]
    key, code = np.unique(a * size + b, return_inverse=True)
    source, target = np.divmod(key, size)

    # each presynaptic neuron counts once for each target area, as it would be labelled once
    once = np.zeros(len(pre))
    once[np.unique(pre * size + b, return_index=True)[1]] = 1.0
    amount = {
        "synapses": pairs.synapses[chosen],
        "connections": np.ones(len(pre)),
        "weight": pairs.weight[chosen],
        "neurons": once,
    }[strength]
    total = np.bincount(code, amount, len(key))
    fraction = once if sln_of == "neurons" else amount
    upper, lower = (
        np.bincount(code, fraction * neurons.in_layers(layers)[group], len(key))
        for layers in (SUPRAGRANULAR - {"L1"}, INFRAGRANULAR)
    )
    values = {"weight": np.abs(total)}
    if strength == "neurons":
        values = {"fln": total / np.bincount(target, total, size)[target]}
    with np.errstate(invalid="ignore"):
        sln = upper / (upper + lower)
    if not np.isnan(sln).all():
        values["sln"] = sln
    return source, target, values
