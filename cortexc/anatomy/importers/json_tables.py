"""Tables in JSON: records, one record a line, and the forms that pandas and neuPrint write."""

from __future__ import annotations

import json
from typing import Any

from cortexc.connectome.diagnostics import Span, failed
from cortexc.connectome.diagnostics.importing import UNREADABLE

from . import files
from .frame import Frame


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


def _records(data: Any) -> list[Any]:
    """Return the records of a table: a list of them, columns and rows apart, or a mapping or list a column."""
    if isinstance(data, list):
        return data
    if not isinstance(data, dict) or not data:
        return []
    if isinstance(data.get("data"), list):
        columns = data.get("columns")
        return [dict(zip(columns, row, strict=False)) for row in data["data"]] if columns else data["data"]
    if all(isinstance(column, dict) for column in data.values()):
        rows = dict.fromkeys(row for column in data.values() for row in column)
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
