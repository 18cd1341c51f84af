"""``cortexc check --fix``: safe fixes are written, and nothing else changes."""

from pathlib import Path

import pytest

from cortexc.main import main

SPEC = """# a comment that stays
cortexc: 1
name: fixed      # and this one
input: {name: LGN, grdi: [4, 4], patch: 8, width: 8}

areas:
    V1: {grid: [4, 4]}   # odd layout, kept
    V2: {"gridd": [4, 4]}
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, wieght: 0.7}
dynamcis: {swepes: 2}
readout: {area: V2, classes: 10}
"""


def test_misspelt_keys_are_fixed_and_all_else_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(SPEC.replace("\n", "\r\n").encode())
    assert main(["check", str(path), "--fix"]) == 0
    said = capsys.readouterr()
    fixed = SPEC.replace("grdi", "grid").replace('"gridd"', "grid").replace("wieght", "weight")
    fixed = fixed.replace("dynamcis", "dynamics").replace("swepes", "sweeps")
    assert path.read_bytes() == fixed.replace("\n", "\r\n").encode()
    assert "-  - {from: V1, to: V2, wieght: 0.7}" in said.err
    assert "+  - {from: V1, to: V2, weight: 0.7}" in said.err
    assert "clean" in said.out
    assert [p.name for p in tmp_path.iterdir()] == ["spec.yaml"]


def test_two_keys_that_would_become_one_are_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.yaml"
    good = (
        SPEC.replace("grdi", "grid")
        .replace("gridd", "grid")
        .replace("dynamcis", "dynamics")
        .replace("swepes", "sweeps")
    )
    path.write_text(good.replace("wieght: 0.7", "wieght: 0.7, weigth: 0.3"))
    assert main(["check", str(path), "--fix"]) == 1
    assert "weight: 0.7, weigth: 0.3" in path.read_text()
    assert "unknown key `weigth`" in capsys.readouterr().out


@pytest.mark.parametrize("change", [("wieght", "colour"), ("area: V2", "area: V3")])
def test_what_is_not_safe_is_left_alone(
    tmp_path: Path, change: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    good = (
        SPEC.replace("grdi", "grid")
        .replace("gridd", "grid")
        .replace("dynamcis", "dynamics")
        .replace("swepes", "sweeps")
    )
    text = good.replace(*change)
    text = text if change[0] == "wieght" else text.replace("wieght", "weight")
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    assert main(["check", str(path), "--fix"]) == 1
    assert path.read_text() == text
    assert capsys.readouterr().err == ""


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "nowhere.yaml"), "--fix"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().out


def test_missing_levels_are_written_on_the_scale_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spec.yaml"
    text = """cortexc: 1
name: levels
input: {name: LGN, grid: [4, 4], patch: 8, width: 8}
areas:
  V1: {grid: [4, 4], level: 0.5}  # depth 1
  V2: {grid: [4, 4]}              # depth 2
  V4:                             # depth 3
    # block style
    grid: [2, 2]
  TEO: {level: 2.0, grid: [2, 2]} # depth 4
projections: [{from: LGN, to: V1}, {from: V1, to: V2}, {from: V2, to: V4}, {from: V4, to: TEO}]
dynamics: {sweeps: 2}
readout: {area: TEO, classes: 10}
"""
    path.write_text(text)
    assert main(["check", str(path)]) == 1
    assert "error[S211]" in capsys.readouterr().out
    assert main(["check", str(path), "--fix"]) == 0
    fixed = text.replace("V2: {grid", "V2: {level: 1, grid")
    fixed = fixed.replace("    grid: [2, 2]", "    level: 1.5\n    grid: [2, 2]")
    assert path.read_text() == fixed
