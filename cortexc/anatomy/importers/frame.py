"""A table whose every cell has a location, and what cells say: text that loses no digit, numbers, or nothing."""

from __future__ import annotations

import calendar
import itertools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.diagnostics import Span, SpecError, did_you_mean, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE

from . import files
from .report import and_more
from .scales import hundredth

if TYPE_CHECKING:
    import pandas as pd

ABSENT = frozenset({"", *"na n/a n.a. n.a nan <na> #n/a null none missing n.d. - -- . ? \u2013 \u2014".split()})
"""How people write that an optional value is not known."""
_FLOAT = r"[+-]?(?:\d\.\d+[eE]\+?\d+|\d[eE]\+\d+|\d+\.0+)"
"""How programs write a whole number that they keep as a float: 101.0, 7.2E+17. An area may be called 1e5."""
_DATE = rf"\d{{4}}-\d\d-\d\d(?: 00:00:00)?|\d\d?-(?:{'|'.join(calendar.month_abbr[1:])})"
"""How workbooks write a name such as MAR1 or SEP2, which they take for a date."""
_STANDING = (
    (r"[xX]", "X in CoCoMac is a connection of unknown strength: write a number for it, or n.a. and --invalid drop"),
    (r"[<>\u2264\u2265~].*", "a bound is no number: write one, or n.a. and --invalid drop"),
    (r".*(\u00b1|\+/-).*", "write the mean alone, and its spread in a column of its own"),
    (r"\u2212[\d.]+(e[+-]?\d+)?", "its minus is another sign (U+2212): write -"),
    (r"[\d.]+(e[+-]?\d+)?\s*(\*+|[a-z]|\([a-z\d]\))", "a mark of a footnote stands behind the number: take it out"),
    (r"\++|weak|sparse|moderate|medium|strong|dense|heavy", "these are ranks: write a number for each of them"),
)
"""What people write in the place of a number, as regular expressions, and what to do with it."""
MOST_LINES = 100
"""No row of a text is looked for over more lines than this."""


@dataclass(frozen=True)
class Marks:
    """The marks in numbers."""

    decimal: str = "."
    thousands: str = ""

    def pointed(self, text: str) -> str:
        """Return a number as Python writes it; a text that is no number with these marks stays none.

        >>> Marks(thousands=",").pointed("12,050.5"), Marks(decimal=",").pointed("0,5")
        ('12050.5', '0.5')
        """
        point, group = re.escape(self.decimal), re.escape(self.thousands)
        grouped = rf"\d{{1,3}}(?:{group}\d{{3}})+|" if self.thousands else ""
        if not re.fullmatch(rf"[+-]?(?:{grouped}\d+|(?={point}\d))(?:{point}\d*)?(?:[eE][+-]?\d+)?", text):
            return text if number(text) is None or math.isnan(float(text)) else f"`{text}`"
        text = text.replace(self.thousands, "") if self.thousands else text
        return text.replace(self.decimal, ".")


PLAIN = Marks()


