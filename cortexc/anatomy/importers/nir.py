"""NIR graphs: a node of neurons is an area, and the nodes between two of them are a projection.

The strength of a projection is what one unit of the target gets from all of the source: the product, over the nodes on
the way, of the mean sum of absolute weights of a row.

References:
    J. E. Pedersen et al. (2024), Neuromorphic intermediate representation, https://doi.org/10.1038/s41467-024-52259-9
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from cortexc.connectome.diagnostics import Span, SpecError, failed
from cortexc.connectome.diagnostics.importing import UNKNOWN_NODE, UNREADABLE

from . import files, graphs
from .options import Options
from .report import ImportReport, cause, listed
from .wiring import NUMBERS, OWN, WORDS, Wiring

if TYPE_CHECKING:
    import networkx as nx

NEURONS = frozenset({"I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Threshold"})
INPUT, OUTPUT, GRAPH = "Input", "Output", "NIRGraph"
SHAPES = frozenset({"Flatten", "AvgPool2d", "SumPool2d", "Delay"})
"""Nodes that are neither neurons nor weights."""


@dataclass(frozen=True)
class _Node:
    kind: str
    strength: float = 1.0
    signed: bool = False
    """Whether any weight of it is negative."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Its metadata."""


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read a NIR graph.

    Raises:
        SpecError: no NIR, an edge to a node that is not there, or what ``graphs.of_graph`` raises.
    """
    path = files.only(paths, "a NIR graph is one file")
    try:
        with files.hdf5(path) as file:
            if "node" not in file or "edges" not in file["node"]:
                raise failed(UNREADABLE, path, "this is HDF5 and no NIR: it has no `node/edges`", "nir.write makes it")
            version = file["version"][()].decode() if "version" in file else "unknown"
            nodes, edges = _flattened(file["node"], path)
    except SpecError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        files.refuse_missing_filter(path)
        found = files.kind_of_text(files.beginning(path)) if not h5py.is_hdf5(path) else None
        message = f"this is {found[0]}, and no NIR" if found else f"`{path}` cannot be read as NIR: {cause(error)}"
        raise failed(UNREADABLE, path, message, found[1] if found else "the file may be cut off") from None
    report.read.append(f"{path}: NIR {version}, {len(nodes):,} nodes and {len(edges):,} edges")
    return graphs.of_graph(_contracted(nodes, edges, report), options, report, path)


def _flattened(graph: Any, path: str, prefix: str = "") -> tuple[dict[str, _Node], list[tuple[str, str]]]:
    """Return the nodes and edges of a graph and of those inside, whose nodes are called ``graph/node``."""
    nodes: dict[str, _Node] = {}
    edges: list[tuple[str, str]] = []
    doors: dict[str, tuple[list[str], list[str]]] = {}
    for name, group in _groups(graph["nodes"]):
        called = prefix + name
        kind = group["type"][()].decode()
        if kind != GRAPH:
            nodes[called] = _node(kind, group)
            doors[called] = [called], [called]
            continue
        inner, inside = _flattened(group, path, f"{called}/")
        own = [n for n in inner if "/" not in n.removeprefix(f"{called}/")]
        doors[called] = [n for n in own if inner[n].kind == INPUT], [n for n in own if inner[n].kind == OUTPUT]
        nodes |= {n: _Node(OUTPUT) if inner[n].kind in {INPUT, OUTPUT} else inner[n] for n in inner}
        edges += inside
    for i, pair in enumerate(graph["edges"][()]):
        source, target = (prefix + end.decode() for end in pair)
        for end in (source, target):
            if end not in doors:
                location = Span(path, inside=f"{graph.name}/edges[{i}]")
                raise failed(UNKNOWN_NODE, location, f"the edge names the node `{end}`, which is not there", "add it")
        edges += [(a, b) for a in doors[source][1] for b in doors[target][0]]
    return nodes, edges


def _groups(parent: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the nodes of a graph; one with a slash in its name is a group in a group."""
    for name, group in parent.items():
        if "type" in group:
            yield before + name, group
        else:
            yield from _groups(group, f"{before}{name}/")


def _node(kind: str, group: Any) -> _Node:
    facts = {}
    for name, value in group["metadata"].items() if "metadata" in group else ():
        if isinstance(value, h5py.Dataset) and value.shape == ():
            facts[name] = value[()].decode() if isinstance(value[()], bytes) else value[()].item()
    values = next((group[name][()] for name in ("weight", "scale") if name in group), None)
    if values is None or kind in NEURONS:
        return _Node(kind, facts=facts)
    rows = len(values) if "weight" in group and np.ndim(values) else max(1, np.size(values))
    return _Node(kind, float(np.abs(values).sum() / max(1, rows)), bool((np.asarray(values) < 0).any()), facts)


def _contracted(nodes: dict[str, _Node], edges: list[tuple[str, str]], report: ImportReport) -> nx.MultiDiGraph[str]:
    """Return the graph of areas: neurons and the input, or all nodes where none are neurons."""
    import networkx as nx

    areas = [name for name, node in nodes.items() if node.kind in NEURONS]
    if not areas:
        areas = [name for name, node in nodes.items() if node.kind not in {*SHAPES, INPUT, OUTPUT}]
        report.guess("areas", listed(areas), "no node is of neurons")
    inputs = [name for name, node in nodes.items() if node.kind == INPUT]
    after: dict[str, list[str]] = {name: [] for name in nodes}
    for source, target in edges:
        after[source].append(target)
    called = {name: str(nodes[name].facts.get("name", name)) for name in (*inputs, *areas)}
    found: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for name, area in called.items():
        facts = {k: v for k, v in nodes[name].facts.items() if k in OWN}
        found.add_node(area, **facts | ({"role": "input"} if inputs == [name] else {}))
    ways = [(name, *way) for name in called for way in _ways(name, nodes, after, called)]
    for source, target, passed in ways:
        given = next((said for node in passed if (said := _said(node))), None)
        strength = float(np.prod([node.strength for node in passed]))
        if target in called:
            found.add_edge(called[source], called[target], **given or {"weight": strength})
    if any(target in called and not any(map(_said, passed)) for _, target, passed in ways):
        report.guess("strength of a projection", "what a unit gets", "the mean sum of absolute weights of a row")
    if signed := sum(node.signed for node in nodes.values()):
        report.guess(f"negative weights of {signed:,} nodes", "their size", "strengths are positive")
    if len(ends := {called[source] for source, target, _ in ways if target not in called}) == 1:
        found.nodes[ends.pop()].setdefault("role", "readout")
    return found


def _ways(
    area: str, nodes: dict[str, _Node], after: dict[str, list[str]], areas: Collection[str]
) -> Iterator[tuple[str, tuple[_Node, ...]]]:
    """Yield each way from an area to another one or to an output, with the nodes that it passes."""
    waiting: list[tuple[str, ...]] = [(area,)]
    while waiting:
        way = waiting.pop()
        for other in after[way[-1]]:
            if other in areas or (nodes[other].kind == OUTPUT and not after[other]):
                yield other, tuple(nodes[name] for name in way[1:])
            elif other not in way:
                waiting.append((*way, other))


def _said(node: _Node) -> dict[str, Any]:
    """Return what our own exports say of a projection."""
    return {k: v for k, v in node.facts.items() if k in {*NUMBERS, *WORDS}}
