"""Findings as annotations of GitHub's pull requests: one workflow command a line."""

from __future__ import annotations

from .report import Report
from .rule import Diagnostic, Severity

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def as_github(report: Report) -> str:
    """Return the findings as workflow commands.

    References:
        https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "\n".join(_command(finding) for finding in report)


def _command(finding: Diagnostic) -> str:
    span = finding.span
    properties: dict[str, str | int] = {"file": span.path}
    if not span.inside:
        properties |= {"line": span.line, "endLine": span.end_line, "col": span.column, "endColumn": span.end_column}
    properties["title"] = f"{finding.code}{f' in {span.inside}' if span.inside else ''}"
    listed = ",".join(f"{name}={_escaped(str(value), ',:')}" for name, value in properties.items())
    text = finding.message + (f"\nhelp: {finding.help}" if finding.help else "")
    return f"::{COMMANDS[finding.severity]} {listed}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    for mark in ("%", "\r", "\n", *more):
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text
