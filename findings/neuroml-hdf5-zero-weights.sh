#!/usr/bin/env bash
# libNeuroML 0.6.7, tables 3.11.1, numpy 2.4.6.
#
# A NeuroML projection may hold plain connections, whose weight is 1, beside connections with weight and delay. The
# XML form keeps both kinds apart. One would expect the same of the HDF5 form. It has one table for the projection: a
# plain connection is written into it with a weight of 0 and comes back as a connection with weight 0. The network
# loses these pathways although the number of connections is right.
#
# What to do: before writing HDF5, turn every plain connection into a ConnectionWD with weight 1 and delay "0ms".
#
# Output seen (weights of the connections, 1 for a plain one):
#   XML [1.0, 2.0]
#   HDF5 [0.0, 2.0]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q libNeuroML==0.6.7 tables==3.11.1 numpy==2.4.6
env/bin/python - <<'PY'
import contextlib
import io
import logging

import neuroml
from neuroml.loaders import NeuroMLHdf5Loader, NeuroMLLoader
from neuroml.writers import NeuroMLHdf5Writer, NeuroMLWriter

logging.disable()
document = neuroml.NeuroMLDocument(id="d")
document.iaf_cells.append(
    neuroml.IafCell(
        id="iaf", C="1nF", thresh="-50mV", reset="-65mV", leak_conductance="10nS", leak_reversal="-65mV"
    )
)
document.exp_one_synapses.append(neuroml.ExpOneSynapse(id="syn", gbase="1nS", erev="0mV", tau_decay="2ms"))
network = neuroml.Network(id="n")
document.networks.append(network)
for name in ("a", "b"):
    population = neuroml.Population(id=name, component="iaf", type="populationList", size=2)
    for cell in range(2):
        population.instances.append(neuroml.Instance(id=cell, location=neuroml.Location(x=cell, y=0, z=0)))
    network.populations.append(population)
projection = neuroml.Projection(id="p", presynaptic_population="a", postsynaptic_population="b", synapse="syn")
network.projections.append(projection)
projection.connections.append(neuroml.Connection(id=0, pre_cell_id="../a/0/iaf", post_cell_id="../b/0/iaf"))
projection.connection_wds.append(
    neuroml.ConnectionWD(id=1, pre_cell_id="../a/1/iaf", post_cell_id="../b/1/iaf", weight=2.0, delay="5ms")
)


def weights(loaded):
    (read,) = loaded.networks[0].projections
    return [1.0 for _ in read.connections] + [float(wd.weight) for wd in read.connection_wds]


with contextlib.redirect_stdout(io.StringIO()):
    NeuroMLWriter.write(document, "x.nml")
    NeuroMLHdf5Writer.write(document, "x.h5")
    xml, hdf5 = weights(NeuroMLLoader.load("x.nml")), weights(NeuroMLHdf5Loader.load("x.h5"))
print("XML", xml)
print("HDF5", hdf5)
assert xml == [1.0, 2.0]
assert hdf5 == [0.0, 2.0]
PY
