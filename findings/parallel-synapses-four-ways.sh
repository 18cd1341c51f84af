#!/usr/bin/env bash
# igraph 1.0.0, networkx 3.6.1, scipy 1.17.1, numpy 2.4.6.
#
# A list of synapses names the same pair of areas several times. As a COO matrix it means the sum: scipy adds the
# entries up. One would expect a graph library that takes this matrix to do so too. networkx keeps the last synapse of
# a pair when it builds a DiGraph. igraph keeps all as parallel edges, but its two ways back to a matrix differ:
# get_adjacency gives the last one, get_adjacency_sparse the sum.
#
# What to do: before any of these, call sum_duplicates on the matrix, or simplify(loops=False, combine_edges="sum") on
# the graph.
#
# Output seen (weight of the pair with synapses 1, 2 and 4):
#   scipy 7.0
#   networkx 4.0
#   igraph get_adjacency 4.0
#   igraph get_adjacency_sparse 7.0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q igraph==1.0.0 networkx==3.6.1 numpy==2.4.6 scipy==1.17.1 texttable==1.7.2
env/bin/python - <<'PY'
import igraph
import networkx
import scipy.sparse

synapses = scipy.sparse.coo_matrix(([1.0, 2.0, 4.0], ([0, 0, 0], [1, 1, 1])), shape=(2, 2))
one = networkx.from_scipy_sparse_array(synapses, create_using=networkx.DiGraph)
two = igraph.Graph(2, [(0, 1)] * 3, directed=True, edge_attrs={"weight": [1.0, 2.0, 4.0]})
seen = {
    "scipy": synapses.toarray()[0, 1],
    "networkx": one.edges[0, 1]["weight"],
    "igraph get_adjacency": two.get_adjacency(attribute="weight")[0, 1],
    "igraph get_adjacency_sparse": two.get_adjacency_sparse(attribute="weight").toarray()[0, 1],
}
for name, weight in seen.items():
    print(name, float(weight))
assert [float(weight) for weight in seen.values()] == [7, 4, 4, 7]
PY
