"""Graphs: GraphML, GEXF, GML, Pajek, JSON, and any networkx graph in Python."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.diagnostics import Span, did_you_mean, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE, UNREADABLE

from . import files, json_graphs, pajek
from .columns import FLN, WEIGHT, in_mm, is_fln, known, lengths, plain
from .edges import Edges, joined
from .frame import number, repeated
from .options import Options
from .report import ImportReport, and_more, cause, listed
from .scales import bare, unscaled
from .wiring import NUMBERS, OWN, WORDS, Wiring, with_facts

if TYPE_CHECKING:
    import networkx as nx

LABELS = ("label", "name", "dn_name", "acronym", "area", "region")
"""Attributes of nodes that may be their names, best first."""
Nodes = dict[Any, dict[str, Any]]
_NUMBER = re.compile(r"n?\d+(?:::n?\d+)*")


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read a file of GraphML, GEXF, GML or Pajek, or a JSON file (node-link, adjacency, Cytoscape).

    Raises:
        SpecError: not well-formed, or what ``of_graph`` raises.
    """
    path = files.only(paths, "a graph is one file")
    if files.suffix(path) == ".json":
        graph = json_graphs.read(path, report)
    else:
        with files.unpacking(path):
            graph = _READERS[_kind(path)](path, report)
    return of_graph(graph, options, report, path)


def _kind(path: str) -> str:
    """Return the format of a file that is no JSON, by its beginning, unpacked where it is compressed.

    Raises:
        SpecError: it is none that is read.
    """
    if found := files.signature(path, unpacked=True):
        raise failed(UNREADABLE, path, f"`{path}` is {found[0]}, and no graph", found[1])
    kind, hint = files.kind_of_text(files.beginning(path)) or ("none of them", "`cortexc import table` reads edges")
    if kind not in _READERS:
        message = f"GraphML, GEXF, GML, Pajek and JSON are read, and this is {kind}"
        raise failed(UNREADABLE, Span(path, 1), message, hint)
    return kind


def _by_networkx(path: str, report: ImportReport, kind: str) -> nx.Graph[Any]:
    """Return the graph of a file in a format of which networkx keeps all that the language has a place for."""
    import networkx as nx

    report.read.append(f"{path}: {kind}, by networkx {nx.__version__}")
    try:
        with warnings.catch_warnings(), files.opened(path) as file:
            warnings.simplefilter("ignore")  # colours and positions
            graph = nx.read_gml(file, label="id") if kind == "GML" else nx.read_gexf(file)
    except (nx.NetworkXError, ValueError, LookupError, StopIteration, TypeError, AttributeError) as error:
        at = re.search(r"\((\d+), (\d+)\)", str(error))  # as networkx says line and column
        location = Span(path, int(at[1]), int(at[2])) if at else Span(path)
        message = f"the file is not {kind} that networkx can read: {cause(error)}"
        raise failed(UNREADABLE, location, message, "the file may be cut off, or export it as GraphML") from None
    bare = [data for *_, data in graph.edges(data=True) if "weight" not in data]
    if kind == "GEXF" and 0 < len(bare) < graph.number_of_edges():
        report.guess(f"weight of {len(bare):,} edges", "1", "they have none, and Gephi leaves a weight of 1 out")
        for data in bare:
            data["weight"] = 1.0
    return graph


def _graphml(path: str, report: ImportReport) -> nx.Graph[Any]:
    """Return the graph of a GraphML file, with what it declares and networkx leaves out.

    References:
        http://graphml.graphdrawing.org/primer/graphml-primer.html
    """
    import networkx as nx

    root = files.xml(path, "the file may be cut off", huge=True)
    _declared(root, path, report)
    nested = _flattened(root, path, report)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            if nested:
                from lxml import etree

                graph = nx.parse_graphml(etree.tostring(root, encoding="unicode"))
            else:
                with files.opened(path) as file:
                    graph = nx.read_graphml(file)
    except (nx.NetworkXError, ValueError, LookupError, StopIteration, TypeError, AttributeError) as error:
        message = f"the file is not GraphML that networkx can read: {error or type(error).__name__}"
        raise failed(UNREADABLE, path, message) from None
    for text in dict.fromkeys(str(warning.message).rstrip(".") for warning in said):
        report.guess("GraphML", "as networkx reads it", text)
    _filled(graph, root, path, report)
    return graph


