"""NIR graphs: neurons are areas, what is between them gives strengths, and our own files are read by nir and by us."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cortexc import connectome
from cortexc.anatomy.exporters import write
from cortexc.anatomy.importers import Imported, read
from cortexc.connectome.model import Connectome


def save(path: Path, nodes: dict[str, Any], edges: list[tuple[str, str]]) -> Path:
    """Write a graph as nir 1.0.8 does; a node is its type and one array, or the nodes and edges of a graph."""

    def put(group: Any, nodes: dict[str, Any], edges: list[tuple[str, str]]) -> None:
        group["type"] = "NIRGraph"
        group.create_dataset("edges", data=edges, dtype=h5py.string_dtype())
        for name, (kind, value) in nodes.items():
            made = group.create_group(f"nodes/{name}")
            if kind == "NIRGraph":
                put(made, *value)
                continue
            made["type"] = kind
            made[{"Linear": "weight", "Affine": "weight", "Scale": "scale", "Input": "shape"}.get(kind, "r")] = value

    with h5py.File(path, "w") as file:
        file["version"] = "1.0.8"
        put(file.create_group("node"), nodes, edges)
    return path


def strengths(found: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)}


ONES = np.ones(3)
NODES: dict[str, Any] = {
    "in": ("Input", np.array([4])),
    "fc1": ("Affine", np.full((3, 4), 0.5)),
    "V1/L4": ("LIF", ONES),
    "fc2": ("Linear", np.full((2, 3), -1.0)),
    "V2": ("CubaLIF", np.ones(2)),
    "half": ("Scale", np.full(2, 0.5)),
    "back": ("Linear", np.eye(2) * 3),
    "out": ("Output", np.array([2])),
}
EDGES = [("in", "fc1"), ("fc1", "V1/L4"), ("V1/L4", "fc2"), ("fc2", "V2"), ("V2", "half"), ("half", "back")]
EDGES += [("back", "V2"), ("V2", "out")]


def test_what_is_between_two_neurons_is_a_projection_and_a_slash_is_part_of_a_name(tmp_path: Path) -> None:
    found = read("nir", save(tmp_path / "g.nir", NODES, EDGES))
    assert strengths(found) == {("in", "V1/L4"): 4 * 0.5, ("V1/L4", "V2"): 3.0}
    assert {name: lateral.weight for name, lateral in found.connectome.lateral.items()} == {"V2": 0.5 * 3}
    assert (found.connectome.input.name, found.connectome.readout.area) == ("in", "V2")
    assert "negative weights of 1 nodes = their size" in found.report.as_text()


def test_a_graph_inside_is_flattened(tmp_path: Path) -> None:
    inner: dict[str, Any] = {
        "i": ("Input", np.array([3])), "w": ("Linear", np.ones((2, 3))), "n": ("LI", np.ones(2)), "o": ("Output", ONES),
    }  # fmt: skip
    nodes = {**NODES, "sub": ("NIRGraph", (inner, [("i", "w"), ("w", "n"), ("n", "o")]))}
    edges = [*EDGES[:2], ("V1/L4", "sub"), ("sub", "back"), ("back", "V2"), ("V2", "out")]
    assert strengths(read("nir", save(tmp_path / "g.nir", nodes, edges))) == {
        ("in", "V1/L4"): 2.0, ("V1/L4", "sub/n"): 3.0, ("sub/n", "V2"): 3.0,
    }  # fmt: skip


def test_without_neurons_each_node_is_an_area(tmp_path: Path) -> None:
    nodes = {name: NODES[name] for name in ("in", "fc1", "fc2", "out")}
    found = read("nir", save(tmp_path / "g.nir", nodes, [("in", "fc1"), ("fc1", "fc2"), ("fc2", "out")]))
    assert set(strengths(found)) == {("in", "fc1"), ("fc1", "fc2")}
    assert "areas = fc1, fc2" in found.report.as_text()


def test_what_is_no_graph_of_nir_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["m"] = np.eye(3)
    (tmp_path / "g.nir").write_text('<gexf version="1.3"/>')
    lost = save(tmp_path / "lost.nir", NODES, [*EDGES, ("V2", "V9")])
    for path, message in (
        (tmp_path / "m.h5", "this is HDF5 and no NIR"),
        (tmp_path / "g.nir", "this is GEXF, and no NIR"),
        (lost, "the edge names the node `V9`"),
    ):
        with pytest.raises(connectome.SpecError, match=message):
            read("nir", path)


def with_slash() -> Connectome:
    text = connectome.load("macaque-ventral").model_dump_json(by_alias=True).replace('"V2"', '"V2/3"')
    assert "V2/3" in text
    return Connectome.model_validate_json(text)


def test_names_with_a_slash_are_written_so_that_nir_reads_them_and_come_back(tmp_path: Path) -> None:
    spec = with_slash()
    write(spec, "nir", tmp_path / "g.nir")
    with h5py.File(tmp_path / "g.nir") as file:
        nodes = file["node/nodes"]
        assert all("type" in node for node in nodes.values())
        ends = {end.decode() for pair in file["node/edges"][()] for end in pair}
        assert ends <= set(nodes)
        assert nodes["V2_3/metadata/name"][()] == b"V2/3"
    found = read("nir", tmp_path / "g.nir").connectome
    assert set(found.areas) == set(spec.areas)
    assert {(p.origin, p.target, p.fln) for p in found.projections} == {
        (p.origin, p.target, p.fln) for p in spec.projections
    }


def test_nir_reads_our_graphs(tmp_path: Path) -> None:
    nir = pytest.importorskip("nir")
    spec = with_slash()
    write(spec, "nir", tmp_path / "g.nir")
    graph = nir.read(tmp_path / "g.nir")
    assert len(graph.nodes) == 2 + len(spec.areas) + len(spec.projections) + len(spec.lateral)
    nir.write(tmp_path / "again.nir", graph)
    assert (
        read("nir", tmp_path / "again.nir").connectome.projections
        == read("nir", tmp_path / "g.nir").connectome.projections
    )
