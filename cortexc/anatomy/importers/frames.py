"""Tables of all kinds as frames: text, parquet, feather, Excel, JSON; text stays text until it is understood."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.diagnostics import Span, SpecError, did_you_mean, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, UNREADABLE

from . import delimited, files, json_tables
from .frame import Frame, Marks, distinct
from .options import Options
from .report import ImportReport, cause

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 500_000
PARQUET = (".parquet", ".pq")
FEATHER = (".feather", ".arrow")
COLUMNAR = (*PARQUET, *FEATHER)
JSON = (".json", ".jsonl", ".ndjson")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


def read(path: str, options: Options, report: ImportReport, *, header: str | None = None) -> Frame:
    """Read a whole table; text stays text, so that no identifier loses a digit.

    Raises:
        SpecError: the file is missing, of another kind than its name says, or not a table.
    """
    import pandas as pd

    blocks = list(chunks(path, options, report, header=header))
    return dataclasses.replace(blocks[0], data=pd.concat([block.data for block in blocks]))


def chunks(path: str, options: Options, report: ImportReport, *, header: str | None = None) -> Iterator[Frame]:
    """Return a table in blocks: delimited text and parquet are streamed, other files come as one.

    Raises:
        SpecError: as ``read``.
    """
    files.exists(path)
    suffix, header = _suffix(path), header or options.header
    if options.thousands == options.decimal:
        raise failed(BAD_TABLE, "--thousands", f"`{options.decimal}` cannot be the mark of fractions and of thousands")
    if options.skip_rows < 0:
        raise failed(BAD_TABLE, "--skip-rows", f"{options.skip_rows} lines cannot be left out", "0 or more")
    marks = Marks(options.decimal, options.thousands)
    if suffix in COLUMNAR:
        found = _columnar(path, suffix, report)
    elif suffix in JSON:
        found = iter([json_tables.read(path, lines=suffix != ".json")])
    elif suffix in WORKBOOKS:
        found = iter([_excel(path, options, report, header)])
    else:
        found = delimited.chunks(path, options, report, header)
    return (dataclasses.replace(frame, marks=marks) for frame in found)


def _columnar(path: str, suffix: str, report: ImportReport) -> Iterator[Frame]:
    import pyarrow as pa

    start = 0
    try:
        for batch in _batches(path, suffix, report):
            # integers stay integers where some are missing
            data = _flat(path, batch.to_pandas(integer_object_nulls=True), ImportReport() if start else report)
            data.index = np.arange(start, start + len(data))
            start += len(data)
            yield Frame(path, data)
    except SpecError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise failed(UNREADABLE, path, f"`{path}` cannot be read as {suffix[1:]}: {cause(error)}") from None


def _batches(path: str, suffix: str, report: ImportReport) -> Iterator[Any]:
    """Yield the rows of a file, or of all parquet files in a folder with the columns that their folders say."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.feather as pf
    import pyarrow.parquet as pq

    if Path(path).is_dir():
        whole = ds.dataset(path, format="parquet", partitioning="hive")
        report.read.append(f"{path}: {len(whole.files):,} parquet files")
        batches = (batch for batch in whole.to_batches(batch_size=CHUNK_ROWS) if batch.num_rows)
        first = next(batches, None)
        yield whole.schema.empty_table() if first is None else first
        yield from batches
    elif suffix in FEATHER:
        try:
            yield pf.read_table(path)
        except pa.ArrowInvalid as error:
            with pa.OSFile(path) as file:  # a stream of Arrow, which has no footer
                try:
                    found = pa.ipc.open_stream(file).read_all()
                except pa.ArrowInvalid:
                    raise error from None
            yield found
    else:
        parquet = pq.ParquetFile(path)
        yield from parquet.iter_batches(batch_size=CHUNK_ROWS) if parquet.metadata.num_rows else [parquet.read()]


