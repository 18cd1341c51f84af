"""NeuroML 2 networks: populations and projections; electrical ones are kept apart from chemical ones.

References:
    R. C. Cannon et al. (2014), LEMS, https://doi.org/10.3389/fninf.2014.00079
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE, UNREADABLE
from cortexc.connectome.diagnostics.rule import Rule, did_you_mean
from cortexc.connectome.diagnostics.span import Span
from cortexc.connectome.laminar import INFRAGRANULAR, SUPRAGRANULAR
from cortexc.connectome.model import Circuit

from . import frames
from .neurons import layer_of
from .options import Options
from .report import ImportReport, failed
from .wiring import Wiring

CHEMICAL = {
    "projection": ("connection", "connectionWD"),
    "continuousProjection": (
        "continuousConnection", "continuousConnectionInstance", "continuousConnectionInstanceW",
    ),
}  # fmt: skip
ELECTRICAL = {
    "electricalProjection": ("electricalConnection", "electricalConnectionInstance", "electricalConnectionInstanceW"),
}
SINGLE = ("synapticConnection", "synapticConnectionWD")
_KIND = "[EeIi]|(?i:exc|inh|pv|pvalb|sst|vip)"
_NAME = re.compile(
    rf"^(?:(?P<area>.+?)[_-])?L?(?P<layer>2/3|2_3|23|5/6|5_6|56|[1-6])[_-]?(?P<kind>{_KIND})?$"
    rf"|^(?P<alone>.+?)[_-](?P<only>{_KIND})$"
)
_INHIBITS = re.compile(
    r"(?:^|[^A-Za-z])(?:[Ii]$|inh|Inh|INH|[Ii]nterneuron)|[a-z]Inh"
    r"|(?:^|[^A-Za-z])(?i:pv|pvalb|sst|vip)(?![A-Za-z])"
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
    """The connections from one population to another, of all projections that have them."""

    weights: list[float] = field(default_factory=list)
    pairs: set[tuple[int, int]] = field(default_factory=set)
    nameless: int = 0
    """Connections that do not say which cells they join."""

    @property
    def connected(self) -> float:
        """Connected pairs of cells; a connection without cells is a pair of its own."""
        return float(len(self.pairs) + self.nameless)


@dataclass(frozen=True)
class _Part:
    """What a population is in the spec."""

    area: str
    name: str
    layer: str | None
    inhibits: bool


@dataclass(eq=False)
class _Network:
    """What a network holds."""

    populations: dict[str, _Population] = field(default_factory=dict)
    chemical: dict[tuple[str, str], _Joined] = field(default_factory=dict)
    electrical: dict[tuple[str, str], _Joined] = field(default_factory=dict)
    signs: dict[str, bool] = field(default_factory=dict)
    """Whether the weights of a population are negative."""
    dropped: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    """Cells whose path names another population than their projection."""


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read one NeuroML file.

    Raises:
        SpecError: not well-formed, no network, a projection of a population that is not there, a bad weight.
    """
    from lxml import etree

    if len(paths) != 1:
        raise failed(BAD_TABLE, paths[1], "a NeuroML network is one file")
    path = paths[0]
    frames.exists(path)
    if path.endswith((".h5", ".hdf5")):
        raise failed(UNREADABLE, path, "this is NeuroML in HDF5", "export it as XML (pyNeuroML: pynml -xml)")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.parse(path, parser).getroot()
    except etree.XMLSyntaxError as error:
        line, column = error.position or (1, 0)
        message = f"the XML is not well-formed: {str(error.msg).partition(', line')[0]}"
        raise failed(UNREADABLE, Span(path, line, max(1, column)), message, "the file may be cut off") from None
    except OSError as error:
        raise failed(UNREADABLE, path, f"the XML cannot be read: {str(error).partition(': ')[2] or error}") from None
    networks = [e for e in root.iter() if _tag(e) == "network"]
    if not networks:
        raise failed(BAD_TABLE, path, "there is no <network> in this file", "name the file that has it (.net.nml)")
    if len(networks) > 1:
        report.guess("network", networks[0].get("id", ""), f"the first of {len(networks)}")
    return _wiring(networks[0], path, options, report)


