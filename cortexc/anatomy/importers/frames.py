"""Tables of all kinds as data frames whose every cell has a place: delimited text, parquet, feather, Excel."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.diagnostics.error import SpecError
from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNREADABLE
from cortexc.connectome.diagnostics.rule import did_you_mean
from cortexc.connectome.diagnostics.span import Span

from .options import Options
from .report import ImportReport, failed

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 500_000
MOST_LINES = 100
"""No row of a text is looked for over more lines than this."""
BLOCK_BYTES = 1 << 24
ABSENT = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "."})
"""How people write that an optional value is not known."""
COLUMNAR = (".parquet", ".pq", ".feather", ".arrow")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space"}
PICKLE = (
    "a pickle of Python objects (never loaded: it may run any code)",
    "write it as CSV, parquet or plain numbers with the program that made it",
)
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
    *((bytes((0x80, protocol)), *PICKLE) for protocol in (2, 3, 4, 5)),
)
SOURCE = (
    "source", "from", "pre", "presynaptic", "src", "origin", "sourcearea", "areasource", "sourceid", "preid",
    "prerootid", "preptrootid", "bodyidpre", "prebodyid", "sourcenode", "sourcenodeid", "presynapticneuron",
    "prename", "preneuron", "presyn", "sourcename", "sourceneuron", "idpre", "fromarea", "efferent", "node1",
)  # fmt: skip
TARGET = (
    "target", "to", "post", "postsynaptic", "tgt", "dst", "destination", "dest", "targetarea", "areatarget",
    "targetid", "postid", "postrootid", "postptrootid", "bodyidpost", "postbodyid", "targetnode", "targetnodeid",
    "postsynapticneuron", "postname", "postneuron", "postsyn", "targetname", "targetneuron", "idpost", "toarea",
    "injected", "injectedarea", "injectionsite", "afferent", "node2",
)  # fmt: skip
_FLOAT = r"[+-]?(?:\d\.\d+[eE]\+?\d+|\d[eE]\+\d+|\d+\.0+)"
"""How programs write a whole number that they keep as a float: 101.0, 7.2E+17. An area may be called 1e5."""


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

    @property
    def head(self) -> Span:
        """The place of the names of the columns."""
        if self.sheet:
            return Span(self.path, inside=f"{self.sheet}!row 1")
        return Span(self.path, max(1, self.first_line - 1))

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
    text = ""
    with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
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


def read(path: str, options: Options, report: ImportReport, *, header: str | None = None) -> Frame:
    """Read a whole table; text stays text, so that no identifier loses a digit.

    Raises:
        SpecError: the file is missing, of another kind than its name says, or not a table.
    """
    exists(path)
    suffix = Path(path).suffix.lower()
    if suffix in COLUMNAR:
        return _columnar(path, suffix, report)
    if suffix in WORKBOOKS:
        return _excel(path, options, report, header or options.header)
    return _text(path, options, report, header or options.header)


def exists(path: str) -> None:
    """Raise where there is no such file."""
    if Path(path).is_dir():
        raise failed(UNREADABLE, path, f"`{path}` is a folder", "name the files in it")
    if not Path(path).is_file():
        raise failed(UNREADABLE, path, f"there is no file `{path}`", "check the path")
    if Path(path).stat().st_size == 0:
        raise failed(UNREADABLE, path, f"`{path}` is empty")


def signature(path: str, fitting: bytes = b"\0") -> tuple[str, str] | None:
    """Return what a file is by its first bytes, and what to do with it; None where these say nothing, or what fits."""
    with Path(path).open("rb") as file:
        head = file.read(8)
    found = next(((kind, mend) for mark, kind, mend in _SIGNATURES if head.startswith(mark)), None)
    return None if head.startswith(fitting) else found


def _columnar(path: str, suffix: str, report: ImportReport) -> Frame:
    import pandas as pd
    import pyarrow as pa

    try:
        data = pd.read_parquet(path) if suffix in {".parquet", ".pq"} else pd.read_feather(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise failed(UNREADABLE, path, f"`{path}` cannot be read as {suffix[1:]}: {_first_line(error)}") from None
    return Frame(path, _flat(path, data, report))


def _flat(path: str, data: pd.DataFrame, report: ImportReport) -> pd.DataFrame:
    """Return a data frame whose rows are numbered; levels of the index that have a name become columns.

    Raises:
        SpecError: a column is there twice.
    """
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
    _distinct(list(data.columns), lambda i: Span(path, inside=str(data.columns[i])))
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
    return Frame(path, data, first_line=2 if named else 1, sheet=sheet, sheets=tuple(sheets), named=named)


def _plain(value: Any) -> str:
    """Return an Excel cell as text; a whole number as people see it there, one that lost digits as the float it is."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return str(int(value)) if abs(value) < 2**53 else repr(float(value))
    return str(value)


