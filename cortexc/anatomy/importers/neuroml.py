"""NeuroML 2 networks: populations and projections; electrical ones are kept apart from chemical ones.

Networks in HDF5 and JSON become elements of NeuroML in ``neuroml_forms.py``.

References:
    R. C. Cannon et al. (2014), LEMS, https://doi.org/10.3389/fninf.2014.00079
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import h5py
import numpy as np

from cortexc.connectome.diagnostics import Span, did_you_mean, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE, UNREADABLE

from . import files, neuroml_forms
from .frame import number
from .neurons import INTERNEURONS, LAYER_NUMBER, Group, Neurons, Pairs, connected, layer_of, tabled, wired
from .options import Options
from .refusal import Refusal
from .report import ImportReport, listed
from .wiring import Wiring

CHEMICAL = {
    "projection": ("connection", "connectionWD"),
    "continuousProjection": ("continuousConnection", "continuousConnectionInstance", "continuousConnectionInstanceW"),
}
ELECTRICAL = {
    "electricalProjection": ("electricalConnection", "electricalConnectionInstance", "electricalConnectionInstanceW")
}
SINGLE = ("synapticConnection", "synapticConnectionWD")
_KIND = f"[EeIi]|(?i:exc|inh|{INTERNEURONS})"
_NAME = re.compile(
    rf"^(?:(?P<area>.+?)[_-])?L?(?P<layer>{LAYER_NUMBER})[_-]?(?P<kind>{_KIND})?$"
    rf"|^(?P<alone>.+?)[_-](?P<only>{_KIND})$"
)
_LAYER = re.compile(rf"(?:pop_?)?(?:L|(?i:layer))_?(?P<layer>{LAYER_NUMBER})(?![0-9/])[_-]?(?:[A-Za-z].*)?")
"""A population that is called after its layer alone, as in one column: L23_E, Layer4Exc, L5_pyramidal."""
_CELLS = re.compile(r"(?i:(?:pop_?)?(?:e|exc|excitatory|pyr|pyramidal|(i|inh|inhibitory|interneurons?|basket|pv|sst)))")
"""What stands for an area in a name such as Exc_L4 or I_L23, or alone, and is a kind of cells."""
_WEIGHTED = ("connectionWD", "continuousConnectionInstanceW", "electricalConnectionInstanceW")
"""The connections that must have a weight."""
_DELAY = re.compile(r"\s*([0-9.eE+-]+)\s*(s|ms|us)\s*")
_MILLISECONDS = {"s": 1e3, "ms": 1.0, "us": 1e-3}
_GAP = re.compile(r"(?:^|_)(?:elec(?:trical)?|gap_?(?:junction)?|gj)(?=_|syn|[0-9]|$)", re.IGNORECASE)
"""What the synapses of gap junctions are called, as c302 does: neuron_to_neuron_elec_syn."""
_INHIBITS = re.compile(
    r"(?:^|[^A-Za-z])(?:[Ii]$|inh|Inh|INH|[Ii]nterneuron)|[a-z]Inh"
    rf"|(?:^|[^A-Za-z])(?i:{INTERNEURONS})(?![A-Za-z])"
)
_CELL = re.compile(r"(?:\.\./)?(?:(?P<population>[^/\[\]]+)[/\[])?(?P<index>[0-9]{1,15})(?:\]|/[^/]*)?")


@dataclass(frozen=True)
class _Population:
    """A population: how many cells it has, and how they are numbered."""

    cells: float
    instances: frozenset[int]
    region: str | None


@dataclass(eq=False)
class _Joined:
    """The connections of all projections of one kind, chemical or electrical: their cells and weights."""

    projections: int = 0
    pairs: dict[tuple[str, str], int] = field(default_factory=dict)
    """The connections that do not say which cells they join, by the populations that projections join."""
    pre: list[int] = field(default_factory=list)
    post: list[int] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    delay: list[float] = field(default_factory=list)
    """[ms], NaN where none is said."""

    def summed(self, cells: int) -> Pairs:
        """Return the connected pairs of cells."""
        found = Pairs(cells)
        pre, post = np.array(self.pre, np.int64), np.array(self.post, np.int64)
        found.add(pre, post, np.ones(len(pre)), np.array(self.weight, float))
        found.settle()
        return found


@dataclass(eq=False)
class _Network:
    """What a network holds."""

    path: str
    name: str
    refusal: Refusal
    missing: list[str]
    """Included files that are not there."""
    populations: dict[str, _Population] = field(default_factory=dict)
    chemical: _Joined = field(default_factory=_Joined)
    electrical: _Joined = field(default_factory=_Joined)
    other: Counter[str] = field(default_factory=Counter)
    """Elements that are no populations and no projections, by their tag."""
    signs: dict[str, bool] = field(default_factory=dict)
    """Whether the weights of a population are negative."""
    strangers: list[str] = field(default_factory=list)
    """Cells whose path names another population than their projection."""
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    """The cells that connections name, numbered as they come."""
    homes: list[str] = field(default_factory=list)
    """The population of each of them."""
    synapses: dict[str, str] = field(default_factory=dict)
    """The kind of each synapse that the files define, by its tag."""
    gaps: dict[str, str] = field(default_factory=dict)
    """Synapses of chemical projections that are gap junctions, and how that is known."""

    def is_gap(self, synapse: str) -> bool:
        """Whether a synapse is a gap junction: by its definition, or by its name where no file defines it."""
        found = self.synapses.get(synapse, "gapJunction" if _GAP.search(synapse) else "") == "gapJunction"
        if found:
            self.gaps[synapse] = "by its definition" if synapse in self.synapses else "by its name"
        return found

    def cell(self, population: str, index: int | None) -> int:
        """Return the number of a cell; one without an index is another one each time."""
        new = len(self.homes)
        number = new if index is None else self.numbers.setdefault((population, index), new)
        if number == new:
            self.homes.append(population)
        return number

    def location(self, element: Any) -> Span:
        """Return the location of an element."""
        if element.sourceline is None:
            return Span(self.path, inside=element.get(neuroml_forms.AT, ""))
        path = element.getroottree().docinfo.URL or self.path
        path = path if Path(path).exists() else unquote(path)  # lxml 5 writes a space as %20
        return Span(path, element.sourceline)


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read one file of NeuroML, NeuroMLlite or NetPyNE.

    Raises:
        SpecError: not well-formed, no network, a projection of a population that is not there, a bad weight.
    """
    path = files.only(paths, "a NeuroML network is one file")
    documents, missing = ({path: neuroml_forms.read(path, report)}, []) if _is_form(path) else _documents(path)
    networks = [e for root in documents.values() for e in root.iter() if _tag(e) == "network"]
    root = documents[path]
    if _tag(root).lower() not in {"neuroml", "lems"}:
        kind, hint = files.kind_of_text(f"<{_tag(root)}>") or ("", "")
        raise failed(UNREADABLE, Span(path, root.sourceline), f"this is {kind}, and no NeuroML", hint)
    if not networks:
        hint = f"name the file that has it (.net.nml){_or_missing(missing)}"
        raise failed(BAD_TABLE, path, "there is no <network> in this file", hint)
    if others := [e.get("id", "") for e in networks if e.get("id") != networks[0].get("id")]:
        report.guess("network", networks[0].get("id", ""), f"the first of {len(others) + 1}, with {listed(others)}")
    for included in list(documents)[1:]:
        report.read.append(f"{included}: included")
    report.drop(len(missing), "included files", "they are not there", missing[0] if missing else "")
    parts = [e for e in networks if e.get("id") == networks[0].get("id")]
    synapses = {e.get("id", ""): _tag(e) for root in documents.values() for e in root if _tag(e) != "include"}
    network = _network(parts, path, missing, synapses, options)
    empty = next((e for part in parts for e in part if _tag(e) in CHEMICAL), None)
    if empty is not None and not network.chemical.pre and not network.refusal.count:
        read_too = [str(name) for name in list(documents)[1:]]
        where = f", nor do the files that <include> names: {listed(read_too)}" if read_too else ""
        message = f"the projection `{empty.get('id')}` lists no connections, and neither does any other one"
        hint = f"the file has none{where}{_or_missing(missing)}"
        raise failed(BAD_TABLE, network.location(empty), message, hint)
    _report(network, report)
    return _wiring(network, options, report)


