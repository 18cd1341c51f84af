#!/usr/bin/env bash
# networkx 3.6.1, numpy 2.4.6.
#
# directed_edge_swap and double_edge_swap make null models that keep the degrees. On a weighted connectome one would
# expect the weights to move with the edges, or an error. The swapped edges come out with no attributes at all, and
# the matrix of the result has a weight of 1 in their places. Here the weights are below 0.1, so the null model has
# several times the total strength of the connectome, all of it in the swapped edges.
#
# What to do: swap the bare graph, then deal the weights out anew to the edges of the result.
#
# Output seen:
#   directed_edge_swap: total 1.52 becomes 12.11, edges without weight 11 of 39
#   double_edge_swap: total 0.63 becomes 7.43, edges without weight 7 of 21
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q networkx==3.6.1 numpy==2.4.6
env/bin/python - <<'PY'
import networkx

for name, directed in (("directed_edge_swap", True), ("double_edge_swap", False)):
    graph = networkx.gnp_random_graph(12, 0.3, directed=directed, seed=1)
    for rank, edge in enumerate(graph.edges):
        graph.edges[edge]["weight"] = 0.02 + 0.001 * rank
    half = 1 if directed else 2
    before = float(networkx.to_numpy_array(graph).sum()) / half
    degrees = dict(graph.degree)
    getattr(networkx, name)(graph, nswap=4, max_tries=1000, seed=1)
    after = float(networkx.to_numpy_array(graph).sum()) / half
    bare = sum("weight" not in edge for *_, edge in graph.edges(data=True))
    edges = graph.number_of_edges()
    print(f"{name}: total {before:.2f} becomes {after:.2f}, edges without weight {bare} of {edges}")
    assert dict(graph.degree) == degrees
    assert bare > 0 and after > 3 * before
PY
