#!/usr/bin/env bash
# scipy 1.17.1, mat73 0.65, hdf5storage 0.2.2, numpy 2.4.6.
#
# A logical vector of MATLAB often says which areas of a connectome to keep. scipy.io reads it from a MAT file of
# version 5 as uint8; mat73 reads the same variable from version 7.3 as bool. One would expect both to select the same
# areas. With uint8, numpy takes the values as positions: the mask 0 0 1 1 picks areas 0 and 1, each twice, where bool
# picks areas 2 and 3. The file knows better: scipy.io.whosmat says "logical".
#
# What to do: ask whosmat which variables are logical and turn them into bool.
#
# Output seen:
#   version 5, scipy: logical, uint8, ['V1', 'V1', 'LM', 'LM']
#   version 7.3, mat73: bool, ['AL', 'PM']
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q scipy==1.17.1 mat73==0.65 hdf5storage==0.2.2 h5py==3.16.0 numpy==2.4.6
env/bin/python - <<'PY'
import hdf5storage
import mat73
import numpy as np
import scipy.io

areas = np.array(["V1", "LM", "AL", "PM"])
keep = {"keep": np.array([False, False, True, True])}
scipy.io.savemat("five.mat", keep)
hdf5storage.savemat("seven.mat", keep, format="7.3")
((_, _, kind),) = scipy.io.whosmat("five.mat")
five = scipy.io.loadmat("five.mat")["keep"].ravel()
seven = mat73.loadmat("seven.mat")["keep"].ravel()
print(f"version 5, scipy: {kind}, {five.dtype}, {areas[five].tolist()}")
print(f"version 7.3, mat73: {seven.dtype}, {areas[seven].tolist()}")
assert kind == "logical" and five.dtype == np.uint8 and seven.dtype == bool
assert sorted(areas[five]) == ["LM", "LM", "V1", "V1"]
assert areas[seven].tolist() == ["AL", "PM"]
PY
