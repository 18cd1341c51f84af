"""Findings, collected: a user with nine mistakes sees nine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .rule import Diagnostic, Severity


@dataclass
class Report:
    """The findings of one check, in order of place once sorted."""

    findings: list[Diagnostic] = field(default_factory=list)

    def add(self, *found: Diagnostic) -> None:
        """Add findings; one that is there already changes nothing."""
        self.findings.extend(found)

    def extend(self, found: Iterable[Diagnostic]) -> None:
        """Add every finding of ``found``."""
        self.add(*found)

    def __iter__(self) -> Iterator[Diagnostic]:
        """Iterate over the distinct findings, sorted by place and code."""
        return iter(sorted(set(self.findings), key=lambda d: (d.span, d.code, d.message)))

    def __len__(self) -> int:
        """Return the number of findings."""
        return len(set(self.findings))

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that keep the spec from being compiled."""
        return [d for d in self if d.severity is Severity.ERROR]