def _flattened(root: Any, path: str, report: ImportReport) -> bool:
    """Move the nodes and edges of graphs inside of nodes to the graph around them; return whether there are any."""
    whole = root.find("{*}graph")
    inner = [] if whole is None else list(whole.iterfind("{*}node//{*}graph"))
    for graph in inner:
        directed = graph.get("edgedefault")
        moved = [e for e in graph if isinstance(e.tag, str) and e.tag.endswith(("}node", "}edge"))]
        for element in moved:
            if element.tag.endswith("}edge") and directed != whole.get("edgedefault"):
                element.set("directed", "false" if directed == "undirected" else "true")
        whole.extend(moved)
        counts = [sum(e.tag.endswith(f"}}{part}") for e in moved) for part in ("node", "edge")]
        what = f"{counts[0]:,} nodes and {counts[1]:,} edges of the graph in node `{graph.getparent().get('id')}`"
        report.guess(what, "of the whole graph", f"graphs inside of nodes are flattened, {path}:{graph.sourceline}")
    for graph in inner:
        graph.getparent().remove(graph)
    return bool(inner)


def _filled(graph: nx.Graph[Any], root: Any, path: str, report: ImportReport) -> None:
    """Give nodes and edges the defaults that GraphML declares for them, and networkx reads but does not use."""
    kinds = {**dict.fromkeys(("int", "long", "integer"), int), **dict.fromkeys(("float", "double"), float)}
    elements = {"node": [data for _, data in graph.nodes(data=True)], "edge": [d for *_, d in graph.edges(data=True)]}
    for key in root.iterfind("{*}key"):
        default = key.find("{*}default")
        name, kind = str(key.get("attr.name")), key.get("attr.type")
        if default is None or not (default.text or kind == "string"):
            continue
        text = default.text or ""
        value = text.strip().lower() in {"true", "1"} if kind == "boolean" else kinds.get(kind, str)(text)
        for what, listed_data in elements.items():
            if key.get("for", "all") in {what, "all"}:
                lacking = [data for data in listed_data if name not in data]
                for data in lacking:
                    data[name] = value
                if lacking:
                    count = f"{len(lacking):,} {what}s"
                    report.read.append(f"{path}:{key.sourceline}: {count} have the default {name} {value}")


def _declared(root: Any, path: str, report: ImportReport) -> None:
    """Raise where GraphML has a node twice, an edge to a node that it does not declare, or a text for a number.

    What networkx leaves out goes to the report: all graphs but the first.
    """
    _keys_are_known(root, path)
    _numbers_are_numbers(root, path)
    for other in root.findall("{*}graph")[1:]:
        counts = [sum(1 for _ in other.iter(f"{{*}}{part}")) for part in ("node", "edge")]
        what = f"graphs: `{other.get('id') or ''}` with {counts[0]:,} nodes and {counts[1]:,} edges"
        report.drop(1, what, "a spec is one graph: the first is read", f"{path}:{other.sourceline}")
    elements = list(root.iter("{*}node"))
    names = [str(element.get("id")) for element in elements]
    if (again := repeated(names)) is not None:
        raise failed(BAD_TABLE, Span(path, elements[again].sourceline), f"the node `{names[again]}` is there twice")
    nodes = set(names)
    seen: set[tuple[str | None, ...]] = set()
    for element in root.iter("{*}edge"):
        if (called := tuple(element.get(part) for part in ("source", "target", "id")))[2] is not None:
            if called in seen:
                message = f"two edges from `{called[0]}` to `{called[1]}` have the id `{called[2]}`"
                hint = "ids of edges must differ: one of the two would be lost"
                raise failed(BAD_TABLE, Span(path, element.sourceline), message, hint)
            seen.add(called)
        for end in ("source", "target"):
            if (name := str(element.get(end))) not in nodes:
                message = f"the {end} of this edge is `{name}`, and no node is called so"
                location = Span(path, element.sourceline)
                raise failed(UNKNOWN_NODE, location, message, "add it, or take the edge out")


