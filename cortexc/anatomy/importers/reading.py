"""One import from beginning to end: files to spec."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from cortexc.connectome.diagnostics import failed
from cortexc.connectome.diagnostics.importing import BAD_VALUE
from cortexc.connectome.model import Connectome

from . import assembly, graphs, matrix, neuroml, nir, sonata, synapses, table, writing
from .options import CELLS, COLUMNS, FURTHER, GROUPS, MATRIX, SPEC, TEXT, Options
from .report import JOINS, ImportReport
from .wiring import Wiring

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class Format:
    """How files of a format are read, and the options that mean something to it."""

    read: Callable[[list[str], Options, ImportReport], Wiring]
    listens: frozenset[str]


FORMATS = {
    "table": Format(
        table.read,
        SPEC | COLUMNS | TEXT | FURTHER | {"fln_column", "case_column", "scale", "symmetric"},
    ),
    "matrix": Format(matrix.read, SPEC | CELLS | MATRIX | {"scale"}),
    "sonata": Format(sonata.read, SPEC | GROUPS),
    "graphml": Format(graphs.read, SPEC | FURTHER | {"weight_column", "fln_column", "labels", "scale"}),
    "nir": Format(nir.read, SPEC | {"aggregate"}),
    "neuroml": Format(neuroml.read, SPEC | {"strength"}),
    "synapses": Format(
        synapses.read, SPEC | COLUMNS | TEXT | GROUPS | {"neurons", "id_column", "rows", "variable", "labels"}
    ),
}
"""Every format, by name."""


def unheard(options: Options, format: str) -> list[str]:
    """Return the options that were given and mean nothing to a format."""
    given = (f.name for f in dataclasses.fields(Options) if getattr(options, f.name) != f.default)
    return [name for name in given if name not in FORMATS[format].listens]


AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Imported:
    """A spec, what else the data hold, and what the import did."""

    connectome: Connectome
    report: ImportReport
    tables: dict[str, dict[str, np.ndarray]]
    files: list[str]

    def write(self, path: str | os.PathLike[str], command: str = "anatomy.importers") -> list[Path]:
        """Write the spec with comments, and its tables beside it; return the files.

        Raises:
            OSError: a file cannot be written. Nothing is left half-written.
        """
        return writing.write(self.connectome, self.tables, Path(path), self.files, command, self.report)


def read(format: str, files: AnyPath | Sequence[AnyPath], options: Options | None = None, **choices: Any) -> Imported:
    """Read anatomy in one of FORMATS and return the spec of it, with a report.

    ``choices``: the fields of ``Options``, one by one.

    Raises:
        SpecError: the files cannot be read or hold what no spec can; the report names the location.
        ValueError: an unknown format, or options that mean nothing to it.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}: one of {', '.join(FORMATS)}")
    paths = [files] if isinstance(files, str | os.PathLike) else list(files)
    listed = [os.fspath(p) for p in paths]
    chosen = dataclasses.replace(options or Options(), **choices)
    if lost := unheard(chosen, format):
        raise ValueError(f"{', '.join(lost)}: no meaning to the format {format}")
    report = ImportReport()
    with _explained(listed[0]):
        wiring = FORMATS[format].read(listed, chosen, report)
        return _whole(wiring, listed, inputs(format, listed, chosen), chosen, report)


def inputs(format: str, files: Sequence[str], options: Options) -> list[str]:
    """Return all files that an import reads: those given, and those that options, a SONATA configuration or NeuroML
    name.

    Raises:
        SpecError: the configuration is broken, or the NeuroML.
    """
    named = [f for f in (options.neurons, options.sln, options.distance, options.labels) if f]
    inside = sonata.expanded(list(files)) if format == "sonata" else []
    inside += [name for file in files for name in neuroml.included(file)] if format == "neuroml" else []
    return [f for f in dict.fromkeys((*files, *inside, *named)) if Path(f).is_file()]


def from_graph(graph: nx.Graph[Any], options: Options | None = None, **choices: Any) -> Imported:
    """Return the spec of any networkx graph, directed or not: nodes are areas, edges projections.

    Raises:
        SpecError: a node or an edge that no spec can hold.
    """
    chosen = dataclasses.replace(options or Options(), **choices)
    report = ImportReport()
    name = str(graph.graph.get("name") or "graph")
    with _explained(name):
        return _whole(graphs.of_graph(graph, chosen, report), [name], [], chosen, report)


def _whole(wiring: Wiring, listed: list[str], files: list[str], options: Options, report: ImportReport) -> Imported:
    stem = re.sub(rf"[{JOINS}\s]+", "-", Path(listed[0]).name.partition(".")[0])
    spec = assembly.assembled(wiring, options.name or stem or "imported", listed, options, report)
    return Imported(spec, report, wiring.tables, files)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn a value that no spec can have into a finding."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        message = f"`{where}` would be `{first['input']}`: {first['msg'].lower()}"
        raise failed(BAD_VALUE, path, message, "fix it in the data, or leave it out") from None
