"""Writes the safe fixes of findings into the files, and changes nothing else in them."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cortexc.replacement import replacing

from ..diagnostics import Diagnostic, Span


@dataclass(frozen=True)
class FixedFile:
    """A file with its fixes."""

    path: str
    before: str
    after: str
    fixes: int

    @property
    def diff(self) -> str:
        """The change, as a unified diff."""
        before, after = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        return "".join(difflib.unified_diff(before, after, self.path, self.path))


def fixed(findings: Iterable[Diagnostic]) -> list[FixedFile]:
    """Return the fixed text of each file that has fixes; nothing is written.

    Only the spans of fixes are replaced, so comments and layout stay.
    """
    by_file: dict[str, dict[Span, str]] = defaultdict(dict)
    for finding in findings:
        for span, text in finding.fixes:
            by_file[span.path].setdefault(span, text)
    result = []
    for path, fixes in by_file.items():
        before = Path(path).read_bytes().decode("utf-8")
        lines = before.splitlines(keepends=True)
        for span, text in sorted(fixes.items(), reverse=True):  # from the end, so that the other spans stay valid
            line = lines[span.line - 1]  # a fix never spans lines
            lines[span.line - 1] = line[: span.column - 1] + text + line[span.end_column - 1 :]
        result.append(FixedFile(path, before, "".join(lines), len(fixes)))
    return result


def write(change: FixedFile) -> None:
    """Write a fixed file; it is replaced when the new one is complete.

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(change.path)
    with replacing(path) as (part,):
        part.write_bytes(change.after.encode("utf-8"))
        part.chmod(path.stat().st_mode)
