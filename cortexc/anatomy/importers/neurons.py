"""From neurons and synapses to areas, layers and populations.

Strengths between areas can be what tracers measure: FLNe is the fraction of all labelled neurons outside the target
that lie in the source (Markov et al. 2014, doi 10.1093/cercor/bhs270), SLN the supragranular fraction of those (doi
10.1002/cne.23458). Here every presynaptic neuron counts as labelled. Inside an area, the probability of a connection is
the number of connected pairs over the number of all pairs of neurons.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cortexc.connectome.diagnostics.importing import BAD_TABLE
from cortexc.connectome.laminar import INFRAGRANULAR, SUPRAGRANULAR
from cortexc.connectome.model import Circuit

from .options import Options
from .report import ImportReport, failed
from .wiring import Wiring

AREA = (
    "area", "brainarea", "region", "brainregion", "neuropil", "roi", "mainneuropil", "structure", "acronym", "parcel",
    "location",
)  # fmt: skip
LAYER = ("layer", "corticallayer", "lamina", "location")
KIND = (
    "ei", "kind", "synapseclass", "excitatoryinhibitory", "polarity", "neurotransmitter", "nt", "nttype", "topnt",
    "transmitter", "toptransmitter",
)  # fmt: skip
TYPE = ("popname", "population", "celltype", "mtype", "type", "cellclass", "class")
INHIBITORY = frozenset({
    "i", "inh", "inhibitory", "gaba", "gabaergic", "gly", "glycine", "interneuron", "-1", "pv", "pvalb", "sst", "vip",
    "htr3a", "sncg", "lamp5", "basket", "chandelier", "martinotti",
})  # fmt: skip
EXCITATORY = frozenset({
    "e", "exc", "excitatory", "glut", "glutamate", "glutamatergic", "ach", "acetylcholine", "pyramidal", "1", "da",
    "dopamine", "ser", "serotonin", "oct", "octopamine", "pc",
})  # fmt: skip
GLUTAMATE = frozenset({"glut", "glutamate", "glutamatergic"})
MOST_TYPES = 32
"""More types than this are not taken for populations unless asked for."""
MOST_POPULATIONS = 128

_LAYER = re.compile(r"(?:^|[^0-9])(2/3|2_3|23|5/6|5_6|56|[1-6])(?:[a-cA-C][a-z]*)?$")
_LAYERS = {"1": "L1", "2": "L2", "3": "L3", "2/3": "L2/3", "2_3": "L2/3", "23": "L2/3", "4": "L4", "5": "L5",
           "6": "L6", "5/6": "L5/6", "5_6": "L5/6", "56": "L5/6"}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """A population: the neurons of one layer, kind and type in one area."""

    area: int
    layer: str | None
    inhibitory: bool
    type: str
    name: str


@dataclass(frozen=True, eq=False)
class Neurons:
    """Neurons, each in one population."""

    areas: tuple[str, ...]
    groups: tuple[Group, ...]
    group: np.ndarray
    """int64 [neurons]"""


def layer_of(text: str) -> str | None:
    """Return the layer that a text ends with, or None.

    >>> layer_of("VisL4"), layer_of("2/3"), layer_of("6a"), layer_of("LGN")
    ('L4', 'L2/3', 'L6', None)
    """
    found = _LAYER.search(text.strip())
    return _LAYERS[found[1]] if found else None


def grouped(
    columns: dict[str, np.ndarray], fallback: np.ndarray, options: Options, report: ImportReport, place: str
) -> Neurons:
    """Return neurons in populations, by what their table says of them.

    ``columns``: text [neurons], by name. ``fallback``: text [neurons], the area where no column names one.

    Raises:
        SpecError: a column that was named is not there, or there are too many populations.
    """
    keys = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(columns)}

    def column(option: str, known: tuple[str, ...]) -> str | None:
        wanted: str | None = getattr(options, f"{option}_column")
        if wanted is not None:
            if wanted not in columns:
                listed = ", ".join(f"`{c}`" for c in columns)
                raise failed(BAD_TABLE, place, f"--{option}-column names `{wanted}`; the columns are {listed}")
            return wanted
        return next((keys[k] for k in known if k in keys), None)

    layer, area = column("layer", LAYER), column("area", AREA)
    if area is not None and area == layer and options.area_column is None:
        laminar = {layer_of(v) for v in set(columns[area].tolist())}
        area, layer = (None, layer) if None not in laminar else (area, None)
    if (
        layer is not None
        and options.layer_column is None
        and not any(layer_of(v) for v in set(columns[layer].tolist()))
    ):
        layer = None
    kind = column("kind", KIND)
    typed, crowded = column("type", TYPE), []
    if options.type_column is None:
        known = [keys[k] for k in TYPE if k in keys and keys[k] not in {area, kind, layer}]
        crowded = [name for name in known if _many(columns[name])]
        typed = next((name for name in known if name not in crowded), None)
    elif typed in {area, kind}:
        typed = None
    if crowded:
        shown = ", ".join(f"`{name}` with {len(set(columns[name].tolist())):,} values" for name in crowded)
        why = f"more than {MOST_TYPES} types are no populations"
        report.guess("type of a neuron", f"not {shown}", why, "--type-column")
    for what, name in (("area", area), ("layer", layer), ("kind", kind), ("type", typed)):
        if name is not None and getattr(options, f"{what}_column") is None:
            report.guess(f"{what} of a neuron", f"column `{name}`", "by its name", f"--{what}-column")
    spare = [c for c in columns if c not in {area, layer, kind, typed} and (columns[c] != "").any()]
    report_unused("columns of neurons", spare, report)
    if area is None:
        shown = ", ".join(dict.fromkeys(fallback.tolist()))
        report.guess("area of a neuron", shown, "no column names areas", "--area-column")
    areas = columns[area] if area else fallback
    if (nameless := areas == "").any():
        there = ", ".join(dict.fromkeys(fallback[nameless].tolist()))
        report.guess(f"area of {int(nameless.sum()):,} neurons", there, "their area is empty")
        areas = np.where(nameless, fallback, areas)
    size = len(areas)
    layers = columns[layer] if layer else np.full(size, "", object)
    types = columns[typed] if typed else np.full(size, "", object)
    inhibitory = _inhibitory(columns[kind] if kind else types, bool(kind), options, report)
    return _neurons(areas, layers, types, inhibitory, report, place)


def report_unused(what: str, names: Sequence[str], report: ImportReport) -> None:
    """Note the columns that nothing was read from."""
    shown = ", ".join(n or "(without a name)" for n in names)
    report.drop(len(names), f"{what}: {shown}", "not used")


def _many(values: np.ndarray) -> bool:
    return len(set(values.tolist())) > MOST_TYPES


def _inhibitory(values: np.ndarray, stated: bool, options: Options, report: ImportReport) -> np.ndarray:
    """Return which neurons are inhibitory, by transmitter or kind, else by the name of their type."""
    chosen = {v.lower() for v in options.inhibitory}
    found: dict[str, bool] = {}
    unknown: list[str] = []
    for value in dict.fromkeys(values.tolist()):
        plain = value.strip().lower()
        words = set(re.split(r"[^a-z0-9-]+", plain)) | {plain}
        if chosen:
            found[value] = bool(chosen & words)
        elif words & INHIBITORY or (
            not stated and re.search(r"(?:^|[\d/_ -])I$|(?:pvalb|pv|sst|vip|htr3a)", value, re.I)
        ):
            found[value] = True
        else:
            found[value] = False
            if not words & EXCITATORY:
                unknown.append(value or "(empty)")
    if unknown:
        shown = ", ".join(unknown[:6]) + (f" and {len(unknown) - 6} more" if len(unknown) > 6 else "")
        report.guess("kind of neurons", "excitatory", f"nothing says that {shown} inhibit", "--inhibitory VALUE,VALUE")
    glutamate = sum(v.strip().lower() in GLUTAMATE and not found[v] for v in values.tolist())
    if glutamate and not chosen:
        why = f"so it is in vertebrates; in insects it often inhibits: {glutamate:,} neurons"
        report.guess("glutamate", "excitatory", why, "--inhibitory")
    return np.array([found[v] for v in values.tolist()], bool)


def _neurons(
    areas: np.ndarray,
    layers: np.ndarray,
    types: np.ndarray,
    inhibitory: np.ndarray,
    report: ImportReport,
    place: str,
) -> Neurons:
    names = tuple(dict.fromkeys(areas.tolist()))
    index = {name: i for i, name in enumerate(names)}
    by_layer = {value: layer_of(value) for value in set(layers.tolist())}
    if lost := sorted(v for v, found in by_layer.items() if found is None and v):
        report.guess("layer of neurons", "none", f"`{lost[0]}` is no layer" + (", and others" if lost[1:] else ""))
    keys = list(zip(areas.tolist(), layers.tolist(), types.tolist(), inhibitory.tolist(), strict=True))
    normal = {key: (index[key[0]], by_layer[key[1]], key[2], key[3]) for key in dict.fromkeys(keys)}
    distinct = sorted(dict.fromkeys(normal.values()), key=lambda k: (k[0], k[1] or "", k[3], k[2]))
    groups = []
    for area, layer, type_, inhibits in distinct:
        groups.append(Group(area, layer, inhibits, type_, _name(layer, type_, inhibits, distinct, area)))
    sizes = np.bincount([g.area for g in groups], minlength=len(names)).tolist()
    for name, count in zip(names, sizes, strict=True):
        if count > MOST_POPULATIONS:
            message = f"`{name}` would have {count} populations, and at most {MOST_POPULATIONS} make sense"
            raise failed(BAD_TABLE, place, message, "name a coarser column: --type-column")
    number = {key: i for i, key in enumerate(distinct)}
    code = {key: number[value] for key, value in normal.items()}
    return Neurons(names, tuple(groups), np.fromiter((code[k] for k in keys), np.int64, len(keys)))


def _name(
    layer: str | None, type_: str, inhibits: bool, all_groups: list[tuple[int, str | None, str, bool]], area: int
) -> str:
    """Return a population's name, unique in its area: its type, or layer and kind; both where one is not enough."""
    letter = "I" if inhibits else "E"
    deep = (layer or "").replace("/", "")
    here = [g for g in all_groups if g[0] == area]
    if not type_:
        return f"{deep}{letter}"
    name = re.sub(r"[.@:~>\n]", "_", type_)
    if sum(g[2] == type_ for g in here) > 1:
        name = f"{deep}_{name}" if deep else name
        if sum(g[2] == type_ and g[1] == layer for g in here) > 1:
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
        """Add edges: int64 places of neurons, float64 numbers of synapses and weights [edges]."""
        self.rows += len(pre)
        self.waiting.append(_summed(pre.astype(np.int64) * self.size + post, synapses, weight))
        if sum(len(k) for k, _, _ in self.waiting) > max(4_000_000, len(self.key)):
            self.settle()

    def settle(self) -> None:
        """Sum what was added into one entry a pair."""
        parts = [(self.key, self.synapses, self.weight), *self.waiting]
        joined = [np.concatenate([part[i] for part in parts]) for i in range(3)]
        self.key, self.synapses, self.weight = _summed(*joined)
        self.waiting.clear()


