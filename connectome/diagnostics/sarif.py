"""Findings as SARIF 2.1.0, for code scanning services and editors.

References:
    OASIS (2020), Static Analysis Results Interchange Format 2.1.0,
    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import metadata
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from .report import Report
from .rule import Diagnostic, Rule, Severity
from .span import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def as_sarif(report: Report, rules: Iterable[Rule]) -> str:
    """Return the findings as one SARIF run, with the pages of the rules that have findings."""
    findings = list(report)
    broken = {finding.code for finding in findings}
    described = [rule for rule in rules if rule.code in broken]
    index = {rule.code: i for i, rule in enumerate(described)}
    driver = {"name": "cortexc", "version": metadata.version("cortexc"), "rules": [_rule(rule) for rule in described]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index[finding.code]) for finding in findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    first = " ".join(rule.page.split()).partition(". ")[0].rstrip(".") + "."
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": first},
        "fullDescription": {"text": rule.page.partition("\nBad:")[0].strip() or first},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _result(finding: Diagnostic, index: int) -> dict[str, Any]:
    text = finding.message + (f"\nhelp: {finding.help}" if finding.help else "")
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(finding.span)],
    }
    if finding.notes:
        notes = enumerate(finding.notes)
        result["relatedLocations"] = [{"id": i, **_location(at), "message": {"text": note}} for i, (at, note) in notes]
    return result


def _location(span: Span) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(PurePath(span.path).as_posix())}}
    if span.inside:
        return {"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": span.inside}]}
    physical["region"] = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": max(span.end_line, span.line),
        "endColumn": span.end_column,
    }
    return {"physicalLocation": physical}
