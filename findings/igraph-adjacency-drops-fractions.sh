#!/usr/bin/env bash
# igraph 1.0.0, NumPy 2.4.6.
#
# igraph.Graph.Adjacency takes a matrix whose numbers count parallel edges. Given a matrix of FLNe, which are fractions, it
# cuts each number off and gives a graph with all areas and no edge, in silence; of strengths over 1 it keeps the whole
# part, as parallel edges.
#
# What to do: Graph.Weighted_Adjacency, which keeps 0.7 as a weight. Compare the number of edges with that of nonzeros.
#
# Output seen:
#   Adjacency: 3 areas, 0 of 3 projections
#   Weighted_Adjacency: 3 areas, 3 of 3 projections
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q igraph==1.0.0 numpy==2.4.6
env/bin/python -W error - <<'PY'
import igraph
import numpy as np

flne = np.array([[0, 0.7, 0], [0.6, 0, 0], [0.05, 0, 0]])
seen = {}
for name in ("Adjacency", "Weighted_Adjacency"):
    graph = getattr(igraph.Graph, name)(flne)
    print(f"{name}: {graph.vcount()} areas, {graph.ecount()} of {np.count_nonzero(flne)} projections")
    seen[name] = graph.ecount()
assert seen == {"Adjacency": 0, "Weighted_Adjacency": 3}
PY
