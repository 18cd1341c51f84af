#!/usr/bin/env bash
# networkx 3.6.1, igraph 1.0.0.
#
# In a Pajek file the number of a vertex is its identity, and its label a text. Connectomes of two hemispheres have each
# label twice. networkx.read_pajek takes the label as the identity: four vertices V1, V2, V1, V2 become two nodes, the
# projections inside the two hemispheres become parallel edges, and the commissural one from V1 to V1 becomes a loop.
# Nothing is said. igraph reads four vertices and keeps the projections apart.
#
# A second guess in the same file failed too: an undirected edge under *Edges, after the section *Arcs, was expected in both
# directions, or as an error. networkx reads it as an arc from the first vertex to the second.
#
# What to do: make the labels unique and write all connections as arcs before networkx reads them.
#
# Output seen:
#   networkx 2 nodes, loops 1, parallel edges 1
#   igraph 4 vertices, loops 0, parallel edges 0
#   networkx, an edge after arcs: one way
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q networkx==3.6.1 igraph==1.0.0
cat > hemispheres.net <<'NET'
*Vertices 4
1 "V1"
2 "V2"
3 "V1"
4 "V2"
*Arcs
1 2 0.7
3 4 0.6
1 3 0.1
NET
env/bin/python - <<'PY'
import igraph
import networkx

one = networkx.read_pajek("hemispheres.net")
loops = networkx.number_of_selfloops(one)
parallel = one.number_of_edges() - len(set(one.edges()))
print(f"networkx {len(one)} nodes, loops {loops}, parallel edges {parallel}")
other = igraph.Graph.Read_Pajek("hemispheres.net")
print(f"igraph {other.vcount()} vertices, loops {sum(other.is_loop())}, parallel edges {sum(other.is_multiple())}")
open("mixed.net", "w").write('*Vertices 3\n1 "V1"\n2 "V2"\n3 "V4"\n*Arcs\n1 2 0.7\n*Edges\n2 3 0.4\n')
mixed = networkx.read_pajek("mixed.net")
ways = [ends for ends in (("V2", "V4"), ("V4", "V2")) if mixed.has_edge(*ends)]
print(f"networkx, an edge after arcs: {('none', 'one way', 'both ways')[len(ways)]}")
assert mixed.is_directed() and ways == [("V2", "V4")]
assert (len(one), loops, parallel) == (2, 1, 1)
assert (other.vcount(), sum(other.is_loop()), sum(other.is_multiple())) == (4, 0, 0)
PY
