"""GraphML, node-link JSON and networkx graphs."""

import json
from pathlib import Path

import networkx as nx
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import from_graph, read


def brain() -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_edge("V1", "V2", weight=0.7, sln=0.7)
    graph.add_edge("V2", "V4", weight=0.4)
    graph.add_edge("V4", "V4", weight=2.0)
    return graph


@pytest.mark.parametrize("suffix", ["graphml", "json"])
def test_a_graph_in_a_file_is_the_graph(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"brain.{suffix}"
    if suffix == "graphml":
        nx.write_graphml(brain(), path)
    else:
        path.write_text(json.dumps(nx.node_link_data(brain(), edges="edges")))
    found = read("graphml", path)
    assert {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)} == {
        ("V1", "V2"): 0.7,
        ("V2", "V4"): 0.4,
    }
    assert found.connectome.lateral["V4"].weight == 2.0
    assert found.connectome.projections[1].sln == 0.7


def test_an_undirected_edge_becomes_two_projections(tmp_path: Path) -> None:
    graph = nx.Graph()
    for i, name in enumerate(("rh.V1", "rh.V2", "rh.V4")):
        graph.add_node(i, dn_name=name)
    graph.add_edges_from([(0, 1), (1, 2)])
    found = from_graph(graph)
    pairs = {(p.origin, p.target) for p in found.connectome.projections if p.source == ("data",)}
    assert pairs == {("rh_V1", "rh_V2"), ("rh_V2", "rh_V1"), ("rh_V2", "rh_V4"), ("rh_V4", "rh_V2")}
    assert any(g.subject == "direction" for g in found.report.guesses)


def test_parallel_edges_of_a_multigraph_are_summed() -> None:
    graph = nx.MultiDiGraph()
    graph.add_edge("a", "b", weight=1.0)
    graph.add_edge("a", "b", weight=2.0)
    found = from_graph(graph)
    assert [p.weight for p in found.connectome.projections if p.origin == "a"] == [3.0]


def test_nodes_without_edges_stay() -> None:
    graph = brain()
    graph.add_node("alone")
    assert "alone" in from_graph(graph).connectome.areas


def test_broken_files_get_one_finding_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "brain.graphml"
    nx.write_graphml(brain(), path)
    text = path.read_text()
    path.write_text(text[: text.index("</graph>")])
    with pytest.raises(connectome.SpecError) as caught:
        read("graphml", path)
    (finding,) = caught.value.report
    assert finding.code == "I601"
    assert finding.span.line > 1
    (tmp_path / "brain.json").write_text('{"nodes": [,]}')
    with pytest.raises(connectome.SpecError) as caught:
        read("graphml", tmp_path / "brain.json")
    (finding,) = caught.value.report
    assert (finding.span.line, finding.span.column) == (1, 12)
    graph = brain()
    graph["V1"]["V2"]["weight"] = float("nan")
    with pytest.raises(connectome.SpecError, match="no number"):
        from_graph(graph)


def test_edges_to_nodes_that_are_not_declared_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "brain.graphml"
    nx.write_graphml(brain(), path)
    lines = [line for line in path.read_text().splitlines() if '<node id="V4"' not in line]
    path.write_text("\n".join(lines))
    with pytest.raises(connectome.SpecError) as caught:
        read("graphml", path)
    (finding,) = caught.value.report
    assert finding.code == "I604"
    assert '"V4"' in lines[finding.span.line - 1]
    data = nx.node_link_data(brain(), edges="edges")
    data["nodes"] = data["nodes"][:2]
    (tmp_path / "brain.json").write_text(json.dumps(data))
    with pytest.raises(connectome.SpecError, match="`V4`, which is not among"):
        read("graphml", tmp_path / "brain.json")


KEYS = (
    '<key id="w" for="edge" attr.name="weight" attr.type="double"/>\n'
    '<key id="d" for="node" attr.name="label" attr.type="string"/>\n'
    '<key id="h" for="node" attr.name="hemisphere" attr.type="string"/>\n'
)


def graphml(folder: Path, weight: str = "2", more: str = "") -> Path:
    path = folder / "brain.graphml"
    path.write_text(
        f'<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n{KEYS}<graph id="G" edgedefault="directed">\n'
        '<node id="n0"><data key="d">V1</data><data key="h">left</data></node>\n'
        '<node id="n1::n0"><data key="d">V2</data></node>\n<node id="n2"/>\n'
        f'<edge source="n0" target="n1::n0"><data key="w">{weight}</data></edge>\n'
        '<edge source="n1::n0" target="n2"><data key="w">1</data></edge>\n</graph>\n'
        f"{more}</graphml>\n"
    )
    return path


