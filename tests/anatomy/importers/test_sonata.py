"""SONATA circuits with several groups, populations and types, against an independent count."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cortexc import compiler, connectome
from cortexc.anatomy.importers import read

CELLS = [
    ("VISp", "L23", "e"),
    ("VISp", "L4", "e"),
    ("VISp", "L4", "i"),
    ("VISp", "L5", "e"),
    ("VISl", "L4", "e"),
    ("VISl", "L23", "e"),
    ("VISl", "L5", "i"),
]
SIZE = 140


def circuit(folder: Path, **faults: Any) -> list[Path]:
    """Write 140 cortical neurons and 10 relay cells, with edges in two groups and weights in the table of types."""
    rng = np.random.default_rng(3)
    kinds = rng.integers(0, len(CELLS), SIZE)
    with h5py.File(folder / "nodes.h5", "w") as file:
        cortex = file.create_group("nodes/cortex")
        order = rng.permutation(SIZE)
        cortex["node_id"] = order.astype(np.uint64)
        cortex["node_type_id"] = kinds[order] + 100
        cortex["node_group_id"] = np.zeros(SIZE, np.uint16)
        cortex["node_group_index"] = np.arange(SIZE)
        cortex.create_group("0/@library")["area"] = np.array(["VISp", "VISl"], h5py.string_dtype())
        cortex["0/area"] = np.array([["VISp", "VISl"].index(CELLS[k][0]) for k in kinds[order]], np.uint32)
        relay = file.create_group("nodes/LGN")
        relay["node_type_id"] = np.full(10, 200)
    rows = [f"{100 + i} {layer} {kind} NULL" for i, (_, layer, kind) in enumerate(CELLS)]
    text = "node_type_id layer ei model\n" + "\n".join([*rows, "200 NULL e virtual"]) + "\n"
    (folder / "node_types.csv").write_text(text)
    pre, post = rng.integers(0, SIZE, 3000), rng.integers(0, SIZE, 3000)
    pre[:200], post[:200] = pre[200:400], post[200:400]  # the same pairs again
    group = rng.integers(0, 2, 3000)
    nsyns = rng.integers(1, 9, 3000)
    with h5py.File(folder / "edges.h5", "w") as file:
        edges = file.create_group("edges/cortex_to_cortex")
        for name, ids in (("source_node_id", pre), ("target_node_id", post)):
            edges[name] = ids.astype(np.uint64)
            edges[name].attrs["node_population"] = faults.get("population", "cortex")
        edges["edge_type_id"] = np.where(group == 0, 10, 11)
        edges["edge_group_id"] = group.astype(np.uint16)
        index = np.zeros(3000, np.uint32)
        for g in (0, 1):
            index[group == g] = np.arange((group == g).sum())
        edges["edge_group_index"] = index
        edges["0/nsyns"] = nsyns[group == 0]
        edges["1/syn_weight"] = np.full((group == 1).sum(), 0.5)
        into = file.create_group("edges/LGN_to_cortex")
        first = np.flatnonzero(np.array([CELLS[k][:2] == ("VISp", "L4") for k in kinds]))
        into["source_node_id"] = np.arange(len(first)) % 10
        into["source_node_id"].attrs["node_population"] = "LGN"
        into["target_node_id"] = first
        into["target_node_id"].attrs["node_population"] = "cortex"
        into["edge_type_id"] = np.full(len(first), 12)
    (folder / "edge_types.csv").write_text("edge_type_id syn_weight delay\n10 0.25 2.0\n11 9.0 2.0\n12 1.0 1.0\n")
    synapses = np.where(group == 0, nsyns, 1)
    weight = np.where(group == 0, 0.25 * nsyns, 0.5)
    np.savez(folder / "truth.npz", kinds=kinds, pre=pre, post=post, synapses=synapses, weight=weight, first=first)
    return [folder / name for name in ("nodes.h5", "edges.h5", "node_types.csv", "edge_types.csv")]


def test_counts_and_weights_agree_with_an_independent_reading(tmp_path: Path) -> None:
    files = circuit(tmp_path)
    found = read("sonata", files)
    truth = np.load(tmp_path / "truth.npz")
    kinds, pre, post = truth["kinds"], truth["pre"], truth["post"]
    label = {k: f"{a}.{la}{e.upper()}" for k, (a, la, e) in enumerate(CELLS)}
    table = found.tables["connections"]
    seen = dict(zip(zip(table["from"], table["to"], strict=True), range(len(table["from"])), strict=True))
    for a in range(len(CELLS)):
        for b in range(len(CELLS)):
            mine = (kinds[pre] == a) & (kinds[post] == b)
            row = seen[label[a], label[b]]
            pairs = {(i, j) for i, j in zip(pre[mine], post[mine], strict=True)}
            assert table["pairs"][row] == len(pairs)
            assert table["synapses"][row] == truth["synapses"][mine].sum()
            assert table["weight"][row] == pytest.approx(truth["weight"][mine].sum())
    spec = found.connectome
    assert spec.input.name == "LGN"
    assert set(spec.areas) == {"VISp", "VISl"}
    assert {n: p.cells for n, p in spec.circuits["VISp"].populations.items()} == {
        f"{la}{e.upper()}": (kinds == k).sum() for k, (a, la, e) in enumerate(CELLS) if a == "VISp"
    }
    by_pair = {(p.origin, p.target): p for p in spec.projections}
    assert by_pair["LGN", "VISp"].weight == len(truth["first"])
    area = np.array([a for a, _, _ in CELLS], object)[kinds]
    excites = np.array([e == "e" for _, _, e in CELLS])[kinds]
    up = (area[pre] == "VISp") & (area[post] == "VISl") & excites[pre]
    assert by_pair["VISp", "VISl"].weight == truth["synapses"][up].sum()
    layers = np.array([la for _, la, _ in CELLS], object)[kinds]
    senders = {int(i): layers[i] for i in pre[up]}
    upper, lower = (sum(la == which for la in senders.values()) for which in ("L23", "L5"))
    assert by_pair["VISp", "VISl"].sln == pytest.approx(upper / (upper + lower))


def test_strength_can_be_what_a_tracer_would_find(tmp_path: Path) -> None:
    found = read("sonata", circuit(tmp_path), strength="neurons")
    into: dict[str, float] = {}
    for p in found.connectome.projections:
        into[p.target] = into.get(p.target, 0) + (p.fln or 0)
    assert into == pytest.approx({"VISp": 1.0, "VISl": 1.0})


def test_the_spec_checks_and_compiles(tmp_path: Path) -> None:
    found = read("sonata", circuit(tmp_path), sources=("10.1371/journal.pcbi.1007696",))
    found.write(tmp_path / "spec.yaml")
    assert compiler.check(tmp_path / "spec.yaml").errors == []
    assert connectome.load(tmp_path / "spec.yaml") == found.connectome
    assert compiler.compile(tmp_path / "spec.yaml").parameter_counts["attention"] > 0


def test_a_circuit_configuration_names_the_files(tmp_path: Path) -> None:
    circuit(tmp_path)
    config = {
        "manifest": {"$NET": "."},
        "networks": {
            "nodes": [{"nodes_file": "$NET/nodes.h5", "node_types_file": "$NET/node_types.csv"}],
            "edges": [{"edges_file": "${NET}/edges.h5", "edge_types_file": "$NET/edge_types.csv"}],
        },
    }
    (tmp_path / "circuit_config.json").write_text(json.dumps(config))
    direct = read("sonata", [tmp_path / n for n in ("nodes.h5", "edges.h5", "node_types.csv", "edge_types.csv")])
    assert read("sonata", tmp_path / "circuit_config.json").connectome.projections == direct.connectome.projections


@pytest.mark.parametrize("fault", ["truncated", "no types", "unknown population", "unknown node", "no nodes", "text"])
def test_broken_circuits_get_one_finding(tmp_path: Path, fault: str) -> None:
    files = circuit(tmp_path, **({"population": "cortx"} if fault == "unknown population" else {}))
    expected = {
        "truncated": "I601",
        "no types": "I604",
        "unknown population": "I604",
        "unknown node": "I604",
        "no nodes": "I602",
        "text": "I601",
    }
    match fault:
        case "truncated":
            files[1].write_bytes(files[1].read_bytes()[:4000])
        case "no types":
            files[2].write_text("node_type_id layer ei model\n100 L23 e NULL\n")
        case "unknown node":
            with h5py.File(files[1], "r+") as file:
                file["edges/cortex_to_cortex/source_node_id"][17] = 999
        case "no nodes":
            files = files[1:]
        case "text":
            files[1].write_text("this is no HDF5")
    with pytest.raises(connectome.SpecError) as caught:
        read("sonata", files)
    (finding,) = caught.value.report
    assert finding.code == expected[fault], finding.message
    if fault == "unknown node":
        assert finding.span.inside == "/edges/cortex_to_cortex/source_node_id[17]"
    if fault == "unknown population":
        assert "did you mean `cortex`" in finding.help


@pytest.mark.parametrize("index", [-1, SIZE])
def test_an_entry_that_a_group_does_not_have_is_a_finding(tmp_path: Path, index: int) -> None:
    files = circuit(tmp_path)
    with h5py.File(files[0], "r+") as file:
        file["nodes/cortex/node_group_index"][3] = index
    with pytest.raises(connectome.SpecError, match=f"has 140 entries, and entry {index} is asked for"):
        read("sonata", files)


def test_a_network_without_types_and_groups_is_read_by_its_attributes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "nodes.h5", "w") as file:
        group = file.create_group("nodes/S1/0")
        group.create_dataset("layer", data=np.array([4, 4, 23, 23]))
        group.create_dataset("synapse_class", data=["EXC", "INH", "EXC", "EXC"], dtype=h5py.string_dtype())
    with h5py.File(tmp_path / "edges.h5", "w") as file:
        edges = file.create_group("edges/S1__S1__chemical")
        for name, ids in (("source_node_id", [0, 2, 3, 0]), ("target_node_id", [2, 3, 2, 2])):
            edges[name] = np.array(ids, np.uint64)
            edges[name].attrs["node_population"] = "S1"
        edges["0/conductance"] = np.array([0.5, 1.0, np.nan, 2.0])
    found = read("sonata", [tmp_path / "nodes.h5", tmp_path / "edges.h5"])
    circuit = found.connectome.circuits["S1"]
    assert {n: (p.layer, p.kind, p.cells) for n, p in circuit.populations.items()} == {
        "L23E": ("L2/3", "excitatory", 2.0),
        "L4E": ("L4", "excitatory", 1.0),
        "L4I": ("L4", "inhibitory", 1.0),
    }
    assert circuit.connections is not None
    matrix = np.array(circuit.connections.probability)
    names = list(circuit.connections.populations)
    assert matrix[names.index("L23E"), names.index("L4E")] == pytest.approx(1 / 2)
    assert matrix[names.index("L23E"), names.index("L23E")] == pytest.approx(2 / 4)
    assert [d.count for d in found.report.dropped if d.what == "weights"] == [1]
    with pytest.raises(connectome.SpecError, match="weight of this edge is nan"):
        read("sonata", [tmp_path / "nodes.h5", tmp_path / "edges.h5"], strength="weight")


def test_null_is_no_area_and_the_relay_is_known(tmp_path: Path) -> None:
    files = circuit(tmp_path)
    lines = [line.replace(" NULL", " VISx") for line in files[2].read_text().splitlines()]
    lines[0] += " region"
    text = "\n".join([lines[0], *(f"{line} VISp" for line in lines[1:-1]), f"{lines[-1]} NULL"])
    files[2].write_text(text.replace("200 VISx", "200 NULL") + "\n")
    found = read("sonata", files, area_column="region")
    assert (found.connectome.input.name, set(found.connectome.areas)) == ("LGN", {"VISp"})
    assert ("area of 10 neurons", "LGN") in {(g.subject, g.value) for g in found.report.guesses}


@pytest.mark.parametrize(
    ("dataset", "row", "value", "code", "what"),
    [
        ("0/nsyns", 5, -1.0, "I603", "edges with a bad number of synapses"),
        ("0/nsyns", 5, np.nan, "I603", "edges with a bad number of synapses"),
        ("1/syn_weight", 5, np.inf, "I603", "edges with a bad weight"),
        ("target_node_id", 5, SIZE, "I604", "edges to or from nodes that are not there"),
    ],
)
def test_bad_edges_are_refused_at_their_place_or_counted(
    tmp_path: Path, dataset: str, row: int, value: float, code: str, what: str
) -> None:
    files = circuit(tmp_path)
    with h5py.File(files[1], "r+") as file:
        edges = file["edges/cortex_to_cortex"]
        values = edges[dataset][()].astype(np.int64 if dataset.endswith("id") else float)
        group = np.flatnonzero(edges["edge_group_id"][()] == int(dataset[0])) if dataset[1] == "/" else np.arange(3000)
        values[row] = value
        attributes = dict(edges[dataset].attrs)
        del edges[dataset]
        edges[dataset] = values
        edges[dataset].attrs.update(attributes)
    with pytest.raises(connectome.SpecError) as caught:
        read("sonata", files)
    (finding,) = caught.value.report
    assert (finding.code, "--invalid drop" in finding.help) == (code, True)
    assert finding.span.inside.endswith(f"[{group[row]}]")
    found = read("sonata", files, invalid="drop")
    assert {d.what: d.count for d in found.report.dropped if d.why == "--invalid drop"} == {what: 1}
    first = np.load(tmp_path / "truth.npz")["first"]
    assert f"{3000 - 1 + len(first):,} edges" in " ".join(found.report.read)


def test_edges_without_a_number_of_synapses_are_a_guess(tmp_path: Path) -> None:
    found = read("sonata", circuit(tmp_path))
    with h5py.File(tmp_path / "edges.h5") as file:
        uncounted = int((file["edges/cortex_to_cortex/edge_group_id"][()] == 1).sum())
    uncounted += len(np.load(tmp_path / "truth.npz")["first"])
    assert (f"number of synapses of {uncounted:,} edges", "1 an edge") in {
        (g.subject, g.value) for g in found.report.guesses
    }
    assert "attributes of edges: delay" in {d.what for d in found.report.dropped if d.why == "not used"}


def test_a_population_of_edges_in_two_files_is_refused(tmp_path: Path) -> None:
    files = circuit(tmp_path)
    again = tmp_path / "again.h5"
    again.write_bytes(files[1].read_bytes())
    with pytest.raises(connectome.SpecError, match=r"the edge population `LGN_to_cortex` is in .*edges\.h5` too"):
        read("sonata", [*files, again])


def test_attributes_of_nodes_are_listed_in_the_order_of_the_files(tmp_path: Path) -> None:
    files = circuit(tmp_path)
    lines = files[2].read_text().splitlines()
    files[2].write_text("\n".join([f"{lines[0]} z b a", *(f"{line} x x x" for line in lines[1:])]) + "\n")
    assert "columns of neurons: model, z, b, a" in {d.what for d in read("sonata", files).report.dropped}


def configured(folder: Path, **edges: Any) -> Path:
    """Write the circuit with its configuration, and a configuration of a simulation that names it."""
    circuit(folder)
    (folder / "circuit").mkdir()
    entry = {"edges_file": "$NET/edges.h5", "edge_types_file": "$NET/edge_types.csv", **edges}
    nodes = {"nodes_file": "$NET/nodes.h5", "node_types_file": "$NET/node_types.csv"}
    config = {"manifest": {"$NET": ".."}, "networks": {"nodes": [nodes], "edges": [entry]}}
    (folder / "circuit" / "circuit_config.json").write_text(json.dumps(config))
    return folder / "circuit" / "circuit_config.json"


@pytest.mark.parametrize("name", ["./circuit/circuit_config.json", "$BASE/circuit_config.json"])
def test_a_simulation_names_its_circuit(tmp_path: Path, name: str) -> None:
    """https://sonata-extension.readthedocs.io/en/latest/sonata_simulation.html"""
    direct = read("sonata", configured(tmp_path))
    config = {"manifest": {"$BASE": "./circuit"}, "network": name, "simulation": "./none.json", "run": {"tstop": 1}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = read("sonata", tmp_path / "config.json")
    assert found.connectome.projections == direct.connectome.projections
    assert str(tmp_path / "circuit" / "../edges.h5") in found.files


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"network": "config.json"}, "this configuration again"),
        ({"network": "nowhere.json"}, "there is no file"),
        ({"run": {}}, "there is no file `.*circuit_config.json`"),
        ({"nodes": [], "links": []}, "no circuit configuration of SONATA: it is a graph"),
    ],
)
def test_a_simulation_without_a_circuit_is_refused(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(connectome.SpecError, match=message):
        read("sonata", tmp_path / "config.json")


def pairs_of(found: Any, table: str, column: str) -> float:
    return float(found.tables[table][column].sum())


@pytest.mark.parametrize("by", ["type", "group", "configuration"])
def test_gap_junctions_are_no_projections(tmp_path: Path, by: str) -> None:
    """https://github.com/AllenInstitute/bmtk/tree/develop/examples/bio_gap_junctions"""
    (tmp_path / "plain").mkdir()
    whole = read("sonata", configured(tmp_path / "plain"))
    path = configured(tmp_path)
    truth = np.load(tmp_path / "truth.npz")
    if by == "type":
        text = "edge_type_id syn_weight is_gap_junction\n10 0.25 False\n11 9.0 True\n12 1.0 False\n"
        (tmp_path / "edge_types.csv").write_text(text)
    elif by == "group":
        with h5py.File(tmp_path / "edges.h5", "a") as file:
            group = file["edges/cortex_to_cortex/1"]
            group["is_gap_junction"] = np.ones(len(group["syn_weight"]), np.int8)
    else:
        config = json.loads(path.read_text())
        config["networks"]["edges"][0]["populations"] = {"LGN_to_cortex": {"type": "electrical"}}
        path.write_text(json.dumps(config))
    found = read("sonata", path)
    with h5py.File(tmp_path / "edges.h5") as file:
        ids = file["edges/cortex_to_cortex/edge_group_id"][()]
    gone = len(truth["first"]) if by == "configuration" else int((ids == 1).sum())
    synapses = pairs_of(whole, "connections", "synapses") - pairs_of(found, "connections", "synapses")
    assert pairs_of(found, "electrical", "edges") == synapses == gone
    assert f"{gone:,} electrical edges" in found.report.as_text()


def test_a_flag_that_is_neither_true_nor_false_is_refused(tmp_path: Path) -> None:
    path = configured(tmp_path)
    (tmp_path / "edge_types.csv").write_text("edge_type_id is_gap_junction\n10 False\n11 maybe\n12 False\n")
    with pytest.raises(connectome.SpecError, match="is `maybe`") as caught:
        read("sonata", path)
    assert next(iter(caught.value.report)).span.inside == "type 11"


def test_populations_that_are_no_synapses_are_left_out(tmp_path: Path) -> None:
    """https://sonata-extension.readthedocs.io/en/latest/sonata_config.html"""
    path = configured(tmp_path, populations={"LGN_to_cortex": {"type": "endfoot"}})
    assert "edges of `LGN_to_cortex` (the configuration calls them endfoot" in read("sonata", path).report.as_text()


@pytest.mark.parametrize("kind", ["chemical", "brian2_synapse", "point_process", "electrical", "endfoot"])
def test_only_synapses_among_the_types_of_edges_are_projections(tmp_path: Path, kind: str) -> None:
    nodes, edges, node_types, edge_types = circuit(tmp_path)
    with h5py.File(edges) as file:
        populations = {name: {"type": kind} for name in file["edges"]}
    entry = {"edges_file": edges.name, "edge_types_file": edge_types.name, "populations": populations}
    networks = {"nodes": [{"nodes_file": nodes.name, "node_types_file": node_types.name}], "edges": [entry]}
    (tmp_path / "circuit_config.json").write_text(json.dumps({"networks": networks}))
    (tmp_path / "simulation_config.json").write_text(json.dumps({"run": {"tstop": 1}}))  # the circuit is beside it
    if kind in {"electrical", "endfoot"}:
        with pytest.raises(connectome.SpecError, match=r"(nothing|no edge) is left"):
            read("sonata", tmp_path / "circuit_config.json")
        return
    plain = read("sonata", [nodes, edges, node_types, edge_types]).connectome.projections
    for config in ("circuit_config.json", "simulation_config.json"):
        assert read("sonata", tmp_path / config).connectome.projections == plain
