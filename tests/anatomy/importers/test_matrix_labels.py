"""What in a matrix is a label, and what an entry."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read

COUNTS = "0,120,33,7\n120,0,44,12\n33,44,0,61\n7,12,61,0\n"
NAMES = "V1\nV2\nV4\nMT\n"


@pytest.fixture
def matrix(tmp_path: Path) -> Any:
    (tmp_path / "names.txt").write_text(NAMES)

    def read_it(text: str, **options: Any) -> Imported:
        (tmp_path / "m.csv").write_text(text)
        return read("matrix", tmp_path / "m.csv", rows="source", **options)

    return read_it


def said(imported: Imported) -> str:
    return imported.report.as_text()


@pytest.mark.parametrize("text", [COUNTS, "0,0,7,3\n0,0,5,9\n7,5,0,2\n3,9,2,0\n", COUNTS.replace("0,", "1,")])
def test_a_symmetric_matrix_of_numbers_keeps_all_its_areas(matrix: Any, tmp_path: Path, text: str) -> None:
    for options in ({}, {"header": "no"}):
        assert len(matrix(text, **options).connectome.areas) == 4
    named = matrix(text, labels=str(tmp_path / "names.txt")).connectome
    assert list(named.areas) == ["V1", "V2", "V4", "MT"]


def test_the_report_says_that_the_first_row_was_taken_for_entries(matrix: Any) -> None:
    assert "first row and column = entries (the matrix is symmetric; --header yes" in said(matrix(COUNTS))
    assert list(matrix(COUNTS, header="yes").connectome.areas) == ["120", "33", "7"]


@pytest.mark.parametrize("corner", ["", "region"])
def test_numbers_are_labels_where_the_corner_is_no_number(matrix: Any, tmp_path: Path, corner: str) -> None:
    text = f"{corner},101,102,103\n101,0,4,5\n102,4,0,6\n103,5,6,0\n"
    found = matrix(text)
    assert list(found.connectome.areas) == ["101", "102", "103"]
    assert "labels = 101, 102, 103" in said(found)
    (tmp_path / "three.txt").write_text("a\nb\nc\n")
    assert list(matrix(text, labels=str(tmp_path / "three.txt")).connectome.areas) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text", ["0,1,2,3\n1,0,5,4\n2,9,0,6\n3,8,7,0\n", ",120,33\n120,,44\n33,44,\n"], ids=["directed", "empty diagonal"]
)
def test_numbers_that_may_be_either_are_asked_for(matrix: Any, text: str) -> None:
    with pytest.raises(connectome.SpecError, match="they may be labels, or entries"):
        matrix(text)
    assert matrix(text, header="no") is not None


def test_one_bad_entry_in_the_first_row_makes_no_labels(matrix: Any) -> None:
    with pytest.raises(connectome.SpecError, match="is no number") as caught:
        matrix("0,much,3\n4,0,5\n6,7,0\n")
    (finding,) = caught.value.report
    assert (finding.span.line, finding.span.column) == (1, 3)


def test_names_of_one_margin_are_those_of_both(matrix: Any) -> None:
    assert list(matrix("V1,0,1,2\nV2,3,0,4\nV4,5,6,0\n").connectome.areas) == ["V1", "V2", "V4"]
    numbered = matrix(",V1,V2,V4\n0,0,1,2\n1,3,0,4\n2,5,6,0\n")
    assert list(numbered.connectome.areas) == ["V1", "V2", "V4"]
    assert "dropped: 1 column of row numbers" in said(numbered)


def test_labels_that_differ_are_said_with_the_nearest(matrix: Any) -> None:
    found = matrix(",V1,v2 ,MT\nV1,0,1,2\nV2,3,0,4\nMT,5,6,0\n")
    assert "labels of rows only = 1 areas of their own (`V2` (nearest: `v2`))" in said(found)
    assert "labels of columns only = 1 areas of their own (`v2` (nearest: `V2`))" in said(found)


def test_invented_names_and_numbers_do_not_say_where_the_image_enters(matrix: Any) -> None:
    ring = "\n".join(",".join(str(int(j == (i + 1) % 20)) for j in range(20)) for i in range(20))
    assert "by its name" not in said(matrix(ring, header="no"))
    ids = "," + ",".join(map(str, range(20))) + "\n"
    ids += "\n".join(f"{i},{row}" for i, row in enumerate(ring.splitlines()))
    assert "by its name" not in said(matrix(ids, header="yes"))


def test_a_companion_without_labels_is_of_the_same_areas(matrix: Any, tmp_path: Path) -> None:
    (tmp_path / "mm.txt").write_text("0 10.5 20\n10.5 0 11\n20 11 0\n")
    found = matrix(",V1,V2,V4\nV1,0,1,2\nV2,3,0,4\nV4,5,6,0\n", distance=str(tmp_path / "mm.txt"))
    assert {(p.origin, p.target): p.distance_mm for p in found.connectome.projections}["V1", "V2"] == 10.5


TRIANGLE = np.array([[0, 120, 30, 7], [0, 0, 44, 0], [0, 0, 0, 61], [0, 0, 0, 0]])


def strengths(imported: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in imported.connectome.projections if p.origin != "LGN"}


@pytest.mark.parametrize("half", [TRIANGLE, TRIANGLE.T], ids=["upper", "lower"])
@pytest.mark.parametrize("kind", ["txt", "npy"])
def test_one_half_of_a_matrix_is_said_to_be_one(tmp_path: Path, half: np.ndarray, kind: str) -> None:
    """What MRtrix writes without ``-symmetric``: https://mrtrix.readthedocs.io/en/latest/reference/commands/tck2connectome.html"""
    path = tmp_path / f"m.{kind}"
    np.savetxt(path, half, fmt="%d") if kind == "txt" else np.save(path, half)
    found = read("matrix", path, rows="source")
    assert "triangle is empty" in said(found)
    assert "--symmetric" in said(found)
    assert len(strengths(found)) == 5
    both = read("matrix", path, symmetric=True)
    assert "triangle is empty" not in said(both)
    assert len(strengths(both)) == 10
    assert strengths(both)["area1", "area2"] == strengths(both)["area2", "area1"] == 120


