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
        return {name.removeprefix("_"): file[name] for name in file.files}


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


def flat(name: str, value: Any) -> dict[str, np.ndarray]:
    """Return the matrices and the lists of names in a variable, whatever structs and cells they lie in.

    ``value``: a mapping for a struct, a list for a cell or for a field of several structs, an array or a text.

    >>> flat("s", {"names": ["V1", "V2"], "w": [np.eye(2)]})
    {'s.names': array(['V1', 'V2'], dtype='<U2'), 's.w{1}': array([[1., 0.],
           [0., 1.]])}
    """
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iufb":
            return {}
        if value.ndim >= 2 and min(value.shape) > 1:
            return {name: value}
        return {} if (lines := _coded(value)) is None else {name: np.array(lines, np.str_)}
    if isinstance(value, dict):
        parts = {f"{name}.{field}": inner for field, inner in value.items()}
    elif isinstance(value, str | list):
        listed = [_text(item) for item in ([value] if isinstance(value, str) else value)]
        if listed and None not in listed:
            return {name: np.array(listed, np.str_)}
        parts = {f"{name}{{{i + 1}}}": inner for i, inner in enumerate(value)}
    else:
        return {}
    return {key: array for part, inner in parts.items() for key, array in flat(part, inner).items()}


def _coded(values: np.ndarray) -> list[str] | None:
    """Return the lines of a text that is kept as the numbers of its letters, as DSI Studio keeps names; else None."""
    flat = values.ravel()
    if not (flat == ord("\n")).any() or not ((flat >= ord("\n")) & (flat < 127) & (flat == np.floor(flat))).all():
        return None
    lines = bytes(flat.astype(np.uint8)).decode("ascii").strip().split("\n")
    return lines if all(line.isprintable() for line in lines) else None


def _text(value: Any) -> str | None:
    """Return a text in whatever cells it lies, None where it is none."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.strip() if isinstance(value, str) else None


def _plain(value: Any) -> Any:
    """Return a variable as SciPy reads it in the form that ``flat`` takes."""
    from scipy.sparse import issparse

    if issparse(value):
        return filled(value)
    if not isinstance(value, np.ndarray):
        return value
    if type(value).__name__ == "MatlabOpaque":
        return None
    if value.dtype.names:  # a struct, or several of them
        fields = {field: [_plain(item) for item in value[field].ravel()] for field in value.dtype.names}
        return {field: items[0] if len(items) == 1 else items for field, items in fields.items()}
    if value.dtype.kind == "O":
        return [_plain(item) for item in value.ravel()]
    if value.dtype.kind in "US":
        lines = [str(line).strip() for line in value.ravel()]
        return lines[0] if len(lines) == 1 else lines
    return value


def _main(path: str) -> None:
    """Write what a file holds to the standard output."""
    from scipy.io import loadmat

    kept: dict[str, np.ndarray] = {}
    for name, value in loadmat(path).items():
        if isinstance(name, str) and not name.startswith("__"):
            kept |= flat(name, _plain(value))
    file = io.BytesIO()
    np.savez(file, **{f"_{name}": array for name, array in kept.items()})  # type: ignore[arg-type]
    sys.stdout.buffer.write(file.getvalue())


if __name__ == "__main__":
    try:
        _main(sys.argv[1])
    except Exception as error:  # whatever SciPy raises for a damaged file: the parent says it
        print(str(error).splitlines()[0] if str(error) else type(error).__name__, file=sys.stderr)
        raise SystemExit(1) from None
