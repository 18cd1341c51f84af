"""SONATA circuits: nodes and edges in HDF5, their types in CSV, or the circuit configuration that names them all.

References:
    K. Dai et al. (2020), The SONATA data format for efficient description of large-scale network models,
    https://doi.org/10.1371/journal.pcbi.1007696
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_TABLE, BAD_VALUE, UNKNOWN_NODE, UNREADABLE
from cortexc.connectome.diagnostics.rule import did_you_mean
from cortexc.connectome.diagnostics.span import Span

from . import frames
from .edges import joined
from .neurons import Pairs, aggregated, grouped, report_unused
from .options import Options
from .report import ImportReport, failed
from .wiring import NUMBERS, WORDS, Wiring

LEAVE = "--invalid drop leaves such edges out"
CHUNK_EDGES = 2_000_000
COUNT = ("nsyns", "n_syns", "num_synapses", "syn_count")
WEIGHT = ("syn_weight", "weight", "conductance")
ABSENT = "NULL"
"""How SONATA writes that a value is not there."""
OWN = "cortexc_area"
"""The attribute of a node by which our own exports are known: each node is a whole area."""


@dataclass(eq=False)
class _Types:
    """A table of node types or of edge types: text by column, one row a type."""

    path: str
    columns: dict[str, np.ndarray]
    index: dict[int, int]


@dataclass(eq=False)
class _Nodes:
    """The neurons of all populations, laid end to end."""

    start: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)
    columns: dict[str, list[np.ndarray]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.size.values())


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read the files of a circuit, in any order; what each one is follows from its content.

    Raises:
        SpecError: a file that is not SONATA or cut off, missing nodes or types, edges to nodes that are not there.
    """
    files = expanded(paths)
    node_files, edge_files, types = [], [], []
    for path in files:
        frames.exists(path)
        if path.lower().endswith((".csv", ".txt")):
            types.append(_types(path, report))
            continue
        with _opened(path) as file:
            holds = [part for part in ("nodes", "edges") if part in file]
        if not holds:
            hint = "SONATA files have a group `nodes` or `edges`; `cortexc import matrix` reads a matrix"
            raise failed(UNREADABLE, path, f"`{path}` is HDF5 and no SONATA file", hint)
        node_files += [path] if "nodes" in holds else []
        edge_files += [path] if "edges" in holds else []
    node_types = _merged([t for t in types if "node_type_id" in t.columns])
    edge_types = _merged([t for t in types if "edge_type_id" in t.columns])
    if not node_files:
        raise failed(
            BAD_TABLE, paths[0], "no file has nodes", "name the nodes file too: its cells give areas and layers"
        )
    if not edge_files:
        raise failed(BAD_TABLE, paths[0], "no file has edges", "name the edges file too")
    nodes = _Nodes()
    for path in node_files:
        _read_nodes(path, node_types, nodes, report)
    columns = {name: np.concatenate(parts) for name, parts in nodes.columns.items()}
    if OWN in columns:
        return _areas(edge_files, edge_types, nodes, columns, options, report)
    populations = columns.pop("population")
    neurons = grouped(columns, populations, options, report, node_files[0])
    pairs = Pairs(nodes.total)
    lost = _Lost()
    for block in _blocks(edge_files, edge_types, nodes, (*COUNT, *WEIGHT), options, lost, report):
        pairs.add(*_strengths(block, options, lost))
    if not pairs.rows and lost.dropped:
        raise failed(BAD_TABLE, edge_files[0], "no edge is left to import", "check the edges file and --invalid")
    if lost.uncounted:
        every = lost.uncounted == pairs.rows
        subject = "number of synapses" + ("" if every else f" of {lost.uncounted:,} edges")
        why = "no attribute counts them" if every else f"neither group nor type says their `{COUNT[0]}`"
        report.guess(subject, "1 an edge", why)
    _report(lost, report)
    report.drop(lost.unweighted, "weights", "they are not known; the sums of weights in /connections are without them")
    return aggregated(neurons, pairs, options, report)


@dataclass
class _Lost:
    """What was left out on the way, or is not known."""

    dropped: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    uncounted: int = 0
    unweighted: int = 0

    def drop(self, bad: np.ndarray, what: str, place: Span) -> None:
        """Count edges that are left out; ``place``: of the first of them."""
        self.dropped[what] = self.dropped.get(what, 0) + int(bad.sum())
        self.first.setdefault(what, str(place))


