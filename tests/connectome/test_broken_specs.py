"""Broken specs, one fault each: each gives its code at the line that its comment marks, and never a traceback."""

import re
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest

from cortexc import connectome
from cortexc.compiler.checker import RULES, check
from cortexc.connectome import SpecError
from cortexc.connectome.diagnostics import render
from cortexc.connectome.diagnostics.rule import Severity
from cortexc.main import main

BROKEN = Path(__file__).parents[1] / "fixtures" / "broken"
MARK = re.compile(r" # expect ([A-Z]\d{3})$")

TABLE = """cortexc: 1
name: table
input: {name: LGN, grid: [4, 4], patch: 8, width: 8}
areas: {V1: {grid: [4, 4]}, V2: {grid: [4, 4]}}
projections:
  - {from: LGN, to: V1}
  - {file: edges.h5, dataset: /projections}
readout: {area: V2, classes: 10}
"""


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda p: p.stem)
def test_a_fault_has_its_code_at_its_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marks = [(i, m[1]) for i, line in enumerate(path.read_text().splitlines(), 1) if (m := MARK.search(line))]
    assert len(marks) == 1, "one fault a file"
    found = [(f.span.line, f.code) for f in check(str(path)) if f.severity is not Severity.INFO]
    assert found == marks
    assert main(["check", str(path)]) == 1
    said = capsys.readouterr()
    assert f"{path}:{marks[0][0]}:" in said.out
    assert "Traceback" not in said.out + said.err
    if not marks[0][1].startswith("G"):  # those are found in a trial compilation
        with pytest.raises(SpecError):
            connectome.load(path)


def test_there_are_enough_of_them_and_they_cover_the_rules() -> None:
    files = list(BROKEN.glob("*.yaml"))
    assert len(files) >= 30
    covered = {m[1] for p in files for line in p.read_text().splitlines() if (m := MARK.search(line))}
    in_tests = set(re.findall(r"\b[SG]\d{3}\b", Path(__file__).read_text()))
    on_pages = {r.code for r in RULES if "```yaml" in r.page}  # their examples are tested in test_rule_pages.py
    assert {r.code for r in RULES} - covered - in_tests - on_pages - {"C501"} == set()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("misspelt-key-in-projection", "did you mean `fln`?"),
        ("misspelt-key-at-the-top", "did you mean `areas`?"),
        ("misspelt-key-in-population", "did you mean `layer`?"),
        ("misspelt-key-in-kernel", "did you mean `cutoff`?"),
        ("misspelt-kernel", "did you mean `exponential`?"),
        ("projection-to-nowhere", "known here: `V1`, `V2`"),
        ("readout-of-nothing", "did you mean `V2`?"),
    ],
)
def test_the_nearest_name_is_proposed(name: str, hint: str) -> None:
    (finding,) = connectome.check(BROKEN / f"{name}.yaml")
    assert finding.help == hint


def findings(folder: Path, text: str | bytes, name: str = "spec.yaml") -> list[tuple[str, int]]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    report = connectome.check(path)
    assert bool(render.as_text(report, colour=True)) == bool(len(report))
    return [(f.code, f.span.line) for f in report]


def test_hostile_yaml_is_refused_in_bounded_time(tmp_path: Path) -> None:
    assert findings(tmp_path, "a: " + "[" * 100_000)[0][0] == "S112"
    bomb = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10 if i else ['x'] * 10)}]\n" for i in range(12))
    assert findings(tmp_path, bomb)[0][0] == "S112"
    assert findings(tmp_path, "&a [*a]") == [("S112", 1)]
    long = "cortexc: 1\nname: " + "x" * 10_000_000 + "\n"
    codes = {code for code, _ in findings(tmp_path, long)}
    assert codes == {"S106", "S104"}
    assert len(render.as_text(connectome.check(tmp_path / "spec.yaml"), colour=False)) < 5000


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    assert findings(tmp_path, b"cortexc: 1\nname: \xff\xfe\n") == [("S101", 2)]
    assert findings(tmp_path, b"cortexc: 1\nname: a\x07\n")[0][0] == "S101"
    assert findings(tmp_path, "") == [("S101", 1)]
    assert findings(tmp_path, "# nothing but a comment\n") == [("S101", 1)]
    assert findings(tmp_path, "just words") == [("S105", 1)]
    assert findings(tmp_path, "[1, 2]") == [("S105", 1)]


