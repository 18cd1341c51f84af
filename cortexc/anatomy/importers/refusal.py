"""Rows that cannot be right: the first one ends the import, or all are left out and counted, as the user says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cortexc.connectome.diagnostics import Rule, Span, failed

from .report import ImportReport


@dataclass(frozen=True, eq=False)
class Fault:
    """One way in which rows can be wrong, and the rows that are."""

    kind: str
    """What such rows are called in the report, after the word for a row: ``with an empty source``."""
    bad: np.ndarray
    """bool [rows]"""
    rule: Rule
    location: Callable[[int], Span]
    """Where the fault of a row is."""
    message: Callable[[int], str]
    """What is wrong with a row."""
    help: str
    optional: bool = True
    """Whether it can be right to leave such rows out."""


@dataclass
class Refusal:
    """What becomes of rows that cannot be right, and how many of them were left out so far."""

    rows: str
    """What the format calls its rows: rows, edges, connections, neurons."""
    invalid: Literal["error", "drop"]
    """``Options.invalid``"""
    count: dict[str, int] = field(default_factory=dict)
    """Rows left out, by kind of fault."""
    where: dict[str, str] = field(default_factory=dict)
    """The location of the first of them."""

    def kept(self, keep: np.ndarray, *faults: Fault) -> np.ndarray:
        """Return which of the rows ``keep`` (bool [rows]) stay.

        Raises:
            SpecError: one of them has a fault, and such rows are not to be dropped, or cannot be.
        """
        for fault in faults:
            bad = fault.bad & keep
            if fault.kind in self.count:
                self.count[fault.kind] += int(bad.sum())
            elif bad.any():
                row = int(bad.argmax())
                if not fault.optional:
                    raise failed(fault.rule, fault.location(row), fault.message(row), fault.help)
                self.refuse(fault.kind, fault.rule, fault.location(row), fault.message(row), fault.help, int(bad.sum()))
            keep = keep & ~bad
        return keep

    def refuse(self, kind: str, rule: Rule, location: Span, message: str, help: str, count: int = 1) -> None:
        """Leave out rows that are wrong in one way; the location and the message are of the first of them.

        Raises:
            SpecError: such rows are not to be dropped.
        """
        if self.invalid == "error":
            raise failed(rule, location, message, f"{help}; --invalid drop leaves such {self.rows} out")
        self.count[kind] = self.count.get(kind, 0) + count
        self.where.setdefault(kind, str(location))

    def report(self, report: ImportReport) -> None:
        """Note in the report what was left out."""
        for kind, count in self.count.items():
            report.drop(count, f"{self.rows} {kind}", "--invalid drop", self.where[kind])
