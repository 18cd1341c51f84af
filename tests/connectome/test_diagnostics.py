"""Findings as people and programs read them."""

import json
from pathlib import Path

import pytest

from cortexc import connectome
from cortexc.connectome import Report, Severity, Span
from cortexc.connectome.diagnostics import render
from cortexc.connectome.diagnostics.rule import Diagnostic, did_you_mean

TEXT = """cortexc: 1
name: toy
input: {name: LGN, grid: [4, 4], patch: 8, width: 8}
areas: {V1: {grid: [4, 4]}}
projections:
  - {from: LGN, to: V1}
  - {from: LGN, to: V1, flne: 0.3}
readout: {area: V1, classes: 10}
"""


def test_a_finding_shows_the_line_and_underlines_the_location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("toy.yaml").write_text(TEXT)
    assert render.as_text(connectome.check("toy.yaml"), colour=False) == (
        "error[S103]: unknown key `flne`\n"
        "  --> toy.yaml:7:25\n"
        "  |\n"
        "7 |   - {from: LGN, to: V1, flne: 0.3}\n"
        "  |                         ^^^^\n"
        "  = help: did you mean `fln`?"
    )
    Path("toy.yaml").write_text(TEXT.replace("flne", "fln"))
    assert render.as_text(connectome.check("toy.yaml"), colour=False) == (
        "error[S205]: a second driving projection from `LGN` to `V1`\n"
        "  --> toy.yaml:7:5\n"
        "  |\n"
        "7 |   - {from: LGN, to: V1, fln: 0.3}\n"
        "  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  note: the first\n"
        "  --> toy.yaml:6:5\n"
        "  |\n"
        "6 |   - {from: LGN, to: V1}\n"
        "  |     ^^^^^^^^^^^^^^^^^^^\n"
        "  = help: merge the two into one"
    )


def test_findings_as_json(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(TEXT)
    (entry,) = json.loads(render.as_json(connectome.check(path)))
    assert entry["code"] == "S103"
    assert entry["location"] == {"path": str(path), "line": 7, "column": 25, "end_line": 7, "end_column": 29}


def test_findings_are_sorted_and_told_once() -> None:
    late, early = (Diagnostic("S1", Severity.ERROR, Span("a", line), "x") for line in (9, 2))
    report = Report([late, early, late])
    assert list(report) == [early, late]
    assert len(report) == 2
    assert render.summary(report) == "2 errors"
    assert render.summary(Report()) == "no findings"


def test_a_long_line_is_cut_around_the_location(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text("{" + ", ".join(f"k{i}: {i}" for i in range(3000)) + "}")
    assert all(len(line) < 400 for line in render.as_text(connectome.check(path), colour=False).splitlines())


def test_colour_is_for_terminals(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(TEXT)
    report = connectome.check(path)
    assert "\x1b[" in render.as_text(report, colour=True)
    assert "\x1b[" not in render.as_text(report, colour=False)


def test_the_nearest_name_is_proposed() -> None:
    assert did_you_mean("Lm", ["V1", "LM"]) == "did you mean `LM`?"
    assert did_you_mean("zzz", ["V1", "LM"]) == "known here: `V1`, `LM`"
    assert did_you_mean("zzz", []) == ""
    assert "and 8 more" in did_you_mean("zzz", [f"area {i}" for i in range(20)])


def test_findings_that_say_the_same_are_counted_after_the_first(tmp_path: Path) -> None:
    lines = [f"  - {{from: A, to: B, mode: driving, source: nobody, delay: {i}}}" for i in range(1, 13)]
    text = "cortexc: 1\nname: a\ninput: {name: LGN, grid: [2, 2], patch: 16, width: 8}\nareas: {A: {grid: [2, 2]}, "
    text += "B: {grid: [2, 2]}}\nprojections:\n  - {from: LGN, to: A}\n" + "\n".join(lines)
    (tmp_path / "s.yaml").write_text(text + "\nreadout: {area: B, classes: 10}\n")
    report = connectome.check(tmp_path / "s.yaml")
    same = [f for f in report if f.code == "S204"]
    assert len(same) == 12
    said = render.as_text(report, colour=False)
    assert said.count("error[S204]") == render.MOST_ALIKE
    assert "and 9 more that say the same:\n" in said
    assert said.count("the source `nobody` is not listed") == 12, "each has a line of its own"
