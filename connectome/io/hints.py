"""What was probably meant by a value that cannot be read: decimal commas, percentages, ``8x8`` and the like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from ..diagnostics import nearest
from ..model import KERNEL_TYPES

SPACELESS = re.compile(r"([A-Za-z_]\w*):(?![\s/])(.+)")
"""A key and a value without the space that YAML needs after the colon; an address (``http://``) is none."""
GRID_HINT = "a grid has two numbers, rows and columns: `[8, 8]`"

_COMMA = re.compile(r"([-+]?\d+),(\d+)")
_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")
_NUMBER = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?")
_GRID = re.compile(r"\(?(\d+)\s*[x*,;\u00d7 ]\s*(\d+)\)?")
_FLAGS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def meant(expected: str, value: Any, key: str) -> tuple[str, str | None]:
    """Return a hint, or an empty text, and the text that should stand instead where that is certain.

    Args:
        expected: what the key takes: ``number``, ``whole number``, ``true or false``, ``list`` or ``mapping``.
        value: what was written.
        key: the name of the key.
    """
    text = str(getattr(value, "text", value)).strip()
    match expected:
        case "number" | "whole number" if isinstance(value, str):
            return _number(text)
        case "whole number" if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
            return f"write `{int(value)}`", str(int(value))
        case "true or false" if text.lower() in _FLAGS:
            return f"write `{_FLAGS[text.lower()]}`", _FLAGS[text.lower()]
        case "list" if key == "grid" and (sides := _GRID.fullmatch(text)):
            instead = f"[{sides[1]}, {sides[2]}]"
            return f"write `{instead}`", instead
        case "list" if key == "grid":
            return GRID_HINT, None
        case "list" if isinstance(value, str) and text:
            return f"write a list: `[{text}]`", f"[{text}]" if re.fullmatch(r"[\w/ ]+", text) else None
        case "mapping" if text in KERNEL_TYPES:
            return f"write `{{type: {text}}}`, with the other keys of that kernel", f"{{type: {text}}}"
        case "mapping" if isinstance(value, str) and (pair := SPACELESS.match(text)):
            return f"a space is missing after the colon: `{pair[1]}: {pair[2]}`", None
    return "", None


def _number(text: str) -> tuple[str, str | None]:
    if _NUMBER.fullmatch(text):
        return f"a number has no quotes: `{text}`", text
    if match := _COMMA.fullmatch(text):
        point = f"{match[1]}.{match[2]}"
        if len(match[2]) == 3 and match[1].lstrip("+-") not in ("0", "00"):
            return f"write `{match[1]}{match[2]}` or `{point}`: a number has no comma", None
        return f"decimals have a point: `{point}`", point
    if match := _PERCENT.fullmatch(text):
        fraction = f"{Decimal(match[1].replace(',', '.')) / 100:f}"
        return f"write the fraction: `{fraction}`", fraction
    return "", None


def word(written: Any, words: Iterable[str]) -> str | None:
    """Return the one of ``words`` that was meant, by a misspelling or an abbreviation (``exc``, ``FB``), or None."""
    known = list(words)
    text = str(getattr(written, "text", written)).strip().lower()
    near = nearest(text, known) if text else None
    if near is not None or not text:
        return near
    short = [w for w in known if w[0].lower() == text[0] and _in_order(text, w.lower())]
    return short[0] if len(short) == 1 else None


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)
