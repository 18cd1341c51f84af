"""NeuroML in HDF5, NeuroMLlite and NetPyNE say what the same network in XML says."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read
from tests.anatomy.importers.test_neuroml import TAIL

SIZES = {"V1_L23_E": 4, "V1_L23_I": 2, "V4_L4_E": 3}
CONNECTIONS = {
    ("V1_L23_E", "V4_L4_E"): [(0, 0, 0.5, 2.0), (1, 2, 0.25, 4.0)],
    ("V1_L23_E", "V1_L23_I"): [(3, 1, 1.0, 1.0)],
}
GAP = ("V1_L23_I", "V1_L23_I")


def xml(path: Path) -> Path:
    text = '<neuroml xmlns="http://www.neuroml.org/schema/neuroml2">\n<network id="net">\n'
    text += "".join(f'<population id="{name}" size="{size}"/>\n' for name, size in SIZES.items())
    for (a, b), rows in CONNECTIONS.items():
        text += f'<projection id="p" presynapticPopulation="{a}" postsynapticPopulation="{b}">'
        for i, (pre, post, weight, delay) in enumerate(rows):
            ends = f'preCellId="../{a}/{pre}/c" postCellId="../{b}/{post}/c"'
            text += f'<connectionWD id="{i}" {ends} weight="{weight}" delay="{delay}ms"/>'
        text += "</projection>\n"
    text += f'<electricalProjection id="g" presynapticPopulation="{GAP[0]}" postsynapticPopulation="{GAP[1]}">'
    text += '<electricalConnection id="0" preCell="0" postCell="1" synapse="g"/></electricalProjection>\n'
    path.write_text(text + TAIL)
    return path


def hdf5(path: Path) -> Path:
    """Write a network as libNeuroML 0.6.7 does."""
    with h5py.File(path, "w") as file:
        network = file.create_group("neuroml/network")
        network.attrs["id"] = np.bytes_("net")
        network.attrs["TITLE"] = h5py.Empty("S1")
        for name, size in SIZES.items():
            population = network.create_group(f"population_{name}")
            population.attrs.update({"id": np.bytes_(name), "size": size})
        tables = {**CONNECTIONS, GAP: [(0, 1, 1.0, 0.0)]}
        for i, ((a, b), rows) in enumerate(tables.items()):
            projection = network.create_group(f"projection_p{i}")
            kind = "electricalProjection" if (a, b) == GAP else "projection"
            facts = {"id": f"p{i}", "presynapticPopulation": a, "postsynapticPopulation": b, "type": kind}
            projection.attrs.update({name: np.bytes_(value) for name, value in facts.items()})
            table = projection.create_dataset(f"p{i}", data=np.array(rows, np.float32))
            for column, name in enumerate(("pre_cell_id", "post_cell_id", "weight", "delay")):
                table.attrs[f"column_{column}"] = np.bytes_(name)
    return path


def netpyne(path: Path, *, compact: bool = False) -> Path:
    gids = {(name, i): gid for gid, (name, i) in enumerate((n, i) for n, size in SIZES.items() for i in range(size))}
    cells: list[dict[str, Any]] = [{"gid": gid, "tags": {"pop": pop}, "conns": []} for (pop, _), gid in gids.items()]
    columns = ["preGid", "weight", "delay"]
    for (a, b), rows in CONNECTIONS.items():
        for pre, post, weight, delay in rows:
            values = [gids[a, pre], weight, delay]
            cells[gids[b, post]]["conns"].append(values if compact else dict(zip(columns, values, strict=True)))
    gap = {"preGid": gids[GAP[0], 0], "gapJunction": True, "weight": 1.0}
    cells[gids[GAP[1], 1]]["conns"] += [gap, {"preGid": "NetStim", "weight": 9.0}]
    settings = {"simLabel": "net", **({"compactConnFormat": columns} if compact else {})}
    path.write_text(json.dumps({"netpyne_version": "1.1.1", "net": {"cells": cells}, "simConfig": settings}))
    return path


def anatomy(found: Imported) -> Any:
    spec = found.connectome
    projections = [(p.origin, p.target, p.weight, p.sln, p.delay_ms) for p in spec.projections if p.source == ("data",)]
    return projections, spec.circuits, found.tables["electrical"]["pairs"].tolist()


@pytest.mark.parametrize("form", ["hdf5", "netpyne", "compact"])
def test_every_form_says_what_the_xml_says(tmp_path: Path, form: str) -> None:
    expected = anatomy(read("neuroml", xml(tmp_path / "net.nml")))
    assert expected[0] == [("V1", "V4", 0.75, 1.0, 3.0)]
    written = (
        hdf5(tmp_path / "net.nml.h5") if form == "hdf5" else netpyne(tmp_path / "n.json", compact=form == "compact")
    )
    assert anatomy(read("neuroml", written)) == expected


LITE: dict[str, Any] = {
    "version": "NeuroMLlite v0.6.1",
    "parameters": {"N": 4, "p": 0.5},
    "populations": {"V1_L23_E": {"size": "N"}, "V4_L4_E": {"size": "N*2"}, "MT": {"size": 2, "region": "MT"}},
    "projections": {
        "up": {
            "presynaptic": "V1_L23_E", "postsynaptic": "V4_L4_E", "delay": 2, "weight": 0.25,
            "random_connectivity": {"probability": "p"},
        },
        "down": {"presynaptic": "V4_L4_E", "postsynaptic": "V1_L23_E", "weight": 0.5, "one_to_one_connector": {}},
        "on": {"presynaptic": "V4_L4_E", "postsynaptic": "MT", "convergent_connectivity": {"num_per_post": 3.0}},
        "gap": {
            "presynaptic": "MT", "postsynaptic": "MT", "type": "electricalProjection", "one_to_one_connector": {},
        },
    },
}  # fmt: skip


def lite(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps({"net": {**LITE, **changes}}))
    return path


def test_neuromllite_has_the_connections_that_are_expected(tmp_path: Path) -> None:
    found = read("neuroml", lite(tmp_path / "n.json"))
    (up, down, on), _, gaps = anatomy(found)
    assert up == ("V1", "V4", 0.5 * 4 * 8 * 0.25, 1.0, 2.0)
    assert down[:3] == ("V4", "V1", 4 * 0.5)
    assert on[:3] == ("V4", "MT", 3 * 2 * 1.0)
    assert gaps == [2.0]
    assert found.tables["connections"]["pairs"].tolist() == [16.0, 4.0, 6.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"N": 4}}, "`p` is no number"),
        ({"parameters": {"N": "__import__('os')", "p": 1}}, "is no number"),
        ({"parameters": {"N": 4, "p": 1.5}}, "48 connections are expected of 32 pairs"),
        ({"populations": {"V1_L23_E": {"size": 4}}}, "names the population `V4_L4_E`"),
        ({"populations": [1]}, "cannot be read as a network"),
    ],
)
def test_what_is_wrong_with_neuromllite_is_said(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(connectome.SpecError, match=message):
        read("neuroml", lite(tmp_path / "n.json", **changes))


def test_netpyne_without_cells_and_other_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "n.json").write_text(json.dumps({"net": {"params": {}}}))
    (tmp_path / "g.json").write_text(json.dumps({"nodes": [], "links": []}))
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["m"] = np.eye(3)
    for name, message in (
        ("n.json", "no connections of cells"),
        ("g.json", r"it is a graph \(node-link\)"),
        ("m.h5", "this is HDF5 and no NeuroML"),
    ):
        with pytest.raises(connectome.SpecError, match=message):
            read("neuroml", tmp_path / name)


def test_a_bad_connection_is_located(tmp_path: Path) -> None:
    path = netpyne(tmp_path / "n.json")
    path.write_text(path.read_text().replace("0.25", '"much"'))
    with pytest.raises(connectome.SpecError, match="the weight of this connection is `much`") as caught:
        read("neuroml", path)
    assert next(iter(caught.value.report)).span.inside.startswith("net.cells[8].conns[")
