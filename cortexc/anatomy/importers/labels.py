"""Files that list the names of areas: one a line, a list in JSON, or a table of which one column holds them."""

from __future__ import annotations

from pathlib import Path

from cortexc.connectome.diagnostics import failed
from cortexc.connectome.diagnostics.importing import UNREADABLE

from . import files
from .columns import plain
from .frame import number, repeated
from .report import ImportReport, listed

COLUMNS = ("label", "labels", "name", "names", "acronym", "area", "areas", "region", "regions", "roi", "abbreviation")
"""What a column of names may be called."""


def of_file(path: str, report: ImportReport) -> list[str]:
    """Return the names that a file lists; where its lines have further columns, the report says which column is taken.

    Raises:
        SpecError: no such file, or no text.
    """
    files.exists(path)
    if found := files.signature(path, unpacked=True):
        raise failed(UNREADABLE, path, f"`{path}` is {found[0]}, and no list of names", "write one name a line")
    if path.lower().endswith(".json"):
        data = files.json(path)
        names = list(data.values()) if isinstance(data, dict) else data
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise failed(UNREADABLE, path, "the JSON is no list of names", 'such as ["V1", "V2"]')
        return [name.strip() for name in names]
    with files.unpacking(path), files.text(path, "replace") as file:
        text = file.read()
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for mark in ("\t", ",", ";", " "):
        rows = [[f.strip().strip('"') for f in (line.split(mark) if mark != " " else line.split())] for line in lines]
        if lines and len(rows[0]) > 1 and len({len(row) for row in rows}) == 1:
            numeric = [i for i in range(len(rows[0])) if all(number(row[i]) is not None for row in rows[1:] or rows)]
            if (numeric or mark != " ") and (names := _column(path, rows, numeric, report)) is not None:
                return names
    return [line.strip('"') for line in lines]


def _column(path: str, rows: list[list[str]], numeric: list[int], report: ImportReport) -> list[str] | None:
    """Return the column of names of a table, None where no column has different ones.

    ``numeric``: which columns hold numbers.
    """
    words = [word for i, word in enumerate(rows[0]) if word not in [row[i] for row in rows[1:]]]
    header = any(number(rows[0][i]) is None for i in numeric) or any(plain(word) in COLUMNS for word in words)
    body = rows[1:] if header else rows
    names = [i for i in range(len(rows[0])) if i not in numeric and repeated(row[i] for row in body) is None]
    if not names:
        return None
    called = {i: rows[0][i] if header else f"column {i + 1}" for i in names}
    best = min(names, key=lambda i: COLUMNS.index(plain(called[i])) if plain(called[i]) in COLUMNS else len(COLUMNS))
    found = [row[best] for row in body]
    why = f"of {len(rows[0])} columns, {len(names)} of which could be names: {listed(found, 3)}"
    report.guess(f"names in {Path(path).name}", called[best], why, "a file with one name a line")
    return found
