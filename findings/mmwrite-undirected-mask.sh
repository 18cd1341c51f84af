#!/usr/bin/env bash
# SciPy 1.17.1, NumPy 2.4.6.
#
# A sparse boolean matrix says which areas are connected. scipy.io.mmwrite writes one for a directed connectome, and fails
# for an undirected one: "TypeError: The numpy boolean negative, the `-` operator, is not supported". While it looks for
# the symmetry to declare, it also asks whether the matrix is skew-symmetric, and negates a boolean. A diagonal matrix
# passes, so the connection of two areas in both directions is enough to fail.
#
# What to do: name the symmetry (symmetry="general"), or write the mask as integers.
#
# Output seen:
#   one way: written
#   both ways: TypeError
#   both ways, symmetry named: written
#   both ways, integers: written
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q scipy==1.17.1 numpy==2.4.6
env/bin/python - <<'PY'
import numpy as np
import scipy.io
import scipy.sparse

seen = {}
one, both = np.array([[0, 1], [0, 0]], bool), np.array([[0, 1], [1, 0]], bool)
for name, mask, options in (
    ("one way", one, {}),
    ("both ways", both, {}),
    ("both ways, symmetry named", both, {"symmetry": "general"}),
    ("both ways, integers", both.astype(np.int64), {}),
):
    try:
        scipy.io.mmwrite("mask.mtx", scipy.sparse.coo_array(mask), **options)
        assert (scipy.io.mmread("mask.mtx").toarray() == mask).all()
        seen[name] = "written"
    except TypeError as error:
        assert "boolean negative" in str(error)
        seen[name] = "TypeError"
    print(f"{name}: {seen[name]}")
assert list(seen.values()) == ["written", "TypeError", "written", "written"]
PY
