"""HDF5 that is compressed with a filter which is not installed."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import read

ZSTANDARD = 32015
"""https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md"""


def write(path: Path, name: str, data: np.ndarray) -> None:
    """Write a dataset of one chunk that says that it is compressed with Zstandard."""
    with h5py.File(path, "a") as file:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk(data.shape)
        created.set_filter(ZSTANDARD, h5py.h5z.FLAG_OPTIONAL, (3,))
        space = h5py.h5s.create_simple(data.shape)
        made = h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(data.dtype), space, created)
        made.write_direct_chunk((0,) * data.ndim, data.tobytes(), filter_mask=0)


@pytest.mark.skipif(h5py.h5z.filter_avail(ZSTANDARD), reason="the filter is installed")
@pytest.mark.parametrize("suffix", ["h5", "mat"])
def test_the_filter_of_a_matrix_is_named(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"m.{suffix}", "conn", np.ones((3, 3)))
    with pytest.raises(connectome.SpecError, match="not installed: Zstandard") as caught:
        read("matrix", tmp_path / f"m.{suffix}", rows="target")
    (finding,) = caught.value.report
    assert finding.span.inside == "conn"
    assert "hdf5plugin" in finding.help


@pytest.mark.skipif(h5py.h5z.filter_avail(ZSTANDARD), reason="the filter is installed")
def test_the_filter_of_a_circuit_is_named(tmp_path: Path) -> None:
    nodes, edges = tmp_path / "n.h5", tmp_path / "e.h5"
    with h5py.File(nodes, "w") as file:
        file["nodes/v/node_type_id"] = np.ones(3, np.int64)
    with h5py.File(edges, "w") as file:
        file["edges/v/target_node_id"] = np.arange(3)
    write(edges, "edges/v/source_node_id", np.arange(3))
    with pytest.raises(connectome.SpecError, match="not installed: Zstandard"):
        read("sonata", [str(nodes), str(edges)])