def test_labels_are_used_where_there_are_any_and_unused_attributes_listed(tmp_path: Path) -> None:
    found = read("graphml", graphml(tmp_path))
    assert set(found.connectome.areas) == {"V1", "V2", "n2"}
    assert ("names of 1 nodes", "n2") in {(g.subject, g.value) for g in found.report.guesses}
    assert [(d.count, d.what) for d in found.report.dropped] == [(1, "node attributes: hemisphere")]


def test_a_second_graph_is_reported(tmp_path: Path) -> None:
    more = '<graph id="H" edgedefault="directed"><node id="m0"/><edge source="m0" target="m0"/></graph>\n'
    dropped = read("graphml", graphml(tmp_path, more=more)).report.dropped
    assert [(d.count, d.what) for d in dropped if "graphs" in d.what] == [(1, "graphs: `H` with 1 nodes and 1 edges")]


def test_a_text_for_a_number_is_found_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(connectome.SpecError) as caught:
        read("graphml", graphml(tmp_path, weight="strong"))
    (finding,) = caught.value.report
    assert (finding.code, finding.message, finding.span.line) == (
        "I603",
        "`weight` holds `strong`, which is no number",
        9,
    )


GRAPHML = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="w" for="edge" attr.name="weight" attr.type="double"/>
  <key id="s" for="{domain}" attr.name="sln" attr.type="double"><default>{sln}</default></key>
  <key id="l" for="node" attr.name="level" attr.type="{kind}"><default>2</default></key>
  <graph edgedefault="directed">
    <node id="V1"><data key="l">0</data></node><node id="V2"><data key="l">1</data></node><node id="MT"/>
    <edge source="V1" target="V2"><data key="w">2</data></edge>
    <edge source="V2" target="MT"><data key="w">3</data></edge>
    <edge source="MT" target="V1"><data key="w">1</data><data key="s">0.1</data></edge>
  </graph>
</graphml>
"""


@pytest.mark.parametrize("domain", ["edge", "all"])
def test_defaults_of_graphml_are_used(tmp_path: Path, domain: str) -> None:
    """Section 2.4.2 of http://graphml.graphdrawing.org/primer/graphml-primer.html."""
    path = tmp_path / "d.graphml"
    path.write_text(GRAPHML.format(domain=domain, sln="0.9", kind="double"))
    found = read("graphml", path)
    sln = {(p.origin, p.target): p.sln for p in found.connectome.projections if p.origin != "LGN"}
    assert sln == {("V1", "V2"): 0.9, ("V2", "MT"): 0.9, ("MT", "V1"): 0.1}
    assert {name: area.level for name, area in found.connectome.areas.items()} == {"V1": 0, "V2": 1, "MT": 2}
    assert f"{path}:4: 2 edges have the default sln 0.9" in found.report.as_text()


@pytest.mark.parametrize(
    ("sln", "kind", "message", "line"), [("high", "double", "holds `high`", 4), ("0.9", "decimal", "does not know", 5)]
)
def test_broken_keys_are_located(tmp_path: Path, sln: str, kind: str, message: str, line: int) -> None:
    path = tmp_path / "d.graphml"
    path.write_text(GRAPHML.format(domain="edge", sln=sln, kind=kind))
    with pytest.raises(connectome.SpecError, match=message) as caught:
        read("graphml", path)
    assert next(iter(caught.value.report)).span.line == line


def test_graphs_inside_of_nodes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "n.graphml"
    edge = '<edge source="V3" target="V1"><data key="w">1</data></edge>'
    inner = f'<node id="g"><graph edgedefault="directed"><node id="V3"/>{edge}</graph></node>'
    text = GRAPHML.format(domain="edge", sln="0.9", kind="double")
    path.write_text(text.replace("    <edge", f"    {inner}<edge", 1))
    found = read("graphml", path)
    assert ("V3", "V1") in {(p.origin, p.target) for p in found.connectome.projections}
    assert "1 nodes and 1 edges of the graph in node `g`" in found.report.as_text()