def _keys_are_known(root: Any, path: str) -> None:
    """Raise where GraphML declares an attribute of a type that does not exist."""
    types = ("boolean", "int", "long", "float", "double", "string")
    for key in root.iter("{*}key"):
        if (kind := key.get("attr.type", "string")) not in {*types, "integer"}:
            message = f"the key `{key.get('attr.name')}` is of the type `{kind}`, which GraphML does not know"
            raise failed(BAD_TABLE, Span(path, key.sourceline), message, f"expected one of {', '.join(types)}")


def _numbers_are_numbers(root: Any, path: str) -> None:
    """Raise where GraphML declares an attribute as a number and holds a text."""
    kinds = {"int": int, "long": int, "float": float, "double": float}
    keys = {str(key.get("id")): key for key in root.iter("{*}key") if key.get("attr.type") in kinds}
    for element in root.iter("{*}data", "{*}default"):
        key = keys.get(str(element.get("key", element.getparent().get("id"))))
        if key is None or not element.text:
            continue
        kind = kinds[key.get("attr.type")]
        try:
            kind(element.text)
        except ValueError:
            whole = "whole " if kind is int else ""
            message = f"`{key.get('attr.name')}` holds `{element.text.strip() or '(empty)'}`, which is no {whole}number"
            location = Span(path, element.sourceline)
            raise failed(BAD_VALUE, location, message, "fix the value, or take it out") from None


_READERS: dict[str, Callable[[str, ImportReport], nx.Graph[Any]]] = {
    "GraphML": _graphml,
    **{kind: functools.partial(_by_networkx, kind=kind) for kind in ("GEXF", "GML")},
    "Pajek": pajek.read,
}


def of_graph(graph: nx.Graph[Any], options: Options, report: ImportReport, path: str = "<networkx>") -> Wiring:
    """Return the wiring of a networkx graph of any kind; an undirected edge becomes two projections.

    Raises:
        SpecError: labels that are no names, or a value that no projection can have.
    """
    if graph.number_of_edges() == 0:
        raise failed(BAD_TABLE, path, "the graph has no edges")
    nodes = dict(graph.nodes(data=True))
    label = _label(nodes, options, report, path)
    names = _names(nodes, label, report, path)
    edges = list(graph.edges(data=True))
    data = [given for _, _, given in edges]
    attributes = _attributes(list(dict.fromkeys(key for given in data for key in given)), options, report, path)
    source = np.array([names[a] for a, _, _ in edges], object)
    target = np.array([names[b] for _, b, _ in edges], object)
    values = {field: _values(data, field, key, path, options, report) for field, key in attributes.items()}
    unused = dict.fromkeys(key for given in data for key in given if key not in {*attributes.values(), "id", "kernel"})
    report.unused("edge attributes", list(unused), "the language has no place for them")
    unused = dict.fromkeys(key for given in nodes.values() for key in given if key not in {label, "id", *OWN})
    report.unused("node attributes", list(unused))
    report.read.append(f"{path}: {len(nodes):,} nodes, {len(edges):,} edges")

    def location(row: int, field: str) -> Span:
        return Span(path, inside=f"edge {row}")

    found = Edges(source, target, values, location, names=tuple(names.values()))
    if not graph.is_directed():
        report.guess("direction", "both ways", "the graph is undirected: each edge becomes two projections")
        found = found.both_ways()
    return with_facts(joined(found, options, report), {names[node]: given for node, given in nodes.items()})


def _names(nodes: Nodes, label: str | None, report: ImportReport, path: str) -> dict[Any, str]:
    """Return what the area of each node is called."""
    names = {node: _called(node, data, label) for node, data in nodes.items()}
    if bare := [str(node) for node, data in nodes.items() if label and not _text(data, label)]:
        report.guess(f"names of {len(bare):,} nodes", listed(bare), f"they have no `{label}`", "--labels")
    seen: dict[str, Any] = {}
    for node, name in names.items():
        if name in seen:
            message = f"the nodes {seen[name]} and {node} are both called `{name}`"
            raise failed(BAD_TABLE, path, message, "name another attribute: --labels ATTRIBUTE")
        seen[name] = node
    return names


