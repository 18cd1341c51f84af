#!/usr/bin/env bash
# igraph 1.0.0, networkx 3.6.1.
#
# Neurons of FlyWire and MICrONS have ids of 18 digits. GraphML has the type long for them, and networkx writes and
# reads it without loss. One would expect igraph to keep it as well. igraph holds every number as a double: the id
# that it reads belongs to another neuron, and its own GraphML has 15 digits, so that neighbouring neurons become one.
#
# What to do: store such ids as strings, or use them as the names of the nodes.
#
# Output seen:
#   networkx [720575940621039145, 720575940621039146]
#   igraph reads [720575940621039104, 720575940621039104]
#   igraph writes ['7.20575940621039e+17', '7.20575940621039e+17']
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q igraph==1.0.0 networkx==3.6.1
env/bin/python - <<'PY'
import re

import igraph
import networkx

ids = [720575940621039145, 720575940621039146]
graph = networkx.DiGraph()
graph.add_node("a", root=ids[0])
graph.add_node("b", root=ids[1])
graph.add_edge("a", "b")
networkx.write_graphml(graph, "graph.graphml")
kept = [root for _, root in networkx.read_graphml("graph.graphml").nodes(data="root")]
print("networkx", kept)
assert kept == ids
read = igraph.Graph.Read_GraphML("graph.graphml")
seen = [int(root) for root in read.vs["root"]]
print("igraph reads", seen)
assert seen == [720575940621039104] * 2
again = igraph.Graph(2, vertex_attrs={"root": ids})
again.write_graphml("again.graphml")
written = re.findall(r'<data key="v_root">(.*?)<', open("again.graphml").read())
print("igraph writes", written)
assert written == ["7.20575940621039e+17"] * 2
PY
