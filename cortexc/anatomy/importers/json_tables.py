"""Tables in JSON: records, one record a line, and the forms that pandas and neuPrint write."""

from __future__ import annotations

import json
from typing import Any

from cortexc.connectome.diagnostics import Span, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, UNREADABLE

from . import files
from .columns import SOURCE, plain
from .frame import Frame
from .report import ImportReport


def read(path: str, *, lines: bool) -> Frame:
    """Return the table of a JSON file; whole numbers keep every digit.

    ``lines``: whether each line is a record of its own.

    Raises:
        SpecError: broken JSON, or no table.
    """
    import pandas as pd

    if lines:
        numbered = _lines(path)
        return Frame(path, _frame(list(numbered.values())).set_axis(pd.Index(list(numbered))), first_line=1)
    data = files.json(path)
    records = _records(data)
    if not records or not all(isinstance(record, dict) for record in records):
        kind, hint = files.kind_of_json(data)
        raise failed(UNREADABLE, path, f"the JSON is no table: {kind}", hint)
    return Frame(path, _frame(records))


def cells(path: str, report: ImportReport, *, lines: bool) -> Frame:
    """Return a matrix in JSON, with the names of columns as its first row, and those of rows as its first column.

    A list of rows has no names; of a mapping of mappings the outer names are columns, as pandas writes them.

    Raises:
        SpecError: broken JSON, rows of unequal length, or no table.
    """
    import pandas as pd

    data = list(_lines(path).values()) if lines else files.json(path)
    rows = _rows(data)
    if _nested(data):
        why = f"as pandas writes them: `{next(iter(data))}` is a column"
        report.guess("outer names of the mappings", "columns", why, "the other --rows")
    if not rows or not all(isinstance(row, list) for row in rows):
        kind, hint = files.kind_of_json(data)
        raise failed(UNREADABLE, path, f"the JSON is no table: {kind}", hint)
    if (odd := next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None)) is not None:
        message = f"row {odd} has {len(rows[odd])} values, and the first {len(rows[0])}"
        raise failed(BAD_TABLE, path, message, "the file may be cut off")
    named = [f"column {i + 1}" for i in range(len(rows[0]))]
    return Frame(
        path, pd.DataFrame([[_text(v) for v in row] for row in rows], columns=named, dtype=object), named=False
    )


def _rows(data: Any) -> list[Any]:
    """Return the rows of a matrix, with names where there are any."""
    if isinstance(data, list) and data and all(isinstance(row, list) for row in data):
        return data
    if isinstance(data, dict) and isinstance(data.get("data"), list) and {"columns", "index"} <= set(data):
        return [["", *data["columns"]], *([i, *row] for i, row in zip(data["index"], data["data"], strict=False))]
    if _nested(data):
        names = dict.fromkeys(row for column in data.values() for row in column)
        return [["", *data], *([name, *(column.get(name) for column in data.values())] for name in names)]
    records = _records(data)
    if not records or not all(isinstance(record, dict) for record in records):
        return []
    names = dict.fromkeys(name for record in records for name in record)
    return [list(names), *([record.get(name) for name in names] for record in records)]


def _nested(data: Any) -> bool:
    """Whether JSON is a mapping of mappings."""
    return isinstance(data, dict) and bool(data) and all(isinstance(inner, dict) for inner in data.values())


def _records(data: Any) -> list[Any]:
    """Return the records of a table: a list of them, columns and rows apart, or a mapping or list a column."""
    if isinstance(data, list):
        return data
    if not isinstance(data, dict) or not data:
        return []
    if isinstance(data.get("data"), list):
        columns = data.get("columns")
        return [dict(zip(columns, row, strict=False)) for row in data["data"]] if columns else data["data"]
    if _nested(data):
        rows = dict.fromkeys(row for column in data.values() for row in column)
        if {plain(name) for name in rows} & {*SOURCE}:  # a mapping a row
            return list(data.values())
        return [{name: column.get(row) for name, column in data.items()} for row in rows]
    if all(isinstance(column, list) for column in data.values()) and len({len(c) for c in data.values()}) == 1:
        return [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]
    return []


def _lines(path: str) -> dict[int, Any]:
    """Return the records of a file with one a line, by the number of the line, counted from 0."""
    found = {}
    with files.unpacking(path), files.text(path, "replace") as file:
        for i, line in enumerate(file):
            if not line.strip():
                continue
            try:
                found[i] = json.loads(line)
            except json.JSONDecodeError as error:
                message = f"the JSON is broken: {error.msg}"
                hint = "each line is a record of its own; records in one list have the ending .json"
                raise failed(UNREADABLE, Span(path, i + 1, error.colno), message, hint) from None
            if not isinstance(found[i], dict):
                raise failed(UNREADABLE, Span(path, i + 1), "this line is no record", 'such as {"source": "V1", ...}')
    if not found:
        raise failed(UNREADABLE, path, f"`{path}` has no records")
    return found


def _frame(records: list[dict[str, Any]]) -> Any:
    """Return records as a data frame of texts, empty where a record lacks a value."""
    import pandas as pd

    names = list(dict.fromkeys(name for record in records for name in record))
    return pd.DataFrame({name: [_text(record.get(name)) for record in records] for name in names}, dtype=object)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return repr(value) if isinstance(value, int | float) else json.dumps(value)
