"""Tables and matrices in HDF5: opened with care, checked by their headers, read in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp

from cortexc import hdf5

from ..diagnostics import Span, did_you_mean, failed
from ..diagnostics.reading import BAD_TABLE, HOSTILE, MISSING_FILE, UNREADABLE_HDF5

MAX_ROWS = 5_000_000
"""A projection of a spec takes about 4 kB while it is checked."""
CHUNK_ROWS = 65_536
TEXT_COLUMNS = ("from", "to", "mode", "direction", "source")
NUMBER_COLUMNS = ("fln", "weight", "sln", "distance_mm", "delay", "delay_ms")


@dataclass(frozen=True)
class Row:
    """One row of a table as a node of the tree: plain values, and a location inside the file."""

    span: Span
    values: dict[str, Any] = field(default_factory=dict)


_fail = partial(failed, UNREADABLE_HDF5)
_bad = partial(failed, BAD_TABLE)


@contextmanager
def opened(path: str, dataset: str, span: Span) -> Iterator[Any]:
    """Open one dataset or group of an HDF5 file for reading.

    Raises:
        SpecError: the file is missing or not sound HDF5, or has no such dataset, or it links out of the file.
    """
    if not Path(path).is_file():
        raise failed(MISSING_FILE, span, f"there is no file `{path}`", "check the path")
    try:
        with hdf5.read(path) as file:
            parts = [p for p in dataset.split("/") if p]
            for depth in range(1, len(parts) + 1):
                link = file.get("/".join(parts[:depth]), getlink=True)
                if link is None:
                    hint = did_you_mean(dataset.strip("/"), _names(file)) or "the file is empty"
                    raise _fail(span, f"`{path}` has no dataset `{dataset}`", hint)
            yield file[dataset] if parts else file
    except hdf5.StrangeError as error:
        raise _fail(span, str(error)) from None
    except (OSError, RuntimeError, KeyError) as error:
        reason = str(error).split("(", 1)[-1].rstrip(")'\" ").strip() or "unknown reason"
        message = f"cannot read `{dataset}` from `{path}`: it is truncated, corrupt or not HDF5"
        raise _fail(span, message, f"the HDF5 library says: {reason}") from None


def _names(file: Any) -> list[str]:
    names: list[str] = []
    file.visit(lambda name: names.append(name) if len(names) < 200 else None)
    return names


def _is_text(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "SU" or h5py.check_string_dtype(dtype) is not None


def _columns(node: Any, span: Span, name: str) -> dict[str, Any]:
    """Return the columns of a compound dataset or of a group of 1-D datasets, by name; each can be sliced by rows."""
    if isinstance(node, h5py.Dataset):
        if node.dtype.names is None or node.ndim != 1:
            hint = "use a 1-D compound dataset, or a group with one dataset per column"
            raise _bad(span, f"`{name}` is not a table", hint)
        return {column: node.fields(column) for column in node.dtype.names}
    columns: dict[str, Any] = {}
    for column in node:
        if not isinstance(node[column], h5py.Dataset) or node[column].ndim != 1:
            raise _bad(span, f"`{name}/{column}` is not a 1-D dataset", "each column is a dataset of one dimension")
        columns[column] = node[column]
    return columns


def read_rows(path: str, shown: str, dataset: str, span: Span) -> Iterator[Row]:
    """Yield the rows of a projection table, chunk by chunk.

    A value equal to a column's declared marker (HDF5 attribute ``missing`` of the column's dataset, or
    ``missing_<column>`` of a compound dataset) is absent from its row. NaN without such a declaration is left in, and
    refused later.

    Raises:
        SpecError: unreadable file, unknown or missing columns, columns of unequal length or of a wrong type.
    """
    with opened(path, dataset, span) as node:
        columns = _columns(node, span, dataset)
        known = (*TEXT_COLUMNS, *NUMBER_COLUMNS)
        for column in columns:
            if column not in known:
                raise _bad(span, f"the table `{dataset}` has a column `{column}`", did_you_mean(column, known))
        for column in ("from", "to"):
            if column not in columns:
                raise _bad(span, f"the table `{dataset}` has no column `{column}`", "both ends must be named")
        lengths = {column: len(data) for column, data in columns.items()}
        rows = lengths["from"]
        if rows > MAX_ROWS:
            message = f"the table `{dataset}` has {rows:,} rows, and at most {MAX_ROWS:,} can be read"
            raise failed(HOSTILE, span, message, "aggregate neurons to areas first")
        stored = sum(d.id.get_storage_size() for d in ([node] if isinstance(node, h5py.Dataset) else node.values()))
        if rows > max(CHUNK_ROWS, 8 * stored):
            raise failed(
                HOSTILE, span, f"the table `{dataset}` has {rows:,} rows in {stored:,} bytes", "it holds no data"
            )
        if uneven := [c for c, n in lengths.items() if n != rows]:
            raise _bad(span, f"column `{uneven[0]}` of `{dataset}` has {lengths[uneven[0]]} rows, `from` has {rows}")
        markers = {}
        for column, data in columns.items():
            dtype = node.dtype[column] if isinstance(node, h5py.Dataset) else data.dtype
            if _is_text(dtype) != (column in TEXT_COLUMNS) or dtype.kind not in "SUOiuf":
                wanted = "text" if column in TEXT_COLUMNS else "numbers"
                raise _bad(span, f"column `{column}` of `{dataset}` holds {dtype}, and {wanted} belong there")
            attrs = node.attrs if isinstance(node, h5py.Dataset) else data.attrs
            markers[column] = attrs.get(f"missing_{column}" if isinstance(node, h5py.Dataset) else "missing")
        for start in range(0, rows, CHUNK_ROWS):
            block = {c: _decoded(data[start : start + CHUNK_ROWS]) for c, data in columns.items()}
            for i in range(len(block["from"])):
                values = {c: v[i] for c, v in block.items() if not _is_missing(v[i], markers[c])}
                yield Row(Span(shown, 0, 0, 0, 0, f"{dataset}[{start + i}]"), values)


def _decoded(values: Any) -> list[Any]:
    plain: list[Any] = np.asarray(values).tolist()
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in plain]


def _is_missing(value: Any, marker: Any) -> bool:
    if marker is None:
        return False
    if isinstance(marker, bytes):
        marker = marker.decode()
    return bool(value == marker or (value != value and marker != marker))


def matrix_shape(path: str, dataset: str, span: Span) -> tuple[int, int]:
    """Return the shape of a matrix in HDF5 from its header alone.

    Raises:
        SpecError: unreadable, or not a matrix of numbers.
    """
    with opened(path, dataset, span) as node:
        if isinstance(node, h5py.Dataset):
            if node.ndim != 2 or node.dtype.kind not in "iuf":
                raise _fail(span, f"`{dataset}` of `{path}` is not a matrix of numbers")
            return int(node.shape[0]), int(node.shape[1])
        for part in ("data", "indices", "indptr", "shape"):
            if part not in node:
                raise _fail(span, f"the sparse matrix `{dataset}` of `{path}` has no part `{part}`")
        shape = np.asarray(node["shape"][()]).ravel()
        if shape.size != 2 or shape.dtype.kind not in "iu" or shape.min(initial=0) < 0:
            raise _fail(span, f"the shape of the sparse matrix `{dataset}` of `{path}` is {shape.tolist()}")
        if len(node["indptr"]) != int(shape[0]) + 1 or len(node["indices"]) != len(node["data"]):
            raise _fail(span, f"the parts of the sparse matrix `{dataset}` of `{path}` do not fit each other")
        return int(shape[0]), int(shape[1])


def read_matrix(path: str, dataset: str, span: Span) -> sp.csr_array:
    """Read a matrix from HDF5 as CSR, in chunks of rows, without its zeros.

    Raises:
        SpecError: unreadable, or an entry is negative or not finite.
    """
    rows, columns = matrix_shape(path, dataset, span)
    with opened(path, dataset, span) as node:
        if isinstance(node, h5py.Dataset):
            step = max(1, CHUNK_ROWS * 16 // max(1, columns))
            blocks = [sp.csr_array(node[i : i + step].astype(np.float64)) for i in range(0, rows, step)]
            matrix = sp.csr_array(sp.vstack(blocks, format="csr") if blocks else (rows, columns))
        else:
            data, indices, indptr = (np.asarray(node[part][()]) for part in ("data", "indices", "indptr"))
            sound = (
                indptr[0] == 0
                and indptr[-1] == len(indices)
                and (np.diff(indptr) >= 0).all()
                and (len(indices) == 0 or (indices.min() >= 0 and indices.max() < columns))
            )
            if not sound:
                raise _fail(span, f"the index of the sparse matrix `{dataset}` of `{path}` points outside of it")
            matrix = sp.csr_array((data.astype(np.float64), indices, indptr), shape=(rows, columns))
    bad = np.flatnonzero(~np.isfinite(matrix.data) | (matrix.data < 0))
    if len(bad):
        at = int(bad[0])
        row = int(np.searchsorted(matrix.indptr, at, side="right")) - 1
        message = f"`{dataset}` of `{path}` holds {matrix.data[at]} at row {row}, column {matrix.indices[at]}"
        message += f", and {len(bad) - 1} more such" if len(bad) > 1 else ""
        raise _bad(span, message, "weights are finite and not negative")
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def write_projections(path: Path, dataset: str, columns: dict[str, list[Any]]) -> None:
    """Write a projection table as a group of 1-D datasets; None becomes the declared missing marker."""
    with hdf5.built(path) as file:
        fill(file.create_group(dataset), columns)


def fill(group: Any, columns: dict[str, list[Any]]) -> None:
    """Write the columns of a projection table into a group; None becomes the declared missing marker."""
    for name, values in columns.items():
        absent = any(v is None for v in values)
        if name in TEXT_COLUMNS:
            data = group.create_dataset(name, data=[v or "" for v in values], dtype=h5py.string_dtype())
            marker: Any = ""
        else:
            kind = np.int64 if name == "delay" else np.float64
            marker = -1 if name == "delay" else np.nan
            data = group.create_dataset(name, data=np.array([marker if v is None else v for v in values], kind))
        if absent:
            data.attrs["missing"] = marker
