"""Findings, collected: a user with nine mistakes sees nine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .rule import Diagnostic, Severity


@dataclass
class Report:
    """The findings of one check, in order of their locations once sorted."""

    findings: list[Diagnostic] = field(default_factory=list)

    def add(self, *found: Diagnostic) -> None:
        """Add findings; one that is already in the report is not added again."""
        self.findings.extend(found)

    def extend(self, found: Iterable[Diagnostic]) -> None:
        """Add every finding of ``found``."""
        self.add(*found)

    def __iter__(self) -> Iterator[Diagnostic]:
        """Iterate over the distinct findings, sorted by location and code."""
        return iter(sorted(set(self.findings), key=lambda d: (d.span, d.code, d.message)))

    def __len__(self) -> int:
        """Return the number of findings."""
        return len(set(self.findings))

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that prevent the spec from being compiled."""
        return [d for d in self if d.severity is Severity.ERROR]

    def only(self, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> Report:
        """Return the findings whose codes begin with one of ``select``, or any, and with none of ``ignore``."""
        chosen, dropped = tuple(select), tuple(ignore)
        return Report([d for d in self if d.code.startswith(chosen or "") and not d.code.startswith(dropped)])

    def at_least(self, severity: Severity) -> list[Diagnostic]:
        """Return the findings of this severity or a worse one."""
        order = list(Severity)
        return [d for d in self if order.index(d.severity) <= order.index(severity)]
