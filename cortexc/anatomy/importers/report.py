"""What an import did: what it read, guessed and dropped, and what its user may want to change."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cortexc.connectome.diagnostics.error import SpecError
from cortexc.connectome.diagnostics.report import Report
from cortexc.connectome.diagnostics.rule import Rule
from cortexc.connectome.diagnostics.span import Span

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Marks that no name in a spec has: they steer a terminal, or YAML refuses them."""


@dataclass(frozen=True)
class Guess:
    """Something that the data do not say, and the spec must."""

    subject: str
    """The part of the spec, as in ``input.grid``, or of the file, as in ``column of sources``."""
    value: str
    why: str
    change: str = ""
    """The option that says otherwise."""


@dataclass(frozen=True)
class Dropped:
    """What of the data is not in the spec."""

    count: int
    what: str
    why: str
    first: str = ""
    """One example, with its place."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.count:,} {self.what} ({self.why}{', first ' + self.first if self.first else ''})"


@dataclass
class ImportReport:
    """What an import did. Nothing of the data is changed or left out without an entry here."""

    read: list[str] = field(default_factory=list)
    """What the files hold, in words: rows, nodes, edges."""
    guesses: list[Guess] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    """What a person should look at in the spec before it is used."""
    findings: Report = field(default_factory=Report)
    """Warnings about the data themselves."""

    def guess(self, subject: str, value: object, why: str, change: str = "") -> None:
        """Note a guess."""
        self.guesses.append(Guess(printable(subject), printable(str(value)), printable(why), printable(change)))

    def drop(self, count: int, what: str, why: str, first: str = "") -> None:
        """Note what was left out; nothing is noted of none."""
        if count:
            self.dropped.append(Dropped(count, printable(what), printable(why), printable(first)))

    def as_text(self) -> str:
        """Return the report for a person."""
        lines = [f"read: {line}" for line in self.read]
        for guess in self.guesses:
            change = f"; {guess.change} says otherwise" if guess.change else ""
            lines.append(f"guessed: {guess.subject} = {guess.value} ({guess.why}{change})")
        for one in self.dropped:
            lines.append(f"dropped: {one}")
        lines += [f"edit: {text}" for text in self.edits]
        return "\n".join(lines)


def printable(text: str) -> str:
    """Return a text of the data for people: marks that control a terminal, or that YAML refuses, as escapes.

    >>> printable("V1\\x07")
    'V1\\\\x07'
    """
    return UNPRINTABLE.sub(lambda mark: mark[0].encode("unicode_escape").decode("ascii"), text)


def failed(rule: Rule, place: Span | str, message: str, help: str = "") -> SpecError:
    """Return the error that ends an import."""
    span = place if isinstance(place, Span) else Span(place)
    return SpecError(Report([rule.at(span, message, help=help)]))
