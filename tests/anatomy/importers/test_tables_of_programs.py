"""Files as programs write them: R, pandas, DSI Studio, Gephi, Excel with merged cells, and connectivity in layers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read

W = np.array([[0, 0.5, 0.125], [0.25, 0, 0], [0.75, 0.375, 0]])
NAMES = ["V1", "V2", "V4"]
PAIRS = {(a, b): W[i, j] for i, a in enumerate(NAMES) for j, b in enumerate(NAMES) if W[i, j]}


def pairs(found: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)}


def finding(caught: Any) -> Any:
    (found,) = caught.value.report
    return found


def lines(rows: Sequence[Any], separator: str = "\t", end: str = "") -> str:
    return "".join(separator.join(map(str, row)) + end + "\n" for row in rows)


def quoted(names: list[str]) -> list[str]:
    return [f'"{name}"' for name in names]


R = [quoted(NAMES), *([f'"{name}"', *row] for name, row in zip(NAMES, W.tolist(), strict=True))]
DSI = [["data", "data", 1, 2, 3], ["data", "data", *NAMES], *([i + 1, NAMES[i], *W[i].tolist()] for i in range(3))]
TITLED = [["weights", "to", "to", "to"], ["from", *NAMES], *([n, *r] for n, r in zip(NAMES, W.tolist(), strict=True))]


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        (lines(R, " "), []),
        (lines(R), []),
        (lines(DSI, end="\t"), ["rows before that of the labels", "columns before that of the labels"]),
        (lines(TITLED, ","), ["rows before that of the labels"]),
    ],
    ids=["R", "R with tabs", "DSI Studio", "a line above the labels"],
)
def test_labels_of_a_matrix_are_found_where_programs_put_them(tmp_path: Path, text: str, dropped: list[str]) -> None:
    (tmp_path / "m.txt").write_text(text)
    found = read("matrix", tmp_path / "m.txt", rows="source")
    assert pairs(found) == PAIRS
    assert [d.what for d in found.report.dropped] == dropped
    (tmp_path / "m.txt").write_text(text.replace("0.375", "much"))
    with pytest.raises(connectome.SpecError, match="V4, V2 is no number") as caught:
        read("matrix", tmp_path / "m.txt", rows="source")
    before = text.partition("0.375")[0]
    span = finding(caught).span
    assert (span.line, span.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))


@pytest.mark.parametrize("axis", [0, 1])
def test_labels_that_only_two_lines_together_tell_apart_are_asked_about(tmp_path: Path, axis: int) -> None:
    head = [["side", "ipsi", "ipsi", "ipsi", "contra", "contra", "contra"], ["area", *NAMES, *NAMES]]
    table = np.array([*head, *([n, *r, *r] for n, r in zip(NAMES, W.tolist(), strict=True))], object)
    (tmp_path / "m.csv").write_text(lines((table.T if axis else table).tolist(), ","))
    with pytest.raises(connectome.SpecError, match="none of which tells all areas apart") as caught:
        read("matrix", tmp_path / "m.csv", rows="source")
    assert finding(caught).help == "join them: `V2 ipsi`"


@pytest.mark.parametrize("separator", [" ", "\t", ","])
def test_edges_that_r_wrote_with_names_of_rows(tmp_path: Path, separator: str) -> None:
    rows = [[f'"{i}"', *quoted([a, b]), w] for i, ((a, b), w) in enumerate(PAIRS.items(), 1)]
    (tmp_path / "e.txt").write_text(lines([quoted(["source", "target", "weight"]), *rows], separator))
    found = read("table", tmp_path / "e.txt")
    assert pairs(found) == PAIRS
    assert "names of the rows" in found.report.as_text()


def test_a_row_with_a_field_too_many_is_no_table_of_r(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("source,target,weight\nV1,V2,0.5,0.9\nV2,V1,0.5,0.9\n")
    with pytest.raises(connectome.SpecError, match="do not divide"):
        read("table", tmp_path / "e.csv")


def test_a_line_that_names_the_separator_for_excel(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_bytes(b"\xef\xbb\xbfsep=;\r\nsource;target;weight\r\nV1;V2;0,5\r\nV2;V1;much\r\n")
    with pytest.raises(connectome.SpecError, match="`much`") as caught:
        read("table", tmp_path / "e.csv", decimal=",")
    assert finding(caught).span.line == 4


def test_names_that_dsi_studio_keeps_as_numbers_of_letters(tmp_path: Path) -> None:
    name = np.frombuffer("\n".join([*NAMES, ""]).encode(), np.uint8)
    scipy.io.savemat(tmp_path / "c.mat", {"connectivity": W, "name": name, "atlas": "HCP"})
    assert pairs(read("matrix", tmp_path / "c.mat", rows="source")) == PAIRS
    scipy.io.savemat(tmp_path / "n.mat", {"connectivity": W, "sizes": [10.0, 20.0, 30.0], "more": [10.0, 65.5, 70]})
    assert {a for a, _ in pairs(read("matrix", tmp_path / "n.mat", rows="source"))} == {"area1", "area2", "area3"}


def test_merged_cells_above_the_labels_of_a_workbook(tmp_path: Path) -> None:
    cells = pd.DataFrame([["", "TARGET", None, None], *TITLED[1:]])
    with pd.ExcelWriter(tmp_path / "m.xlsx") as book:
        cells.to_excel(book, header=False, index=False)
        book.sheets["Sheet1"].merge_cells("B1:D1")
    assert pairs(read("matrix", tmp_path / "m.xlsx", rows="source")) == PAIRS


def test_gephi_leaves_out_a_weight_of_1(tmp_path: Path) -> None:
    text = """<gexf xmlns="http://gexf.net/1.3" version="1.3"><graph defaultedgetype="directed"><nodes><node id="a"/>
    <node id="b"/></nodes><edges><edge id="0" source="a" target="b" weight="0.5"/><edge id="1" source="b" target="a"/>
    </edges></graph></gexf>"""
    (tmp_path / "g.gexf").write_text(text)
    found = read("graphml", tmp_path / "g.gexf")
    assert pairs(found) == {("a", "b"): 0.5, ("b", "a"): 1}
    assert "Gephi leaves a weight of 1 out" in found.report.as_text()


def _npz(path: Path, a: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez(file, conn=a)


def _hdf5(path: Path, a: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["conn"] = a


LAYERED: dict[str, Callable[[Path, np.ndarray], Any]] = {
    "conn.npy": lambda path, a: np.save(path, a),
    "c.npz": _npz,
    "c.h5": _hdf5,
    "c.mat": lambda path, a: scipy.io.savemat(path, {"conn": a}),
}


@pytest.mark.parametrize("name", LAYERED)
@pytest.mark.parametrize("variable", [None, "conn"])
def test_arrays_of_layers_are_named_with_how_to_take_one(tmp_path: Path, name: str, variable: str | None) -> None:
    LAYERED[name](tmp_path / name, np.ones((3, 3, 2)))
    with pytest.raises(connectome.SpecError, match="`conn` is 3 x 3 x 2, and a matrix has two dimensions") as caught:
        read("matrix", tmp_path / name, rows="source", variable=variable)
    assert ("conn(:,:,1)" if name.endswith("mat") else "a[:, :, 0]") in finding(caught).help


@pytest.mark.parametrize("format", ["matrix", "table"])
def test_stores_of_pandas_are_named(tmp_path: Path, format: Any) -> None:
    with h5py.File(tmp_path / "s.h5", "w") as file:  # as DataFrame.to_hdf of pandas 2.2 and PyTables 3.10
        group = file.create_group("strengths")
        group.attrs["pandas_type"] = b"frame"
        group["axis0"], group["block0_values"] = [b"V1", b"V2"], np.eye(2)
    with pytest.raises(connectome.SpecError, match="is an HDFStore of pandas") as caught:
        read(format, tmp_path / "s.h5")
    assert "read_hdf('s.h5', 'strengths').to_parquet" in finding(caught).help
