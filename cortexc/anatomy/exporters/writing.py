"""Exports as files: either all files of an export are written completely, or none."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cortexc.connectome.model import Connectome
from cortexc.replacement import replacing

from . import graph, nir, sonata


@dataclass(frozen=True)
class Exported:
    """The files of an export, and what the format cannot hold."""

    files: tuple[Path, ...]
    lost: tuple[str, ...]


_LOST = (
    "populations and circuits (areas name theirs)",
    "topographies and lateral kernels",
    "attention, dynamics, sources",
)


def _graphml(connectome: Connectome, path: Path) -> None:
    import networkx as nx

    found = graph.as_networkx(connectome)
    if found.is_multigraph():  # ids of edges differ in the whole document, and keys in networkx only within a pair
        numbered: nx.MultiDiGraph[str] = nx.MultiDiGraph(**found.graph)
        numbered.add_nodes_from(found.nodes(data=True))
        for i, (a, b, data) in enumerate(found.edges(data=True)):
            numbered.add_edge(a, b, key=f"e{i}", **data)
        found = numbered
    nx.write_graphml(found, path)


def _node_link(connectome: Connectome, path: Path) -> None:
    import networkx as nx

    data = nx.node_link_data(graph.as_networkx(connectome), edges="edges")
    path.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _csv(connectome: Connectome, path: Path) -> None:
    listed = graph.edges(connectome)
    columns = [name for name in graph.FIELDS if any(name in data for _, _, data in listed)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("from", "to", *columns))
        for source, target, data in listed:
            writer.writerow((source, target, *(_cell(data.get(name)) for name in columns)))


def _cell(value: object) -> object:
    assert not (isinstance(value, float) and not math.isfinite(value))
    return "" if value is None else repr(value) if isinstance(value, float) else value


FORMATS: dict[str, tuple[Callable[[Connectome, Path], None], tuple[str, ...], tuple[str, ...]]] = {
    "graphml": (_graphml, (".graphml",), _LOST),
    "json": (_node_link, (".json",), _LOST),
    "csv": (_csv, (".csv",), (*_LOST, "grids, levels and areas without any projection")),
    "nir": (nir.write, (".nir", ".h5"), _LOST),
    "sonata": (sonata.write_edges, (".h5", ".hdf5"), _LOST),
}
"""By name: the function that writes the format, its file endings, and what it cannot hold."""


def write(connectome: Connectome, format: str, path: str | os.PathLike[str]) -> Exported:
    """Write the areas and projections of a connectome in one of FORMATS; return the files and what they cannot hold.

    ``path``: the file; for SONATA that of the edges; nodes and both tables of types are written beside it.

    Raises:
        ValueError: an unknown format, or a file ending that the format does not have.
        OSError: a file cannot be written.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}: one of {', '.join(FORMATS)}")
    main, endings, lost = FORMATS[format]
    target = Path(path)
    if target.suffix.lower() not in endings:
        raise ValueError(f"{target}: a file of the format {format} ends in {' or '.join(endings)}")
    writers = sonata.writers(target) if format == "sonata" else {target: main}
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(*reversed(writers)) as parts:
        for writer, part in zip(writers.values(), reversed(parts), strict=True):
            writer(connectome, part)
    return Exported(tuple(writers), lost)