def _summed(key: np.ndarray, synapses: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    unique, inverse = np.unique(key, return_inverse=True)
    return unique, np.bincount(inverse, synapses, len(unique)), np.bincount(inverse, weight, len(unique))


def aggregated(neurons: Neurons, pairs: Pairs, options: Options, report: ImportReport) -> Wiring:
    """Return areas, their circuits, and the projections between them."""
    pairs.settle()
    pre, post = np.divmod(pairs.key, max(1, pairs.size))
    own = pre == post
    report.read.append(
        f"{pairs.size:,} neurons in {len(neurons.areas):,} areas and {len(neurons.groups):,} populations; "
        f"{pairs.rows:,} edges, {len(pairs.key):,} connected pairs, {pairs.synapses.sum():,.0f} synapses"
        + (f", {int(own.sum()):,} autapses" if own.any() else "")
    )
    size = len(neurons.groups)
    cells = np.bincount(neurons.group, minlength=size)
    key = neurons.group[pre] * size + neurons.group[post]
    joined, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    synapses = np.bincount(inverse, pairs.synapses, len(joined))
    weight = np.bincount(inverse, pairs.weight, len(joined))
    origin, end = np.divmod(joined, max(1, size))
    area_of = np.array([g.area for g in neurons.groups], np.int64)
    inhibitory = np.array([g.inhibitory for g in neurons.groups], bool)
    within = area_of[origin] == area_of[end]
    silent = ~within & inhibitory[origin]
    if silent.any():
        where = f"{neurons.areas[area_of[origin[silent][0]]]} -> {neurons.areas[area_of[end[silent][0]]]}"
        report.drop(
            int(count[silent].sum()), "connected pairs with an inhibitory neuron at the source",
            "inhibitory populations stay within their area", where,
        )  # fmt: skip
    circuits = _circuits(neurons, cells, origin, end, count, within)
    alive = [n for i, n in enumerate(neurons.areas) if n in circuits]
    if mute := [n for n in neurons.areas if n not in circuits]:
        lost = {i for i, n in enumerate(neurons.areas) if n in mute}
        gone = np.array([a in lost or b in lost for a, b in zip(area_of[origin], area_of[end], strict=True)], bool)
        report.drop(len(mute), "areas", "all their neurons are inhibitory, and an area needs one that is not", mute[0])
        report.drop(int(count[gone].sum()), "connected pairs of these areas", "with them")
    table = {
        "from": np.array([f"{neurons.areas[area_of[o]]}.{neurons.groups[o].name}" for o in origin], object),
        "to": np.array([f"{neurons.areas[area_of[e]]}.{neurons.groups[e].name}" for e in end], object),
        "pairs": count.astype(np.float64),
        "synapses": synapses,
        "weight": weight,
        "probability": count / (cells[origin] * cells[end]),
    }
    between = ~within & ~inhibitory[origin]
    wiring = _projections(neurons, pre, post, pairs, area_of, inhibitory, alive, options, report)
    report.read.append(f"{int(within.sum()):,} connections of populations inside areas, {int(between.sum()):,} between")
    return Wiring(
        tuple(alive), *wiring, circuits=circuits, tables={"connections": table}
    )  # fmt: skip


def _circuits(
    neurons: Neurons, cells: np.ndarray, origin: np.ndarray, end: np.ndarray, count: np.ndarray, within: np.ndarray
) -> dict[str, Circuit]:
    """Return the circuit of each area that has an excitatory population."""
    found: dict[str, Circuit] = {}
    members: dict[int, list[int]] = {}
    for i, group in enumerate(neurons.groups):
        members.setdefault(group.area, []).append(i)
    inside: dict[int, list[int]] = {}
    for k in np.flatnonzero(within):
        inside.setdefault(neurons.groups[int(origin[k])].area, []).append(int(k))
    for area, groups in members.items():
        if all(neurons.groups[i].inhibitory for i in groups):
            continue
        position = {g: i for i, g in enumerate(groups)}
        probability = np.zeros((len(groups), len(groups)))
        for connection in inside.get(area, ()):
            o, e = int(origin[connection]), int(end[connection])
            probability[position[e], position[o]] = count[connection] / (cells[o] * cells[e])
        populations = {}
        for i in groups:
            group = neurons.groups[i]
            layer = {"layer": group.layer} if group.layer else {}
            kind = {"kind": "inhibitory" if group.inhibitory else "excitatory"}
            populations[group.name] = {**kind, **layer, "cells": float(cells[i]), "source": "data"}
        names = list(populations)
        matrix = [[float(f"{v:.6g}") for v in row] for row in np.minimum(probability, 1.0)]
        connections = {"rows": "target", "populations": names, "probability": matrix, "source": "data"}
        found[neurons.areas[area]] = Circuit.model_validate(
            {"populations": populations, "source": "data", **({"connections": connections} if inside.get(area) else {})}
        )
    return found


def _projections(
    neurons: Neurons,
    pre: np.ndarray,
    post: np.ndarray,
    pairs: Pairs,
    area_of: np.ndarray,
    inhibitory: np.ndarray,
    alive: list[str],
    options: Options,
    report: ImportReport,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return source, target and values of the projections among the areas that are alive."""
    place = np.full(len(neurons.areas), -1, np.int64)
    for i, name in enumerate(alive):
        place[neurons.areas.index(name)] = i
    group_pre, group_post = neurons.group[pre], neurons.group[post]
    a, b = place[area_of[group_pre]], place[area_of[group_post]]
    chosen = (a != b) & (a >= 0) & (b >= 0) & ~inhibitory[group_pre]
    a, b, pre, group_pre = a[chosen], b[chosen], pre[chosen], group_pre[chosen]
    size = max(1, len(alive))
    unique, inverse, count = np.unique(a * size + b, return_inverse=True, return_counts=True)
    source, target = np.divmod(unique, size)
    # each presynaptic neuron counts once for each target area, as it would be labelled once
    labelled = np.unique(pre * size + b)
    who, where = np.divmod(labelled, size)
    group = neurons.group[who]
    code = np.searchsorted(unique, place[area_of[group]] * size + where)
    layers = np.array([_part(g.layer) for g in neurons.groups], np.int64)[group]
    upper = np.bincount(code[layers == 1], minlength=len(unique)).astype(float)
    lower = np.bincount(code[layers == 2], minlength=len(unique)).astype(float)
    total = np.bincount(code, minlength=len(unique)).astype(float)
    values: dict[str, np.ndarray] = {}
    match options.strength:
        case "neurons":
            extrinsic = np.bincount(target, total, size)
            values["fln"] = total / extrinsic[target]
        case "connections":
            values["weight"] = count.astype(float)
        case "weight":
            values["weight"] = np.abs(np.bincount(inverse, pairs.weight[chosen], len(unique)))
        case "synapses":
            values["weight"] = np.bincount(inverse, pairs.synapses[chosen], len(unique))
    empty = np.zeros(len(unique), bool)
    if "weight" in values:
        empty = values["weight"] == 0
        report.drop(int(empty.sum()), "projections of weight 0", "no strength, no projection")
    with np.errstate(invalid="ignore"):
        sln = upper / (upper + lower)
    if len(unique) and not np.isnan(sln).all():
        values["sln"] = sln
    if len(unique):
        report.guess("strength of a projection", options.strength, "as counted in the data", "--strength")
    return source[~empty], target[~empty], {name: v[~empty] for name, v in values.items()}


def _part(layer: str | None) -> int:
    """Return 1 for supragranular, 2 for infragranular, 0 for neither."""
    return 1 if layer in SUPRAGRANULAR - {"L1"} else 2 if layer in INFRAGRANULAR else 0
