"""Graphs: GraphML, node-link JSON, and any networkx graph in Python."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import numpy as np

from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE, UNREADABLE
from cortexc.connectome.diagnostics.rule import did_you_mean
from cortexc.connectome.diagnostics.span import Span

from . import frames, table
from .edges import joined
from .options import Options
from .report import ImportReport, failed
from .wiring import NUMBERS, WORDS, Wiring

if TYPE_CHECKING:
    import networkx as nx

LABELS = ("label", "name", "dn_name", "acronym", "area", "region")
"""Attributes of nodes that may be their names, best first."""
FACTS = ("level", "surface_mm2")
OWN = (*FACTS, "role", "rows", "columns")
"""What is read of a node, besides its name."""
_NUMBER = re.compile(r"n?\d+(?:::n?\d+)*")


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read a GraphML file, or a JSON file in networkx's node-link form.

    Raises:
        SpecError: not well-formed, or what ``of_graph`` raises.
    """
    if len(paths) != 1:
        raise failed(BAD_TABLE, paths[1], "a graph is one file")
    path = paths[0]
    frames.exists(path)
    if path.lower().endswith(".json"):
        graph = _node_link(path)
    else:
        graph = _graphml(path)
        _declared(path, report)
    return of_graph(graph, options, report, path)


def _graphml(path: str) -> nx.Graph[Any]:
    import networkx as nx

    try:
        graph: nx.Graph[Any] = nx.read_graphml(path)
    except ParseError as error:
        line, column = error.position
        message = f"the XML is not well-formed: {error.msg.partition(':')[0]}"
        raise failed(UNREADABLE, Span(path, line, column + 1), message, "the file may be cut off") from None
    except (nx.NetworkXError, ValueError, LookupError, StopIteration, UnicodeError, AttributeError) as error:
        _declared(path, ImportReport())
        message = f"the file is not GraphML that networkx can read: {error or type(error).__name__}"
        raise failed(UNREADABLE, path, message) from None
    return graph


def _node_link(path: str) -> nx.Graph[Any]:
    import networkx as nx

    try:
        with open(path, encoding="utf-8-sig") as file:  # noqa: PTH123
            data = json.load(file)
        key = "edges" if "edges" in data else "links"
        found: nx.Graph[Any] = nx.node_link_graph(data, edges=key)
        ids = [node["id"] for node in data["nodes"]]
        ends = [(i, edge[end]) for i, edge in enumerate(data[key]) for end in ("source", "target")]
    except json.JSONDecodeError as error:
        raise failed(UNREADABLE, Span(path, error.lineno, error.colno), f"the JSON is broken: {error.msg}") from None
    except (nx.NetworkXError, KeyError, TypeError, UnicodeError) as error:
        message = f"the JSON is no graph in node-link form: {type(error).__name__} {error}"
        raise failed(
            UNREADABLE, path, message, "it has `nodes` with `id`, and `edges` with `source` and `target`"
        ) from None
    if len(set(map(str, ids))) < len(ids):
        twice = next(n for i, n in enumerate(ids) if n in ids[:i])
        raise failed(BAD_TABLE, path, f"the node `{twice}` is there twice")
    if lost := [(i, end) for i, end in ends if end not in found or end not in set(ids)]:
        message = f"the edge names the node `{lost[0][1]}`, which is not among `nodes`"
        raise failed(UNKNOWN_NODE, Span(path, inside=f"{key}[{lost[0][0]}]"), message, "add it, or take the edge out")
    return found


