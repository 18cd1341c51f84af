"""What is exported comes back the same, and other programs read the same graph."""

import csv
import json
import re
from pathlib import Path

import libsonata
import networkx as nx
import numpy as np
import pytest

from cortexc import connectome
from cortexc.anatomy.exporters import FORMATS, as_networkx, write
from cortexc.anatomy.importers import read
from cortexc.anatomy.nulls import null
from cortexc.connectome.area_graph import strength
from cortexc.connectome.model import Connectome
from tests.random_connectomes import random_connectome

ENDINGS = {"graphml": "graphml", "json": "json", "csv": "csv", "sonata": "h5", "nir": "nir"}
READERS = {"graphml": "graphml", "json": "graphml", "csv": "table", "sonata": "sonata", "nir": "nir"}


def edges(spec: Connectome) -> dict[tuple[str, ...], tuple[object, ...]]:
    return {
        (p.origin, p.target, p.mode): (
            strength(p), p.fln is None, p.sln, p.distance_mm, p.delay, p.delay_ms, p.direction,
        )
        for p in spec.projections
        if strength(p) > 0
    }  # fmt: skip


def again(spec: Connectome, format: str, folder: Path) -> Connectome:
    found = write(spec, format, folder / f"net.{ENDINGS[format]}")
    files = [str(f) for f in found.files] if format == "sonata" else str(found.files[0])
    return read(READERS[format], files).connectome


def specs() -> dict[str, Connectome]:
    shipped = {name: connectome.load(name) for name in ("macaque-ventral", "vit-tiny")}
    shipped["null"] = null(shipped["macaque-ventral"], "weights", seed=1)
    return shipped | {f"random-{seed}": random_connectome(seed) for seed in range(6)}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", specs())
def test_a_round_trip_gives_the_same_graph(name: str, format: str, tmp_path: Path) -> None:
    spec = specs()[name]
    found = again(spec, format, tmp_path)
    assert edges(found) == edges(spec)
    assert found.input.name == spec.input.name
    assert {n: part.weight for n, part in found.lateral.items()} == {n: p.weight for n, p in spec.lateral.items()}
    if format != "csv":
        assert found.readout.area == spec.readout.area
        assert {n: (a.grid, a.level) for n, a in found.areas.items()} == {
            n: (a.grid, a.level) for n, a in spec.areas.items()
        }


def test_libsonata_reads_the_same_edges(tmp_path: Path) -> None:
    spec = connectome.load("macaque-ventral")
    found = write(spec, "sonata", tmp_path / "macaque.h5")
    storage = libsonata.EdgeStorage(str(found.files[0]))
    population = storage.open_population(next(iter(storage.population_names)))
    nodes = libsonata.NodeStorage(str(found.files[1])).open_population(population.source)
    every = libsonata.Selection([(0, population.size)])
    names = nodes.get_attribute("cortexc_area", libsonata.Selection([(0, nodes.size)]))
    got = {
        (names[a], names[b]): (w, s)
        for a, b, w, s in zip(
            population.source_nodes(every), population.target_nodes(every),
            population.get_attribute("syn_weight", every), population.get_attribute("sln", every), strict=True,
        )
    }  # fmt: skip
    expected = {(p.origin, p.target): (strength(p), p.sln) for p in spec.projections}
    expected |= {(n, n): (part.weight, None) for n, part in spec.lateral.items()}
    assert {pair: w for pair, (w, _) in got.items()} == {pair: w for pair, (w, _) in expected.items()}
    for pair, (_, sln) in expected.items():
        assert np.isnan(got[pair][1]) if sln is None else got[pair][1] == sln
    v1 = list(names).index("V1")
    for ask, end in ((population.efferent_edges, population.source_nodes), (population.afferent_edges, None)):
        selected = ask([v1])
        nodes_of = end or population.target_nodes
        assert set(nodes_of(selected)) == {v1}
        assert selected.flat_size == sum(pair[0 if end else 1] == "V1" for pair in expected)


