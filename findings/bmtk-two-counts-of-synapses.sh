#!/usr/bin/env bash
# bmtk 1.2.0, h5py 3.16.0.
#
# Two rules of a bmtk network each ask for three synapses between each pair of cells. One would expect both to be
# saved alike. The first, whose weight is one constant, is saved as one row per pair with a column nsyns of 3. The
# second, whose weight comes from a function, is saved as one row per synapse and without nsyns. One file holds both
# forms, in two groups. Who counts rows as synapses finds a third of the first pathway; who counts rows as connected
# pairs finds three times the second.
#
# What to do: take nsyns where the group of an edge has it and 1 where it has not, then add up per pair.
#
# Output seen:
#   a to b: 6 rows, 18 synapses
#   b to a: 18 rows, 18 synapses
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q bmtk==1.2.0 h5py==3.16.0 numpy==2.4.6 pandas==3.1.1
env/bin/python - <<'PY'
import h5py
from bmtk.builder.networks import NetworkBuilder

network = NetworkBuilder("V1")
network.add_nodes(N=3, pop_name="a", model_type="point_process")
network.add_nodes(N=2, pop_name="b", model_type="point_process")
a, b = {"pop_name": "a"}, {"pop_name": "b"}
network.add_edges(source=a, target=b, connection_rule=3, syn_weight=0.5)
rule = network.add_edges(source=b, target=a, connection_rule=3)
rule.add_properties("syn_weight", rule=lambda source, target: 0.5, dtypes=float)
network.build()
network.save_edges(output_dir=".")
seen = {}
with h5py.File("V1_V1_edges.h5") as file:
    edges = file["edges/V1_to_V1"]
    for source, group, row in zip(edges["source_node_id"], edges["edge_group_id"], edges["edge_group_index"]):
        name = "a to b" if source < 3 else "b to a"
        table = edges[str(group)]
        rows, synapses = seen.get(name, (0, 0))
        seen[name] = rows + 1, synapses + (int(table["nsyns"][row]) if "nsyns" in table else 1)
for name, (rows, synapses) in sorted(seen.items()):
    print(f"{name}: {rows} rows, {synapses} synapses")
assert seen == {"a to b": (6, 18), "b to a": (18, 18)}
PY
