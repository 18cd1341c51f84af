"""Tables of all kinds as data frames whose every cell has a place: delimited text, parquet, feather, Excel."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..diagnostics.error import SpecError
from ..diagnostics.importing import BAD_TABLE, BAD_VALUE, UNREADABLE
from ..diagnostics.rule import did_you_mean
from ..diagnostics.span import Span
from .options import Options
from .report import ImportReport, failed

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 500_000
BLOCK_BYTES = 1 << 24
ABSENT = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "."})
"""How people write that an optional value is not known."""
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space"}
_SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive", "rename it to .xlsx, or export it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "rename it to .xls, or export it as CSV"),
    (b"\x89HDF", "an HDF5 file", "`cortexc import sonata` or `matrix` read HDF5"),
    (b"PAR1", "a parquet file", "rename it to .parquet"),
    (b"ARROW1", "a feather file", "rename it to .feather"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (b"\xff\xfe", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (b"\xfe\xff", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (b"%PDF", "a PDF", "export the table as CSV"),
    (b"\x80\x04", "a pickle, which may run any code", "write it as CSV or parquet with the program that made it"),
    (b"\x80\x05", "a pickle, which may run any code", "write it as CSV or parquet with the program that made it"),
)


@dataclass(frozen=True, eq=False)
class Frame:
    """A table, and where it was read from."""

    path: str
    data: pd.DataFrame
    first_line: int = 0
    """Line of the first row in a text file, or row of an Excel sheet; 0 for files without lines."""
    separator: str = ""
    sheet: str = ""
    named: bool = True
    """Whether the columns have names of their own."""

    def place(self, row: int, column: str | None = None) -> Span:
        """Return the place of a cell, or of a row."""
        number = int(self.data.index[row]) if len(self.data) else 0
        names = list(self.data.columns)
        at = names.index(column) if column is not None and column in names else 0
        if self.sheet:
            return Span(self.path, inside=f"{self.sheet}!{_letters(at)}{number + self.first_line}")
        if not self.first_line:
            return Span(self.path, inside=f"row {number}" + (f", {column}" if column else ""))
        line = number + self.first_line
        return _cell(self.path, line, at, self.separator)


def _letters(column: int) -> str:
    """Return what a column of a sheet is called: A to Z, AA and so on."""
    text = ""
    while column >= 0:
        text = chr(ord("A") + column % 26) + text
        column = column // 26 - 1
    return text


def _cell(path: str, line: int, at: int, separator: str) -> Span:
    """Return the place of field ``at`` of a line of a text file."""
    with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
        text = next((row for n, row in enumerate(file, 1) if n == line), "").rstrip("\r\n")
    starts = _starts(text, separator)
    start = starts[at] if at < len(starts) else len(text)
    end = starts[at + 1] - 1 if at + 1 < len(starts) else len(text)
    shown = max(1, len(text[start:end].rstrip()))
    return Span(path, line, start + 1, line, start + 1 + shown)


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


def read(path: str, options: Options, report: ImportReport, *, header: str | None = None) -> Frame:
    """Read a whole table; text stays text, so that no identifier loses a digit.

    Raises:
        SpecError: the file is missing, of another kind than its name says, or not a table.
    """
    exists(path)
    suffix = Path(path).suffix.lower()
    if suffix in {".parquet", ".pq", ".feather", ".arrow"}:
        return _columnar(path, suffix)
    if suffix in WORKBOOKS:
        return _excel(path, options, report, header or options.header)
    return _text(path, options, report, header or options.header)


def exists(path: str) -> None:
    """Raise where there is no such file."""
    if not Path(path).is_file():
        raise failed(UNREADABLE, path, f"there is no file `{path}`", "check the path")
    if Path(path).stat().st_size == 0:
        raise failed(UNREADABLE, path, f"`{path}` is empty")


def _columnar(path: str, suffix: str) -> Frame:
    import pandas as pd
    import pyarrow as pa

    try:
        data = pd.read_parquet(path) if suffix in {".parquet", ".pq"} else pd.read_feather(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise failed(UNREADABLE, path, f"`{path}` cannot be read as {suffix[1:]}: {_first_line(error)}") from None
    data = data.reset_index(drop=True)
    data.columns = [str(c) for c in data.columns]
    _distinct(list(data.columns), lambda i: Span(path, inside=str(data.columns[i])))
    return Frame(path, data)


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
            cells = pd.read_excel(book, sheet_name=sheet, header=None, dtype=object)
    except (CalamineError, OSError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        raise failed(UNREADABLE, path, f"`{path}` is not a workbook: {_first_line(error)}") from None
    cells = cells.map(lambda v: "" if v is None or (isinstance(v, float) and math.isnan(v)) else _plain(v))
    if cells.empty:
        raise failed(UNREADABLE, path, f"the sheet `{sheet}` is empty")
    named = header != "no"
    names = [str(v).strip() for v in cells.iloc[0]] if named else [f"column {i + 1}" for i in range(cells.shape[1])]
    _distinct(names, lambda i: Span(path, inside=f"{sheet}!row 1"))
    data = cells.iloc[1:].reset_index(drop=True) if named else cells
    data.columns = names
    return Frame(path, data, first_line=2 if named else 1, sheet=sheet, named=named)


def _plain(value: Any) -> str:
    """Return an Excel cell as text; a whole number as people see it there."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _decoded(path: str) -> str:
    """Return a text file's beginning decoded; refuse what is no UTF-8 text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    head, line = "", 1
    with Path(path).open("rb") as file:
        while block := file.read(1 << 22):
            if not head:
                for mark, kind, mend in _SIGNATURES:
                    if block.startswith(mark):
                        raise failed(UNREADABLE, path, f"`{path}` is {kind}, and not delimited text", mend)
            if (at := block.find(b"\x00")) >= 0:
                place = Span(path, line + block.count(b"\n", 0, at))
                hint = "if it is UTF-16, convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"
                raise failed(UNREADABLE, place, f"`{path}` holds zero bytes: it is binary, or UTF-16 text", hint)
            try:
                text = decoder.decode(block)
            except UnicodeDecodeError as error:
                bad = error.object
                place = Span(
                    path, line + bad.count(b"\n", 0, error.start), error.start - bad.rfind(b"\n", 0, error.start)
                )
                message = f"byte 0x{bad[error.start]:02X} is not UTF-8"
                raise failed(UNREADABLE, place, message, "convert it: iconv -f LATIN1 -t UTF-8 FILE > NEW") from None
            head = head or text.removeprefix("\ufeff")
            line += block.count(b"\n")
    return head


def _sniffed(path: str, head: str, options: Options) -> str:
    """Return the separator of a delimited text."""
    if options.separator:
        return {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";"}.get(
            options.separator, options.separator
        )
    lines = [line for line in head.splitlines()[:200] if line.strip() and not line.startswith("#")]
    if len(head) >= 1 << 20:
        lines = lines[:-1] or lines
    best, merit = "", (0.5, 1)
    for separator in SEPARATORS:
        counts = [len(_fields(line, separator)) for line in lines]
        if counts and counts[0] > 1:
            share = sum(c == counts[0] for c in counts) / len(counts)
            best, merit = max((best, merit), (separator, (share, counts[0])), key=lambda pair: pair[1])
    if not best:
        widths = {SEPARATORS[s]: len(_fields(lines[0], s)) if lines else 0 for s in SEPARATORS}
        uneven = [name for name, width in widths.items() if width > 1]
        message = "the lines do not divide into columns: none of comma, tab, semicolon, bar and space is in every line"
        if uneven:
            message = f"the lines do not divide into columns of one number by {' or '.join(uneven)}"
        raise failed(UNREADABLE, Span(path, 1), message, "say which separator it is: --separator ';'")
    return best


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        line = " ".join(line.split())
    return next(csv.reader([line], delimiter=separator), [])


def _text(path: str, options: Options, report: ImportReport, header: str) -> Frame:
    import pandas as pd

    frames = list(text_chunks(path, options, report, header=header))
    first = frames[0]
    if len(frames) == 1:
        return first
    return dataclasses.replace(first, data=pd.concat([frame.data for frame in frames]))


def text_chunks(path: str, options: Options, report: ImportReport, *, header: str = "auto") -> Iterator[Frame]:
    """Yield a delimited text in blocks of rows.

    Raises:
        SpecError: not UTF-8 text, no separator fits, labels twice, or a row of another length.
    """
    exists(path)
    head = _decoded(path)
    separator = _sniffed(path, head, options)
    lines = head.splitlines()
    first = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    report.drop(sum(line.startswith("#") for line in lines[:first]), "lines of comment", "they begin with #")
    names = [n.strip() for n in _fields(lines[first], separator)]
    named = header == "yes" or (header == "auto" and not any(_is_number(n) for n in names))
    if header == "auto" and not named:
        report.guess("header", "none", "the first line holds numbers", "--header yes")
    if named:
        _distinct(names, lambda i: _cell(path, first + 1, i, separator))
    else:
        names = [f"column {i + 1}" for i in range(len(names))]
    if options.separator is None and separator != ",":
        report.guess("separator", SEPARATORS[separator], "every line divides by it", "--separator")
    start = first + 1 + named
    seen = 0
    for data in (_spaced if separator == " " else _delimited)(path, separator, names, start):
        seen += len(data)
        yield Frame(path, data, start, separator, named=named)
    if not seen:
        raise failed(BAD_TABLE, Span(path, start), "the table has a header and no rows")


def _uneven(path: str, line: int, found: int, expected: int) -> SpecError:
    hint = "the file may be cut off, or have another separator (--separator); a field that holds it must be quoted"
    return failed(
        BAD_TABLE, Span(path, line), f"this row has {found} fields, and the table has {expected} columns", hint
    )


def _delimited(path: str, separator: str, names: list[str], start: int) -> Iterator[pd.DataFrame]:
    """Yield blocks of rows, each indexed by its line, counted from ``start``."""
    import pyarrow as pa
    import pyarrow.csv as pc

    blank: list[int] = []
    uneven: list[Any] = []

    def handle(row: Any) -> str:
        if not row.text.strip():
            blank.append(row.number - start)
            return "skip"
        uneven.append(row)
        return "error"

    known = 0
    try:
        reader = pc.open_csv(
            path,
            read_options=pc.ReadOptions(
                use_threads=False, column_names=names, skip_rows=start - 1, block_size=BLOCK_BYTES
            ),
            parse_options=pc.ParseOptions(
                delimiter=separator, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=handle
            ),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        position = 0
        for batch in reader:
            data = batch.to_pandas()
            index = np.arange(position, position + len(data) + len(blank) - known)
            data.index = index[~np.isin(index, blank[known:])]
            position += len(index)
            known = len(blank)
            yield data[~(data == "").all(axis=1)]
    except pa.ArrowInvalid as error:
        if uneven:
            row = uneven[0]
            raise _uneven(path, row.number or start, row.actual_columns, row.expected_columns) from None
        if "Empty CSV file" in str(error) or "no rows" in str(error).lower():
            return
        hint = "a quotation mark that is never closed is the usual cause"
        raise failed(BAD_TABLE, Span(path, start), f"the table cannot be read: {_first_line(error)}", hint) from None


def _spaced(path: str, separator: str, names: list[str], start: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of a text divided by runs of blanks, indexed as by ``_delimited``."""
    import pandas as pd

    rows, places = [], []
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        for i, text in enumerate(file, 1):
            if i < start or not text.strip():
                continue
            fields = _fields(text, separator)
            if len(fields) != len(names):
                raise _uneven(path, i, len(fields), len(names))
            rows.append(fields)
            places.append(i - start)
    if rows:
        yield pd.DataFrame(rows, columns=names, index=places, dtype=str)


