"""Findings as text for people and as JSON for programs."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

from .report import Report
from .rule import Diagnostic, Severity
from .span import Span

_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}
_WIDEST_LINE = 160
MOST_ALIKE, MOST_LISTED = 3, 10
"""Of findings that say the same of different things, this many are shown in full, and this many more on a line each;
the others are counted."""
_VARIABLE = re.compile(r"`[^`]*`|[-+]?\d[\d.,]*(?:e[-+]?\d+)?")
"""What differs between messages that say the same: names and numbers."""


_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}
"""Characters that steer a terminal."""
_BLANKS = dict.fromkeys(_CONTROLS, "\ufffd")
"""The same in a line that is shown with marks below it, so as wide as it was."""


def printable(text: str) -> str:
    """Return a text whose control characters, line ends and tabs apart, are written out: a file may hold any."""
    return text.translate(_CONTROLS)


@lru_cache(maxsize=64)
def _lines(path: str) -> tuple[str, ...]:
    """Return the lines of a text file, or none where it cannot be read as text."""
    if not Path(path).is_file():  # a pipe or a device would never end
        return ()
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        binary = "\x00" in text or "\ufffd" in text[:100]
        return () if binary else tuple(text.splitlines())  # a binary file has no lines to show
    except OSError:
        return ()


def _excerpt(span: Span, paint: str, colour: bool, label: str = "") -> list[str]:
    """Return the source line of ``span`` with the span underlined."""
    lines = _lines(span.path)
    if span.inside or not 1 <= span.line <= len(lines):
        return []
    text = lines[span.line - 1]
    last = span.end_column if span.end_line == span.line else len(text) + 1
    cut = max(0, span.column - 1 - _WIDEST_LINE // 2) if len(text) > _WIDEST_LINE else 0
    text = text[cut : cut + _WIDEST_LINE].translate(_BLANKS)
    start = span.column - 1 - cut
    marks = "^" * max(1, min(last - 1 - cut, len(text)) - start)
    gutter = f"{span.line}"
    pad = " " * len(gutter)
    underline = " " * start + (f"\x1b[1;{paint}m{marks}\x1b[0m" if colour else marks)
    return [f"{pad} |", f"{gutter} | {text}", f"{pad} | {underline}{' ' + label if label else ''}"]


def _one(finding: Diagnostic, colour: bool) -> str:
    paint = _COLOURS[finding.severity]
    head = f"{finding.severity}[{finding.code}]"
    head = f"\x1b[1;{paint}m{head}\x1b[0m" if colour else head
    out = [
        f"{head}: {printable(finding.message)}",
        f"  --> {printable(str(finding.span))}",
        *_excerpt(finding.span, paint, colour),
    ]
    for span, text in finding.notes:
        out += [f"  note: {printable(text)}", f"  --> {printable(str(span))}", *_excerpt(span, "34", colour)]
    if finding.help:
        out.append(f"  = help: {printable(finding.help)}")
    return "\n".join(out)


def as_text(report: Report, *, colour: bool) -> str:
    """Return findings as text, each with its source line and the span underlined.

    Findings that say the same stand together, in the order of the first of each kind.
    """
    _lines.cache_clear()
    alike: dict[tuple[str, str], list[Diagnostic]] = defaultdict(list)
    for finding in report:
        alike[finding.code, _VARIABLE.sub("", finding.message)].append(finding)
    shown = []
    for same in alike.values():
        shown += [_one(finding, colour) for finding in same[:MOST_ALIKE]]
        if rest := same[MOST_ALIKE:]:
            lines = [printable(f"  {finding.span}: {finding.message}") for finding in rest[:MOST_LISTED]]
            if more := len(rest) - len(lines):
                lines.append(f"  ... and {more:,} more; `--format json` has all of them")
            shown.append("\n".join([f"and {len(rest):,} more that say the same:", *lines]))
    return "\n\n".join(shown)


def _location(span: Span) -> dict[str, str | int]:
    if span.inside:
        return {"path": span.path, "inside": span.inside}
    return {name: value for name, value in span._asdict().items() if name != "inside"}


def as_json(report: Report) -> str:
    """Return the findings as a JSON array; docs/findings.schema.json describes it."""
    return json.dumps(
        [
            {
                "code": f.code,
                "severity": f.severity.value,
                "message": f.message,
                "help": f.help,
                "location": _location(f.span),
                "notes": [{"location": _location(s), "message": m} for s, m in f.notes],
                **({"fixes": [{"location": _location(s), "text": t} for s, t in f.fixes]} if f.fixes else {}),
            }
            for f in report
        ],
        indent=2,
    )


def summary(report: Report) -> str:
    """Return one line that counts the findings, e.g. ``2 errors, 1 warning``."""
    counts = [(s, sum(f.severity is s for f in report)) for s in Severity]
    words = [f"{n} {s.value}{'s' if n != 1 and s is not Severity.INFO else ''}" for s, n in counts if n]
    return ", ".join(words) or "no findings"