def _tag(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _wiring(element: Any, path: str, options: Options, report: ImportReport) -> Wiring:
    network = _Network()
    other: dict[str, int] = {}
    projections = {"chemical": 0, "electrical": 0}
    for child in element:
        if _tag(child) == "population":
            _population(child, network, path)
    for child in element:
        tag = _tag(child)
        if tag in CHEMICAL:
            projections["chemical"] += 1
            _projection(child, CHEMICAL[tag], network, network.chemical, path, options)
        elif tag in ELECTRICAL:
            projections["electrical"] += 1
            _projection(child, ELECTRICAL[tag], network, network.electrical, path, options)
        elif tag and tag != "population":
            other[tag] = other.get(tag, 0) + 1
    for tag, count in other.items():
        why = "connections outside of a projection are not read: put them into a <projection>"
        report.drop(count, f"<{tag}> elements", why if tag in SINGLE else "they are no populations and no projections")
    if not network.populations:
        raise failed(BAD_TABLE, Span(path, element.sourceline), "the network has no populations")
    report.read.append(
        f"{path}: {len(network.populations)} populations, {projections['chemical']} chemical and "
        f"{projections['electrical']} electrical projections"
    )
    for what, count in network.dropped.items():
        report.drop(count, what, "--invalid drop", network.first[what])
    if network.strangers:
        why = f"{len(network.strangers):,} cells are written with another population, first {network.strangers[0]}"
        report.guess("population of cells", "that of their projection", why)
    if nameless := sum(j.nameless for j in network.chemical.values()):
        report.guess(f"cells of {nameless:,} connections", "a pair for each", "they do not say which cells they join")
    if network.electrical:
        report.drop(
            projections["electrical"], "electrical projections",
            "gap junctions are no projections; they are in /electrical", " -> ".join(next(iter(network.electrical))),
        )  # fmt: skip
    return _areas(network, path, options, report)


def _population(element: Any, network: _Network, path: str) -> None:
    name, size = element.get("id", ""), element.get("size")
    place = Span(path, element.sourceline)
    if size is not None and not (re.fullmatch("[0-9]{1,15}", size) and int(size) > 0):
        hint = "expected a whole number of cells, 1 or more"
        raise failed(BAD_VALUE, place, f"the size of `{name}` is `{size}`", hint)
    if name in network.populations:
        raise failed(BAD_TABLE, place, f"the population `{name}` is there twice", "each has a name of its own")
    instances = [e for e in element if _tag(e) == "instance"]
    regions = [e.get("value") for e in element if _tag(e) == "property" and e.get("tag") == "region"]
    network.populations[name] = _Population(
        float(size or len(instances) or 1),
        frozenset(int(i) for e in instances if re.fullmatch("[0-9]{1,15}", i := e.get("id", ""))),
        regions[-1] if regions else None,
    )


def _projection(
    element: Any,
    known: tuple[str, ...],
    network: _Network,
    joined: dict[tuple[str, str], _Joined],
    path: str,
    options: Options,
) -> None:
    """Add up the connections of a projection: their weights, and which cells they join.

    Raises:
        SpecError: an unknown population or cell, a bad weight, unless such connections are to be dropped; weights of
            both signs.
    """
    connections = [e for e in element if _tag(e)]

    def refuse(count: int, what: str, line: int, rule: Rule, message: str, help: str) -> None:
        if options.invalid == "error":
            hint = f"{help}; --invalid drop leaves such connections out"
            raise failed(rule, Span(path, line), message, hint)
        network.dropped[what] = network.dropped.get(what, 0) + count
        network.first.setdefault(what, f"{path}:{line}")

    pair = element.get("presynapticPopulation", ""), element.get("postsynapticPopulation", "")
    for name in pair:
        if name not in network.populations:
            message = f"the projection `{element.get('id')}` names the population `{name}`, which is not there"
            what = "connections of projections to or from unknown populations"
            hint = did_you_mean(name, network.populations) or "define it"
            return refuse(len(connections), what, element.sourceline, UNKNOWN_NODE, message, hint)
    total = joined.setdefault(pair, _Joined())
    for connection in connections:
        tag, line = _tag(connection), connection.sourceline
        if tag not in known:
            raise failed(BAD_TABLE, Span(path, line), f"<{tag}> does not belong into a <{_tag(element)}>")
        text = connection.get("weight", "1")
        weight = _number(text)
        if not np.isfinite(weight):
            message = f"the weight of this connection is `{text}`"
            refuse(1, "connections with a bad weight", line, BAD_VALUE, message, "expected a finite number")
            continue
        ends = _cells(connection, pair, network)
        unknown = [(cell, name) for cell, name in zip(ends, pair, strict=True) if isinstance(cell, str)]
        if unknown:
            cell, name = unknown[0]
            message = f"`{cell}` is no cell of `{name}`, which has {network.populations[name].cells:,.0f}"
            refuse(1, "connections to or from unknown cells", line, UNKNOWN_NODE, message, "cells are counted from 0")
            continue
        if joined is network.chemical and weight != 0 and network.signs.setdefault(pair[0], weight < 0) != (weight < 0):
            message = f"`{pair[0]}` has positive weights and negative ones, against Dale's law"
            raise failed(BAD_VALUE, Span(path, line), message, "divide it into two populations")
        total.weights.append(weight)
        if isinstance(ends[0], int) and isinstance(ends[1], int):
            total.pairs.add((ends[0], ends[1]))
        else:
            total.nameless += 1


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _cells(connection: Any, pair: tuple[str, str], network: _Network) -> list[int | str | None]:
    """Return the cell at each end: its number, the text of one that is not there, or None where nothing is said."""
    found: list[int | str | None] = []
    for end, name in zip(("pre", "post"), pair, strict=True):
        text = connection.get(f"{end}CellId", connection.get(f"{end}Cell"))
        if text is None:
            found.append(None)
            continue
        cell = _CELL.fullmatch(text.strip())
        population = network.populations[name]
        if cell is None or not (int(cell["index"]) < population.cells or int(cell["index"]) in population.instances):
            found.append(text)
            continue
        if cell["population"] not in {None, name}:
            network.strangers.append(text)
        found.append(int(cell["index"]))
    return found


def _parts(network: _Network, report: ImportReport) -> dict[str, _Part]:
    """Return what each population is, by its name, its region and the signs of its weights."""
    parts: dict[str, _Part] = {}
    reasons: dict[str, list[str]] = {}
    for name, population in network.populations.items():
        found = _NAME.match(name)
        area = (found["area"] if found else None) or population.region or (found["alone"] if found else None) or name
        layer = layer_of(found["layer"]) if found and found["layer"] else None
        short = name[len(area) :].strip("_-") if name.startswith(area) else name
        # VIP is an area too, of the monkey
        by_name = bool(_INHIBITS.search(name if area == name else short)) and not area == name == "VIP"
        inhibits = by_name or network.signs.get(name, False)
        if inhibits:
            reasons.setdefault("by their names" if by_name else "their weights are negative", []).append(name)
        parts[name] = _Part(area, short or ("I" if inhibits else "E"), layer, inhibits)
    report.guess("areas and layers", "from the names of the populations", "as in V1_L23_E")
    for reason, names in reasons.items():
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6:,} more" if len(names) > 6 else "")
        report.guess("inhibitory populations", shown, reason)
    return parts


