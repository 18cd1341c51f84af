"""Cells as text and as numbers: no identifier loses a digit, and what is missing is told from what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from cortexc.connectome.diagnostics.error import SpecError
from cortexc.connectome.diagnostics.importing import BAD_VALUE
from cortexc.connectome.diagnostics.span import Span

from .report import and_more, failed

ABSENT = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "."})
"""How people write that an optional value is not known."""
FLOAT = r"[+-]?(?:\d\.\d+[eE]\+?\d+|\d[eE]\+\d+|\d+\.0+)"
"""How programs write a whole number that they keep as a float: 101.0, 7.2E+17. An area may be called 1e5."""


def number(value: Any) -> float | None:
    """Return a value as a number, None where it is none.

    >>> number("0.5"), number("nan"), number("V1")
    (0.5, nan, None)
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def repeated(names: Iterable[object]) -> int | None:
    """Return the place of the first name that was there before, or None.

    >>> repeated(["a", "b", "a"])
    2
    """
    seen: set[object] = set()
    for i, name in enumerate(names):
        if name in seen:
            return i
        seen.add(name)
    return None


def was_float(text: str) -> bool:
    """Whether a text is a whole number as programs write it that keep it as a float."""
    return re.fullmatch(FLOAT, text) is not None


def a_float(text: str, place: Span, count: int = 1) -> SpecError:
    """Return the error of an identifier that was a float."""
    lost = ": its last digits may be lost" if "e" in text.lower() or float(text) >= 2**53 else ""
    message = f"the identifier `{text}` is written as a float{and_more(count)}{lost}"
    return failed(BAD_VALUE, place, message, "write identifiers as whole numbers or as text, from the data they are of")