def _distinct(names: list[str], place: Any) -> None:
    for i, name in enumerate(names):
        if name in names[:i] and name:
            hint = "give each column a name of its own"
            raise failed(BAD_TABLE, place(i), f"the column `{name}` is there twice", hint)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _first_line(error: object) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__


def texts(frame: Frame, column: str) -> np.ndarray:
    """Return a column as text without blanks around it; integers keep every digit.

    Raises:
        SpecError: whole numbers are kept as floats so large that digits are lost.
    """
    import pandas as pd

    values = frame.data[column]
    if pd.api.types.is_float_dtype(values):
        numbers = values.to_numpy(np.float64)
        large = np.abs(numbers) >= 2**53
        if large.any():
            row = int(np.flatnonzero(large)[0])
            message = f"`{column}` holds the identifier {numbers[row]:.0f} as a float: its last digits are lost"
            raise failed(
                BAD_VALUE, frame.place(row, column), message, "write identifiers as 64-bit integers or as text"
            )
        whole = np.isfinite(numbers) & (numbers == np.floor(numbers))
        listed = ["" if math.isnan(v) else str(int(v)) if w else repr(v) for v, w in zip(numbers, whole, strict=True)]
        return np.array(listed, object)
    if pd.api.types.is_integer_dtype(values):
        return values.astype(str).to_numpy(object)
    return values.astype(object).where(values.notna(), "").astype(str).str.strip().to_numpy(object)


