"""Findings, collected: a user with nine mistakes sees nine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from .rule import MOST, Diagnostic, Severity


@dataclass
class Report:
    """The findings of one check, in order of their locations once sorted."""

    findings: list[Diagnostic] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter, repr=False, compare=False)

    def add(self, *found: Diagnostic) -> None:
        """Add findings; one that is already in the report is not added again.

        After many of one code the last says that the others are left out.
        """
        for finding in found:
            self._counts[finding.code] += 1
            if self._counts[finding.code] == MOST:
                text = f"there are more findings of this kind: {MOST - 1:,} are shown, and the others are left out"
                finding = replace(finding, message=text, help="", notes=(), fixes=())
            if self._counts[finding.code] <= MOST:
                self.findings.append(finding)

    def extend(self, found: Iterable[Diagnostic]) -> None:
        """Add every finding of ``found``."""
        for finding in found:
            self.add(finding)

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
