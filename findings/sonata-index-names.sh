#!/usr/bin/env bash
# libsonata 0.2.2, bmtk 1.2.0, h5py 3.16.0.
#
# A SONATA edges file may hold an index from nodes to their edges. Both libraries write one. libsonata calls its table
# node_id_to_ranges, bmtk calls it node_id_to_range. One would expect the index to be optional. It is, until the other
# library has written it: bmtk opens an edges file without an index, but refuses the same file once libsonata has
# added its own.
#
# What to do: before a file goes from one library to the other, delete the group "indices" (the edges do not need it)
# and let the reader build its own.
#
# Output seen:
#   without an index: bmtk opens 3 edges
#   with the index of libsonata: index source_to_target in e edges is missing column node_id_to_range.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q libsonata==0.2.2 bmtk==1.2.0 h5py==3.16.0 numpy==2.4.6 pandas==3.1.1
env/bin/python - <<'PY'
import h5py
import libsonata
import numpy as np
from bmtk.utils.sonata import File

with h5py.File("edges.h5", "w") as file:
    file.attrs["magic"] = np.uint32(0x0A7A)
    file.attrs["version"] = np.array([0, 1], "u4")
    edges = file.create_group("edges/e")
    for end, ids in (("source", [0, 1, 2]), ("target", [1, 2, 0])):
        edges[end + "_node_id"] = np.array(ids, "u8")
        edges[end + "_node_id"].attrs["node_population"] = "V1"
    edges["edge_type_id"] = np.zeros(3, "i8")
    edges["edge_group_id"] = np.zeros(3, "u8")
    edges["edge_group_index"] = np.arange(3, dtype="u8")
    edges["0/syn_weight"] = np.array([1.0, 2.0, 3.0])
with open("types.csv", "w") as file:
    file.write("edge_type_id\n0\n")

reader = File("edges.h5", "types.csv")
count = len(reader.edges["e"])
print("without an index: bmtk opens", count, "edges")
assert count == 3
del reader
libsonata.EdgePopulation.write_indices("edges.h5", "e", 3, 3)
with h5py.File("edges.h5") as file:
    assert "node_id_to_ranges" in file["edges/e/indices/source_to_target"]
    assert "node_id_to_range" not in file["edges/e/indices/source_to_target"]
try:
    File("edges.h5", "types.csv").edges["e"]
    raise SystemExit("bmtk opened it")
except Exception as error:
    print("with the index of libsonata:", error)
    assert "missing column node_id_to_range." in str(error)
PY
