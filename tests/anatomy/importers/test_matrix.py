"""Adjacency matrices, in both orientations and from several programs."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read

AREAS = ["V1", "V2", "V4"]
FLN = np.array([[0, 0.73, 0.13], [0.76, 0, 0.15], [0.01, 0.39, 0]])  # rows are targets
SLN = np.array([[0, 0.42, 0.30], [0.74, 0, 0.25], [0.98, 0.93, 0]])
EXPECTED = {(AREAS[j], AREAS[i]): FLN[i, j] for i in range(3) for j in range(3) if FLN[i, j]}


def edges(imported: Imported, value: str = "fln") -> dict[tuple[str, str], float]:
    return {(p.origin, p.target): getattr(p, value) for p in imported.connectome.projections if p.origin != "LGN"}


@pytest.fixture(params=["csv", "tsv", "xlsx", "mat", "mat73", "npz", "h5", "bare"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    kind = request.param
    table = pd.DataFrame(FLN, AREAS, AREAS)
    path = tmp_path / f"fln.{'mat' if kind == 'mat73' else 'csv' if kind == 'bare' else kind}"
    (tmp_path / "names.txt").write_text("\n".join(AREAS))
    named = {"labels": str(tmp_path / "names.txt")}
    match kind:
        case "csv" | "tsv":
            table.to_csv(path, sep="," if kind == "csv" else "\t")
            return path, {}
        case "xlsx":
            table.to_excel(path)
            return path, {}
        case "bare":
            table.to_csv(path, header=False, index=False)
            return path, named
        case "mat":
            cell = np.array(AREAS, dtype=object).reshape(-1, 1)
            scipy.io.savemat(path, {"fln": FLN, "sln": SLN, "areaList": cell})
            return path, {"sln": "sln"}
        case "mat73":
            with h5py.File(path, "w", userblock_size=512) as out:
                out["fln"] = FLN.T  # MATLAB counts columns first
                letters = []
                for name in AREAS:
                    text = out.create_dataset(f"#refs#/{name}", data=np.array([[ord(c)] for c in name], np.uint16))
                    text.attrs["MATLAB_class"] = np.bytes_("char")
                    letters.append(text.ref)
                out.create_dataset("areaList", data=np.array([letters], h5py.ref_dtype), dtype=h5py.ref_dtype)
            return path, {}
        case "npz":
            np.savez(path, fln=FLN)
            return path, named
        case _:
            with h5py.File(path, "w") as out:
                out["fln"] = FLN
            return path, named


def test_every_kind_of_matrix_says_the_same(file: tuple[Path, dict[str, str]]) -> None:
    path, more = file
    found = read("matrix", path, rows="target", **more)
    assert edges(found) == pytest.approx(EXPECTED)
    turned = read("matrix", path, rows="source", **more)
    assert edges(turned) == pytest.approx({(t, s): v for (s, t), v in EXPECTED.items()})
    if "sln" in more:
        assert edges(found, "sln")["V1", "V4"] == 0.98
    with pytest.raises(connectome.SpecError, match="does not say what its rows are"):
        read("matrix", path, **more)


def test_the_wrong_orientation_is_betrayed_by_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "fln.csv"
    pd.DataFrame(FLN, AREAS, AREAS).to_csv(path)
    assert [f.code for f in read("matrix", path, rows="source").report.findings] == ["I606"]
    assert [f.code for f in read("matrix", path, rows="target").report.findings] == []
    with pytest.raises(connectome.SpecError, match="--rows target is likely"):
        read("matrix", path)


def test_companions_are_matched_by_name_not_by_place(tmp_path: Path) -> None:
    pd.DataFrame(FLN, AREAS, AREAS).to_csv(tmp_path / "fln.csv")
    order = [2, 0, 1]
    names = [AREAS[i] for i in order]
    pd.DataFrame(SLN[np.ix_(order, order)], names, names).to_csv(tmp_path / "sln.csv")
    found = read("matrix", tmp_path / "fln.csv", rows="target", sln=str(tmp_path / "sln.csv"))
    assert edges(found, "sln") == {(AREAS[j], AREAS[i]): SLN[i, j] for i in range(3) for j in range(3) if FLN[i, j]}


def test_a_rectangular_matrix_has_areas_that_only_send(tmp_path: Path) -> None:
    data = pd.DataFrame([[0, 3, 4], [5, 0, 6]], index=["V1", "V2"], columns=["V1", "V2", "pulvinar"])
    data.to_csv(tmp_path / "m.csv")
    found = read("matrix", tmp_path / "m.csv", rows="target")
    assert edges(found, "weight")["pulvinar", "V2"] == 6
    assert set(found.connectome.areas) == {"V1", "V2", "pulvinar"}


BROKEN = {
    "nan": (",V1,V2\nV1,,1\nV2,NaN,\n", "I603", (3, 4)),
    "text": (",V1,V2\nV1,,1\nV2,much,\n", "I603", (3, 4)),
    "negative": (",V1,V2\nV1,,1\nV2,-1,\n", "I603", (3, 4)),
    "label twice": (",V1,V1\nV1,0,1\nV2,1,0\n", "I602", (1, 5)),
    "only labels": (",V1,V2\n", "I602", (1, 1)),
    "only zeros": (",V1,V2\nV1,0,0\nV2,0,0\n", "I602", (1, 1)),
    "label that was a float": (",1.0,2.0\n1.0,0,1\n2.0,1,0\n", "I603", (1, 2)),
    "short row": (",V1,V2\nV1,0,1\nV2,1\n", "I602", (3, 1)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_matrices_get_one_finding_at_its_place(tmp_path: Path, name: str) -> None:
    text, code, place = BROKEN[name]
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(connectome.SpecError) as caught:
        read("matrix", path, rows="target")
    (finding,) = caught.value.report
    assert finding.code == code, finding.message
    assert (finding.span.line, finding.span.column) == place


@pytest.mark.parametrize("suffix", ["mat", "h5", "npz", "npy"])
def test_cut_off_files_are_said_to_be(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    match suffix:
        case "mat":
            scipy.io.savemat(path, {"fln": FLN})
        case "npz":
            np.savez(path, fln=FLN)
        case "npy":
            np.save(path, FLN)
        case _:
            with h5py.File(path, "w") as out:
                out["fln"] = FLN
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(connectome.SpecError) as caught:
        read("matrix", path, rows="target")
    assert [f.code for f in caught.value.report] == ["I601"]


@pytest.mark.parametrize("name", ["m.npy", "m.npz", "pickle.npy", "pickle.mat", "pickle.h5"])
def test_objects_of_python_are_not_unpickled_and_are_said_to_be_there(tmp_path: Path, name: str) -> None:
    path, objects = tmp_path / name, np.array([{}, {}], object)
    if name.startswith("pickle"):
        path.write_bytes(pickle.dumps(objects))
    elif name.endswith("npy"):
        np.save(path, objects, allow_pickle=True)
    else:
        np.savez(path, fln=objects)
    with pytest.raises(connectome.SpecError, match="a pickle of Python objects"):
        read("matrix", path, rows="target")


def test_labels_of_any_length_in_hdf5_are_text(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as out:
        out["fln"] = FLN
        out.create_dataset("areas", data=AREAS, dtype=h5py.string_dtype())
    assert edges(read("matrix", tmp_path / "m.h5", rows="target")) == pytest.approx(EXPECTED)


def test_several_matrices_must_be_told_apart(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", left=FLN, right=SLN)
    with pytest.raises(connectome.SpecError, match="several matrices"):
        read("matrix", tmp_path / "m.npz", rows="target")
    assert len(edges(read("matrix", tmp_path / "m.npz", rows="target", variable="right"), "weight")) == 6


def test_names_of_the_columns_hold_for_the_rows_too(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    pd.DataFrame(FLN, columns=AREAS).to_csv(path, index=False)
    assert edges(read("matrix", path, rows="target"), "weight") == pytest.approx(EXPECTED)
    with pytest.raises(connectome.SpecError, match="labels of its own"):
        read("matrix", path, rows="target", labels=str(path))


def test_a_file_that_takes_its_reader_down_is_one_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cortexc.anatomy.importers import matlab

    scipy.io.savemat(tmp_path / "m.mat", {"fln": FLN})
    reader = tmp_path / "dies.py"
    reader.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(matlab, "__name__", "dies")
    with pytest.raises(connectome.SpecError, match="broke down on it"):
        read("matrix", tmp_path / "m.mat", rows="target")