def numbers(frame: Frame, column: str, *, optional: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return a column as float64, and which values are no numbers at all; absent optional ones are NaN and fine."""
    import pandas as pd

    values = frame.data[column]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        found = values.to_numpy(np.float64, na_value=np.nan)
        return found, np.zeros(len(found), bool) if optional else np.isnan(found)
    text = values.astype(object).where(values.notna(), "").astype(str).str.strip()
    found = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    wrong = np.isnan(found)
    if optional:
        wrong &= ~text.str.lower().isin(ABSENT).to_numpy()
    return found, wrong


def chunks(path: str, options: Options, report: ImportReport) -> Iterator[Frame]:
    """Yield a table in blocks: delimited text and parquet are streamed, other files come as one.

    Raises:
        SpecError: as ``read``.
    """
    exists(path)
    suffix = Path(path).suffix.lower()
    if suffix in {".parquet", ".pq"}:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(path)
            start = 0
            for batch in file.iter_batches(batch_size=CHUNK_ROWS):
                data = batch.to_pandas(integer_object_nulls=True)
                data.index = range(start, start + len(data))
                start += len(data)
                yield Frame(path, data)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise failed(UNREADABLE, path, f"`{path}` cannot be read as parquet: {_first_line(error)}") from None
    elif suffix in {".feather", ".arrow", *WORKBOOKS}:
        yield read(path, options, report)
    else:
        yield from text_chunks(path, options, report, header=options.header)
