"""Garbled files: an import gives a spec that holds, or one finding; never another exception."""

import json
import random
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.io

from cortexc import connectome
from cortexc.anatomy.importers import FORMATS, read
from tests.anatomy.importers.test_matlab import cell, save_73
from tests.anatomy.importers.test_neuroml import HEAD, POPULATIONS, TAIL, projection
from tests.anatomy.importers.test_neuroml_forms import hdf5, lite, netpyne
from tests.anatomy.importers.test_nir import EDGES as EDGES_OF_NIR
from tests.anatomy.importers.test_nir import NODES, save
from tests.anatomy.importers.test_sonata import circuit
from tests.anatomy.importers.test_synapses import brain

ROUNDS, ROUNDS_OF_MATLAB = 60, 8
INSERTS = (b"nan", b",", b"\n", b"-1", b"\xff", b"<", b'"', b"1e400", b"inf", b" ", b"\x00", b"/", b"]")

EDGES = pd.DataFrame({"source": ["V1", "V2", "V1"], "target": ["V2", "V1", "V4"], "FLNe": [0.7, 0.6, 0.1]})


def cases(folder: Path) -> dict[str, tuple[str, list[Path], Path, dict[str, Any]]]:
    """Return format, files, the file to garble, and options, by name."""
    EDGES.to_csv(folder / "e.csv", index=False)
    EDGES.to_excel(folder / "e.xlsx", index=False)
    matrix = np.array([[0, 0.5], [0.2, 0]])
    scipy.io.savemat(folder / "m.mat", {"fln": matrix, "names": np.array(["V1", "V2"], object)}, do_compression=True)
    pd.DataFrame(matrix, ["a", "b"], ["a", "b"]).to_csv(folder / "m.csv")
    graph = nx.DiGraph([("a", "b"), ("b", "c")])
    nx.write_graphml(graph, folder / "g.graphml")
    (folder / "g.json").write_text(json.dumps(nx.node_link_data(graph, edges="edges")))
    save(folder / "g.nir", NODES, EDGES_OF_NIR)
    hdf5(folder / "n.h5"), netpyne(folder / "netpyne.json"), lite(folder / "lite.json")
    EDGES.to_json(folder / "e.json", orient="records")
    save_73(folder / "m73.mat", {"s": {"fln": matrix, "names": cell("V1", "V2")}})
    body = projection("V1_L23_E", "V4_L5_E", [0.5]) + projection("V1_L23_I", "V1_L23_E", [-1.0, -1.0])
    (folder / "n.nml").write_text(HEAD + POPULATIONS + body + TAIL)
    (folder / "sonata").mkdir()
    sonata = circuit(folder / "sonata")
    synapses, neurons, *_ = brain(folder, "parquet")
    found: dict[str, tuple[str, list[Path], Path, dict[str, Any]]] = {
        "csv": ("table", [folder / "e.csv"], folder / "e.csv", {}),
        "workbook": ("table", [folder / "e.xlsx"], folder / "e.xlsx", {}),
        "mat": ("matrix", [folder / "m.mat"], folder / "m.mat", {"rows": "target"}),
        "matrix": ("matrix", [folder / "m.csv"], folder / "m.csv", {"rows": "target"}),
        "graphml": ("graphml", [folder / "g.graphml"], folder / "g.graphml", {}),
        "nir": ("nir", [folder / "g.nir"], folder / "g.nir", {}),
        "json": ("graphml", [folder / "g.json"], folder / "g.json", {}),
        "neuroml": ("neuroml", [folder / "n.nml"], folder / "n.nml", {}),
        "neuroml h5": ("neuroml", [folder / "n.h5"], folder / "n.h5", {}),
        "netpyne": ("neuroml", [folder / "netpyne.json"], folder / "netpyne.json", {}),
        "neuromllite": ("neuroml", [folder / "lite.json"], folder / "lite.json", {}),
        "records": ("table", [folder / "e.json"], folder / "e.json", {}),
        "mat73": ("matrix", [folder / "m73.mat"], folder / "m73.mat", {"rows": "target"}),
        "parquet": ("synapses", [synapses], synapses, {"neurons": str(neurons)}),
        "neurons": ("synapses", [synapses], neurons, {"neurons": str(neurons)}),
    }
    found |= {f"sonata {path.name}": ("sonata", sonata, path, {}) for path in sonata}
    return found


NAMES = (
    "csv",
    "workbook",
    "mat",
    "matrix",
    "graphml",
    "nir",
    "json",
    "neuroml",
    "neuroml h5",
    "netpyne",
    "neuromllite",
    "records",
    "mat73",
    "parquet",
    "neurons",
    "sonata nodes.h5",
    "sonata edges.h5",
    "sonata node_types.csv",
    "sonata edge_types.csv",
)


def test_every_format_is_garbled(tmp_path: Path) -> None:
    found = cases(tmp_path)
    assert tuple(found) == NAMES
    assert {format for format, *_ in found.values()} == set(FORMATS)


def garbled(original: bytes, rng: random.Random) -> bytes:
    data = bytearray(original)
    for _ in range(rng.choice((1, 1, 2, 5))):
        i = rng.randrange(len(data))
        j = min(len(data), i + rng.choice((1, 1, 4, 30)))
        match rng.choice(("flip", "cut", "repeat", "insert", "zero", "delete")):
            case "flip":
                data[i] = rng.randrange(256)
            case "cut":
                data = data[: max(2, i)]
            case "repeat":
                data[i:i] = data[i:j]
            case "insert":
                data[i:i] = rng.choice(INSERTS)
            case "zero":
                data[i:j] = bytes(j - i)
            case _:
                data = data[:i] + data[j:] if len(data) > j - i + 2 else data
    return bytes(data)


@pytest.mark.parametrize("name", NAMES)
def test_garbled_files_give_a_spec_that_holds_or_one_finding(name: str, tmp_path: Path) -> None:
    listed = cases(tmp_path)
    assert tuple(listed) == NAMES
    format, files, target, options = listed[name]
    original = target.read_bytes()
    rng = random.Random(name)
    refused = 0
    for _ in range(ROUNDS if name != "mat" else ROUNDS_OF_MATLAB):
        target.write_bytes(garbled(original, rng))
        try:
            found = read(format, files, **options)
        except connectome.SpecError as error:
            refused += 1
            (finding,) = error.report
            assert finding.code.startswith("I6")
            assert finding.message
        else:
            assert connectome.check(found.connectome).errors == []
    assert refused > 0
