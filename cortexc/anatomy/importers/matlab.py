"""MATLAB files before version 7.3, read in a process of their own.

SciPy's reader is compiled, and a damaged file can take its process down with it. So it runs in another one, which hands
over matrices and lists of names as a NumPy archive without objects.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

MOST_ENTRIES = 400_000_000
"""Of a dense matrix: 3.2 GB in float64."""
TOO_LARGE = f"it has more than {MOST_ENTRIES:,} entries"
LIMIT_S = 300.0
"""A file that takes longer is given up [s]."""


def variables(path: str) -> dict[str, Any]:
    """Return the matrices of numbers (2-D) and the lists of names (1-D, text) of a file.

    Raises:
        OSError: the file is damaged, or no MATLAB file.
    """
    home = os.fspath(Path(__file__).resolve().parents[3])
    search = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    try:
        command = [sys.executable, "-P", "-m", __name__, os.path.abspath(path)]  # noqa: PTH100
        environment = {**os.environ, "PYTHONPATH": search}
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(f"it was not read within {LIMIT_S:g} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise OSError(said[-1] if said and done.returncode > 0 else "the reader of MATLAB files broke down on it")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def filled(sparse: Any) -> np.ndarray:
    """Return a sparse matrix of SciPy as a dense one; entries that are there twice are summed.

    Raises:
        ValueError: it would be too large, or is damaged.
    """
    if sparse.shape[0] * sparse.shape[1] > MOST_ENTRIES:
        raise ValueError(TOO_LARGE)
    if hasattr(sparse, "check_format"):
        sparse.check_format(full_check=True)  # an index out of bounds would be written into other memory
    return np.asarray(sparse.toarray())


def names(value: Any) -> list[str] | None:
    """Return a list of names in whatever wrapping MATLAB put it, or None."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "OUS" or value.dtype.names:
        return None
    found = []
    for item in value.ravel():
        while isinstance(item, np.ndarray) and item.size == 1:
            item = item.ravel()[0]
        if isinstance(item, bytes):
            item = item.decode("utf-8", "replace")
        if not isinstance(item, str):
            return None
        found.append(item.strip())
    return found


def _main(path: str) -> None:
    """Write what a file holds to the standard output."""
    from scipy.io import loadmat
    from scipy.sparse import issparse

    kept: dict[str, np.ndarray] = {}
    for name, value in loadmat(path).items():
        if not isinstance(name, str) or name.startswith("__"):
            continue
        if issparse(value):
            kept[name] = filled(value)
        elif isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype.kind in "iufb":
            kept[name] = value
        elif (listed := names(value)) is not None:
            kept[name] = np.array(listed, np.str_)
    file = io.BytesIO()
    np.savez(file, **kept)  # type: ignore[arg-type]
    sys.stdout.buffer.write(file.getvalue())


if __name__ == "__main__":
    try:
        _main(sys.argv[1])
    except Exception as error:  # whatever SciPy raises for a damaged file: the parent says it
        print(str(error).splitlines()[0] if str(error) else type(error).__name__, file=sys.stderr)
        raise SystemExit(1) from None
