"""Text tables that are compressed, as FlyWire Codex (https://codex.flywire.ai/api/download) hands them out."""

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import read

TABLE = "source,target,weight\nV1,V2,5\nV2,V1,4\n"


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(data)
    return bytes(sink.getvalue())


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "zst": zstd,
    "two members.gz": lambda data: gzip.compress(data[:20]) + gzip.compress(data[20:]),
}


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("separator", [",", " "])
def test_a_compressed_table_is_the_table(tmp_path: Path, kind: str, separator: str) -> None:
    path = tmp_path / f"t.csv.{kind}"
    path.write_bytes(PACKED[kind](TABLE.replace(",", separator).encode()))
    found = read("table", path)
    assert {p.origin: p.weight for p in found.connectome.projections if p.origin != "LGN"} == {"V1": 5, "V2": 4}


@pytest.mark.parametrize("kind", PACKED)
def test_faults_in_it_have_their_line_and_column(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t.csv.{kind}"
    path.write_bytes(PACKED[kind](TABLE.replace("4", "much").encode()))
    with pytest.raises(connectome.SpecError, match="no number") as caught:
        read("table", path)
    (finding,) = caught.value.report
    assert (finding.span.line, finding.span.column) == (3, 7)


@pytest.mark.parametrize("kind", PACKED)
def test_one_that_is_cut_off_is_said_to_be(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t.csv.{kind}"
    path.write_bytes(PACKED[kind](TABLE.encode())[:-12])
    with pytest.raises(connectome.SpecError, match="cannot be unpacked"):
        read("table", path)


def test_neurons_their_edges_and_matrices_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "n.csv.gz").write_bytes(gzip.compress(b"id,area\n1,V1\n2,V2\n"))
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(b"pre,post,weight\n1,2,7\n2,1,3\n"))
    (tmp_path / "m.csv.gz").write_bytes(gzip.compress(b",V1,V2\nV1,0,7\nV2,3,0\n"))
    neurons = read("synapses", tmp_path / "e.csv.gz", neurons=str(tmp_path / "n.csv.gz"))
    matrix = read("matrix", tmp_path / "m.csv.gz", rows="source")
    for found in (neurons, matrix):
        assert {p.origin: p.weight for p in found.connectome.projections if p.origin != "LGN"} == {"V1": 7, "V2": 3}


def test_what_is_no_text_inside_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.gz").write_bytes(gzip.compress(b"PAR1" + bytes(20)))
    with pytest.raises(connectome.SpecError, match="a parquet file, compressed"):
        read("table", tmp_path / "t.gz")


GRAPH = nx.DiGraph([("V1", "V2", {"weight": 5}), ("V2", "V1", {"weight": 4})])
WRITTEN: dict[str, bytes] = {
    "g.graphml": "\n".join(nx.generate_graphml(GRAPH)).encode(),
    "g.gexf": "\n".join(nx.generate_gexf(GRAPH)).encode(),
    "g.gml": "\n".join(nx.generate_gml(GRAPH)).encode(),
    "g.net": "\n".join(nx.generate_pajek(GRAPH)).encode(),
    "g.json": json.dumps(nx.node_link_data(GRAPH, edges="links")).encode(),
    "m.mtx": b"%%MatrixMarket matrix coordinate real general\n2 2 2\n1 2 5\n2 1 4\n",
}


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("name", WRITTEN)
def test_graphs_and_matrices_that_are_compressed(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / f"{name}.{kind.rpartition('.')[2]}"
    path.write_bytes(PACKED[kind](WRITTEN[name]))
    found = read("matrix", path, rows="source") if name == "m.mtx" else read("graphml", path)
    assert sorted(p.weight or 0 for p in found.connectome.projections if p.origin != "LGN") == [4, 5]
    path.write_bytes(PACKED[kind](WRITTEN[name])[:-12])
    with pytest.raises(connectome.SpecError, match="cannot be unpacked"):
        read("matrix", path, rows="source") if name == "m.mtx" else read("graphml", path)
