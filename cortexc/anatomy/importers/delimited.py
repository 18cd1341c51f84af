"""Delimited text as frames: the separator and the header are told by the lines, and every row keeps its line."""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexc.connectome.diagnostics import Span, SpecError, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, UNREADABLE

from . import files
from .columns import SOURCE, TARGET, plain
from .frame import Frame, cell, distinct, number, of_marks
from .options import Options
from .report import ImportReport, cause

if TYPE_CHECKING:
    import pandas as pd

BLOCK_BYTES = 1 << 24
SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space"}


def chunks(path: str, options: Options, report: ImportReport, header: str) -> Iterator[Frame]:
    """Yield a delimited text in blocks of rows.

    Raises:
        SpecError: not UTF-8 text, no separator fits, labels twice, or a row of another length.
    """
    files.exists(path)
    with files.unpacking(path):
        yield from _chunks(path, options, report, header)


def _chunks(path: str, options: Options, report: ImportReport, header: str) -> Iterator[Frame]:
    import pandas as pd

    head = _decoded(path)
    if said := re.match(r'"?sep=(.)"?\r?\n', head):  # a line for Excel
        options = replace(options, separator=options.separator or said[1], skip_rows=max(1, options.skip_rows))
    separator = _sniffed(path, head, options)
    lines = head.splitlines()
    skipped = options.skip_rows
    first = next((i for i, line in enumerate(lines) if i >= skipped and line.strip() and not line.startswith("#")), 0)
    report.drop(skipped, "lines before the table", f"--skip-rows {skipped}")
    report.drop(sum(line.startswith("#") for line in lines[skipped:first]), "lines of comment", "they begin with #")
    names = [n.strip() for n in _fields(lines[first], separator)]
    if short := _named_by_r(lines[first:], separator):
        names = ["", *names]
        report.guess("first column", "names of the rows", "the first line is one short, as R's write.table writes it")
    keys = {plain(name) for name in names}
    ends = not keys.isdisjoint(SOURCE) and not keys.isdisjoint(TARGET)
    named = header == "yes" or (
        header == "auto" and (ends or all(number(n) is None and of_marks(n) is None for n in names))
    )
    if header == "auto" and not named:
        report.guess("header", "none", "the first line holds numbers", "--header yes")
    if named:
        distinct(names, lambda i: cell(path, first + 1, i, separator))
    else:
        first_row, names = names, [f"column {i + 1}" for i in range(len(names))]
    if options.separator is None and separator != ",":
        report.guess("separator", SEPARATORS[separator], "every line divides by it", "--separator")
    start = first + 1 + named
    seen = 0
    if short and not named:
        yield Frame(path, pd.DataFrame([first_row], columns=names, dtype=object), start, separator, named=False)
    begin = start + (short and not named)
    for data in (_spaced if separator == " " else _delimited)(path, separator, names, begin):
        seen += len(data)
        data.index += begin - start
        yield Frame(path, data, start, separator, named=named)
    if not seen:
        raise failed(BAD_TABLE, Span(path, start), "the table has a header and no rows")