def _areas(network: _Network, path: str, options: Options, report: ImportReport) -> Wiring:
    """Return areas with circuits of the populations that their names put there."""
    parts = _parts(network, report)
    circuits: dict[str, Circuit] = {}
    for area in dict.fromkeys(p.area for p in parts.values()):
        mine = [n for n, p in parts.items() if p.area == area]
        if all(parts[n].inhibits for n in mine):
            report.drop(1, "areas", "all its populations are inhibitory", area)
            continue
        populations = {
            parts[n].name: {
                "kind": "inhibitory" if parts[n].inhibits else "excitatory",
                **({"layer": parts[n].layer} if parts[n].layer else {}),
                "cells": network.populations[n].cells,
                "source": "data",
            }
            for n in mine
        }
        matrix = [[_probability(network, o, e) for o in mine] for e in mine]
        body = {"rows": "target", "populations": list(populations), "probability": matrix, "source": "data"}
        given = {"connections": body} if any(any(row) for row in matrix) else {}
        circuits[area] = Circuit.model_validate({"populations": populations, **given, "source": "data"})
    tables = {"connections": _table(network.chemical)}
    if network.electrical:
        tables["electrical"] = _table(network.electrical)
    return _between(tuple(circuits), parts, network, circuits, tables, path, options, report)


