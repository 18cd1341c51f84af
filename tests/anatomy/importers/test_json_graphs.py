"""Graphs in JSON: the three forms say the same, and other JSON is named for what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import read

FORMS: dict[str, Callable[[nx.Graph[str]], Any]] = {
    "node-link": lambda graph: nx.node_link_data(graph, edges="links"),
    "edges": lambda graph: nx.node_link_data(graph, edges="edges"),
    "adjacency": nx.adjacency_data,
    "Cytoscape": nx.cytoscape_data,
}
DIRECTED = {("a", "b"): 2.0, ("b", "c"): 3.0, ("c", "a"): 1.0, ("b", "a"): 5.0}


def written(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("directed", [True, False])
def test_every_form_says_the_same(tmp_path: Path, form: str, directed: bool) -> None:
    graph: nx.Graph[str] = nx.DiGraph() if directed else nx.Graph()
    graph.add_weighted_edges_from((a, b, w) for (a, b), w in DIRECTED.items())
    graph.add_edge("c", "c", weight=7.0)
    found = read("graphml", written(tmp_path / "g.json", FORMS[form](graph))).connectome
    expected = {(a, b): graph[a][b]["weight"] for a in "abc" for b in "abc" if graph.has_edge(a, b) and a != b}
    assert {(p.origin, p.target): p.weight for p in found.projections if p.source == ("data",)} == expected
    assert {name: lateral.weight for name, lateral in found.lateral.items()} == {"c": 7.0}


def test_parallel_edges_of_an_adjacency_count_each(tmp_path: Path) -> None:
    graph: nx.MultiGraph[str] = nx.MultiGraph()
    graph.add_weighted_edges_from([("a", "b", 2.0), ("a", "b", 3.0), ("b", "c", 1.0)])
    found = read("graphml", written(tmp_path / "g.json", nx.adjacency_data(graph)), aggregate="sum").connectome
    assert {(p.origin, p.target): p.weight for p in found.projections if p.source == ("data",)} == {
        ("a", "b"): 5.0, ("b", "a"): 5.0, ("b", "c"): 1.0, ("c", "b"): 1.0,
    }  # fmt: skip


def test_elements_of_cytoscape_may_be_one_list_and_are_directed(tmp_path: Path) -> None:
    nodes = [{"data": {"id": "1", "name": "V1"}}, {"data": {"id": "2", "name": "V2"}}]
    edge = {"data": {"id": "e1", "source": "1", "target": "2", "weight": 3}}
    for elements in ([*nodes, edge], {"nodes": nodes, "edges": [edge]}):
        found = read("graphml", written(tmp_path / "g.json", {"elements": elements}))
        listed = [(p.origin, p.target, p.weight) for p in found.connectome.projections if p.source == ("data",)]
        assert listed == [("V1", "V2", 3.0)]
        assert "direction = from source to target" in found.report.as_text()


def test_ends_of_d3_may_be_places_in_the_list_of_nodes(tmp_path: Path) -> None:
    data = {"nodes": [{"id": "V1"}, {"id": "V2"}], "directed": True, "links": [{"source": 1, "target": 0, "value": 2}]}
    found = read("graphml", written(tmp_path / "g.json", data)).connectome
    assert [(p.origin, p.target, p.weight) for p in found.projections if p.source == ("data",)] == [("V2", "V1", 2.0)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([{"source": "a", "target": "b"}], "a list of records"),
        ({"networks": {}}, "a circuit configuration of SONATA"),
        ({"cortexc": 1}, "a spec of this language"),
        ({"x": 1}, "it has `x`"),
        ({"nodes": [{"id": None}], "edges": []}, "None is no id of a node"),
        ({"nodes": [{"name": "a"}], "edges": []}, "there is no 'id'"),
        ({"nodes": [{"id": 1}, {"id": "1"}], "edges": []}, "the node `1` is there twice"),
        ({"nodes": [{"id": "a"}], "links": [{"source": "a", "target": "b"}]}, "the node `b`, which is not among"),
    ],
)
def test_other_json_is_named_for_what_it_is(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(connectome.SpecError, match=message):
        read("graphml", written(tmp_path / "g.json", data))


def test_truths_are_no_strengths_unless_a_user_says_so(tmp_path: Path) -> None:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_weighted_edges_from([("a", "b", True), ("b", "a", True), ("b", "c", False)])
    nx.write_graphml(graph, tmp_path / "g.graphml")
    for path in (tmp_path / "g.graphml", written(tmp_path / "g.json", nx.node_link_data(graph, edges="edges"))):
        with pytest.raises(connectome.SpecError, match="`weight` of the edges is true or false"):
            read("graphml", path)
        found = read("graphml", path, weight_column="weight").connectome
        assert {(p.origin, p.target) for p in found.projections if p.source == ("data",)} == {("a", "b"), ("b", "a")}


def test_numbers_do_not_name_areas_where_an_attribute_does(tmp_path: Path) -> None:
    graph: nx.DiGraph[int] = nx.DiGraph([(0, 1), (1, 2)])
    nx.set_node_attributes(graph, {0: "V1", 1: "V2", 2: "V4"}, "name")
    nx.write_gml(graph, tmp_path / "g.gml")  # which makes labels of the numbers
    assert set(read("graphml", tmp_path / "g.gml").connectome.areas) == {"V1", "V2", "V4"}