def _decoded(path: str) -> str:
    """Return a text file's beginning decoded; refuse what is no UTF-8 text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    head, line = "", 1
    with files.opened(path) as file:
        while block := file.read(1 << 22):
            if not head and (found := files.signature(path, unpacked=True)):
                kind, hint = found
                raise failed(UNREADABLE, path, f"`{path}` is {kind}, and not delimited text", hint)
            if (at := block.find(b"\x00")) >= 0:
                location = Span(path, line + block.count(b"\n", 0, at))
                hint = "if it is UTF-16, convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"
                raise failed(UNREADABLE, location, f"`{path}` holds zero bytes: it is binary, or UTF-16 text", hint)
            try:
                text = decoder.decode(block)
            except UnicodeDecodeError as error:
                bad = error.object
                row, column = bad.count(b"\n", 0, error.start), error.start - bad.rfind(b"\n", 0, error.start)
                location = Span(path, line + row, column)
                message = f"byte 0x{bad[error.start]:02X} is not UTF-8"
                raise failed(UNREADABLE, location, message, "convert it: iconv -f LATIN1 -t UTF-8 FILE > NEW") from None
            if not head:
                head = text.removeprefix("\ufeff")
                if found := files.kind_of_text(head[: 1 << 16]):
                    raise failed(UNREADABLE, path, f"this is {found[0]}, and no delimited text", found[1])
            line += block.count(b"\n")
    return head


def _sniffed(path: str, head: str, options: Options) -> str:
    """Return the separator of a delimited text."""
    if options.separator:
        named = {"\\t": "\t"} | {name: mark for mark, name in SEPARATORS.items()}
        return named.get(options.separator, options.separator)
    lines = [line for line in head.splitlines()[options.skip_rows :][:200] if line.strip() and not line.startswith("#")]
    if len(head) >= 1 << 20:
        lines = lines[:-1] or lines
    lines = _whole(lines)
    if not lines:
        raise failed(UNREADABLE, path, f"`{path}` has no rows: its lines are blank or comments")
    merits: dict[str, tuple[float, int]] = {}
    for separator in SEPARATORS:
        counts = [len(_fields(line, separator)) for line in lines]
        counts[0] += _named_by_r(lines, separator)
        share = sum(c == counts[0] for c in counts) / len(counts)
        if counts[0] > 1 and share > 0.5:
            merits[separator] = (share, counts[0])
    best = max(merits, key=lambda mark: merits[mark], default="")
    if best == " ":  # names may have blanks, so any other mark that divides as well is the separator
        decimal = all(re.fullmatch(r"(?:[^,]|(?<=\d),(?=\d))*", line) for line in lines)
        others = [mark for mark in merits if merits[mark][0] >= merits[" "][0] and not (mark == "," and decimal)]
        best = max((mark for mark in others if mark != " "), key=lambda mark: merits[mark], default=" ")
    if not best:
        uneven = [name for mark, name in SEPARATORS.items() if len(_fields(lines[0], mark)) > 1]
        message = "the lines do not divide into columns: none of comma, tab, semicolon, bar and space is in every line"
        if uneven:
            message = f"the lines do not divide into columns of one number by {' or '.join(uneven)}"
        title = "; if the first lines are a title, leave them out: --skip-rows N"
        raise failed(UNREADABLE, Span(path, 1), message, f"say which separator it is: --separator ';'{title}")
    return best


def _named_by_r(lines: list[str], separator: str) -> bool:
    """Whether rows have quoted names and the first line none for their column, as ``write.table`` of R leaves it out.

    Quotation marks tell such a table from one that has a field too many.
    """
    names, *rows = [line for line in lines if line.strip()][:3]
    fields = [len(_fields(line, separator)) for line in (names, *rows)]
    quoted = all(line.startswith('"') for line in rows) and names.count('"') == 2 * fields[0]
    return len(rows) > 0 and quoted and {count - 1 for count in fields[1:]} == {fields[0]}


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


def _uneven(path: str, line: int, found: int, expected: int) -> SpecError:
    hint = "the file may be cut off, or have another separator (--separator); a field that holds it must be quoted"
    message = f"this row has {found} fields, and the table has {expected} columns"
    return failed(BAD_TABLE, Span(path, line), message, hint)


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
            files.opened(path) if files.compression(path) or files.member(path) else path,
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
        raise failed(BAD_TABLE, Span(path, start), f"the table cannot be read: {cause(error)}", hint) from None


def _line(path: str, separator: str, start: int, row: int) -> int:
    """Return the line on which a row begins, where rows before it may have line breaks between quotation marks."""
    with files.text(path, "replace") as file:
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

    rows, lines = [], []
    with files.text(path) as file:
        for i, text in enumerate(file, 1):
            if i < start or not text.strip():
                continue
            fields = _fields(text, separator)
            if len(fields) != len(names):
                raise _uneven(path, i, len(fields), len(names))
            rows.append(fields)
            lines.append(i - start)
    if rows:
        yield pd.DataFrame(rows, columns=names, index=lines, dtype=str)
