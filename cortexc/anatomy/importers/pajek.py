"""Pajek networks, line by line.

The reader of networkx 3.6.1 takes labels for identities, so that areas of one name in two hemispheres become one. It
reads edges that follow arcs as arcs of one direction, and comments as edges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cortexc.connectome.diagnostics import Span, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE
from cortexc.connectome.model import MAX_AREAS

from . import files
from .report import ImportReport

if TYPE_CHECKING:
    import networkx as nx

PAIRS, LISTS = {"*arcs": False, "*edges": True}, {"*arcslist": False, "*edgeslist": True}
"""Sections with a pair a line, and with a vertex and all its neighbours a line; whether they are undirected."""


def read(path: str, report: ImportReport) -> nx.MultiDiGraph[str]:
    """Return the graph of a Pajek file (.net): vertices by their labels, an edge in both directions.

    Raises:
        SpecError: a line that is not Pajek, a vertex that is not declared, or a label that stands twice.

    References:
        https://mrvar.fdv.uni-lj.si/pajek/pajekman.pdf, section 5.3
    """
    import networkx as nx

    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    labels: dict[str, str] = {}
    lines: dict[str, int] = {}
    section = ""
    for number, words in _lines(path):
        first = words[0].lower()
        if first.startswith("*"):
            section = first
            if section == "*network" and len(words) > 1:
                graph.graph["name"] = " ".join(words[1:])
            elif section == "*vertices":
                labels = {str(i + 1): str(i + 1) for i in range(_count(path, number, words))}
            elif section not in {"*network", *PAIRS, *LISTS}:
                message = f"a section `{words[0]}`, which is not read"
                hint = "save the network alone, as lists of arcs and edges"
                raise failed(BAD_TABLE, Span(path, number), message, hint)
        elif section == "*vertices":
            label = words[1] if len(words) > 1 else words[0]
            if label in lines:
                message = f"two vertices are called `{label}`, here and in line {lines[label]}"
                hint = "give each a name of its own, such as V1-left and V1-right"
                raise failed(BAD_VALUE, Span(path, number), message, hint)
            _known(path, number, words[0], labels)
            labels[words[0]], lines[label] = label, number
        elif section in PAIRS:
            _connect(graph, path, number, words[:2], labels, _weight(path, number, words), both=PAIRS[section])
        elif section in LISTS:
            for other in words[1:]:
                _connect(graph, path, number, [words[0], other], labels, {}, both=LISTS[section])
        else:
            raise failed(BAD_TABLE, Span(path, number), "a line before any section", "a file begins with *Vertices N")
    graph.add_nodes_from(labels.values())
    report.read.append(f"{path}: Pajek, {len(labels)} vertices")
    return graph


def _lines(path: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the words of each line that is not empty and no comment."""
    with files.text(path, "replace") as file:
        text = file.read()
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("%"):
            yield number, [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]


def _count(path: str, number: int, words: list[str]) -> int:
    if len(words) != 2 or not words[1].isdecimal():
        message = f"`{' '.join(words)}`; expected *Vertices and how many there are"
        raise failed(BAD_VALUE, Span(path, number), message, "networks of two kinds of vertices are not read")
    if (count := int(words[1])) > MAX_AREAS:
        raise failed(BAD_VALUE, Span(path, number), f"{count} vertices; a spec has at most {MAX_AREAS} areas")
    return count


def _known(path: str, number: int, vertex: str, labels: dict[str, str]) -> str:
    if vertex not in labels:
        raise failed(UNKNOWN_NODE, Span(path, number), f"vertex {vertex}, and there are {len(labels)}")
    return labels[vertex]


def _weight(path: str, number: int, words: list[str]) -> dict[str, Any]:
    if len(words) < 2:
        raise failed(BAD_TABLE, Span(path, number), f"`{words[0]}`; expected two vertices, and a weight")
    try:
        return {"weight": float(words[2])} if len(words) > 2 else {}
    except ValueError:
        raise failed(BAD_VALUE, Span(path, number), f"the weight is `{words[2]}`, and no number") from None


def _connect(
    graph: nx.MultiDiGraph[str],
    path: str,
    number: int,
    ends: list[str],
    labels: dict[str, str],
    weight: dict[str, Any],
    *,
    both: bool,
) -> None:
    one, other = (_known(path, number, vertex, labels) for vertex in ends)
    graph.add_edge(one, other, **weight)
    if both and one != other:
        graph.add_edge(other, one, **weight)