def _probability(network: _Network, origin: str, end: str) -> float:
    """Return the part of all pairs of cells that are connected."""
    if (origin, end) not in network.chemical:
        return 0.0
    possible = network.populations[origin].cells * network.populations[end].cells
    return float(f"{min(1.0, network.chemical[origin, end].connected / possible):.6g}")


def _table(joined: dict[tuple[str, str], _Joined]) -> dict[str, np.ndarray]:
    return {
        "from": np.array([o for o, _ in joined], object),
        "to": np.array([e for _, e in joined], object),
        "pairs": np.array([j.connected for j in joined.values()]),
        "connections": np.array([float(len(j.weights)) for j in joined.values()]),
        "weight": np.array([sum(j.weights) for j in joined.values()]),
    }


def _between(
    areas: tuple[str, ...],
    parts: dict[str, _Part],
    network: _Network,
    circuits: dict[str, Circuit],
    tables: dict[str, dict[str, np.ndarray]],
    path: str,
    options: Options,
    report: ImportReport,
) -> Wiring:
    """Return the projections among areas: strengths summed over populations, SLN from where they leave.

    Raises:
        SpecError: neurons are to be counted, and connections do not say which cells they join.
    """
    index = {name: i for i, name in enumerate(areas)}
    leaving: dict[tuple[int, int, str], float] = {}
    senders: dict[tuple[int, int, str], set[int]] = {}
    silent = []
    for (origin, end), joined in network.chemical.items():
        a, b = parts[origin].area, parts[end].area
        if a == b or a not in index or b not in index or not joined.weights:
            continue
        if parts[origin].inhibits:
            silent.append(f"{origin} -> {end}")
            continue
        key = (index[a], index[b], origin)
        if options.strength == "neurons":
            if joined.nameless:
                message = f"the connections from `{origin}` to `{end}` do not say which cells they join"
                raise failed(BAD_VALUE, path, message, "nothing can count neurons: take another --strength")
            senders.setdefault(key, set()).update(pre for pre, _ in joined.pairs)
            leaving[key] = float(len(senders[key]))
            continue
        value = joined.connected if options.strength == "connections" else sum(joined.weights)
        leaving[key] = leaving.get(key, 0.0) + value
    report.drop(
        len(silent), "projections of inhibitory populations to other areas",
        "inhibitory populations stay within their area", silent[0] if silent else "",
    )  # fmt: skip
    strength: dict[tuple[int, int], list[float]] = {}
    for (i, j, origin), value in leaving.items():
        total = strength.setdefault((i, j), [0.0, 0.0, 0.0])
        total[0] += value
        total[1] += value if parts[origin].layer in SUPRAGRANULAR - {"L1"} else 0.0
        total[2] += value if parts[origin].layer in INFRAGRANULAR else 0.0
    kept = {pair: v for pair, v in strength.items() if v[0] > 0}
    report.drop(len(strength) - len(kept), "projections of weight 0", "no strength, no projection")
    columns = np.array(list(kept.values())).reshape(-1, 3)
    ends = np.array(list(kept), np.int64).reshape(-1, 2)
    values = {"weight": columns[:, 0]}
    said = {"neurons": "neurons", "connections": "connected pairs of cells"}.get(options.strength, "weights, summed")
    if options.strength == "neurons":
        values = {"fln": columns[:, 0] / np.bincount(ends[:, 1], columns[:, 0], len(areas))[ends[:, 1]]}
    if len(ends):
        report.guess("strength of a projection", said, "as in the data", "--strength")
    with np.errstate(invalid="ignore"):
        sln = columns[:, 1] / (columns[:, 1] + columns[:, 2])
    if len(sln) and not np.isnan(sln).all():
        values["sln"] = sln
        if options.strength != "neurons":
            why = "neurons are counted only with --strength neurons"
            report.guess("sln", "the part of the strength that leaves the supragranular layers", why)
    return Wiring(areas, ends[:, 0], ends[:, 1], values, circuits=circuits, tables=tables)