def sheet(path: str, options: Options, report: ImportReport) -> Frame:
    """Read a whole table whose first row and column may be labels, as texts.

    Raises:
        SpecError: as ``read``.
    """
    import pandas as pd
    import pyarrow as pa

    suffix = _suffix(path)
    files.exists(path)
    if suffix in JSON:
        return json_tables.cells(path, report, lines=suffix != ".json")
    if suffix not in COLUMNAR:
        return read(path, options, report, header="no")
    try:
        data = pa.concat_tables(
            pa.Table.from_batches([b]) if isinstance(b, pa.RecordBatch) else b for b in _batches(path, suffix, report)
        ).to_pandas(integer_object_nulls=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise failed(UNREADABLE, path, f"`{path}` cannot be read as {suffix[1:]}: {cause(error)}") from None
    if not isinstance(data.index, pd.RangeIndex):
        data = data.reset_index(names=[name or "" for name in data.index.names], allow_duplicates=True)
    called = [f"column {i + 1}" for i in range(data.shape[1])]
    head = pd.DataFrame([[str(name) for name in data.columns]], columns=called, index=[-1])
    data.columns = called
    body = pd.DataFrame({name: Frame(path, data).texts(name) for name in called}, dtype=object)
    return Frame(path, pd.concat([head, body]), named=False)


def _suffix(path: str) -> str:
    """Return what kind of table a file is by its name: the ending before that of a compression; of a folder parquet."""
    if Path(path).is_dir():
        return PARQUET[0]
    inner = files.suffix(path)
    return inner if inner in JSON else Path(path).suffix.lower()


def _flat(path: str, data: pd.DataFrame, report: ImportReport) -> pd.DataFrame:
    """Return a data frame whose rows are numbered; levels of the index that have a name become columns."""
    import pandas as pd

    nameless = [i for i, name in enumerate(data.index.names) if name is None]
    if any(not pd.api.types.is_integer_dtype(data.index.get_level_values(i)) for i in nameless):
        report.drop(len(nameless), "labels of rows", "the index of the data frame has no name: give it one to keep it")
    if len(nameless) == data.index.nlevels:
        data = data.reset_index(drop=True)
    else:
        data = data.reset_index(level=nameless, drop=True) if nameless else data
        data = data.reset_index(allow_duplicates=True)
    data.columns = [str(c) for c in data.columns]
    distinct(list(data.columns), lambda i: Span(path, inside=str(data.columns[i])))
    return data


def _excel(path: str, options: Options, report: ImportReport, header: str) -> Frame:
    import pandas as pd
    from python_calamine import CalamineError

    try:
        with pd.ExcelFile(path, engine="calamine") as book:
            sheets = [str(name) for name in book.sheet_names]
            if not sheets:
                raise failed(BAD_TABLE, path, "the workbook has no sheet", "save it again, or export the table as CSV")
            sheet = options.sheet or sheets[0]
            if sheet not in sheets:
                hint = did_you_mean(sheet, sheets)
                raise failed(BAD_TABLE, path, f"the workbook has no sheet `{sheet}`", hint)
            if options.sheet is None and len(sheets) > 1:
                report.guess("sheet", sheet, f"the first of {', '.join(sheets)}", "--sheet")
            cells = pd.read_excel(book, sheet_name=sheet, header=None, dtype=object, keep_default_na=False)
    except SpecError:
        raise
    except (CalamineError, OSError, ValueError) as error:
        raise failed(UNREADABLE, path, f"`{path}` is not a workbook: {cause(error)}") from None
    cells = cells.map(lambda v: "" if v is None or (isinstance(v, float) and math.isnan(v)) else _as_seen(v))
    skipped = options.skip_rows
    report.drop(skipped, "rows before the table", f"--skip-rows {skipped}")
    cells = cells.iloc[skipped:].reset_index(drop=True)
    if cells.empty:
        raise failed(UNREADABLE, path, f"the sheet `{sheet}` is empty")
    named = header != "no"
    names = [str(v).strip() for v in cells.iloc[0]] if named else [f"column {i + 1}" for i in range(cells.shape[1])]
    distinct(names, lambda i: Span(path, inside=f"{sheet}!row {skipped + 1}"))
    data = cells.iloc[1:].reset_index(drop=True) if named else cells
    data.columns = names
    return Frame(path, data, first_line=skipped + (2 if named else 1), sheet=sheet, sheets=tuple(sheets), named=named)


def _as_seen(value: Any) -> str:
    """Return an Excel cell as text; a whole number as people see it there, one that lost digits as the float it is."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return str(int(value)) if abs(value) < 2**53 else repr(float(value))
    return str(value)
