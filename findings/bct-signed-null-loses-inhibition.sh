#!/usr/bin/env bash
# bctpy 0.6.1, numpy 2.4.6, scipy 1.17.1.
#
# null_model_und_sign and null_model_dir_sign are the null models for networks with positive and negative weights. One
# would expect as many negative weights in the surrogate as in the network. There are none: every inhibitory weight
# comes back with the same size and a plus sign. Nothing is raised. The only hint is in the returned correlations:
# those of the negative strengths are NaN.
#
# What to do: use randmio_und_signed or randmio_dir_signed, which keep the signs and the degrees, though not all
# strengths. Count the signs of every surrogate.
#
# Output seen (negative weights before and after):
#   null_model_und_sign 98 0
#   null_model_dir_sign 107 0
#   randmio_und_signed 98 98
#   randmio_dir_signed 107 107
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q bctpy==0.6.1 numpy==2.4.6 scipy==1.17.1
env/bin/python - <<'PY'
import bct
import numpy as np

np.seterr(all="ignore")
rng = np.random.default_rng(0)
directed = (rng.random((30, 30)) < 0.3) * (rng.random((30, 30)) - 0.4)
np.fill_diagonal(directed, 0)
symmetric = np.triu(directed) + np.triu(directed).T
seen = {}
for name, network in (
    ("null_model_und_sign", symmetric),
    ("null_model_dir_sign", directed),
    ("randmio_und_signed", symmetric),
    ("randmio_dir_signed", directed),
):
    surrogate, info = getattr(bct, name)(network, 5, seed=0)
    seen[name] = int((network < 0).sum()), int((surrogate < 0).sum())
    print(name, *seen[name])
    if name.startswith("null"):
        assert np.allclose(np.sort(abs(surrogate[surrogate != 0])), np.sort(abs(network[network != 0])))
        assert np.isnan(info[2]) and np.isnan(info[3])
assert all(before > 0 for before, _ in seen.values())
assert seen["null_model_und_sign"][1] == seen["null_model_dir_sign"][1] == 0
assert all(seen[name][0] == seen[name][1] for name in ("randmio_und_signed", "randmio_dir_signed"))
PY
