"""Connectivity of The Virtual Brain: https://docs.thevirtualbrain.org/manuals/UserGuide/DataExchange.html."""

import bz2
import zipfile
from pathlib import Path

import pytest

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read

FILES = {
    "weights.txt": "0 1 2\n1 0 1\n0 1 0\n",
    "tract_lengths.txt": "0 10.5 20.5\n10.5 0 11.5\n20.5 11.5 0\n",
    "centres.txt": "rA 1 2 3\nrB 2 3 4\nrC 5 6 7\n",
    "info.txt": "made for a test\n",
}


def write(folder: Path, kind: str, changes: dict[str, str] | None = None) -> Path:
    """Write the files into a folder or an archive, where they may be in a folder again, or compressed."""
    files = FILES | (changes or {})
    files = {name: text for name, text in files.items() if text}
    path = folder / ("c" if kind == "folder" else "c.zip")
    if kind == "folder":
        path.mkdir()
        for name, text in files.items():
            (path / name).write_text(text)
        return path
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            packed = bz2.compress(text.encode()) if kind == "bz2" else text.encode()
            archive.writestr({"nested": f"connectivity_3/{name}", "bz2": f"{name}.bz2"}.get(kind, name), packed)
    return path


def edges(found: Imported) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    projections = [p for p in found.connectome.projections if p.origin != "LGN"]
    return {(p.origin, p.target): (p.weight, p.distance_mm) for p in projections}


@pytest.mark.parametrize("kind", ["zip", "folder", "nested", "bz2"])
def test_weights_lengths_and_names_are_read(tmp_path: Path, kind: str) -> None:
    found = read("matrix", write(tmp_path, kind), rows="target")
    assert edges(found) == {
        ("rB", "rA"): (1, 10.5),
        ("rC", "rA"): (2, 20.5),
        ("rA", "rB"): (1, 10.5),
        ("rC", "rB"): (1, 11.5),
        ("rB", "rC"): (1, 11.5),
    }
    text = found.report.as_text()
    assert "connectivity of The Virtual Brain, with weights, tract_lengths, centres" in text
    assert "1 files: " in text, "info.txt is not read"


def test_the_same_files_by_options(tmp_path: Path) -> None:
    whole = read("matrix", write(tmp_path, "zip"), rows="target")
    folder = write(tmp_path, "folder")
    named = {"labels": str(folder / "centres.txt"), "distance": str(folder / "tract_lengths.txt")}
    assert edges(read("matrix", folder / "weights.txt", rows="target", **named)) == edges(whole)


def test_options_win(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("V1\nV2\nV4\n")
    found = read("matrix", write(tmp_path, "zip"), rows="target", labels=str(tmp_path / "names.txt"))
    assert set(found.connectome.areas) == {"V1", "V2", "V4"}


def test_faults_are_located_in_the_archive(tmp_path: Path) -> None:
    path = write(tmp_path, "zip", {"weights.txt": "0 1 2\n1 0 much\n0 1 0\n"})
    with pytest.raises(connectome.SpecError, match="is no number") as caught:
        read("matrix", path, rows="target")
    span = next(iter(caught.value.report)).span
    assert (span.path, span.line, span.column) == (f"{path}/weights.txt", 2, 5)


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_one_without_weights_is_named_for_what_it_is(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, kind, {"weights.txt": ""})
    with pytest.raises(connectome.SpecError, match=r"without `weights.txt`.*it holds centres.txt, info.txt"):
        read("matrix", path, rows="target")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(connectome.SpecError, match="no zip archive that can be read"):
        read("matrix", tmp_path / "broken.zip", rows="target")