def _attributes(keys: list[str], options: Options, report: ImportReport, path: str) -> dict[str, str]:
    """Return which attribute of edges holds what, by field of a projection."""
    found: dict[str, str] = {}
    weight = options.fln_column or options.weight_column or next(iter(known(keys, (*FLN, *WEIGHT))), None)
    if weight is None:
        if options.aggregate != "sum":
            why = "no attribute of the edges looks like one: all count alike"
            report.guess("weights", "none", why, "--weight-column")
    else:
        found["fln" if options.fln_column or is_fln(weight) else "weight"] = weight
        if plain(bare(weight)) not in {"weight", *FLN}:
            report.guess("attribute of weights", weight, "by its name", "--weight-column")
    for field, wanted, likely in (
        ("sln", options.sln_column, ["sln"]),
        ("distance_mm", options.distance_column, lengths(keys)),
    ):
        if column := wanted or next(iter(known(keys, likely)), None):
            found[field] = column
    found |= {f: f for f in (*NUMBERS, *WORDS) if f in keys and f not in found and found.get("fln") != f}
    for wanted in (options.weight_column, options.fln_column, options.sln_column, options.distance_column):
        if wanted is not None and wanted not in keys:
            raise failed(BAD_TABLE, path, f"no edge has an attribute `{wanted}`", did_you_mean(wanted, keys))
    return found


def _values(
    data: list[dict[str, Any]], field: str, key: str, path: str, options: Options, report: ImportReport
) -> np.ndarray:
    """Return a field of all edges: text, or float64, NaN where an edge has no such attribute."""
    given = [of_edge.get(key) for of_edge in data]
    if field in WORDS:
        return np.array(["" if v is None else str(v) for v in given], object)
    truths = sum(isinstance(v, bool | np.bool_) for v in given)
    if truths and options.weight_column != key:
        message = f"`{key}` of the edges is true or false{and_more(truths)}: no number"
        hint = (
            "igraph writes such weights where they were lost, as its rewire does: write the graph with the weights; "
            f"--weight-column {key} takes true for 1, and false for no connection"
        )
        raise failed(BAD_VALUE, path, message, hint)
    numbers = [float("nan") if v is None else number(v) for v in given]
    if None in numbers:
        edge = numbers.index(None)
        message = f"`{key}` of edge {edge} is `{given[edge]}`, which is no number"
        raise failed(BAD_VALUE, Span(path, inside=f"edge {edge}"), message)
    found = np.array(numbers, float)
    if field in {"fln", "weight", "sln"}:
        return unscaled(found, field, key, options.scale, report)
    return in_mm(found, key, "an attribute", report) if field == "distance_mm" else found


def _label(nodes: Nodes, options: Options, report: ImportReport, path: str) -> str | None:
    """Return the attribute of nodes that names them, or None for the nodes themselves."""
    keys = list(dict.fromkeys(key for data in nodes.values() for key in data))
    if options.labels is not None:
        if options.labels not in keys:
            message = f"no node has an attribute `{options.labels}`"
            raise failed(BAD_TABLE, path, message, did_you_mean(options.labels, keys))
        return options.labels
    called = {key: [_called(node, data, key) for node, data in nodes.items()] for key in LABELS if key in keys}
    said = [
        key
        for key, names in called.items()
        if repeated(names) is None and not all(map(_NUMBER.fullmatch, names)) and names != [str(n) for n in nodes]
    ]
    if not said:
        return None
    if all(_NUMBER.fullmatch(str(node)) for node in nodes):
        report.guess("names of areas", f"the attribute `{said[0]}`", "the nodes are numbers", "--labels")
        return said[0]
    why = f"they are no numbers; `{said[0]}` could name them"
    report.guess("names of areas", "the ids of the nodes", why, f"--labels {said[0]}")
    return None


def _called(node: Any, data: dict[str, Any], label: str | None) -> str:
    """Return what the area of a node is called: what its attribute says, or the node itself where that says nothing."""
    return _text(data, label) or str(node).strip()


def _text(data: dict[str, Any], label: str | None) -> str:
    """Return what an attribute of a node says; empty where it says nothing."""
    value = data.get(label) if label else None
    return "" if value is None else str(value).strip()