def included(path: str) -> list[str]:
    """Return the files that a NeuroML file includes, and those that they do; not those that are not there.

    Raises:
        SpecError: one of them is not well-formed.
    """
    files.exists(path)
    return [] if _is_form(path) else list(_documents(path)[0])[1:]


def _is_form(path: str) -> bool:
    """Whether a network is in HDF5 or JSON, and not XML."""
    return path.lower().endswith((".h5", ".hdf5", ".json")) or h5py.is_hdf5(path)


def _documents(path: str) -> tuple[dict[str, Any], list[str]]:
    """Return the root of a file and of all files that it includes, by path, and the includes that are not there.

    References:
        https://docs.neuroml.org/Userdocs/Schemas/Index.html
    """
    found: dict[str, Any] = {path: files.xml(path, "the file may be cut off")}
    missing: list[str] = []
    seen, waiting = {Path(path).resolve()}, [path]
    while waiting:
        parent = waiting.pop(0)
        for element in [e for e in found[parent].iter() if _tag(e).lower() == "include"]:
            name = element.get("href", element.get("file", ""))
            other = Path(parent).parent / name
            if not other.is_file() or other.suffix in {".h5", ".hdf5"}:
                missing.append(f"{name} ({parent}:{element.sourceline})")
            elif other.resolve() not in seen:
                seen.add(other.resolve())
                found[str(other)] = files.xml(str(other), "the included file may be cut off")
                waiting.append(str(other))
    return found, missing