def test_two_edges_of_a_pair_with_one_id_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.graphml"
    text = GRAPHML.format(domain="edge", sln="0.9", kind="double")
    path.write_text(text.replace("    <edge", '    <edge id="0" source="V1" target="V2"/><edge id="0"', 1))
    with pytest.raises(connectome.SpecError, match="have the id `0`"):
        read("graphml", path)


def test_an_attribute_that_could_name_the_nodes_is_said() -> None:
    graph = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a")])
    nx.set_node_attributes(graph, {"a": "V1", "b": "V2", "c": "V4"}, "name")
    assert "--labels name" in from_graph(graph).report.as_text()


@pytest.mark.parametrize("kind", ["gml", "gexf", "pajek"])
@pytest.mark.parametrize("suffix", ["of its own", "graphml"])
def test_other_formats_of_graphs_are_told_by_their_content(tmp_path: Path, kind: str, suffix: str) -> None:
    """https://gexf.net, https://networkx.org/documentation/stable/reference/readwrite/gml.html"""
    path = tmp_path / f"g.{kind if suffix == 'of its own' else suffix}"
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([("a", "b", 1.0), ("b", "c", 2.0), ("c", "a", 3.0)])
    getattr(nx, f"write_{kind}")(graph, path)
    found = read("graphml", path)
    weights = {(p.origin, p.target): p.weight for p in found.connectome.projections if p.origin != "LGN"}
    assert weights == {("a", "b"): 1, ("b", "c"): 2, ("c", "a"): 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<svg/>", "this is a picture"),
        ("<neuroml/>", "this is NeuroML"),
        ("a,b\n1,2\n", "this is none of them"),
        ("graph [\n node [ id 0 ] edge [ source 0 ", "not GML that networkx can read"),
        ("graph [\n ?", "not GML that networkx can read"),
        ("<gexf xmlns='http://www.gexf.net/1.2draft'/>", "not GEXF that networkx can read"),
    ],
)
def test_what_is_no_graph_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "g.graphml").write_text(text)
    with pytest.raises(connectome.SpecError, match=message):
        read("graphml", tmp_path / "g.graphml")


def pajek(tmp_path: Path, text: str) -> dict[tuple[str, str], float | None]:
    path = tmp_path / "g.net"
    path.write_text(text)
    found = read("graphml", path)
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.origin != "LGN"}


VERTICES = '*Vertices 3\n1 "V1" 0.1 0.2\n2 "V2"\n3 "V 4"\n'


def test_arcs_have_a_direction_and_edges_have_two(tmp_path: Path) -> None:
    """networkx 3.6.1 reads the edges that follow arcs as arcs, and the words of a comment as an edge."""
    text = (
        f"% drawn by hand\n*Network brain\n{VERTICES}*Arcs\n1 2 0.7\n% one more\n2 3 1.E-07\n*Edges\n1 3 0.5 c Blue\n"
    )
    expected = {("V1", "V2"): 0.7, ("V2", "V 4"): 1e-7, ("V1", "V 4"): 0.5, ("V 4", "V1"): 0.5}
    assert pajek(tmp_path, text) == expected


def test_lists_of_neighbours_and_vertices_without_labels_are_read(tmp_path: Path) -> None:
    found = pajek(tmp_path, "*vertices 3\n*arcslist\n1 2 3\n*edgeslist\n2 3\n")
    assert set(found) == {("1", "2"), ("1", "3"), ("2", "3"), ("3", "2")}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('*Vertices 2\n1 "V1"\n2 "V1"\n*Arcs\n1 2\n', 3, "two vertices are called `V1`, here and in line 2"),
        (VERTICES + "*Arcs\n1 4 0.5\n", 6, "vertex 4, and there are 3"),
        (VERTICES + "*Arcs\n1 2 strong\n", 6, "the weight is `strong`"),
        (VERTICES + "*Arcs\n1\n", 6, "expected two vertices"),
        (VERTICES + "*Matrix\n0 1 0\n", 5, "a section `*Matrix`"),
        ("*Vertices 4 2\n", 1, "expected *Vertices and how many"),
        ("*Vertices 1000000000000\n", 1, "at most"),
        ("*Network\nV1 V2\n", 2, "a line before any section"),
    ],
)
def test_what_is_wrong_in_a_pajek_file_is_found_at_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(connectome.SpecError) as error:
        pajek(tmp_path, text)
    (found,) = error.value.report
    assert message in found.message
    assert found.span.line == line