@dataclass(frozen=True, eq=False)
class Frame:
    """A table, and where it was read from."""

    path: str
    data: pd.DataFrame
    first_line: int = 0
    """Line of the first row in a text file, or row of an Excel sheet; 0 for files without lines."""
    separator: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    """All sheets of the workbook."""
    named: bool = True
    """Whether the columns have names of their own."""
    marks: Marks = PLAIN
    """How numbers are written."""

    @property
    def head(self) -> Span:
        """The location of the names of the columns."""
        if self.sheet:
            return Span(self.path, inside=f"{self.sheet}!row {max(1, self.first_line - 1)}")
        return Span(self.path, max(1, self.first_line - 1))

    def location(self, row: int, column: str | None = None) -> Span:
        """Return the location of a cell, or of a row."""
        number = int(self.data.index[row]) if len(self.data) else 0
        names = list(self.data.columns)
        at = names.index(column) if column is not None and column in names else 0
        if self.sheet:
            return Span(self.path, inside=f"{self.sheet}!{_letters(at)}{number + self.first_line}")
        if not self.first_line:
            return Span(self.path, inside=f"row {number}" + (f", {column}" if column else ""))
        line = number + self.first_line
        return cell(self.path, line, at, self.separator)

    def texts(self, column: str) -> np.ndarray:
        """Return a column as text without blanks around it; integers keep every digit, and what is missing is empty.

        Raises:
            SpecError: whole numbers are kept as floats so large that digits are lost.
        """
        import pandas as pd

        values = self.data[column]
        if pd.api.types.is_integer_dtype(values):
            return values.astype("string").fillna("").to_numpy(object)
        if not pd.api.types.is_float_dtype(values):
            return _stripped(values).to_numpy(object)
        floats = values.to_numpy(np.float64, na_value=np.nan)
        large = np.abs(floats) >= 2**53
        if large.any():
            row = int(large.argmax())
            message = f"`{column}` holds the identifier {floats[row]:.0f} as a float: its last digits are lost"
            hint = "write identifiers as 64-bit integers or as text"
            raise failed(BAD_VALUE, self.location(row, column), message, hint)
        listed = ["" if math.isnan(v) else str(int(v)) if v == v // 1 else repr(v) for v in floats.tolist()]
        return np.array(listed, object)

    def numbers(self, column: str, *, optional: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return a column as float64, and which values are no numbers at all; absent optional ones are NaN and fine."""
        import pandas as pd

        values = self.data[column]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            found = values.to_numpy(np.float64, na_value=np.nan)
            return found, np.zeros(len(found), bool) if optional else np.isnan(found)
        text = self.pointed(_stripped(values))
        found = pd.to_numeric(text, errors="coerce").to_numpy(np.float64, copy=True)
        finite = np.isfinite(found)
        # pandas before 3 is off by one last binary digit
        found[finite] = text.to_numpy(object)[finite].astype(np.float64)
        wrong = np.isnan(found)
        for row in np.flatnonzero(wrong & text.str.endswith("%").to_numpy(bool)) if wrong.any() else ():
            if (value := number(text.iloc[row])) is not None:
                found[row], wrong[row] = value, False
        if optional:
            wrong &= ~text.str.lower().isin(ABSENT).to_numpy()
        return found, wrong

    def pointed(self, texts: Any) -> Any:
        """Return texts of pandas with the numbers among them as Python writes them."""
        if self.marks == PLAIN:
            return texts
        # a workbook keeps numbers as numbers, whatever its texts look like
        seen = (lambda t: t if number(t) is not None else self.marks.pointed(t)) if self.sheet else self.marks.pointed
        return texts.map(seen)

    def refuse_floats(self, column: str) -> None:
        """Raise where a column of names or identifiers holds texts that went through floats, or through dates.

        Raises:
            SpecError: an identifier such as 101.0 or 7.2E+17, or a name such as 1-Mar.
        """
        import pandas as pd

        if pd.api.types.is_numeric_dtype(self.data[column]):
            return
        written = pd.Series(self.texts(column), dtype=object).astype(str)
        if (bad := np.flatnonzero(written.str.fullmatch(_DATE).to_numpy(bool))).size:
            raise a_date(written.iloc[bad[0]], self.location(int(bad[0]), column), len(bad))
        if (bad := np.flatnonzero(written.str.fullmatch(_FLOAT).to_numpy(bool))).size:
            raise a_float(written.iloc[bad[0]], self.location(int(bad[0]), column), len(bad))

    def chosen(self, clauses: Sequence[str]) -> np.ndarray:
        """Return which rows all columns ask for, each by any of its ``COLUMN=VALUE``: bool [rows].

        Raises:
            SpecError: no such column.
        """
        masks: dict[str, np.ndarray] = {}
        for clause in clauses:
            column, _, value = clause.partition("=")
            found = self.texts(self.named_column(column, "--where")) == value
            masks[column] = masks.get(column, False) | found
        return np.logical_and.reduce([np.ones(len(self.data), bool), *masks.values()])

    def kept(self, keep: np.ndarray) -> Frame:
        """Return the rows that ``keep`` (bool [rows]) says; their locations stay."""
        return replace(self, data=self.data[keep])

    def named_column(self, column: str, option: str) -> str:
        """Return a column that a user named, by its number too where there is no header.

        Raises:
            SpecError: there is none.
        """
        if column in self.data.columns:
            return column
        if not self.named and column.isdigit() and f"column {column}" in self.data.columns:
            return f"column {column}"
        message = f"{option} names `{column}`, and there is no such column"
        raise failed(BAD_TABLE, self.head, message, did_you_mean(column, self.data.columns))


def _stripped(values: Any) -> Any:
    """Return a column of pandas as text without blanks around it, empty where nothing is."""
    return values.astype(object).where(values.notna(), "").astype(str).str.strip()


def _letters(column: int) -> str:
    """Return what a column of a sheet is called: A to Z, AA and so on."""
    text = ""
    while column >= 0:
        text = chr(ord("A") + column % 26) + text
        column = column // 26 - 1
    return text


def cell(path: str, line: int, at: int, separator: str) -> Span:
    """Return the location of field ``at`` of a line of a text file."""
    text = ""
    with files.text(path, "replace") as file:
        for row in itertools.islice(file, line - 1, line - 1 + MOST_LINES):
            text += row
            if separator == " " or text.count('"') % 2 == 0:
                break
    text = text.rstrip("\r\n")
    starts = _starts(text, separator)
    start = starts[at] if at < len(starts) else len(text)
    end = starts[at + 1] - 1 if at + 1 < len(starts) else len(text)
    line += text.count("\n", 0, start)
    column = start - text.rfind("\n", 0, start)
    shown = max(1, len(text[start:end].partition("\n")[0].rstrip()))
    return Span(path, line, column, line, column + shown)


def _starts(text: str, separator: str) -> list[int]:
    """Return where the fields of a line begin; a separator between quotation marks does not divide."""
    if separator == " ":
        return [match.start() for match in re.finditer(r"\S+", text)]
    found, quoted = [0], False
    for i, mark in enumerate(text):
        if mark == '"':
            quoted = not quoted
        elif mark == separator and not quoted:
            found.append(i + 1)
    return found


def distinct(names: list[str], location: Callable[[int], Span]) -> None:
    """Raise where a column is there twice; ``location`` says where the name of a column stands."""
    again = repeated(name or i for i, name in enumerate(names))  # several columns may have no name
    if again is not None:
        hint = "give each column a name of its own"
        raise failed(BAD_TABLE, location(again), f"the column `{names[again]}` is there twice", hint)


def number(value: Any) -> float | None:
    """Return a value as a number, None where it is none; ``nan`` is one, and ``5%`` is 0.05."""
    try:
        if isinstance(value, str) and value.endswith("%"):
            return hundredth(float(value[:-1]))
        return float(value)
    except (TypeError, ValueError):
        return None


def of_marks(text: str) -> str | None:
    """Return what to do with a text that is a number with marks that Python does not know, None for any other.

    >>> of_marks("0,5")
    "a comma before the fraction: --decimal ','"
    """
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", text):
        whole = text.replace(",", "")
        return f"say what the comma is: --thousands ',' (the number is {whole}) or --decimal ',' (a fraction)"
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+\.\d+", text):
        return "commas between thousands: --thousands ','"
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", text) and (text.count(".") > 1 or "," in text):
        return "points between thousands: --thousands . --decimal ','"
    if re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", text):
        return "a comma before the fraction: --decimal ','"
    if found := re.fullmatch(r"[+-]?\d{1,3}(?:([ '\u00a0\u2009\u202f_])\d{3})(?:\1\d{3})*([.,]\d+)?", text):
        decimal = " --decimal ','" if "," in text else ""
        return f'marks between thousands: --thousands "{found[1]}"{decimal}'
    return None


def advice(text: str) -> str | None:
    """Return what to do with a text that stands for a number, None where nothing is known of it.

    >>> advice("<0.001")
    'a bound is no number: write one, or n.a. and --invalid drop'
    """
    return of_marks(text) or next((hint for pattern, hint in _STANDING if re.fullmatch(pattern, text)), None)


def repeated(names: Iterable[object]) -> int | None:
    """Return the index of the first name that was there before, or None."""
    seen: set[object] = set()
    for i, name in enumerate(names):
        if name in seen:
            return i
        seen.add(name)
    return None


def was_float(text: str) -> bool:
    """Whether a text is a whole number as programs write it that keep it as a float."""
    return re.fullmatch(_FLOAT, text) is not None


def was_date(text: str) -> bool:
    """Whether a text is a date as workbooks write it."""
    return re.fullmatch(_DATE, text) is not None


def a_date(text: str, location: Span, count: int = 1) -> SpecError:
    """Return the error of a name that is a date."""
    message = (
        f"the name `{text.removesuffix(' 00:00:00')}` is a date{and_more(count)}: workbooks make dates of MAR1 or 1-2"
    )
    return failed(BAD_VALUE, location, message, "format the cells as text, and write the names again")


def a_float(text: str, location: Span, count: int = 1) -> SpecError:
    """Return the error of an identifier that was a float."""
    lost = ": its last digits may be lost" if "e" in text.lower() or float(text) >= 2**53 else ""
    message = f"the identifier `{text}` is written as a float{and_more(count)}{lost}"
    hint = "write identifiers as whole numbers or as text, from the data they are of"
    return failed(BAD_VALUE, location, message, hint)
