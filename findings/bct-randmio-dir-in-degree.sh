#!/usr/bin/env bash
# bctpy 0.6.1, numpy 2.4.6, scipy 1.17.1.
#
# randmio_dir is the usual null model of a directed connectome. Its help text says that it keeps the in-degrees and
# the out-degrees. It keeps the out-degrees only. After about one swap per connection, areas have gained or lost
# several inputs. A statistic of the connectome may then differ from the null model only because the in-degrees moved.
#
# What to do: use randmio_dir_connected or randmio_dir_signed, which keep both, and check the sums of rows and columns
# of every surrogate.
#
# Output seen (largest change of an in-degree, of an out-degree):
#   randmio_dir 5 0
#   randmio_dir_connected 0 0
#   randmio_dir_signed 0 0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q bctpy==0.6.1 numpy==2.4.6 scipy==1.17.1
env/bin/python - <<'PY'
import bct
import numpy as np

rng = np.random.default_rng(0)
network = (rng.random((30, 30)) < 0.2).astype(float)
np.fill_diagonal(network, 0)
seen = {}
for name in ("randmio_dir", "randmio_dir_connected", "randmio_dir_signed"):
    surrogate, _ = getattr(bct, name)(network, 1, seed=0)
    seen[name] = [int(abs(surrogate.sum(axis) - network.sum(axis)).max()) for axis in (0, 1)]
    print(name, *seen[name])
assert seen["randmio_dir"][0] > 0 and seen["randmio_dir"][1] == 0
assert seen["randmio_dir_connected"] == seen["randmio_dir_signed"] == [0, 0]
PY