def test_a_symmetric_matrix_needs_no_orientation_and_another_is_not_symmetric(matrix: Any) -> None:
    assert strengths(matrix(COUNTS)) == strengths(matrix(COUNTS, symmetric=True))
    with pytest.raises(connectome.SpecError, match="V1, V2 is 3, and V2, V1 is 4") as caught:
        matrix(",V1,V2\nV1,0,3\nV2,4,0\n", symmetric=True)
    (finding,) = caught.value.report
    assert (finding.span.line, finding.span.column) == (2, 6)


NUMBERS = np.array([[0, 1.5, 0, 2], [0, 0, 2, 1], [3, 0, 0, 1], [0, 1, 1, 0]])
AREAS = ["V1", "V2", "MT", "TE"]
FULL = ["primary visual", "secondary visual", "middle temporal", "inferotemporal"]


def several_lists(path: Path, **lists: list[str]) -> Path:
    match path.suffix:
        case ".mat":
            scipy.io.savemat(path, {"SC": NUMBERS, **{n: np.array(v, object) for n, v in lists.items()}})
        case ".npz":
            np.savez(path, SC=NUMBERS, **{n: np.array(v) for n, v in lists.items()})  # type: ignore[arg-type]
        case _:
            with h5py.File(path, "w") as file:
                file["SC"] = NUMBERS
                for name, listed in lists.items():
                    file.create_dataset(name, data=listed, dtype=h5py.string_dtype())
    return path


@pytest.mark.parametrize("suffix", ["mat", "h5", "npz"])
def test_of_several_lists_of_names_the_one_that_fits_is_taken_or_asked_for(tmp_path: Path, suffix: str) -> None:
    path = several_lists(tmp_path / f"two.{suffix}", labels=AREAS, fullnames=FULL)
    with pytest.raises(connectome.SpecError, match="2 lists of names fit") as caught:
        read("matrix", path, rows="target")
    assert "`labels` (V1, V2, MT and 1 more)" in next(iter(caught.value.report)).help
    assert list(read("matrix", path, rows="target", labels="labels").connectome.areas) == AREAS
    lobes = ["occ", "occ", "temp", "temp"]
    one = several_lists(tmp_path / f"one.{suffix}", lobes=lobes, labels=AREAS)
    assert list(read("matrix", one, rows="target").connectome.areas) == AREAS
    none = several_lists(tmp_path / f"none.{suffix}", lobes=lobes, more=[*AREAS, "TEO"])
    assert "`lobes` has 4, `more` has 5" in said(read("matrix", none, rows="target"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("V1 1 2 3\nV2 2.5 3 4\nV4 5 6 7\nMT 8 9 1\n", ["V1", "V2", "V4", "MT"]),
        ("1\tV1\n2\tV2\n3\tV4\n4\tMT\n", ["V1", "V2", "V4", "MT"]),
        ("index,name,x\n1,V1,2\n2,V2,3\n3,V4,1\n4,MT,0\n", ["V1", "V2", "V4", "MT"]),
        ("name,lobe\nV1,occ\nV2,occ\nV4,occ\nMT,temp\n", ["V1", "V2", "V4", "MT"]),
        ("\n".join(FULL), FULL),
        ("area, left\narea, right\narea, top\narea, low\n", ["left", "right", "top", "low"]),
        ("101\n102\n103\n104\n", ["101", "102", "103", "104"]),
    ],
)
def test_a_file_of_labels_may_have_further_columns(matrix: Any, tmp_path: Path, text: str, names: list[str]) -> None:
    (tmp_path / "labels.txt").write_text(text)
    found = matrix(COUNTS, labels=str(tmp_path / "labels.txt"))
    assert list(found.connectome.areas) == names
    assert ("names in labels.txt" in said(found)) == (text.count(" ") > 4 or "\t" in text or "," in text)


def test_too_few_names_do_not_make_labels_of_a_symmetric_matrix(matrix: Any, tmp_path: Path) -> None:
    (tmp_path / "three.txt").write_text("V1\nV2\nV4\n")
    with pytest.raises(connectome.SpecError, match="there are 3 labels for a matrix of 4 x 4"):
        matrix(COUNTS, labels=str(tmp_path / "three.txt"))


def test_names_of_two_hemispheres_are_near_to_the_name_without(matrix: Any) -> None:
    text = said(matrix(",VISp_ipsi,VISl_ipsi,VISp_contra,R-VISl\nVISp,0,1,2,3\nVISl,1,0,3,2\n"))
    for side, near in (("VISp_ipsi", "VISp"), ("VISl_ipsi", "VISl"), ("VISp_contra", "VISp"), ("R-VISl", "VISl")):
        assert f"`{side}` (nearest: `{near}`)" in text


@pytest.mark.parametrize("text", ['["V1", "V2", "V4", "MT"]', '{"0": "V1", "1": "V2", "2": "V4", "3": "MT"}'])
def test_names_may_be_a_list_in_json(matrix: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "names.json").write_text(text)
    assert list(matrix(COUNTS, labels=str(tmp_path / "names.json")).connectome.areas) == ["V1", "V2", "V4", "MT"]
    (tmp_path / "names.json").write_text('{"a": [1]}')
    with pytest.raises(connectome.SpecError, match="no list of names"):
        matrix(COUNTS, labels=str(tmp_path / "names.json"))