def test_references_that_go_round(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    path = tmp_path / "a.yaml"
    path.write_text("cortexc: 1\nextends: b.yaml\n")
    (finding,) = connectome.check(path)
    assert finding.code == "S108"
    assert [Path(span.path).name for span, _ in finding.notes] == ["a.yaml"]
    assert Path(finding.span.path).name == "b.yaml"


def write_edges(folder: Path, **columns: object) -> None:
    with h5py.File(folder / "edges.h5", "w") as file:
        group = file.create_group("projections")
        for name, values in {"from": ["V1"], "to": ["V2"], **columns}.items():
            text = isinstance(values, list) and isinstance(values[0], str)
            group.create_dataset(name, data=values, dtype=h5py.string_dtype() if text else None)


@pytest.mark.parametrize(
    ("columns", "code", "says"),
    [
        ({"flne": [0.5]}, "S111", "has a column `flne`"),
        ({"fln": [0.5, 0.6]}, "S111", "has 2 rows"),
        ({"fln": ["high"]}, "S111", "numbers belong there"),
        ({"from": [1.0]}, "S111", "text belong"),
        ({"fln": [np.nan]}, "S106", "in row `/projections[0]`"),
        ({"fln": [-0.5]}, "S106", "at least 0"),
        ({"sln": [1.5]}, "S106", "at most 1"),
        ({"weight": [np.inf]}, "S106", "finite"),
        ({"to": ["V9"]}, "S201", "V9"),
        ({"mode": ["drivin"]}, "S106", "drivin"),
    ],
)
def test_a_fault_in_a_table_is_named(tmp_path: Path, columns: dict[str, object], code: str, says: str) -> None:
    write_edges(tmp_path, **columns)
    path = tmp_path / "spec.yaml"
    path.write_text(TABLE)
    (finding,) = connectome.check(path)
    assert finding.code == code
    assert says in render.as_text(connectome.check(path), colour=False)
    assert finding.span.line == 7 or finding.span.inside == "/projections[0]"


def test_a_table_without_one_end_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "edges.h5", "w") as file:
        file["projections/from"] = ["V1"]
    assert findings(tmp_path, TABLE) == [("S111", 7)]


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", None])
def test_a_corrupt_hdf5_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    write_edges(tmp_path)
    path = tmp_path / "edges.h5"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
    assert findings(tmp_path, TABLE) == [("S110", 7)]


def test_a_missing_dataset_and_a_link_out_of_the_file_are_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "edges.h5", "w") as file:
        file["projection"] = [1]
    path = tmp_path / "spec.yaml"
    path.write_text(TABLE)
    (finding,) = connectome.check(path)
    assert (finding.code, finding.help) == ("S110", "did you mean `projection`?")
    with h5py.File(tmp_path / "edges.h5", "w") as file:
        file["projections"] = h5py.ExternalLink("/etc/passwd", "/")
    (finding,) = connectome.check(path)
    assert finding.code == "S110"
    assert "links to another file" in finding.message


def test_an_explicit_matrix_of_another_shape_or_with_bad_entries_is_named(tmp_path: Path) -> None:
    text = TABLE.replace("{file: edges.h5, dataset: /projections}", "{from: V1, to: V2, topography: "
                         "{type: matrix, file: edges.h5, dataset: w}}")  # fmt: skip
    with h5py.File(tmp_path / "edges.h5", "w") as file:
        file["w"] = np.ones((16, 9))
    assert findings(tmp_path, text) == [("S206", 7)]
    for bad in (np.nan, -1.0):
        with h5py.File(tmp_path / "edges.h5", "w") as file:
            file["w"] = np.full((16, 16), bad)
        assert findings(tmp_path, text) == []  # the shape is sound; entries are read when they are needed
        assert [(f.code, f.span.line) for f in check(str(tmp_path / "spec.yaml"))] == [("S111", 7)]


def test_odd_names_are_names(tmp_path: Path) -> None:
    names = ["NO", "7", "08", "TH/TF", "9/46d", "1e3", "null", "true"]
    areas = ", ".join(f"{n}: {{grid: [2, 2]}}" for n in names)
    hops = "".join(f"  - {{from: {a}, to: {b}}}\n" for a, b in pairwise(names[:-2]))
    text = (
        f"cortexc: 1\nname: odd\ninput: {{grid: [4, 4], patch: 8, width: 8}}\nareas: {{{areas}}}\n"
        f"projections:\n  - {{from: LGN, to: NO}}\n{hops}readout: {{area: 1e3, classes: 10}}\n"
    )
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    spec = connectome.load(path)
    assert list(spec.areas) == names
    assert spec.projections[2].target == "08"
    connectome.dump(spec, tmp_path / "again.yaml")
    assert connectome.load(tmp_path / "again.yaml") == spec


def test_all_faults_are_shown_at_once(tmp_path: Path) -> None:
    text = (BROKEN / "misspelt-key-in-projection.yaml").read_text()
    for sound, wrong in (("sweeps: 2", "sweeps: -2"), ("grid: [2, 2]", "grid: no"), ("classes: 10", "clases: 10")):
        text = text.replace(sound, wrong)
    assert [code for code, _ in findings(tmp_path, text)] == ["S105", "S103", "S106", "S103"]
