"""Files as programs write them: R, pandas, DSI Studio, Gephi, Excel with merged cells, and connectivity in layers."""

import json
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
        (lines(DSI, end="\t"), ["rows before the labels", "columns before the labels"]),
        (lines(TITLED, ","), ["rows before the labels"]),
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
    text = """<gexf xmlns="http://www.gexf.net/1.2draft" version="1.2">
    <graph defaultedgetype="directed"><nodes><node id="a"/>
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


@pytest.mark.parametrize("orient", ["split", "columns", "rows", "records", "lists"])
@pytest.mark.parametrize("lines", [False, True])
def test_a_matrix_in_json_keeps_its_labels(tmp_path: Path, orient: str, lines: bool) -> None:
    frame = pd.DataFrame(W, NAMES, NAMES)
    path = tmp_path / ("m.jsonl" if lines else "m.json")
    if lines:
        frame.to_json(path, orient="records", lines=True)
    elif orient == "lists":
        path.write_text(
            json.dumps([["", *NAMES], *([name, *row] for name, row in zip(NAMES, W.tolist(), strict=True))])
        )
    elif orient == "rows":
        path.write_text(json.dumps({"columns": NAMES, "data": W.tolist()}))
    else:
        frame.to_json(path, orient=orient)  # type: ignore[call-overload]
    found = read("matrix", path, rows="source")
    assert pairs(found) == PAIRS
    assert ("outer names of the mappings" in found.report.as_text()) == (orient == "columns" and not lines)


def test_a_mapping_a_row_and_lists_of_numbers(tmp_path: Path) -> None:
    rows = pd.DataFrame([(*pair, weight) for pair, weight in PAIRS.items()], columns=["source", "target", "weight"])
    rows.to_json(tmp_path / "e.json", orient="index")
    assert pairs(read("table", tmp_path / "e.json")) == PAIRS
    (tmp_path / "m.json").write_text(json.dumps(W.tolist()))
    assert sorted(v or 0 for v in pairs(read("matrix", tmp_path / "m.json", rows="source")).values()) == sorted(
        PAIRS.values()
    )
    with pytest.raises(connectome.SpecError, match="a list of lists"):
        read("table", tmp_path / "m.json")
    (tmp_path / "m.json").write_text("[[0, 1], [2]]")
    with pytest.raises(connectome.SpecError, match="row 1 has 1 values, and the first 2"):
        read("matrix", tmp_path / "m.json", rows="source")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("X", "CoCoMac"),
        ("<0.001", "a bound"),
        ("0.7 \u00b1 0.1", "the mean alone"),
        ("\u22121.5", "U\\+2212"),
        ("0.5*", "footnote"),
        ("+++", "ranks"),
        ("strong", "ranks"),
    ],
)
@pytest.mark.parametrize("format", ["table", "matrix"])
def test_what_people_write_in_the_place_of_a_number(tmp_path: Path, format: Any, text: str, hint: str) -> None:
    edges, matrix = f"source,target,weight\na,b,1\nb,a,{text}\n", f",a,b\na,0,1\nb,{text},0\n"
    (tmp_path / "f.csv").write_text(edges if format == "table" else matrix, encoding="utf-8")
    with pytest.raises(connectome.SpecError, match=hint) as caught:
        read(format, tmp_path / "f.csv", **({"rows": "source"} if format == "matrix" else {}))
    assert (finding(caught).span.line, finding(caught).span.column) == (3, 5 if format == "table" else 3)


@pytest.mark.parametrize(("weights", "said"), [("123", True), ("1324", True), ("122", False), ("125", False)])
def test_ranks_are_said_to_be_read_as_amounts(tmp_path: Path, weights: str, said: bool) -> None:
    rows = "".join(f"a{i},b,{weight}\n" for i, weight in enumerate(weights))
    (tmp_path / "e.csv").write_text("source,target,Density\n" + rows)
    assert ("3 is not three times 1" in read("table", tmp_path / "e.csv").report.as_text()) == said


def test_a_matrix_is_not_read_as_edges(tmp_path: Path) -> None:
    for text in ("0 5 2 7\n5 0 1 1\n2 1 0 3\n7 1 3 0\n", "0 5 2\n5 0 1\n2 1 0\n"):
        (tmp_path / "m.txt").write_text(text)
        with pytest.raises(connectome.SpecError, match="as a matrix has them"):
            read("table", tmp_path / "m.txt")
    (tmp_path / "e.txt").write_text("1 2 5\n2 3 1\n3 1 4\n")
    assert pairs(read("table", tmp_path / "e.txt")) == {("1", "2"): 5, ("2", "3"): 1, ("3", "1"): 4}
    found = read("table", tmp_path / "m.txt", source_column="1", target_column="2")
    assert pairs(found) == {("0", "5"): 2, ("5", "0"): 1}
    (tmp_path / "m.csv").write_text(",V1,V2\nV1,0,1\nV2,1,0\n")
    with pytest.raises(connectome.SpecError, match="or it is a matrix, as V1, V2 name rows too"):
        read("table", tmp_path / "m.csv")


def test_edges_are_not_read_as_a_matrix(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(
        '"","source","target","FLNe"\n"1","V1","V2",0.7\n"2","V2","V1",0.6\n"3","V2","V4",0.3\n'
    )
    with pytest.raises(connectome.SpecError, match="as that of an edge list"):
        read("matrix", tmp_path / "e.csv", rows="source")
    (tmp_path / "n.csv").write_text("source,target,weight\n1,2,5\n2,1,4\n")
    with pytest.raises(connectome.SpecError, match="as that of an edge list"):
        read("matrix", tmp_path / "n.csv", rows="source")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source,target,Strength,\n,,FLNe,SLN\nV1,V2,0.7,0.5\n", "two lines of names"),
        ("experiment-id,structure-id,projection_volume\n1,385,0.5\n", "Allen atlas"),
    ],
)
def test_tables_that_need_a_hand_say_which(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "e.csv").write_text(text)
    with pytest.raises(connectome.SpecError, match=message):
        read("table", tmp_path / "e.csv")


def test_projections_of_both_hemispheres_are_said(tmp_path: Path) -> None:
    text = "source,target-abbrev,hemisphere,normalized-projection-volume\nV1,V2,ipsi,2\nV1,V2,contra,1\n"
    (tmp_path / "e.csv").write_text(text)
    found = read("table", tmp_path / "e.csv")
    assert pairs(found) == {("V1", "V2"): 3}
    assert "--where hemisphere=contra" in found.report.as_text()


def test_merged_cells_of_a_workbook_are_not_empty_names(tmp_path: Path) -> None:
    rows = [["source", "target", "weight"], ["V1", "V2", 1], [None, "V4", 2]]
    pd.DataFrame(rows).to_excel(tmp_path / "e.xlsx", header=False, index=False)
    with pytest.raises(connectome.SpecError, match="merged cells"):
        read("table", tmp_path / "e.xlsx")
    assert pairs(read("table", tmp_path / "e.xlsx", invalid="drop")) == {("V1", "V2"): 1}


@pytest.mark.parametrize(
    ("data", "kind"), [(b"MATLAB 5.0 MAT-file, x", "a MATLAB file"), (b"\x93NUMPY\x01\x00", "NumPy")]
)
def test_arrays_are_named_by_readers_of_text(tmp_path: Path, data: bytes, kind: str) -> None:
    (tmp_path / "e.csv").write_bytes(data + bytes(100))
    with pytest.raises(connectome.SpecError, match=kind):
        read("table", tmp_path / "e.csv")
