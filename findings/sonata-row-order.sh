#!/usr/bin/env bash
# libsonata 0.2.2, bmtk 1.2.0, h5py 3.16.0.
#
# In a SONATA nodes file, node_id says which node a row is, and node_group_index says which row of the group holds its
# attributes. One would expect both libraries to give node 0 the same attribute. bmtk follows the two columns.
# libsonata ignores both: it takes row i of the group for node i. As soon as a tool writes the nodes in another order,
# the two libraries read two different networks from one file, and neither warns.
#
# What to do: write files with node_id and node_group_index both 0, 1, 2, ...; on reading, refuse or sort what is not.
#
# Output seen (x of nodes 0, 1, 2):
#   bmtk [30.0, 10.0, 20.0]
#   libsonata [10.0, 20.0, 30.0]
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

with h5py.File("nodes.h5", "w") as file:
    file.attrs["magic"] = np.uint32(0x0A7A)
    file.attrs["version"] = np.array([0, 1], "u4")
    nodes = file.create_group("nodes/V1")
    nodes["node_id"] = np.array([2, 0, 1], "u8")
    nodes["node_type_id"] = np.ones(3, "i8")
    nodes["node_group_id"] = np.zeros(3, "u8")
    nodes["node_group_index"] = np.array([1, 2, 0], "u8")
    nodes["0/x"] = np.array([10.0, 20.0, 30.0])
with open("types.csv", "w") as file:
    file.write("node_type_id pop_name\n1 e\n")

by_id = {int(node.node_id): float(node["x"]) for node in File("nodes.h5", "types.csv").nodes["V1"]}
bmtk = [by_id[node] for node in range(3)]
population = libsonata.NodeStorage("nodes.h5").open_population("V1")
sonata = population.get_attribute("x", population.select_all()).tolist()
print("bmtk", bmtk)
print("libsonata", sonata)
assert bmtk == [30.0, 10.0, 20.0]
assert sonata == [10.0, 20.0, 30.0]
PY
