"""MATLAB files of every version: structs, cells, texts and matrices beside each other."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read

W = np.array([[0, 1, 2.0], [3, 0, 4], [5, 6, 0]])
NAMES = ("V1", "V2", "V4")
EXPECTED = {(a, b): W[i, j] for i, a in enumerate(NAMES) for j, b in enumerate(NAMES) if i != j}


def cell(*values: Any) -> np.ndarray:
    found = np.empty((1, len(values)), object)
    found[0] = [*values]
    return found


def structs(field: str, values: tuple[Any, ...]) -> np.ndarray:
    found = np.empty((1, len(values)), [(field, object)])
    found[field][0] = values
    return found


def save_73(path: Path, variables: dict[str, Any]) -> None:
    """Write a file as MATLAB 7.3 does: matrices transposed, cells and arrays of structs as references."""

    numbers = itertools.count()

    def put(group: Any, name: str, value: Any, file: Any) -> Any:
        if isinstance(value, dict):
            made = group.create_group(name)
            made.attrs["MATLAB_class"] = np.bytes_("struct")
            for field, inner in value.items():
                put(made, field, inner, file)
            return made
        if isinstance(value, str):
            made = group.create_dataset(name, data=np.array([[ord(c)] for c in value], np.uint16))
            made.attrs["MATLAB_class"] = np.bytes_("char")
        elif value.dtype.names:
            made = group.create_group(name)
            made.attrs["MATLAB_class"] = np.bytes_("struct")
            for field in value.dtype.names:
                references(made, field, value[field], file)
        elif value.dtype.kind == "U":  # a matrix of characters, a name a row
            width = max(map(len, value.tolist()))
            codes = [[ord(c) for c in line.ljust(width)] for line in value.tolist()]
            made = group.create_dataset(name, data=np.array(codes, np.uint16).T)
            made.attrs["MATLAB_class"] = np.bytes_("char")
        elif value.dtype.kind == "O":
            made = references(group, name, value, file)
            made.attrs["MATLAB_class"] = np.bytes_("cell")
        else:
            made = group.create_dataset(name, data=value.T)
            made.attrs["MATLAB_class"] = np.bytes_(value.dtype.name.replace("float64", "double"))
        return made

    def references(group: Any, name: str, values: np.ndarray, file: Any) -> Any:
        inside = file.require_group("#refs#")
        made = [put(inside, f"r{next(numbers)}", value, file).ref for value in values.ravel()]
        return group.create_dataset(name, data=np.array(made, h5py.ref_dtype).reshape(values.T.shape))

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            put(file, name, value, file)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(128))


SAVE: dict[str, Callable[[Path, dict[str, Any]], None]] = {
    "5": lambda path, variables: scipy.io.savemat(path, variables),
    "7.3": save_73,
}
INNER = {"W": W, "names": cell(*NAMES), "note": "a text", "ids": np.array([[101, 102, 300000]], float)}
FILES: dict[str, dict[str, Any]] = {
    "beside texts, cells and numbers": {**INNER, "cells": cell(np.array([[1, 300000.0]]), "text")},
    "in a struct": {"s": INNER},
    "in a struct of a struct": {"s": {"data": INNER, "title": "x"}},
    "with names in an array of structs": {"W": W, "regions": structs("name", NAMES)},
    "with names in cells of cells": {"W": W, "names": cell(*(cell(name) for name in NAMES))},
    "with a matrix of characters": {"W": W, "names": np.array(NAMES)},
    "in a cell": {"c": cell(W, "text"), "names": cell(*NAMES)},
    "called file": {"file": W, "names": cell(*NAMES)},
}


def weights(found: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)}


@pytest.mark.parametrize("version", SAVE)
@pytest.mark.parametrize("form", FILES)
def test_a_matrix_and_its_names_are_found_wherever_they_lie(tmp_path: Path, form: str, version: str) -> None:
    SAVE[version](tmp_path / "m.mat", FILES[form])
    assert weights(read("matrix", tmp_path / "m.mat", rows="source")) == EXPECTED


@pytest.mark.parametrize("version", SAVE)
def test_variables_are_named_with_their_structs_or_alone(tmp_path: Path, version: str) -> None:
    variables = {"s": {**INNER, "D": 10 * W}, "c": cell(W, 2 * W)}
    SAVE[version](tmp_path / "m.mat", variables)
    with pytest.raises(connectome.SpecError, match="several matrices") as caught:
        read("matrix", tmp_path / "m.mat", rows="source")
    assert "`s.D` 3 x 3" in next(iter(caught.value.report)).help
    for wanted, factor in (("s.D", 10), ("D", 10), ("W", 1), ("c{2}", 2)):
        found = read("matrix", tmp_path / "m.mat", rows="source", variable=wanted, labels="names", distance="D")
        assert weights(found) == {pair: factor * w for pair, w in EXPECTED.items()}


def test_objects_of_matlab_are_said_and_do_not_hide_the_matrix(tmp_path: Path) -> None:
    save_73(tmp_path / "m.mat", {"W": W})
    with h5py.File(tmp_path / "m.mat", "r+") as file:
        file["names"] = np.array([[3707764736, 2, 1, 1, 1, 1]], np.uint32)
        file["names"].attrs["MATLAB_class"] = np.bytes_("string")
        file["names"].attrs["MATLAB_object_decode"] = np.int32(3)
        file["nothing"] = np.array([0, 0], np.uint64)
        file["nothing"].attrs["MATLAB_empty"] = np.uint8(1)
    report = read("matrix", tmp_path / "m.mat", rows="source").report.as_text()
    assert "variable `names` of the class string" in report
    assert "cellstr(names)" in report


def test_references_of_other_programs_do_not_hide_the_matrix(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["m"], file["numbers"] = W, np.array([1e6, 2e6])
        file["references"] = np.array([file["numbers"].ref], h5py.ref_dtype)
        file["names"] = [[name] for name in NAMES]
        file["more/names"] = list(NAMES)
    assert weights(read("matrix", tmp_path / "m.h5", rows="source")) == EXPECTED