def _or_missing(missing: list[str]) -> str:
    """Return what to do about included files that are not there, as the end of a hint."""
    return f"; the file includes {listed(missing, 2)}, not read: put it there" if missing else ""


def _tag(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _network(
    elements: list[Any], path: str, missing: list[str], synapses: dict[str, str], options: Options
) -> _Network:
    """Return what a <network> holds, whose parts may be in several files."""
    network = _Network(
        path, elements[0].get("id") or "column", Refusal("connections", options.invalid), missing, synapses=synapses
    )
    children = [child for element in elements for child in element]
    for child in children:
        if _tag(child) == "population":
            _population(child, network)
    for child in children:
        tag = _tag(child)
        if tag in CHEMICAL:
            gap = network.is_gap(child.get("synapse", ""))
            _projection(child, CHEMICAL[tag], network, network.electrical if gap else network.chemical)
        elif tag in ELECTRICAL:
            _projection(child, ELECTRICAL[tag], network, network.electrical)
        elif tag and tag != "population":
            network.other[tag] += 1
    if not network.populations:
        hint = f"name the file that has them{_or_missing(missing)}"
        raise failed(BAD_TABLE, network.location(elements[0]), "the network has no populations", hint)
    return network


def _report(network: _Network, report: ImportReport) -> None:
    """Say what of a network was read, guessed and left out."""
    chemical, electrical = network.chemical, network.electrical
    for tag, count in network.other.items():
        why = "connections outside of a projection are not read: put them into a <projection>"
        report.drop(count, f"<{tag}> elements", why if tag in SINGLE else "they are no populations and no projections")
    report.read.append(
        f"{network.path}: {len(network.populations)} populations, {chemical.projections} chemical and "
        f"{electrical.projections} electrical projections"
    )
    network.refusal.report(report)
    if network.strangers:
        why = f"{len(network.strangers):,} cells are written with another population, first {network.strangers[0]}"
        report.guess("population of cells", "that of their projection", why)
    if nameless := sum(chemical.pairs.values()):
        report.guess(f"cells of {nameless:,} connections", "a pair for each", "they do not say which cells they join")
    for synapse, how in network.gaps.items():
        report.guess(f"synapse `{synapse}`", "gap junction", how)
    if electrical.pairs:
        why = "gap junctions are no projections; they are in /electrical"
        first = " -> ".join(next(iter(electrical.pairs)))
        report.drop(electrical.projections, "electrical projections", why, first)


def _population(element: Any, network: _Network) -> None:
    name, size = element.get("id", ""), element.get("size")
    location = network.location(element)
    if size is not None and not (re.fullmatch("[0-9]{1,15}", size) and int(size) > 0):
        hint = "expected a whole number of cells, 1 or more"
        raise failed(BAD_VALUE, location, f"the size of `{name}` is `{size}`", hint)
    if name in network.populations:
        raise failed(BAD_TABLE, location, f"the population `{name}` is there twice", "each has a name of its own")
    instances = [e for e in element if _tag(e) == "instance"]
    regions = [e.get("value") for e in element if _tag(e) == "property" and e.get("tag") == "region"]
    network.populations[name] = _Population(
        float(size or len(instances) or 1),
        frozenset(int(i) for e in instances if re.fullmatch("[0-9]{1,15}", i := e.get("id", ""))),
        regions[-1] if regions else None,
    )


def _projection(element: Any, known: tuple[str, ...], network: _Network, joined: _Joined) -> None:
    """Add the connections of a projection; ``known``: the tags that they may have."""
    joined.projections += 1
    connections = [e for e in element if _tag(e)]
    pair = element.get("presynapticPopulation", ""), element.get("postsynapticPopulation", "")
    for name in pair:
        if name not in network.populations:
            message = f"the projection `{element.get('id')}` names the population `{name}`, which is not there"
            kind = "of projections to or from unknown populations"
            hint = (did_you_mean(name, network.populations) or "define it") + _or_missing(network.missing)
            network.refusal.refuse(kind, UNKNOWN_NODE, network.location(element), message, hint, len(connections))
            return
    joined.pairs.setdefault(pair, 0)
    for connection in connections:
        if _tag(connection) not in known:
            message = f"<{_tag(connection)}> does not belong into a <{_tag(element)}>"
            raise failed(BAD_TABLE, network.location(connection), message)
        _connection(connection, pair, network, joined)


def _connection(element: Any, pair: tuple[str, str], network: _Network, joined: _Joined) -> None:
    """Add a connection from one population to another: the cells that it joins, its weight and its delay."""
    if _tag(element) in _WEIGHTED and element.get("weight") is None:
        message, hint = f"this <{_tag(element)}> has no weight", "NeuroML requires one there"
        network.refusal.refuse("without a weight", BAD_VALUE, network.location(element), message, hint)
        return
    text = element.get("weight", "1")
    weight = number(text)
    if weight is None or not math.isfinite(weight):
        message, hint = f"the weight of this connection is `{text}`", "expected a finite number"
        network.refusal.refuse("with a bad weight", BAD_VALUE, network.location(element), message, hint)
        return
    delay = _milliseconds(element.get("delay"))
    if delay is None:
        message, hint = f"the delay of this connection is `{element.get('delay')}`", "expected a time, such as `2 ms`"
        network.refusal.refuse("with a bad delay", BAD_VALUE, network.location(element), message, hint)
        return
    ends = [element.get(f"{end}CellId", element.get(f"{end}Cell")) for end in ("pre", "post")]
    indices = [_index(text, name, network) for text, name in zip(ends, pair, strict=True)]
    for text, name, index in zip(ends, pair, indices, strict=True):
        if text is not None and index is None:
            message = f"`{text}` is no cell of `{name}`, which has {network.populations[name].cells:,.0f}"
            kind, hint = "to or from unknown cells", "cells are counted from 0"
            network.refusal.refuse(kind, UNKNOWN_NODE, network.location(element), message, hint)
            return
    chemical = joined is network.chemical
    if chemical and weight != 0 and network.signs.setdefault(pair[0], weight < 0) != (weight < 0):
        message = f"`{pair[0]}` has positive weights and negative ones, against Dale's law"
        raise failed(BAD_VALUE, network.location(element), message, "divide it into two populations")
    if None in indices:
        joined.pairs[pair] += 1
        indices = [None, None]
    joined.pre.append(network.cell(pair[0], indices[0]))
    joined.post.append(network.cell(pair[1], indices[1]))
    joined.weight.append(weight)
    joined.delay.append(delay)


def _milliseconds(text: str | None) -> float | None:
    """Return a delay [ms], NaN where none is written, None where it is no time."""
    if text is None:
        return math.nan
    found = _DELAY.fullmatch(text)
    value = number(found[1]) if found else None
    if found is None or value is None or not 0 <= value < math.inf:
        return None
    return value * _MILLISECONDS[found[2]]


def _index(text: str | None, name: str, network: _Network) -> int | None:
    """Return the index of a cell in its population; None where there is no such cell, or nothing is said."""
    cell = _CELL.fullmatch(text.strip()) if text is not None else None
    if cell is None:
        return None
    index, population = int(cell["index"]), network.populations[name]
    if not (index < population.cells or index in population.instances):
        return None
    if cell["population"] not in {None, name}:
        network.strangers.append(str(text))
    return index


def _neurons(network: _Network, report: ImportReport) -> Neurons:
    """Return the cells in populations, whose areas, layers and kinds follow from names, regions and signs."""
    areas: dict[str, int] = {}
    groups: list[Group] = []
    reasons: dict[str, list[str]] = {}
    layers: list[str] = []
    for name, population in network.populations.items():
        found = _NAME.match(name)
        said = found["area"] if found else None
        word = _CELLS.fullmatch(said if said and found and not found["kind"] else name)
        area = (None if word else said) or population.region or (found["alone"] if found else None)
        alone = _LAYER.fullmatch(name) if area is None else None
        if alone or (area is None and (word or (found and not name.isdigit()))):
            layers.append(name)
            area = network.name
        area = area or name
        named = alone or found
        layer = layer_of(named["layer"]) if named and named["layer"] else None
        short = name[len(area) :].strip("_-") if name.startswith(area) else name
        # VIP is an area too, of the monkey
        by_name = bool(_INHIBITS.search(name if area == name else short)) and not area == name == "VIP"
        by_name = by_name or bool(word and word[1])
        inhibits = by_name or network.signs.get(name, False)
        if inhibits:
            reasons.setdefault("by their names" if by_name else "their weights are negative", []).append(name)
        number = areas.setdefault(area, len(areas))
        groups.append(Group(number, layer, inhibits, short or ("I" if inhibits else "E"), name))
    if layers:
        report.guess("area", network.name, f"the network, of which {listed(layers)} are layers or kinds of cells")
    report.guess("areas and layers", "from the names of the populations", "as in V1_L23_E")
    for reason, names in reasons.items():
        report.guess("inhibitory populations", listed(names), reason)
    index = {name: i for i, name in enumerate(network.populations)}
    group = np.array([index[name] for name in network.homes], np.int64)
    cells = np.array([population.cells for population in network.populations.values()])
    return Neurons(tuple(areas), tuple(groups), group, cells)


def _wiring(network: _Network, options: Options, report: ImportReport) -> Wiring:
    """Return areas with the circuits of their populations, and the projections among them."""
    neurons = _neurons(network, report)
    pairs = network.chemical.summed(len(network.homes))
    strength = "weight" if options.strength == "synapses" else options.strength
    found = wired(neurons, pairs, connected(neurons, pairs), strength, report, sln_of="strength")
    counted = strength == "neurons"
    if counted:
        _refuse_uncountable(network, neurons, found.areas)
    if len(found.source):
        said = {"neurons": "neurons", "connections": "connected pairs of cells"}.get(strength, "weights, summed")
        report.guess("strength of a projection", said, "as in the data", "--strength")
    if "sln" in found.values and not counted:
        why = "neurons are counted only with --strength neurons"
        report.guess("sln", "the fraction of the strength that leaves the supragranular layers", why)
    tables = {"connections": _table(neurons, pairs)}
    if network.electrical.pairs:
        tables["electrical"] = _table(neurons, network.electrical.summed(len(network.homes)))
    found = _delayed(_as_written(found, network, neurons), network, neurons, report)
    return replace(found, tables=tables)


def _delayed(wiring: Wiring, network: _Network, neurons: Neurons, report: ImportReport) -> Wiring:
    """Return the wiring with the mean delay of the connections of each projection, where they have delays."""
    joined = network.chemical
    known = ~np.isnan(joined.delay) & (np.array(joined.delay) > 0)
    if not known.any() or not len(wiring.source):
        return wiring
    group = neurons.group[np.array([joined.pre, joined.post])[:, known]]
    size = len(neurons.areas)
    key = neurons.area[group[0]] * size + neurons.area[group[1]]
    chosen = ~neurons.inhibitory[group[0]]
    delays = np.array(joined.delay)[known]
    total, count = (np.bincount(key[chosen], v, size * size) for v in (delays[chosen], np.ones(int(chosen.sum()))))
    number = np.array([neurons.areas.index(name) for name in wiring.areas])
    pair = number[wiring.source] * size + number[wiring.target]
    with np.errstate(invalid="ignore"):
        mean = np.round(total[pair] / count[pair], 9)
    if np.isnan(mean).all():
        return wiring
    report.guess("delay of a projection", "the mean of its connections", "as in the data")
    within = int(known.sum()) - int((chosen & np.isin(key, pair)).sum())
    report.drop(within, "delays of connections inside areas", "populations of a column are not delayed")
    return replace(wiring, values={**wiring.values, "delay_ms": mean})


def _refuse_uncountable(network: _Network, neurons: Neurons, alive: tuple[str, ...]) -> None:
    """Raise where connections between areas do not say which neurons they come from."""
    group = {group.label: group for group in neurons.groups}
    for (source, target), nameless in network.chemical.pairs.items():
        a, b = group[source], group[target]
        if nameless and a.area != b.area and not a.inhibitory and neurons.areas[b.area] in alive:
            message = f"the connections from `{source}` to `{target}` do not say which cells they join"
            raise failed(BAD_VALUE, network.path, message, "nothing can count neurons: take another --strength")


def _as_written(found: Wiring, network: _Network, neurons: Neurons) -> Wiring:
    """Return the wiring with its projections in the order of the file."""
    area = {group.label: neurons.areas[group.area] for group in neurons.groups}
    rank = {pair: i for i, pair in enumerate(dict.fromkeys((area[a], area[b]) for a, b in network.chemical.pairs))}
    ends = zip(found.source.tolist(), found.target.tolist(), strict=True)
    order = np.argsort([rank[found.areas[a], found.areas[b]] for a, b in ends])
    return found.picked(order)


def _table(neurons: Neurons, pairs: Pairs) -> dict[str, np.ndarray]:
    """Return the connections among populations as columns; each connection counts as one synapse."""
    table = tabled(neurons, connected(neurons, pairs))
    count = table.pop("synapses")
    return {**table, "connections": count}
