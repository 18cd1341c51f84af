#!/usr/bin/env bash
# igraph 1.0.0, networkx 3.6.1, numpy 2.4.6.
#
# GraphML may give an attribute a default, which holds for every edge that does not say otherwise. One would expect
# the default on those edges after reading. igraph puts it there. networkx keeps it aside in
# graph.graph["edge_default"] and leaves the edges without it; its matrix then shows 1 for them, as for any edge that
# has no weight.
#
# What to do: after networkx.read_graphml, copy node_default and edge_default onto the nodes and edges that lack the
# key.
#
# Output seen:
#   igraph [[0, 2.5], [4.0, 0]]
#   networkx [[0.0, 1.0], [4.0, 0.0]] {'weight': 2.5}
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q igraph==1.0.0 networkx==3.6.1 numpy==2.4.6
env/bin/python - <<'PY'
import igraph
import networkx

with open("graph.graphml", "w") as file:
    file.write("""<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="w" for="edge" attr.name="weight" attr.type="double"><default>2.5</default></key>
  <graph edgedefault="directed">
    <node id="V1"/><node id="LM"/>
    <edge source="V1" target="LM"/>
    <edge source="LM" target="V1"><data key="w">4</data></edge>
  </graph>
</graphml>
""")
one = igraph.Graph.Read_GraphML("graph.graphml").get_adjacency(attribute="weight").data
graph = networkx.read_graphml("graph.graphml")
two = networkx.to_numpy_array(graph).tolist()
print("igraph", one)
print("networkx", two, graph.graph["edge_default"])
assert one == [[0, 2.5], [4, 0]]
assert two == [[0, 1], [4, 0]]
assert graph.graph["edge_default"] == {"weight": 2.5}
PY