def test_networkx_reads_the_graphml(tmp_path: Path) -> None:
    spec = connectome.load("macaque-ventral")
    write(spec, "graphml", tmp_path / "m.graphml")
    graph = nx.read_graphml(tmp_path / "m.graphml")
    assert nx.utils.graphs_equal(graph, as_networkx(spec)) or dict(graph.edges) == dict(as_networkx(spec).edges)
    assert graph["V1"]["V2"]["fln"] == 0.7637
    assert graph.nodes["LGN"]["role"] == "input"


def test_the_csv_is_a_plain_table(tmp_path: Path) -> None:
    spec = connectome.load("macaque-ventral")
    write(spec, "csv", tmp_path / "m.csv")
    rows = list(csv.DictReader((tmp_path / "m.csv").read_text().splitlines()))
    assert len(rows) == len(spec.projections) + len(spec.lateral)
    assert {(r["from"], r["to"]): r["sln"] for r in rows}["V1", "V4"] == "0.982"


def test_the_json_is_strict(tmp_path: Path) -> None:
    write(connectome.load("macaque-ventral"), "json", tmp_path / "m.json")
    data = json.loads((tmp_path / "m.json").read_text(), parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))
    assert {n["id"] for n in data["nodes"]} >= {"LGN", "V1", "TEpd"}


def test_a_wrong_ending_or_format_is_refused(tmp_path: Path) -> None:
    spec = connectome.load("macaque-ventral")
    with pytest.raises(ValueError, match=r"ends in \.graphml"):
        write(spec, "graphml", tmp_path / "m.csv")
    with pytest.raises(ValueError, match="one of graphml"):
        write(spec, "gml", tmp_path / "m.gml")
    assert list(tmp_path.iterdir()) == []


def test_edges_of_graphml_have_ids_of_their_own(tmp_path: Path) -> None:
    """`id` of an edge must be unique in the document: http://graphml.graphdrawing.org/xmlns/1.1/graphml-structure.xsd."""
    spec = connectome.load("macaque-ventral")
    (first, *rest) = [p for p in spec.projections if p.origin != spec.input.name]
    extra = first.model_copy(update={"mode": "modulatory", "sln": None, "direction": None})
    several = spec.model_copy(update={"projections": (*spec.projections, extra)})
    assert rest
    found = write(several, "graphml", tmp_path / "net.graphml")
    ids = re.findall(r'<edge [^>]*id="([^"]*)"', found.files[0].read_text())
    assert len(ids) == len(several.projections) + len(several.lateral)
    assert len(set(ids)) == len(ids)
    assert edges(read("graphml", str(found.files[0])).connectome) == edges(several)


def test_libsonata_opens_the_configuration_and_it_asks_for_nothing_that_only_a_cell_has(tmp_path: Path) -> None:
    spec = connectome.load("macaque-ventral")
    found = write(spec, "sonata", tmp_path / "macaque_edges.h5")
    path = tmp_path / "circuit_config.json"
    assert path in found.files
    circuit = libsonata.CircuitConfig.from_file(str(path))
    edges = circuit.edge_population("areas_to_areas")
    assert edges.size == len(spec.projections) + len(spec.lateral)
    assert circuit.node_population_properties("areas").type == "virtual"
    assert circuit.edge_population_properties("areas_to_areas").type == "brian2_synapse"
    # what bluepysnap 3.0.8 requires of populations of these types
    assert "model_type" in circuit.node_population("areas").attribute_names
    assert "model_template" in edges.attribute_names
    assert read("sonata", path).connectome.projections == read("sonata", found.files).connectome.projections


def test_bluepysnap_validates_the_configuration(tmp_path: Path) -> None:
    validation = pytest.importorskip("bluepysnap.circuit_validation")
    write(connectome.load("macaque-ventral"), "sonata", tmp_path / "macaque_edges.h5")
    assert not validation.validate(str(tmp_path / "circuit_config.json"), skip_slow=False)
