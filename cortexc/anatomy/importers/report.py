"""What an import did: what it read, guessed and dropped, and what its user may want to change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cortexc.connectome.diagnostics import Report

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Marks that no name in a spec has: they steer a terminal, or YAML refuses them."""

JOINS = ".@:~>"
"""Marks that join names in the language, and that no name has."""


@dataclass(frozen=True)
class Guess:
    """Something that the data do not say, and the spec must."""

    subject: str
    """The part of the spec, as in ``input.grid``, or of the file, as in ``column of sources``."""
    value: str
    why: str
    change: str = ""
    """The option that says otherwise."""

    def __str__(self) -> str:
        """Return it in words."""
        change = f"; {self.change} says otherwise" if self.change else ""
        return f"{self.subject} = {self.value} ({self.why}{change})"


@dataclass(frozen=True)
class Dropped:
    """What of the data is not in the spec."""

    count: int
    what: str
    why: str
    first: str = ""
    """One example, with its location."""

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
        """Note a guess, once."""
        made = Guess(printable(subject), printable(str(value)), printable(why), printable(change))
        if made not in self.guesses:
            self.guesses.append(made)

    def drop(self, count: int, what: str, why: str, first: str = "") -> None:
        """Note what was left out; nothing is noted of none."""
        if count:
            self.dropped.append(Dropped(count, printable(what), printable(why), printable(first)))

    def unused(self, what: str, names: Sequence[str], why: str = "not used") -> None:
        """Note columns or attributes that nothing was read from."""
        self.drop(len(names), f"{what}: {', '.join(str(n) or '(without a name)' for n in names)}", why)

    def lines(self) -> list[str]:
        """Return the report, an entry a line."""
        return [
            *(f"read: {text}" for text in self.read),
            *(f"guessed: {guess}" for guess in self.guesses),
            *(f"dropped: {dropped}" for dropped in self.dropped),
            *(f"edit: {text}" for text in self.edits),
        ]

    def as_text(self) -> str:
        """Return the report for a person."""
        return "\n".join(self.lines())


def printable(text: str) -> str:
    """Return a text of the data for people: marks that control a terminal, or that YAML refuses, as escapes.

    >>> printable("V1\\x07")
    'V1\\\\x07'
    """
    return UNPRINTABLE.sub(lambda mark: mark[0].encode("unicode_escape").decode("ascii"), text)


def listed(names: Sequence[str], most: int = 6) -> str:
    """Return names in one line, where there are many the first of them: ``a, b and 3 more``."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def and_more(count: int, what: str = "") -> str:
    """Return the rest of a message that names the first of ``count`` things: ``, and 2 more such rows``."""
    return f", and {count - 1:,} more{what}" if count > 1 else ""


def cause(error: Exception) -> str:
    """Return what a library says of a file: the first line, at most 200 characters of it."""
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
