"""What ``cortexc check`` shows of its findings, and how it ends."""

import json
from pathlib import Path

import pytest

from cortexc.main import main

SPEC = """cortexc: 1
name: faulty
input: {name: LGN, grid: [4, 4], patch: 8, width: 8}
areas: {V1: {grid: [4, 4]}, V2: {grid: [8, 8]}}
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, fln: 0.7, sln: 1.0}
readout: {area: V2, classes: 10}
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "faulty.yaml").write_text(SPEC)
    return str(tmp_path / "faulty.yaml")


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main(["check", *words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return status, captured.out, captured.err


@pytest.mark.parametrize(
    ("options", "status", "codes"),
    [
        ([], 1, ["A413", "A414", "A405"]),
        (["--fail-on", "error"], 0, ["A413", "A414", "A405"]),
        (["--ignore", "A413"], 0, ["A414", "A405"]),
        (["--ignore", "finer-above"], 0, ["A414", "A405"]),
        (["--ignore", "A413", "--fail-on", "info"], 1, ["A414", "A405"]),
        (["--select", "A41"], 1, ["A413", "A414"]),
        (["--select", "a4,S", "--ignore", "A41"], 0, ["A405"]),
        (["--select", "G"], 0, []),
    ],
)
def test_selection_and_exit_status(
    spec: str, options: list[str], status: int, codes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ended, out, _ = said([spec, *options, "--format", "json"], capsys)
    assert (ended, [finding["code"] for finding in json.loads(out)]) == (status, codes)


def test_formats_agree(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, github, sarif = (said([spec, "--format", f], capsys)[1] for f in ("text", "github", "sarif"))
    results = json.loads(sarif)["runs"][0]["results"]
    assert len(results) == 3
    for result, line in zip(results, github.splitlines(), strict=True):
        region = result["locations"][0]["physicalLocation"]["region"]
        assert f"[{result['ruleId']}]" in text
        assert f"title={result['ruleId']}" in line
        assert f"line={region['startLine']},endLine={region['endLine']},col={region['startColumn']}," in line


@pytest.mark.parametrize(("word", "hint"), [("A499", "did you mean"), ("finer-abov", "did you mean `finer-above`")])
def test_an_unknown_rule_is_named(spec: str, word: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = said([spec, "--ignore", word], capsys)
    assert status == 2
    assert f"there is no rule `{word}`" in err
    assert hint in err


def test_what_keeps_a_spec_from_being_read_cannot_be_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.yaml").write_text("cortexc: 1\nname: [")
    status, out, _ = said([str(tmp_path / "broken.yaml"), "--ignore", "S"], capsys)
    assert status == 1
    assert "error[S101]" in out
    assert said([str(tmp_path / "nowhere.yaml"), "--select", "A"], capsys)[0] == 2


def test_accepted_findings_are_silent_and_unused_allowances_are_not(
    spec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SPEC + "checker:\n  allow:\n"
    good = text + (
        "    - {rule: A413, at: areas.V2, reason: a fovea}\n"
        "    - {rule: sln-of-few-neurons, at: V1 -> V2, reason: a figure}\n"
        "    - {rule: A414, reason: invented numbers}\n"
    )
    Path(spec).write_text(good)
    assert said([spec, "--fail-on", "info"], capsys)[:2] == (0, f"{spec}: clean\n")
    bad = text + (
        "    - {rule: A413, at: areas.V1, reason: another place}\n"
        "    - {rule: A499, reason: no such rule}\n"
        "    - {rule: A405, at: V2 -> V1, reason: no such projection}\n"
    )
    Path(spec).write_text(bad)
    status, out, _ = said([spec, "--select", "S212"], capsys)
    assert status == 1
    for words in ("A413 finds nothing at `areas.V1`", "no rule `A499`", "`V2 -> V1` is not in this spec"):
        assert words in out
    assert out.count("warning[S212]") == 3


def test_errors_cannot_be_accepted(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(spec).write_text(
        SPEC.replace("area: V2,", "area: V9,") + "checker: {allow: [{rule: S201, reason: no matter}]}\n"
    )
    status, out, _ = said([spec], capsys)
    assert status == 1
    assert "error[S201]" in out
