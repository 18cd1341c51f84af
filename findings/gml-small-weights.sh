#!/usr/bin/env bash
# networkx 3.6.1, igraph 1.0.0.
#
# FLNe go down to 1e-7. networkx.write_gml writes a weight of 1e-7 as 1.E-07, which the grammar of GML allows (digits
# after the point may be left out). igraph.Graph.Read_GML refuses the file with a syntax error that names the line and not
# the number. A weight of 1.5e-7 passes, so whether a connectome can go from one to the other depends on its digits.
# networkx reads both back.
#
# What to do: exchange GraphML between the two, or write such weights with a digit after the point.
#
# Output seen:
#   1.5e-07 as 1.5E-07: igraph reads 1.5e-07
#   1e-07 as 1.E-07: igraph refuses
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q networkx==3.6.1 igraph==1.0.0
env/bin/python - <<'PY'
import re

import igraph
import networkx

seen = {}
for weight in (1.5e-7, 1e-7):
    graph = networkx.DiGraph()
    graph.add_edge("V1", "V2", weight=weight)
    networkx.write_gml(graph, "network.gml")
    written = re.search(r"weight (\S+)", open("network.gml").read()).group(1)
    assert networkx.read_gml("network.gml")["V1"]["V2"]["weight"] == weight
    try:
        found = f"reads {igraph.Graph.Read_GML('network.gml').es['weight'][0]}"
    except igraph.InternalError as error:
        assert "syntax error" in str(error)
        found = "refuses"
    print(f"{weight} as {written}: igraph {found}")
    seen[weight] = (written, found)
assert seen == {1.5e-7: ("1.5E-07", "reads 1.5e-07"), 1e-7: ("1.E-07", "refuses")}
PY