def _report(lost: _Lost, report: ImportReport) -> None:
    for what, count in lost.dropped.items():
        report.drop(count, what, "--invalid drop", lost.first[what])


def _strengths(block: _Block, options: Options, lost: _Lost) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return places of both ends, synapses and weights of the edges of a block that can be used.

    Raises:
        SpecError: a number that is not finite, a negative number of synapses, or weights that are needed and not known,
            unless such edges are to be dropped.
    """
    count, weight = _first(block.values, COUNT), _first(block.values, WEIGHT)
    uncounted = np.ones(len(block.pre), bool) if count is None else block.uncounted
    synapses = np.ones(len(block.pre)) if count is None else np.where(uncounted, 1.0, count)
    unknown = np.zeros(len(block.pre), bool) if weight is None else np.isnan(weight)
    keep = np.ones(len(block.pre), bool)

    def refuse(bad: np.ndarray, what: str, values: np.ndarray, expected: str) -> None:
        nonlocal keep
        bad = bad & keep
        if not bad.any():
            return
        row = int(np.flatnonzero(bad)[0])
        if options.invalid == "error":
            message = f"the {what} of this edge is {values[row]:g}"
            raise failed(BAD_VALUE, block.place(row), message, f"expected {expected}; {LEAVE}")
        lost.drop(bad, f"edges with a bad {what}", block.place(row))
        keep &= ~bad

    refuse(~np.isfinite(synapses) | (synapses < 0), "number of synapses", synapses, "a number, 0 or more")
    if weight is not None:
        bad = np.isinf(weight) | (unknown & (options.strength == "weight"))
        refuse(bad, "weight", weight, "a finite number")
    lost.uncounted += int((uncounted & keep).sum())
    lost.unweighted += int((unknown & keep).sum())
    sums = synapses if weight is None else synapses * np.where(unknown, 0.0, weight)
    return block.pre[keep], block.post[keep], synapses[keep], sums[keep]


def _first(values: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray | None:
    found = next((n for n in names if n in values and values[n].dtype.kind == "f"), None)
    return values[found] if found else None


def expanded(paths: list[str]) -> list[str]:
    """Return the files that a circuit configuration names, or the paths as they are."""
    found: list[str] = []
    for path in paths:
        if not path.lower().endswith(".json"):
            found.append(path)
            continue
        frames.exists(path)
        try:
            config = json.loads(Path(path).read_text(encoding="utf-8-sig"))
            manifest = {k.strip("${}"): str(v) for k, v in config.get("manifest", {}).items()}
            networks = config["networks"]
            entries = [*networks.get("nodes", ()), *networks.get("edges", ())]
            named = [str(v) for entry in entries for k, v in entry.items() if k.endswith("_file") and v]
        except json.JSONDecodeError as error:
            place = Span(path, error.lineno, error.colno)
            raise failed(UNREADABLE, place, f"the configuration is broken JSON: {error.msg}") from None
        except (KeyError, TypeError, AttributeError, UnicodeError):
            hint = "it has `networks` with `nodes` and `edges`"
            raise failed(UNREADABLE, path, "this is no circuit configuration of SONATA", hint) from None
        for name in named:
            for _ in range(8):
                for variable, value in manifest.items():
                    name = name.replace(f"${{{variable}}}", value).replace(f"${variable}", value)
            found.append(str(Path(path).parent / name))
    return list(dict.fromkeys(found))


def _types(path: str, report: ImportReport) -> _Types:
    frame = frames.read(path, Options(), ImportReport())
    identifier = next((c for c in ("node_type_id", "edge_type_id") if c in frame.data.columns), None)
    if identifier is None:
        message = f"`{path}` has neither `node_type_id` nor `edge_type_id`"
        raise failed(BAD_TABLE, Span(path, 1), message, "SONATA keeps types in such a table")
    ids = frames.texts(frame, identifier)
    index: dict[int, int] = {}
    for row, text in enumerate(ids.tolist()):
        if not text.isdigit() or int(text) in index:
            what = "is there twice" if text.isdigit() else "is no number"
            raise failed(BAD_TABLE, frame.place(row, identifier), f"the type {text or '(empty)'} {what}")
        index[int(text)] = row
    report.read.append(f"{path}: {len(index)} types")
    return _Types(path, {c: _present(frames.texts(frame, c)) for c in frame.data.columns}, index)


def _present(values: np.ndarray) -> np.ndarray:
    """Return text in which what is not there is empty."""
    return np.where(values == ABSENT, "", values).astype(object)


def _merged(tables: list[_Types]) -> _Types | None:
    """Return several tables as one: columns that one of them lacks are empty there."""
    if not tables:
        return None
    names = list(dict.fromkeys(c for t in tables for c in t.columns))
    columns: dict[str, list[np.ndarray]] = {n: [] for n in names}
    index: dict[int, int] = {}
    offset = 0
    for one in tables:
        size = len(next(iter(one.columns.values())))
        for name in names:
            columns[name].append(one.columns.get(name, np.full(size, "", object)))
        for type_id, row in one.index.items():
            if type_id in index:
                message = f"the type {type_id} is in two tables"
                raise failed(AMBIGUOUS, one.path, message, "import one network at a time")
            index[type_id] = row + offset
        offset += size
    return _Types(tables[0].path, {n: np.concatenate(parts) for n, parts in columns.items()}, index)


@contextmanager
def _opened(path: str) -> Iterator[h5py.File]:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        text = str(error).lower()
        cut = "truncated" in text
        message = f"`{path}` is {'cut off' if cut else 'no HDF5 file, whatever its name says'}"
        raise failed(UNREADABLE, path, message, "copy or export it again") from None
    with file:
        try:
            yield file
        except (OSError, RuntimeError, KeyError) as error:
            raise failed(UNREADABLE, path, f"`{path}` is damaged: {str(error).splitlines()[0][:160]}") from None


def _dataset(group: Any, name: str, path: str, length: int | None = None) -> Any:
    """Return a 1-D dataset of a group.

    Raises:
        SpecError: there is none, or it has another length.
    """
    node = group.get(name)
    inside = f"{group.name}/{name}"
    if not isinstance(node, h5py.Dataset) or node.ndim != 1:
        raise failed(BAD_TABLE, Span(path, inside=group.name), f"there is no dataset `{inside}`", "SONATA needs it")
    if length is not None and len(node) != length:
        message = f"`{inside}` has {len(node):,} entries, and {length:,} are expected"
        raise failed(BAD_TABLE, Span(path, inside=inside), message, "the file may be cut off")
    return node


def _text(values: Any) -> np.ndarray:
    """Return attribute values as text."""
    array = np.asarray(values)
    if array.dtype.kind == "S" or (array.dtype.kind == "O" and len(array) and isinstance(array[0], bytes)):
        return _present(np.array([v.decode("utf-8", "replace") for v in array.tolist()], object))
    return _present(np.array([str(v) for v in array.tolist()], object))


def _read_nodes(path: str, types: _Types | None, nodes: _Nodes, report: ImportReport) -> None:
    with _opened(path) as file:
        for name, population in file["nodes"].items():
            if not isinstance(population, h5py.Group):
                continue
            size = _size(population, path)
            ids = np.asarray(_dataset(population, "node_id", path, size)[()]) if "node_id" in population else None
            order = np.arange(size)
            if ids is not None:
                order = np.argsort(ids, kind="stable")
                if size and not np.array_equal(ids[order], np.arange(size)):
                    message = f"the node ids of `{name}` are not 0 to {size - 1:,}, each once"
                    raise failed(BAD_TABLE, Span(path, inside=f"/nodes/{name}/node_id"), message)
            columns: dict[str, np.ndarray] = {"population": np.full(size, name, object)}
            if types is not None:
                type_ids = np.asarray(_dataset(population, "node_type_id", path, size)[()]).astype(np.int64)
                row = _type_rows(type_ids, types, Span(path, inside=f"/nodes/{name}/node_type_id"), "node")
                columns |= {c: v[row] for c, v in types.columns.items() if c != "node_type_id"}
            columns |= _attributes(population, size, path, columns)
            if name in nodes.start:
                raise failed(AMBIGUOUS, path, f"the node population `{name}` is in two files")
            filled = nodes.total
            nodes.start[name], nodes.size[name] = filled, size
            for column in set(columns) | set(nodes.columns):
                parts = nodes.columns.setdefault(column, [np.full(filled, "", object)] if filled else [])
                parts.append(columns[column][order] if column in columns else np.full(size, "", object))
            report.read.append(f"{path}: population `{name}`, {size:,} nodes")


def _size(population: Any, path: str) -> int:
    """Return how many nodes a population has: what its types, its groups or the attributes of its one group say."""
    for name in ("node_type_id", "node_id", "node_group_id"):
        if name in population:
            return len(_dataset(population, name, path))
    attributes = _names(population["0"]) if "0" in population else []
    if not attributes:
        hint = "SONATA keeps that in `node_type_id`"
        raise failed(BAD_TABLE, Span(path, inside=population.name), "nothing says how many nodes there are", hint)
    return len(population["0"][attributes[0]])


def _grouping(population: Any, prefix: str, part: slice, whole: int, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each node or edge, and its place in there; where nothing says it, all are in group 0."""
    if f"{prefix}_group_id" not in population:
        count = part.stop - part.start
        return np.zeros(count, np.int64), np.arange(part.start, part.stop)
    ids = _dataset(population, f"{prefix}_group_id", path, whole)
    places = _dataset(population, f"{prefix}_group_index", path, whole)
    return np.asarray(ids[part]).astype(np.int64), np.asarray(places[part]).astype(np.int64)


