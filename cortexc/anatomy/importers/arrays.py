"""Matrices and lists of names in files of arrays: NumPy, SciPy, MATLAB, Matrix Market and HDF5."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cortexc.connectome.diagnostics import SpecError, failed
from cortexc.connectome.diagnostics.importing import UNREADABLE

from . import files, matlab
from .report import ImportReport, cause

SUFFIXES = (".mat", ".npy", ".npz", ".h5", ".hdf5", ".mtx")
COMPRESSED_ROWS = {"data", "indices", "indptr"}
"""The parts of a sparse matrix in a group of HDF5, compressed by rows (CSR) or by columns (CSC)."""
MATLAB_SPARSE, MATLAB_CLASS = "MATLAB_sparse", "MATLAB_class"


def of_file(path: str, report: ImportReport) -> dict[str, np.ndarray]:
    """Return the matrices of numbers (2-D, sparse ones filled up) and the lists of names (text) of a file, by name.

    Raises:
        SpecError: the file is damaged, or of another kind than its name says.
    """
    suffix = Path(path).suffix.lower()
    if found := files.signature(path, b"PK\x03\x04" if suffix == ".npz" else b"\x89HDF"):
        raise failed(UNREADABLE, path, f"`{path}` is {found[0]}, whatever its name says", found[1])
    try:
        if suffix == ".npy":
            with Path(path).open("rb") as opened:
                return {Path(path).stem: np.load(opened, allow_pickle=False)}
        if suffix == ".npz":
            return _from_npz(path)
        if suffix == ".mtx":
            return {Path(path).stem: _from_matrix_market(path)}
        if suffix == ".mat" and not Path(path).read_bytes()[:10] == b"MATLAB 7.3" and not h5py.is_hdf5(path):
            return matlab.variables(path)
        return _from_hdf5(path, report, matlab_file=suffix == ".mat")
    except SpecError:
        raise
    except (zipfile.BadZipFile, ValueError, OSError, TypeError, EOFError, LookupError, RuntimeError) as error:
        files.refuse_missing_filter(path)
        text = cause(error)
        if text.startswith("Object arrays"):
            raise failed(UNREADABLE, path, f"`{path}` holds {files.PICKLE[0]}", files.PICKLE[1]) from None
        if text.startswith("This file contains pickled"):  # as NumPy says of all that is no array
            raise failed(UNREADABLE, path, f"`{path}` is no NumPy array", "save it again with np.save") from None
        hint = "import it as an edge list" if text == matlab.TOO_LARGE else "the file may be cut off"
        raise failed(UNREADABLE, path, f"`{path}` cannot be read: {text}", hint) from None


def _from_npz(path: str) -> dict[str, np.ndarray]:
    """Return the arrays of an archive of NumPy, or the one sparse matrix that ``scipy.sparse.save_npz`` writes."""
    with Path(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        if not {"format", "shape", "data"} <= set(file.files):
            return {name: file[name] for name in file.files}
    from scipy.sparse import load_npz

    return {Path(path).stem: matlab.filled(load_npz(path))}


def _from_matrix_market(path: str) -> np.ndarray:
    """Return a matrix in the form of https://math.nist.gov/MatrixMarket/formats.html, symmetric ones whole."""
    from scipy.io import mmread
    from scipy.sparse import issparse

    found = mmread(path)
    return matlab.filled(found) if issparse(found) else np.asarray(found)


def _from_hdf5(path: str, report: ImportReport, *, matlab_file: bool) -> dict[str, np.ndarray]:
    """Return the matrices and lists of names of an HDF5 file, by the paths of their datasets."""
    found: dict[str, np.ndarray] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Group):
            if COMPRESSED_ROWS <= set(node):
                found[name] = _sparse(path, node, report)
        elif node.dtype.kind in "iufb" and node.ndim == 2:
            found[name] = node[()]
        elif node.dtype.kind in "SO" and node.size == max(node.shape, default=0):
            values = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in node[()].ravel()]
            if all(isinstance(v, str) for v in values):
                found[name] = np.array(values, object)

    with files.hdf5(path) as file:
        if not matlab_file and not any(MATLAB_CLASS in node.attrs for node in file.values()):
            file.visititems(visit)
            return found
        for name, node in file.items():
            if not name.startswith("#"):
                found |= matlab.flat(name, _from_matlab(path, node, report))
    return found


def _from_matlab(path: str, node: Any, report: ImportReport) -> Any:
    """Return a variable of MATLAB 7.3, which keeps matrices transposed, and cells and structs as references.

    Structs become mappings, cells lists, texts strings; None for what cannot be read.

    References:
        https://www.mathworks.com/help/matlab/import_export/mat-file-versions.html
    """
    if node is None:
        raise ValueError("a part of it is not there")
    kind = node.attrs.get(MATLAB_CLASS, b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if isinstance(node, h5py.Group):
        if MATLAB_SPARSE in node.attrs:
            return _sparse(path, node, report)
        return {name: _from_matlab(path, field, report) for name, field in node.items()}
    if "MATLAB_object_decode" in node.attrs:
        why = "how MATLAB stores objects is not documented: save names as a cell array, cellstr(names)"
        report.drop(1, f"variable `{node.name.lstrip('/')}` of the class {kind or 'unknown'}", why)
        return None
    if "MATLAB_empty" in node.attrs:
        return None
    if h5py.check_ref_dtype(node.dtype) is h5py.Reference:
        return [_from_matlab(path, node.file[ref], report) for ref in node[()].T.ravel(order="F") if ref]
    values = node[()].T
    if kind == "char":
        lines = ["".join(map(chr, line)).strip() for line in values.reshape(-1, values.shape[-1]).tolist()]
        return lines[0] if len(lines) == 1 else lines
    return values


def _sparse(path: str, group: Any, report: ImportReport) -> np.ndarray:
    """Return the sparse matrix of a group, as MATLAB, SciPy, h5sparse or AnnData write it.

    Raises:
        ValueError: its parts do not fit together.
    """
    from scipy.sparse import csc_array, csr_array

    if MATLAB_SPARSE in group.attrs:  # by columns; a matrix without entries has no more than `jc`
        starts = group["jc"][()].astype(np.int64)
        parts = [group[n][()] if n in group else np.zeros(0) for n in ("data", "ir")]
        shape = int(group.attrs[MATLAB_SPARSE]), len(starts) - 1
        return matlab.filled(csc_array((parts[0], parts[1].astype(np.int64), starts), shape=shape))
    data, indices, starts = (group[n][()] for n in ("data", "indices", "indptr"))
    size = len(starts) - 1
    stated = group.attrs.get(
        "shape", group.attrs.get("h5sparse_shape", group["shape"][()] if "shape" in group else None)
    )
    rows, columns = (size, size) if stated is None else (int(v) for v in np.ravel(stated))
    form = _form(group)
    if form is None and (rows == columns or size not in {rows, columns}):
        why = f"nothing in `{group.name}` says whether its rows or its columns are compressed"
        report.guess(f"sparse matrix `{group.name}`", "by rows (CSR)", why, "the other --rows")
    by_columns = form == "csc" or (form is None and size == columns != rows)
    made = csc_array if by_columns else csr_array
    return matlab.filled(made((data, indices, starts), shape=(rows, columns)))


def _form(group: Any) -> str | None:
    """Return whether a group says that it is ``csr`` or ``csc``."""
    for name in ("encoding-type", "h5sparse_format", "format"):
        stated = group.attrs.get(name, group[name][()] if name in group else None)
        text = stated.decode() if isinstance(stated, bytes) else str(stated)
        for form in ("csr", "csc"):
            if form in text.lower():
                return form
    return None
