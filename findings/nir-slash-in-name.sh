#!/usr/bin/env bash
# nir 1.0.8, h5py 3.16.0, numpy 2.4.6.
#
# The name of a node in a NIR graph is a free string, and "V1/L4" is a natural one for a layer of an area. One would
# expect it to survive a file, or to be refused when the file is written. nir.write says nothing; nir.read of the same
# file raises KeyError: 'type'. The name became a path of HDF5, so that the file holds a group V1 that is no node.
#
# What to do: replace "/" in names before writing ("V1.L4" is fine).
#
# Output seen:
#   V1.L4 read
#   V1/L4 written, then KeyError('type')
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q nir==1.0.8 numpy==2.4.6 h5py==3.16.0
env/bin/python - <<'PY'
import h5py
import nir
import numpy as np

seen = {}
for name in ("V1.L4", "V1/L4"):
    nodes = {
        "in": nir.Input(np.array([2])),
        name: nir.Affine(weight=np.eye(2), bias=np.zeros(2)),
        "out": nir.Output(np.array([2])),
    }
    nir.write("graph.nir", nir.NIRGraph(nodes=nodes, edges=[("in", name), (name, "out")]))
    try:
        assert name in nir.read("graph.nir").nodes
        seen[name] = "read"
    except KeyError as error:
        seen[name] = "written, then " + repr(error)
        with h5py.File("graph.nir") as file:
            assert list(file["node/nodes/V1"]) == ["L4"]
    print(name, seen[name])
assert seen == {"V1.L4": "read", "V1/L4": "written, then KeyError('type')"}
PY
