#!/usr/bin/env bash
# libsonata 0.2.2 (its wheel for Linux), bmtk 1.2.0, h5py 3.16.0.
#
# bmtk saves SONATA files with gzip, as h5py does on request. One would expect any HDF5 reader to read that. The wheel
# of libsonata carries an HDF5 that was built without gzip. It opens the file, tells the number of nodes and the names
# of their attributes, and fails only when a value is asked for, with a message about a plugin folder.
#
# What to do: save with compression="none" (bmtk), or repack what exists (h5repack -f NONE), or read with h5py.
#
# Output seen:
#   gzip: 3 nodes, {'x'}, Unable to read the dataset (Plugin for dynamically loaded library) Can't open directory or file
#   none: 3 nodes, {'x'}, [1.0, 2.0, 3.0]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q libsonata==0.2.2 bmtk==1.2.0 h5py==3.16.0 numpy==2.4.6 pandas==3.1.1
env/bin/python - <<'PY'
import os

import libsonata
from bmtk.builder.networks import NetworkBuilder

os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # HDF5 prints its own stack
seen = {}
for compression in ("gzip", "none"):
    network = NetworkBuilder("V1")
    network.add_nodes(N=3, pop_name="e", model_type="point_process", x=[1.0, 2.0, 3.0])
    network.build()
    network.save_nodes(output_dir=compression, compression=compression)
    population = libsonata.NodeStorage(compression + "/V1_nodes.h5").open_population("V1")
    try:
        values = population.get_attribute("x", population.select_all()).tolist()
    except RuntimeError as error:
        values = str(error)
    print(f"{compression}: {population.size} nodes, {population.attribute_names}, {values}")
    seen[compression] = population.size, population.attribute_names, values
assert seen["gzip"][:2] == (3, {"x"}) and "Unable to read the dataset" in seen["gzip"][2]
assert seen["none"] == (3, {"x"}, [1.0, 2.0, 3.0])
PY
