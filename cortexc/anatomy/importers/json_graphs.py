"""Graphs in JSON: node-link and adjacency as networkx and D3 write them, and the elements of Cytoscape.

networkx 3.6.1 reads Cytoscape's files only if each node has a `value`, which Cytoscape itself does not write; the other
two forms it reads without a word about an edge to a node that is not listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cortexc.connectome.diagnostics import Span, SpecError, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, UNKNOWN_NODE, UNREADABLE

from . import files
from .report import ImportReport, cause

if TYPE_CHECKING:
    import networkx as nx

Node = tuple[Any, dict[str, Any]]
Edge = tuple[Any, Any, dict[str, Any]]
_ENDS = {"source", "target", "key"}


def read(path: str, report: ImportReport) -> nx.Graph[Any]:
    """Return the graph of a JSON file.

    Raises:
        SpecError: broken JSON, another kind of it, a node twice or without an id, an edge to a node that is not there.
    """
    import networkx as nx

    data = files.json(path)
    form = _form(data)
    if form is None:
        raise _other(path, data)
    try:
        nodes, edges = _PARTS[form](data)
        directed = data.get("directed")
        about = data.get("graph") or data.get("data") or {}
        name = dict(about).get("name")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        lacks = f"there is no {error}" if isinstance(error, KeyError) else cause(error)
        message = f"the JSON is no graph in the form {form}: {lacks}"
        raise failed(
            UNREADABLE, path, message, "each node has an id, each edge the ids of a source and a target"
        ) from None
    report.read.append(f"{path}: JSON, {form}")
    if directed is None and form == "Cytoscape":
        report.guess("direction", "from source to target", "the file does not say whether edges are directed")
        directed = True
    _refuse(path, nodes, edges)
    graph: nx.Graph[Any] = nx.MultiDiGraph() if directed else nx.MultiGraph()
    graph.graph |= {"name": name} if name else {}
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    return graph


def _form(data: Any) -> str | None:
    """Return which form of graph a JSON file has, None where it has none."""
    if not isinstance(data, dict):
        return None
    if "elements" in data:
        return "Cytoscape"
    if isinstance(data.get("nodes"), list):
        return "adjacency" if "adjacency" in data else "node-link" if {"links", "edges"} & set(data) else None
    return None


def _node_link(data: Any) -> tuple[list[Node], list[Edge]]:
    nodes = [_node(given) for given in data["nodes"]]
    listed = [_edge(given) for given in data["edges" if "edges" in data else "links"]]
    ends, ids = {end for a, b, _ in listed for end in (a, b)}, {name for name, _ in nodes}
    if not ends & ids and ends <= set(range(len(nodes))):  # D3 before its version 4 counts nodes
        listed = [(nodes[a][0], nodes[b][0], given) for a, b, given in listed]
    return nodes, listed


def _adjacency(data: Any) -> tuple[list[Node], list[Edge]]:
    nodes = [_node(given) for given in data["nodes"]]
    both = not data.get("directed")
    seen: set[tuple[Any, ...]] = set()
    edges: list[Edge] = []
    for (source, _), row in zip(nodes, data["adjacency"], strict=True):
        for given in row:
            target, kept = _known(given["id"]), {k: v for k, v in given.items() if k not in {"id", "key"}}
            pair = (target, source, given.get("key"))
            if both and pair in seen and source != target:
                continue  # an undirected edge stands at both of its nodes
            seen.add((source, target, given.get("key")))
            edges.append((source, target, kept))
    return nodes, edges


def _cytoscape(data: Any) -> tuple[list[Node], list[Edge]]:
    elements = data["elements"]
    if isinstance(elements, list):
        elements = {
            part: [e for e in elements if (e.get("group") or ("edges" if "source" in e["data"] else "nodes")) == part]
            for part in ("nodes", "edges")
        }
    listed = [_edge(given["data"]) for given in elements.get("edges", ())]
    return [_node(given["data"]) for given in elements["nodes"]], [
        (a, b, {k: v for k, v in kept.items() if k != "id"}) for a, b, kept in listed
    ]


_PARTS = {"node-link": _node_link, "adjacency": _adjacency, "Cytoscape": _cytoscape}


def _node(given: dict[str, Any]) -> Node:
    return _known(given["id"]), {k: v for k, v in given.items() if k != "id"}


def _edge(given: dict[str, Any]) -> Edge:
    return _known(given["source"]), _known(given["target"]), {k: v for k, v in given.items() if k not in _ENDS}


def _known(name: Any) -> Any:
    """Return the id of a node, which JSON may write as a list."""
    if name is None or isinstance(name, dict):
        raise ValueError(f"{name} is no id of a node")
    return tuple(map(_known, name)) if isinstance(name, list) else name


def _refuse(path: str, nodes: list[Node], edges: list[Edge]) -> None:
    """Raise where a node is there twice, or an edge names one that is not there."""
    seen: set[str] = set()
    for name, _ in nodes:
        if str(name) in seen:
            raise failed(BAD_TABLE, path, f"the node `{name}` is there twice")
        seen.add(str(name))
    there = {name for name, _ in nodes}
    for i, end in _ends(edges):
        if end not in there:
            message = f"the edge names the node `{end}`, which is not among `nodes`"
            raise failed(UNKNOWN_NODE, Span(path, inside=f"edges[{i}]"), message, "add it, or take the edge out")


def _ends(edges: list[Edge]) -> Iterator[tuple[int, Any]]:
    for i, (source, target, _) in enumerate(edges):
        yield from ((i, source), (i, target))


def _other(path: str, data: Any) -> SpecError:
    """Return the error of JSON that is no graph, with what it is."""
    kind, hint = files.kind_of_json(data)
    return failed(UNREADABLE, path, f"the JSON is no graph: {kind}", hint)