def _declared(path: str, report: ImportReport) -> None:
    """Raise where GraphML has a node twice, an edge to a node that it does not declare, or a text for a number.

    What networkx leaves out goes to the report: all graphs but the first.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root: Any = etree.parse(path, parser).getroot()
    except etree.XMLSyntaxError as error:
        line, column = error.position or (1, 0)
        message = f"the XML is not well-formed: {str(error.msg).partition(', line')[0]}"
        raise failed(UNREADABLE, Span(path, line, max(1, column)), message, "the file may be damaged") from None
    kinds = {"int": int, "long": int, "float": float, "double": float}
    keys = {str(key.get("id")): key for key in root.iter("{*}key") if key.get("attr.type") in kinds}
    for element in root.iter("{*}data"):
        key = keys.get(str(element.get("key")))
        if key is None or not element.text or _reads(element.text, kinds[key.get("attr.type")]):
            continue
        whole = "whole " if kinds[key.get("attr.type")] is int else ""
        message = f"`{key.get('attr.name')}` holds `{element.text.strip() or '(empty)'}`, which is no {whole}number"
        raise failed(BAD_VALUE, Span(path, element.sourceline), message, "mend the value, or take it out")
    graphs = root.findall("{*}graph")
    for other in graphs[1:]:
        counts = [sum(1 for _ in other.iter(f"{{*}}{part}")) for part in ("node", "edge")]
        what = f"graphs: `{other.get('id') or ''}` with {counts[0]:,} nodes and {counts[1]:,} edges"
        report.drop(1, what, "a spec is one graph: the first is read", f"{path}:{other.sourceline}")
    nodes: set[str] = set()
    for element in root.iter("{*}node"):
        name = str(element.get("id"))
        if name in nodes:
            raise failed(BAD_TABLE, Span(path, element.sourceline), f"the node `{name}` is there twice")
        nodes.add(name)
    for element in root.iter("{*}edge"):
        for end in ("source", "target"):
            if (name := str(element.get(end))) not in nodes:
                message = f"the {end} of this edge is `{name}`, and no node is called so"
                place = Span(path, element.sourceline)
                raise failed(UNKNOWN_NODE, place, message, "add it, or take the edge out")


def of_graph(graph: nx.Graph[Any], options: Options, report: ImportReport, path: str = "<networkx>") -> Wiring:
    """Return the wiring of a networkx graph of any kind; an undirected edge becomes two projections.

    Raises:
        SpecError: labels that are no names, or a value that no projection can have.
    """
    if graph.number_of_edges() == 0:
        raise failed(BAD_TABLE, path, "the graph has no edges")
    label = _label(graph, options, report, path)
    names = {node: _called(node, data, label) for node, data in graph.nodes(data=True)}
    bare = [str(node) for node, data in graph.nodes(data=True) if label and not _text(data, label)]
    if bare:
        shown = ", ".join(bare[:6]) + (f" and {len(bare) - 6:,} more" if len(bare) > 6 else "")
        report.guess(f"names of {len(bare):,} nodes", shown, f"they have no `{label}`", "--labels")
    if len(set(names.values())) < len(names):
        seen: dict[str, Any] = {}
        for node, name in names.items():
            if name in seen:
                message = f"the nodes {seen[name]} and {node} are both called `{name}`"
                raise failed(BAD_TABLE, path, message, "name another attribute: --labels ATTRIBUTE")
            seen[name] = node
    edges = list(graph.edges(data=True))
    keys = list(dict.fromkeys(key for _, _, data in edges for key in data))
    weight = _attribute(keys, options.weight_column, table.FLN + tuple(w.replace("_", "") for w in table.WEIGHT))
    chosen: dict[str, str] = {}
    if weight is not None:
        chosen["fln" if table.plain_key(weight).startswith(table.FLN) else "weight"] = weight
        if table.plain_key(weight) not in {"weight", "fln", "flne"}:
            report.guess("attribute of weights", weight, "by its name", "--weight-column")
    else:
        report.guess("weights", "none", "no attribute of the edges looks like one: all count alike", "--weight-column")
    if (sln := _attribute(keys, options.sln_column, table.SLN)) is not None:
        chosen["sln"] = sln
    if (distance := _attribute(keys, options.distance_column, table.lengths(keys))) is not None:
        chosen["distance_mm"] = distance
    chosen |= {f: f for f in (*NUMBERS, *WORDS) if f in keys and f not in chosen and chosen.get("fln") != f}
    for wanted in (options.weight_column, options.sln_column, options.distance_column):
        if wanted is not None and wanted not in keys:
            raise failed(BAD_TABLE, path, f"no edge has an attribute `{wanted}`", did_you_mean(wanted, keys))
    source = np.array([names[a] for a, _, _ in edges], object)
    target = np.array([names[b] for _, b, _ in edges], object)
    values: dict[str, np.ndarray] = {}
    for field, key in chosen.items():
        given = [data.get(key) for _, _, data in edges]
        if field in WORDS:
            values[field] = np.array(["" if v is None else str(v) for v in given], object)
            continue
        values[field] = np.array([_number(v, key, i, path) for i, v in enumerate(given)])
        if field == "distance_mm":
            unit = table.unit_of(key) or "mm"
            values[field] *= table.UNITS[unit]
            if key != "distance_mm":
                report.guess(f"unit of `{key}`", unit, "by the name")
    if unused := [k for k in keys if k not in chosen.values() and k not in {"id", "kernel"}]:
        report.drop(
            len(unused), f"edge attributes: {', '.join(map(str, unused))}", "the language has no place for them"
        )
    facts = dict.fromkeys(key for _, data in graph.nodes(data=True) for key in data)
    if unused := [k for k in facts if k not in {label, "id", *OWN}]:
        report.drop(len(unused), f"node attributes: {', '.join(map(str, unused))}", "not used")
    if not graph.is_directed():
        report.guess("direction", "both ways", "the graph is undirected: each edge becomes two projections")
        twice = np.flatnonzero(source != target)
        source, target = np.r_[source, target[twice]], np.r_[target, source[twice]]
        values = {field: np.r_[v, v[twice]] for field, v in values.items()}
    report.read.append(f"{path}: {graph.number_of_nodes():,} nodes, {len(edges):,} edges")

    def place(row: int, field: str) -> Span:
        return Span(path, inside=f"edge {row % len(edges)}")

    wiring = joined(source, target, values, None, place, options, report, names=tuple(names.values()))
    return _with_facts(wiring, {names[node]: dict(data) for node, data in graph.nodes(data=True)})


def _reads(text: str, kind: type[int] | type[float]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _number(value: Any, key: str, edge: int, path: str) -> float:
    if value is None:
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError):
        message = f"`{key}` of edge {edge} is `{value}`, which is no number"
        raise failed(BAD_VALUE, Span(path, inside=f"edge {edge}"), message) from None


def _label(graph: nx.Graph[Any], options: Options, report: ImportReport, path: str) -> str | None:
    """Return the attribute of nodes that names them, or None for the nodes themselves."""
    keys = list(dict.fromkeys(key for _, data in graph.nodes(data=True) for key in data))
    if options.labels is not None:
        if options.labels not in keys:
            message = f"no node has an attribute `{options.labels}`"
            raise failed(BAD_TABLE, path, message, did_you_mean(options.labels, keys))
        return options.labels
    if not all(_NUMBER.fullmatch(str(node)) for node in graph):
        return None  # nodes have names already
    for key in (k for k in LABELS if k in keys):
        names = [_called(node, data, key) for node, data in graph.nodes(data=True)]
        if len(set(names)) == len(names):
            report.guess("names of areas", f"the attribute `{key}`", "the nodes are numbers", "--labels")
            return key
    return None


def _called(node: Any, data: dict[str, Any], label: str | None) -> str:
    """Return what the area of a node is called: what its attribute says, or the node itself where that says nothing."""
    return _text(data, label) or str(node).strip()


def _text(data: dict[str, Any], label: str | None) -> str:
    """Return what an attribute of a node says; empty where it says nothing."""
    value = data.get(label) if label else None
    return "" if value is None else str(value).strip()


def _attribute(keys: list[str], wanted: str | None, known: tuple[str, ...]) -> str | None:
    if wanted is not None:
        return wanted
    return next((k for name in known for k in keys if table.plain_key(k) == name), None)


def _with_facts(wiring: Wiring, nodes: dict[str, dict[str, Any]]) -> Wiring:
    """Add what our own exports know of areas."""
    import dataclasses

    facts: dict[str, dict[str, Any]] = {}
    roles = {str(data["role"]): name for name, data in nodes.items() if data.get("role") in ("input", "readout")}
    for name, data in nodes.items():
        known: dict[str, Any] = {f: float(data[f]) for f in FACTS if isinstance(data.get(f), int | float)}
        if all(isinstance(data.get(f), int) for f in ("rows", "columns")):
            known["grid"] = (data["rows"], data["columns"])
        if known:
            facts[name] = known
    return dataclasses.replace(wiring, facts=facts, relay=roles.get("input"), readout=roles.get("readout"))
