"""The exception of the connectome room: a spec that cannot be used as written."""

from __future__ import annotations

from .render import as_text
from .report import Report


class SpecError(ValueError):
    """A spec cannot be used as written. ``report`` holds every finding with its location."""

    def __init__(self, report: Report) -> None:
        """Keep the report; the message is its plain-text rendering."""
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        """Return the rendered findings."""
        return "\n" + as_text(self.report, colour=False)
