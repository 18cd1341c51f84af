"""Dense or sparse matrices of neurons, beside a table that says where each neuron lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.diagnostics import failed
from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_TABLE, BAD_VALUE, UNKNOWN_NODE

from . import arrays, matrix
from .options import Options
from .report import ImportReport, and_more

if TYPE_CHECKING:
    import pandas as pd


def is_one(path: str, options: Options) -> bool:
    """Whether a file is a matrix: by its name, or since options say what its rows are."""
    return options.rows is not None or Path(path).suffix.lower() in arrays.SUFFIXES


def edges(
    path: str, index: pd.Index[Any], options: Options, report: ImportReport
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the neurons at both ends of each entry that is not 0, and the entry as synapses and as weight.

    ``index``: the identifiers of the neurons. A matrix without labels has them in this order.

    Raises:
        SpecError: no orientation, a label that is no neuron, another number of neurons, or a bad entry.
    """
    said = ImportReport()
    found = matrix.labelled(path, options.variable, options, said)
    report.guesses += [] if found.numbered else said.guesses
    size = " x ".join(map(str, found.entries.shape))
    report.read.append(f"{path}: {size} entries, of neurons")
    if options.rows is None and not matrix.undirected(found):
        raise failed(AMBIGUOUS, path, "a matrix does not say what its rows are", matrix.evidence(found.entries))
    if found.numbered and found.entries.shape != (len(index), len(index)):
        message = f"the matrix is {size}, and the table has {len(index):,} neurons"
        raise failed(BAD_TABLE, path, message, "name the neurons of the matrix with --labels FILE")
    if found.numbered:
        report.guess("neurons of the matrix", "in the order of the table", "the matrix has no labels", "--labels FILE")
    ends = (
        [np.arange(len(index))] * 2 if found.numbered else [_rows(path, n, index) for n in (found.rows, found.columns)]
    )
    bad = found.wrong | found.nan | (np.nan_to_num(found.entries) < 0) | np.isinf(found.entries)
    if bad.any():
        row, column = (int(v) for v in np.argwhere(bad)[0])
        message = f"the entry of {found.rows[row]}, {found.columns[column]} is no number of synapses"
        hint = "expected a number, 0 or more"
        raise failed(BAD_VALUE, found.location(row, column), message + and_more(int(bad.sum())), hint)
    rows, columns = np.nonzero(np.nan_to_num(found.entries))
    value = found.entries[rows, columns]
    pre, post = ends[0][rows], ends[1][columns]
    return (post, pre, value, value) if options.rows == "target" else (pre, post, value, value)


def _rows(path: str, names: list[str], index: pd.Index[Any]) -> np.ndarray:
    """Return where neurons of a matrix are in the table."""
    place = {str(name): i for i, name in enumerate(index.tolist())}
    if missing := [name for name in names if name not in place]:
        message = f"the neuron `{missing[0]}` of the matrix is not in the table{and_more(len(missing))}"
        raise failed(
            UNKNOWN_NODE,
            path,
            message,
            "add it to the table of neurons; leave --rows out, if the file is a list of edges",
        )
    return np.array([place[name] for name in names], np.int64)
