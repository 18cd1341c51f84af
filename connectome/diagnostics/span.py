"""A location in a file that the user wrote."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """The location of one value: file, first line and column (both counted from 1), and where it ends.

    ``path`` is the path as the user would type it. A span inside an HDF5 file has line 0 and names the
    dataset (and row) in ``inside``.
    """

    path: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    inside: str = ""

    def __str__(self) -> str:
        """Return ``path:line:column``, or ``path:dataset`` for a location inside an HDF5 file."""
        return f"{self.path}:{self.inside}" if self.inside else f"{self.path}:{self.line}:{self.column}"