def _decoded(path: str) -> str:
    """Return a text file's beginning decoded; refuse what is no UTF-8 text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    head, line = "", 1
    with Path(path).open("rb") as file:
        while block := file.read(1 << 22):
            if not head:
                if found := signature(path):
                    kind, mend = found
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
    lines = _whole(lines)
    if not lines:
        raise failed(UNREADABLE, path, f"`{path}` has no rows: its lines are blank or comments")
    merits: dict[str, tuple[float, int]] = {}
    for separator in SEPARATORS:
        counts = [len(_fields(line, separator)) for line in lines]
        share = sum(c == counts[0] for c in counts) / len(counts)
        if counts[0] > 1 and share > 0.5:
            merits[separator] = (share, counts[0])
    best = max(merits, key=lambda mark: merits[mark], default="")
    if best == " ":  # names may have blanks, so any other mark that divides as well is the separator
        decimal = all(re.fullmatch(r"(?:[^,]|(?<=\d),(?=\d))*", line) for line in lines)
        others = [mark for mark in merits if merits[mark][0] >= merits[" "][0] and not (mark == "," and decimal)]
        best = max((mark for mark in others if mark != " "), key=lambda mark: merits[mark], default=" ")
    if not best:
        widths = {SEPARATORS[s]: len(_fields(lines[0], s)) if lines else 0 for s in SEPARATORS}
        uneven = [name for name, width in widths.items() if width > 1]
        message = "the lines do not divide into columns: none of comma, tab, semicolon, bar and space is in every line"
        if uneven:
            message = f"the lines do not divide into columns of one number by {' or '.join(uneven)}"
        raise failed(UNREADABLE, Span(path, 1), message, "say which separator it is: --separator ';'")
    return best


def _whole(lines: list[str]) -> list[str]:
    """Return rows of lines, which may end between quotation marks; the lines as they are where these never close."""
    rows: list[str] = []
    half = False
    for line in lines:
        rows[-1:] = [f"{rows[-1]} {line}"] if half else [*rows[-1:], line]
        half = rows[-1].count('"') % 2 == 1
    return lines if half else rows


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        line = " ".join(line.split())
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # a field of more than 128 KiB
        return [line]


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
    keys = {re.sub(r"[^a-z0-9]", "", name.lower()) for name in names}
    ends = not keys.isdisjoint(SOURCE) and not keys.isdisjoint(TARGET)
    named = header == "yes" or (header == "auto" and (ends or not any(_is_number(n) for n in names)))
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
    """Yield blocks of rows, each indexed by its first line, counted from ``start``."""
    import pyarrow as pa
    import pyarrow.compute as compute
    import pyarrow.csv as pc

    blank: list[int] = []
    uneven: list[Any] = []

    def handle(row: Any) -> str:
        if not row.text.strip():
            blank.append(row.number - start)
            return "skip"
        uneven.append(row)
        return "error"

    known = shift = 0
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
            breaks = np.zeros(len(data), np.int64)
            for column in batch.columns:
                breaks += compute.count_substring(column, "\n").to_numpy(zero_copy_only=False)
            ends = shift + np.cumsum(breaks)
            data.index = index[~np.isin(index, blank[known:])] + ends - breaks
            position += len(index)
            known, shift = len(blank), int(ends[-1]) if len(ends) else shift
            yield data[~(data == "").all(axis=1)]
    except pa.ArrowInvalid as error:
        if uneven:
            row = uneven[0]
            line = _line(path, separator, start, row.number or start)
            raise _uneven(path, line, row.actual_columns, row.expected_columns) from None
        if "Empty CSV file" in str(error) or "no rows" in str(error).lower():
            return
        hint = "a quotation mark that is never closed is the usual cause"
        raise failed(BAD_TABLE, Span(path, start), f"the table cannot be read: {_first_line(error)}", hint) from None


def _line(path: str, separator: str, start: int, row: int) -> int:
    """Return the line on which a row begins, where rows before it may have line breaks between quotation marks."""
    with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(itertools.islice(file, start - 1, None), delimiter=separator)
        try:
            for _ in itertools.islice(rows, row - start):
                pass
        except csv.Error:
            return row
        return start + rows.line_num


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
    """Return a column as text without blanks around it; integers keep every digit, and what is missing is empty.

    Raises:
        SpecError: whole numbers are kept as floats so large that digits are lost.
    """
    import pandas as pd

    values = frame.data[column]
    if pd.api.types.is_float_dtype(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
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
        return values.astype("string").fillna("").to_numpy(object)
    return values.astype(object).where(values.notna(), "").astype(str).str.strip().to_numpy(object)


def refuse_floats(frame: Frame, column: str) -> None:
    """Raise where a column of names or identifiers holds texts of numbers that went through floats.

    Raises:
        SpecError: an identifier such as 101.0 or 7.2E+17.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(frame.data[column]):
        return
    written = pd.Series(texts(frame, column), dtype=object).astype(str)
    if (bad := np.flatnonzero(written.str.fullmatch(_FLOAT).to_numpy(bool))).size:
        raise a_float(written.iloc[bad[0]], frame.place(int(bad[0]), column), len(bad))


def was_float(text: str) -> bool:
    """Whether a text is a whole number as programs write it that keep it as a float."""
    return re.fullmatch(_FLOAT, text) is not None


def a_float(text: str, place: Span, count: int = 1) -> SpecError:
    """Return the error of an identifier that was a float."""
    lost = ": its last digits may be lost" if "e" in text.lower() or float(text) >= 2**53 else ""
    more = f", and {count - 1:,} more" if count > 1 else ""
    message = f"the identifier `{text}` is written as a float{more}{lost}"
    return failed(BAD_VALUE, place, message, "write identifiers as whole numbers or as text, from the data they are of")


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
                data = _flat(path, batch.to_pandas(integer_object_nulls=True), ImportReport() if start else report)
                data.index = np.arange(start, start + len(data))
                start += len(data)
                yield Frame(path, data)
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, SpecError):
                raise
            raise failed(UNREADABLE, path, f"`{path}` cannot be read as parquet: {_first_line(error)}") from None
    elif suffix in {".feather", ".arrow", *WORKBOOKS}:
        yield read(path, options, report)
    else:
        yield from text_chunks(path, options, report, header=options.header)