def _type_rows(ids: np.ndarray, types: _Types, place: Span, what: str) -> np.ndarray:
    """Return the row of each type."""
    known = np.array(sorted(types.index), np.int64)
    rows = np.array([types.index[k] for k in known.tolist()], np.int64)
    at = np.minimum(np.searchsorted(known, ids), max(0, len(known) - 1))
    missing = known[at] != ids if len(known) else np.ones(len(ids), bool)
    if missing.any():
        first = int(ids[missing][0])
        message = f"{int(missing.sum()):,} {what}s have the type {first}, which `{types.path}` does not list"
        raise failed(UNKNOWN_NODE, place, message, f"name the table of {what} types that belongs to this file")
    return rows[at]


def _attributes(population: Any, size: int, path: str, before: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return attributes of the numbered groups, as text; over those of the types, group by group."""
    groups = {k: g for k, g in population.items() if k.isdigit() and isinstance(g, h5py.Group)}
    found: dict[str, np.ndarray] = {}
    if not groups:
        return found
    group_id, group_index = _grouping(population, "node", slice(0, size), size, path)
    for key, group in groups.items():
        mine = np.flatnonzero(group_id == int(key))
        for name in _names(group):
            column = found.get(name, before.get(name, np.full(size, "", object)).copy())
            column[mine] = _text(_picked(group, name, group_index[mine], path))
            found[name] = column
    return found


def _names(group: Any) -> list[str]:
    return [n for n, d in group.items() if isinstance(d, h5py.Dataset) and d.ndim == 1]


def _picked(group: Any, name: str, index: np.ndarray, path: str) -> np.ndarray:
    """Return values of an attribute at places; values that the library of the group enumerates are looked up."""
    data = group[name]
    if len(index) and (int(index.max()) >= len(data)):
        message = f"`{data.name}` has {len(data):,} entries, and entry {int(index.max()):,} is asked for"
        raise failed(BAD_TABLE, Span(path, inside=data.name), message, "the file may be cut off")
    low, high = (int(index.min()), int(index.max()) + 1) if len(index) else (0, 0)
    values = np.asarray(data[low:high])[index - low]
    library = group.get("@library")
    if isinstance(library, h5py.Group) and name in library:
        known, wanted = np.atleast_1d(np.asarray(library[name][()])), values.astype(np.int64)
        if len(wanted) and not 0 <= int(wanted.min()) <= int(wanted.max()) < len(known):
            message = f"`{data.name}` asks for entry {int(wanted.max()):,} of a library of {len(known):,}"
            raise failed(BAD_TABLE, Span(path, inside=data.name), message, "the file may be damaged")
        values = known[wanted]
    return values


@dataclass(frozen=True, eq=False)
class _Block:
    """Some edges: places of their neurons, numbers (and text) by attribute."""

    pre: np.ndarray
    post: np.ndarray
    values: dict[str, np.ndarray]
    uncounted: np.ndarray
    """bool [edges]: whose group says no number of synapses, where another group does."""
    path: str
    inside: str
    rows: np.ndarray
    """int64 [edges]: where they are in their population."""

    def place(self, row: int) -> Span:
        """Return the place of an edge."""
        return Span(self.path, inside=f"{self.inside}[{self.rows[row]}]")


def _blocks(
    paths: list[str],
    types: _Types | None,
    nodes: _Nodes,
    used: tuple[str, ...],
    options: Options,
    lost: _Lost,
    report: ImportReport,
) -> Iterator[_Block]:
    """Yield the edges of all files in blocks; attributes that are not in ``used`` are reported.

    Raises:
        SpecError: a population is in two files, or what ``_edges`` raises.
    """
    seen: dict[str, str] = {}
    unused: dict[str, None] = {}
    for path in paths:
        with _opened(path) as file:
            for name, population in file["edges"].items():
                if not isinstance(population, h5py.Group):
                    continue
                if name in seen:
                    message = f"the edge population `{name}` is in `{seen[name]}` too"
                    hint = "its edges would count twice: name one of the two files"
                    raise failed(AMBIGUOUS, Span(path, inside=f"/edges/{name}"), message, hint)
                seen[name] = path
                unused |= dict.fromkeys(n for n in _said(population, types) if n not in used)
                yield from _edges(name, population, path, types, nodes, options, lost, report)
    report_unused("attributes of edges", list(unused), report)


def _said(population: Any, types: _Types | None) -> list[str]:
    """Return the attributes that edges have, by their types or by their groups."""
    listed = [c for c, v in types.columns.items() if (v != "").any() and c != "edge_type_id"] if types else []
    groups = [g for k, g in population.items() if k.isdigit() and isinstance(g, h5py.Group)]
    return [*listed, *(name for group in groups for name in _names(group))]


def _edges(
    name: str,
    population: Any,
    path: str,
    types: _Types | None,
    nodes: _Nodes,
    options: Options,
    lost: _Lost,
    report: ImportReport,
) -> Iterator[_Block]:
    """Yield the edges of a population in blocks."""
    sources = _dataset(population, "source_node_id", path)
    size = len(sources)
    targets = _dataset(population, "target_node_id", path, size)
    report.read.append(f"{path}: edges `{name}`, {size:,}")
    ends = [_population(d, nodes, path) for d in (sources, targets)]
    groups = {k: g for k, g in population.items() if k.isdigit() and isinstance(g, h5py.Group)}
    for start in range(0, size, CHUNK_EDGES):
        part = slice(start, min(size, start + CHUNK_EDGES))
        places, keep = [], np.ones(part.stop - start, bool)
        for data, end in zip((sources, targets), ends, strict=True):
            ids = np.asarray(data[part]).astype(np.int64)
            out = (ids < 0) | (ids >= nodes.size[end])
            if out.any():
                row = int(np.flatnonzero(out)[0])
                place = Span(path, inside=f"{data.name}[{start + row}]")
                if options.invalid == "error":
                    message = f"node {ids[row]} is not in `{end}`, which has {nodes.size[end]:,} nodes"
                    hint = f"the nodes file may belong to another network; {LEAVE}"
                    raise failed(UNKNOWN_NODE, place, message, hint)
                lost.drop(out & keep, "edges to or from nodes that are not there", place)
                keep &= ~out
            places.append(ids + nodes.start[end])
        values, uncounted = _values(population, groups, types, part, size, path)
        rows = start + np.flatnonzero(keep)
        kept = {n: v[keep] for n, v in values.items()}
        yield _Block(places[0][keep], places[1][keep], kept, uncounted[keep], path, f"/edges/{name}", rows)


def _population(data: Any, nodes: _Nodes, path: str) -> str:
    named = data.attrs.get("node_population", data.attrs.get("network"))
    if isinstance(named, bytes):
        named = named.decode()
    if named is None:
        if len(nodes.start) == 1:
            return next(iter(nodes.start))
        raise failed(AMBIGUOUS, Span(path, inside=data.name), "the dataset does not say which nodes it means",
                     "SONATA keeps that in the attribute `node_population`")  # fmt: skip
    if named not in nodes.start:
        message = f"the edges join nodes of `{named}`, and no file has these"
        raise failed(UNKNOWN_NODE, Span(path, inside=data.name), message, did_you_mean(named, nodes.start))
    return str(named)


def _values(
    population: Any, groups: dict[str, Any], types: _Types | None, part: slice, whole: int, path: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return numbers of edges by attribute: those of their types, and over them those of their groups.

    Also which edges [edges] have no number of synapses, neither by type nor by group.
    """
    size = part.stop - part.start
    found: dict[str, np.ndarray] = {}
    given: dict[str, np.ndarray] = {}
    if types is not None:
        type_ids = _dataset(population, "edge_type_id", path, whole)
        row = _type_rows(np.asarray(type_ids[part]).astype(np.int64), types, Span(path, inside=type_ids.name), "edge")
        for name in (*COUNT, *WEIGHT):
            if name in types.columns:
                listed = types.columns[name]
                try:
                    numbers = np.array([float(v) if v else np.nan for v in listed.tolist()])
                except ValueError:
                    raise failed(BAD_VALUE, types.path, f"`{name}` of a type is no number") from None
                if np.isnan(numbers[row]).all():
                    continue
                found[name], given[name] = numbers[row], (listed != "")[row]
    if groups:
        group_id, group_index = _grouping(population, "edge", part, whole, path)
    for key, group in groups.items():
        mine = np.flatnonzero(group_id == int(key))
        if not len(mine):
            continue
        for name in _names(group):
            if name not in (*COUNT, *WEIGHT, *NUMBERS, *WORDS):
                continue
            values = _picked(group, name, group_index[mine], path)
            if values.dtype.kind in "iufb":
                column = found.get(name, np.full(size, np.nan)).astype(float)
                column[mine] = values
                given.setdefault(name, np.zeros(size, bool))[mine] = True
            else:
                column = found.get(name, np.full(size, "", object))
                column[mine] = _text(values)
            found[name] = column
    counted = next((given[n] for n in COUNT if n in given), np.zeros(size, bool))
    return found, ~counted


def _areas(
    files: list[str],
    types: _Types | None,
    nodes: _Nodes,
    columns: dict[str, np.ndarray],
    options: Options,
    report: ImportReport,
) -> Wiring:
    """Return the wiring of one of our own exports, in which each node is an area and each edge a projection."""
    import dataclasses

    names = columns[OWN]
    lost = _Lost()
    blocks = list(_blocks(files, types, nodes, (*COUNT, *WEIGHT, *NUMBERS, *WORDS), options, lost, report))
    _report(lost, report)
    if not sum(len(b.pre) for b in blocks):
        raise failed(BAD_TABLE, files[0], "no edge is left to import", "check the edges file and --invalid")
    source = np.concatenate([names[b.pre] for b in blocks])
    target = np.concatenate([names[b.post] for b in blocks])
    values: dict[str, np.ndarray] = {}
    for name in (*NUMBERS, *WORDS):
        if any(name in b.values for b in blocks):
            values[name] = np.concatenate([b.values[name] for b in blocks])
    if "weight" in values and np.isnan(values["weight"]).all():
        del values["weight"]

    ends = np.cumsum([len(b.pre) for b in blocks])

    def place(row: int, field: str) -> Span:
        at = int(np.searchsorted(ends, row, side="right"))
        return blocks[at].place(row - int(ends[at]) + len(blocks[at].pre))

    found = joined(source, target, values, None, place, options, report, names=tuple(names.tolist()))
    roles = columns.get("role", np.full(len(names), "", object))
    named = {str(r): n for n, r in zip(names.tolist(), roles.tolist(), strict=True) if r in ("input", "readout")}
    facts: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(names.tolist()):
        known: dict[str, Any] = {}
        if _given(columns, "level", i):
            known["level"] = float(columns["level"][i])
        if _given(columns, "rows", i):
            known["grid"] = (int(columns["rows"][i]), int(columns["columns"][i]))
        facts[name] = known
    known_of = {n: f for n, f in facts.items() if f}
    return dataclasses.replace(found, relay=named.get("input"), readout=named.get("readout"), facts=known_of)


def _given(columns: dict[str, np.ndarray], name: str, row: int) -> bool:
    return name in columns and columns[name][row] not in {"", "nan", "-1"}
