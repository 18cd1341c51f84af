"""Sparse matrices, as SciPy, MATLAB, AnnData and others write them."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read

DENSE = np.array([[0, 1.5, 0, 2], [0, 0, 2, 1], [3, 0, 0, 1], [0, 1, 1, 0]])
EXPECTED = {(f"area{i + 1}", f"area{j + 1}"): DENSE[i, j] for i, j in np.argwhere(DENSE)}


def edges(found: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.origin != "LGN"}


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "dia", "bsr"])
def test_scipy(tmp_path: Path, form: str) -> None:
    """https://docs.scipy.org/doc/scipy/reference/generated/scipy.sparse.save_npz.html"""
    scipy.sparse.save_npz(tmp_path / "m.npz", scipy.sparse.coo_array(DENSE).asformat(form))
    assert edges(read("matrix", tmp_path / "m.npz", rows="source")) == EXPECTED


def test_matlab_and_its_labels(tmp_path: Path) -> None:
    names = np.array(["V1", "V2", "MT", "TE"], object)
    scipy.io.savemat(tmp_path / "m.mat", {"SC": scipy.sparse.csc_array(DENSE), "names": names})
    found = read("matrix", tmp_path / "m.mat", rows="source")
    assert edges(found)["MT", "V1"] == 3
    with h5py.File(tmp_path / "m73.mat", "w", userblock_size=512) as file:
        made = scipy.sparse.csc_array(DENSE)
        group = file.create_group("SC")
        group.attrs["MATLAB_sparse"] = np.uint64(4)
        group["data"], group["ir"], group["jc"] = made.data, made.indices, made.indptr
    assert edges(read("matrix", tmp_path / "m73.mat", rows="source")) == EXPECTED


@pytest.mark.parametrize("symmetric", [False, True])
def test_matrix_market(tmp_path: Path, symmetric: bool) -> None:
    dense = DENSE + DENSE.T if symmetric else DENSE
    scipy.io.mmwrite(tmp_path / "m.mtx", scipy.sparse.coo_array(dense))
    found = read("matrix", tmp_path / "m.mtx", rows="source")
    assert edges(found) == {(f"area{i + 1}", f"area{j + 1}"): dense[i, j] for i, j in np.argwhere(dense)}


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("says", ["encoding-type", "h5sparse_format", "dataset", None])
def test_groups_of_hdf5(tmp_path: Path, form: str, says: str | None) -> None:
    """https://anndata.readthedocs.io/en/latest/fileformat-prose.html#sparse-arrays"""
    made = scipy.sparse.coo_array(DENSE).asformat(form)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        group = file.create_group("conn")
        group["data"], group["indices"], group["indptr"] = made.data, made.indices, made.indptr
        group["shape"] = np.array(made.shape)
        if says == "dataset":
            group["format"] = form
        elif says:
            group.attrs[says] = f"{form}_matrix"
    found = read("matrix", tmp_path / "m.h5", rows="source")
    turned = {(b, a): v for (a, b), v in EXPECTED.items()}
    assert edges(found) == (EXPECTED if says or form == "csr" else turned)
    assert ("sparse matrix `/conn` = by rows (CSR)" in found.report.as_text()) == (says is None)


def test_one_that_would_be_too_large_is_refused(tmp_path: Path) -> None:
    scipy.sparse.save_npz(tmp_path / "m.npz", scipy.sparse.eye_array(30_000, format="csr"))
    with pytest.raises(connectome.SpecError, match="more than 400,000,000 entries"):
        read("matrix", tmp_path / "m.npz", rows="source")
    (tmp_path / "b.mtx").write_text("%%MatrixMarket matrix coordinate real general\n3 3 5\n1 2")
    with pytest.raises(connectome.SpecError, match="cannot be read"):
        read("matrix", tmp_path / "b.mtx", rows="source")


def test_an_index_out_of_bounds_is_a_finding(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        group = file.create_group("conn")
        group["data"], group["indices"], group["indptr"] = np.ones(2), np.array([1, 10**9]), np.array([0, 1, 2])
    with pytest.raises(connectome.SpecError, match="cannot be read"):
        read("matrix", tmp_path / "m.h5", rows="source")
