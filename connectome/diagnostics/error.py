"""The exception of the connectome room: a spec that cannot be used as written."""

from __future__ import annotations

from collections.abc import Iterable

from .render import as_text
from .report import Report
from .rule import Rule
from .span import Span


class SpecError(ValueError):
    """A spec cannot be used as written. ``report`` holds every finding with its location."""

    def __init__(self, report: Report) -> None:
        """Keep the report; the message is its plain-text rendering."""
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        """Return the rendered findings."""
        return "\n" + as_text(self.report, colour=False)


def failed(
    rule: Rule,
    at: Span | str,
    message: str,
    help: str = "",
    notes: Iterable[tuple[Span, str]] = (),
    fixes: Iterable[tuple[Span, str]] = (),
) -> SpecError:
    """Return the error of one finding. ``at``: its location, or the path of a file that it is about as a whole."""
    span = at if isinstance(at, Span) else Span(at)
    return SpecError(Report([rule.at(span, message, help=help, notes=notes, fixes=fixes)]))
