"""SONATA circuits: nodes and edges in HDF5, their types in CSV, or the circuit configuration that names them all.

References:
    K. Dai et al. (2020), The SONATA data format for efficient description of large-scale network models,
    https://doi.org/10.1371/journal.pcbi.1007696
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cortexc.connectome.diagnostics import Span, did_you_mean, failed
from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_TABLE, BAD_VALUE, UNKNOWN_NODE, UNREADABLE

from . import files, frames
from .edges import Edges, joined
from .frame import number
from .neurons import Neurons, Pairs, aggregated, connected, grouped, tabled
from .options import Options
from .refusal import Fault, Refusal
from .report import ImportReport
from .wiring import NUMBERS, OWN, WORDS, Wiring, with_facts

CIRCUIT_CONFIG = "circuit_config.json"
CHUNK_EDGES = 2_000_000
COUNT = ("nsyns", "n_syns", "num_synapses", "syn_count")
WEIGHT = ("syn_weight", "weight", "conductance")
GAP_JUNCTION = "is_gap_junction"
"""How bmtk marks edges that are electrical: https://alleninstitute.github.io/bmtk/autodocs/bmtk.builder.html"""
TRUE, FALSE = frozenset({"true", "1", "1.0"}), frozenset({"false", "0", "0.0", "", "nan"})
CHEMICAL, ELECTRICAL = "chemical", "electrical"
SYNAPSES = (CHEMICAL, "chemical_virtual", "brian2_synapse", "point_process", "Exp2Syn_synapse")
"""Types of edge populations that are chemical synapses, as a configuration calls them."""
ABSENT = "NULL"
"""How SONATA writes that a value is not there."""
AREA = "cortexc_area"
"""The attribute of a node by which our own exports are known: each node is a whole area."""


@dataclass(frozen=True, eq=False)
class _Types:
    """A table of node types or of edge types: text by column, a row a type."""

    path: str
    columns: dict[str, np.ndarray]
    ids: list[int]


@dataclass(eq=False)
class _Circuit:
    """The files of a circuit, by what they hold, and where the nodes of each population are, laid end to end."""

    nodes: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    node_types: _Types | None = None
    edge_types: _Types | None = None
    start: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    """Of populations of edges: chemical, electrical and others, as the configuration calls them."""


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read the files of a circuit, in any order; what each one is follows from its content.

    Raises:
        SpecError: a file that is not SONATA or cut off, missing nodes or types, edges to nodes that are not there.
    """
    circuit = _sorted(paths, report)
    columns = _stacked([part for path in circuit.nodes for part in _nodes(path, circuit, report)])
    if AREA in columns:
        return _areas(circuit, columns, options, report)
    populations = columns.pop("population")
    neurons = grouped(columns, populations, options, report, circuit.nodes[0])
    return _summed(circuit, neurons, options, report)


def _sorted(paths: list[str], report: ImportReport) -> _Circuit:
    """Return the files of a circuit by what they hold."""
    circuit, types = _Circuit(), []
    for entry in [e for path in paths if path.lower().endswith(".json") for e in _entries(path)]:
        if "edges_file" in entry:
            populations = entry.get("populations") or {}
            circuit.kinds |= {n: str(about.get("type") or CHEMICAL) for n, about in populations.items() if about}
    for path in expanded(paths):
        files.exists(path)
        if path.lower().endswith((".csv", ".txt")):
            types.append(_types(path, report))
            continue
        with _opened(path) as file:
            circuit.nodes += [path] if "nodes" in file else []
            circuit.edges += [path] if "edges" in file else []
        if path not in (*circuit.nodes, *circuit.edges):
            hint = "SONATA files have a group `nodes` or `edges`; `cortexc import matrix` reads a matrix"
            raise failed(UNREADABLE, path, f"`{path}` is HDF5 and no SONATA file", hint)
    circuit.node_types = _merged([t for t in types if "node_type_id" in t.columns])
    circuit.edge_types = _merged([t for t in types if "edge_type_id" in t.columns])
    if not circuit.nodes:
        hint = "name the nodes file too: its cells give areas and layers"
        raise failed(BAD_TABLE, paths[0], "no file has nodes", hint)
    if not circuit.edges:
        raise failed(BAD_TABLE, paths[0], "no file has edges", "name the edges file too")
    return circuit


def _stacked(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return tables of text below each other; a column that one of them lacks is empty there."""
    sizes = [len(next(iter(part.values()))) for part in parts]
    return {
        name: np.concatenate([p.get(name, np.full(n, "", object)) for p, n in zip(parts, sizes, strict=True)])
        for name in dict.fromkeys(name for part in parts for name in part)
    }


def _summed(circuit: _Circuit, neurons: Neurons, options: Options, report: ImportReport) -> Wiring:
    """Return the wiring of neurons: all their edges, summed to areas and populations."""
    pairs = Pairs(len(neurons.group))
    refusal = Refusal("edges", options.invalid)
    unknown: Counter[str] = Counter()
    electrical, first = Pairs(len(neurons.group)), ""
    for block in _blocks(circuit, (*COUNT, *WEIGHT), refusal, report):
        pairs.add(*_strengths(block.part(~block.electrical), options, refusal, unknown))
        if block.electrical.any():
            first = first or str(block.location(int(block.electrical.argmax())))
            apart = block.part(block.electrical)
            electrical.add(apart.pre, apart.post, np.ones(len(apart.pre)), np.ones(len(apart.pre)))
    if not pairs.rows and refusal.count:
        raise failed(BAD_TABLE, circuit.edges[0], "no edge is left to import", "check the edges file and --invalid")
    if uncounted := unknown["synapses"]:
        every = uncounted == pairs.rows
        subject = "number of synapses" + ("" if every else f" of {uncounted:,} edges")
        why = "no attribute counts them" if every else f"neither group nor type says their `{COUNT[0]}`"
        report.guess(subject, "1 an edge", why)
    refusal.report(report)
    why = "they are not known; the sums of weights in /connections are without them"
    report.drop(unknown["weight"], "weights", why)
    why = "gap junctions are no projections; they are in the table /electrical"
    report.drop(electrical.rows, "electrical edges", why, first)
    found = aggregated(neurons, pairs, options, report)
    if not electrical.rows:
        return found
    electrical.settle()
    table = tabled(neurons, connected(neurons, electrical))
    table["edges"] = table.pop("synapses")
    del table["weight"]
    return replace(found, tables={**found.tables, "electrical": table})


def _strengths(
    block: _Block, options: Options, refusal: Refusal, unknown: Counter[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the neurons at both ends, synapses and weights of the edges of a block that can be used.

    ``unknown`` counts the edges whose number of synapses, or whose weight, is not known.
    """
    count, weight = _first(block.values, COUNT), _first(block.values, WEIGHT)
    size = len(block.pre)
    uncounted = np.ones(size, bool) if count is None else block.uncounted
    synapses = np.ones(size) if count is None else np.where(uncounted, 1.0, count)
    unweighted = np.zeros(size, bool) if weight is None else np.isnan(weight)

    def fault(bad: np.ndarray, what: str, values: np.ndarray, expected: str) -> Fault:
        def said(row: int) -> str:
            return f"the {what} of this edge is {values[row]:g}"

        return Fault(f"with a bad {what}", bad, BAD_VALUE, block.location, said, f"expected {expected}")

    bad = ~np.isfinite(synapses) | (synapses < 0)
    keep = refusal.kept(np.ones(size, bool), fault(bad, "number of synapses", synapses, "a number, 0 or more"))
    if weight is not None:
        bad = np.isinf(weight) | (unweighted & (options.strength == "weight"))
        keep = refusal.kept(keep, fault(bad, "weight", weight, "a finite number"))
    unknown["synapses"] += int((uncounted & keep).sum())
    unknown["weight"] += int((unweighted & keep).sum())
    sums = synapses if weight is None else synapses * np.where(unweighted, 0.0, weight)
    return block.pre[keep], block.post[keep], synapses[keep], sums[keep]


def _first(values: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray | None:
    found = next((n for n in names if n in values and values[n].dtype.kind == "f"), None)
    return values[found] if found else None


def expanded(paths: list[str]) -> list[str]:
    """Return the files that a circuit configuration names, also by way of a simulation's, or the paths as they are."""
    found: list[str] = []
    for path in paths:
        for entry in _entries(path) if path.lower().endswith(".json") else ():
            found += [entry[key] for key in entry if key.endswith("_file") and entry[key]]
        found += [] if path.lower().endswith(".json") else [path]
    return list(dict.fromkeys(found))


def _entries(path: str, above: tuple[Path, ...] = ()) -> list[dict[str, Any]]:
    """Return the networks that a configuration lists, nodes first, with the paths of their files.

    A simulation's configuration names that of the circuit as its ``network``.

    References:
        https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md#circuit-config
    """
    files.exists(path)
    config = files.json(path)
    try:
        manifest = {k.strip("${}"): str(v) for k, v in config.get("manifest", {}).items()}

        def place(name: str) -> str:
            for _ in range(8):
                for variable, value in manifest.items():
                    name = name.replace(f"${{{variable}}}", value).replace(f"${variable}", value)
            return str(Path(path).parent / name)

        # a simulation's configuration that names no circuit means the one beside it
        other = config.get("network", CIRCUIT_CONFIG if "run" in config else None)
        if isinstance(other, str) and "networks" not in config:
            here = (*above, Path(path).resolve())
            if Path(place(other)).resolve() in here:
                raise failed(BAD_TABLE, path, f"`network` names `{other}`, and that is this configuration again")
            return _entries(place(other), here)
        networks = config["networks"]
        listed = [*networks.get("nodes", ()), *networks.get("edges", ())]
        return [{k: place(str(v)) if k.endswith("_file") and v else v for k, v in e.items()} for e in listed]
    except (KeyError, TypeError, AttributeError):
        kind, _ = files.kind_of_json(config)
        hint = "it has `networks` with `nodes` and `edges`, or as `network` the path of a file that has them"
        raise failed(UNREADABLE, path, f"this is no circuit configuration of SONATA: {kind}", hint) from None


def _types(path: str, report: ImportReport) -> _Types:
    frame = frames.read(path, Options(), ImportReport())
    identifier = next((c for c in ("node_type_id", "edge_type_id") if c in frame.data.columns), None)
    if identifier is None:
        message = f"`{path}` has neither `node_type_id` nor `edge_type_id`"
        raise failed(BAD_TABLE, Span(path, 1), message, "SONATA keeps types in such a table")
    ids: dict[int, None] = {}
    for row, text in enumerate(frame.texts(identifier).tolist()):
        if not text.isdigit() or int(text) in ids:
            what = "is there twice" if text.isdigit() else "is no number"
            raise failed(BAD_TABLE, frame.location(row, identifier), f"the type {text or '(empty)'} {what}")
        ids[int(text)] = None
    report.read.append(f"{path}: {len(ids)} types")
    return _Types(path, {c: _present(frame.texts(c)) for c in frame.data.columns}, list(ids))


def _present(values: np.ndarray) -> np.ndarray:
    """Return text in which what is not there is empty."""
    return np.where(values == ABSENT, "", values).astype(object)


def _merged(tables: list[_Types]) -> _Types | None:
    """Return several tables of types as one."""
    seen: dict[int, None] = {}
    for one in tables:
        if both := [type_id for type_id in one.ids if type_id in seen]:
            raise failed(AMBIGUOUS, one.path, f"the type {both[0]} is in two tables", "import one network at a time")
        seen |= dict.fromkeys(one.ids)
    return _Types(tables[0].path, _stacked([t.columns for t in tables]), list(seen)) if tables else None


@contextmanager
def _opened(path: str) -> Iterator[h5py.File]:
    try:
        file = files.hdf5(path)
    except OSError as error:
        if found := files.kind_of_text(files.beginning(path)):
            raise failed(UNREADABLE, path, f"this is {found[0]}, and no SONATA file", found[1]) from None
        text = str(error).lower()
        cut = "truncated" in text
        message = f"`{path}` is {'cut off' if cut else 'no HDF5 file, whatever its name says'}"
        raise failed(UNREADABLE, path, message, "copy or export it again") from None
    with file:
        try:
            yield file
        except (OSError, RuntimeError, KeyError) as error:
            files.refuse_missing_filter(path)
            raise failed(UNREADABLE, path, f"`{path}` is damaged: {str(error).splitlines()[0][:160]}") from None


def _location(node: Any, row: int | None = None) -> Span:
    """Return the location of a group or a dataset of an HDF5 file, or of one row of it."""
    return Span(node.file.filename, inside=node.name + ("" if row is None else f"[{row}]"))


def _populations(part: Any) -> dict[str, Any]:
    """Return the populations of ``/nodes`` or ``/edges``."""
    return {name: group for name, group in part.items() if isinstance(group, h5py.Group)}


def _groups(population: Any) -> dict[str, Any]:
    """Return the numbered groups of a population, which hold attributes."""
    return {k: g for k, g in population.items() if k.isdigit() and isinstance(g, h5py.Group)}


def _names(group: Any) -> list[str]:
    """Return the attributes that a numbered group has."""
    return [n for n, d in group.items() if isinstance(d, h5py.Dataset) and d.ndim == 1]


def _dataset(group: Any, name: str, length: int | None = None) -> Any:
    """Return a 1-D dataset of a group."""
    node = group.get(name)
    inside = f"{group.name}/{name}"
    if not isinstance(node, h5py.Dataset) or node.ndim != 1:
        raise failed(BAD_TABLE, _location(group), f"there is no dataset `{inside}`", "SONATA needs it")
    if length is not None and len(node) != length:
        message = f"`{inside}` has {len(node):,} entries, and {length:,} are expected"
        raise failed(BAD_TABLE, _location(node), message, "the file may be cut off")
    return node


def _integers(data: Any, part: slice = slice(None)) -> np.ndarray:
    return np.asarray(data[part]).astype(np.int64)


def _text(values: Any) -> np.ndarray:
    """Return attribute values as text."""
    array = np.asarray(values)
    if array.dtype.kind == "S" or (array.dtype.kind == "O" and len(array) and isinstance(array[0], bytes)):
        return _present(np.array([v.decode("utf-8", "replace") for v in array.tolist()], object))
    return _present(np.array([str(v) for v in array.tolist()], object))


def _nodes(path: str, circuit: _Circuit, report: ImportReport) -> Iterator[dict[str, np.ndarray]]:
    """Yield what is said of the nodes of each population, as text by attribute, and note where they are."""
    types = circuit.node_types
    with _opened(path) as file:
        for name, population in _populations(file["nodes"]).items():
            size = _size(population)
            order = _order(name, population, size)
            columns: dict[str, np.ndarray] = {"population": np.full(size, name, object)}
            if types is not None:
                row = _type_rows(_dataset(population, "node_type_id", size), slice(None), types, "node")
                columns |= {c: v[row] for c, v in types.columns.items() if c != "node_type_id"}
            columns |= _attributes(population, size, columns)
            if name in circuit.start:
                raise failed(AMBIGUOUS, path, f"the node population `{name}` is in two files")
            circuit.start[name], circuit.size[name] = sum(circuit.size.values()), size
            report.read.append(f"{path}: population `{name}`, {size:,} nodes")
            yield {c: values[order] for c, values in columns.items()}


def _size(population: Any) -> int:
    """Return how many nodes a population has: what its types, its groups or the attributes of its one group say."""
    for name in ("node_type_id", "node_id", "node_group_id"):
        if name in population:
            return len(_dataset(population, name))
    attributes = _names(population["0"]) if "0" in population else []
    if not attributes:
        hint = "SONATA keeps that in `node_type_id`"
        raise failed(BAD_TABLE, _location(population), "nothing says how many nodes there are", hint)
    return len(population["0"][attributes[0]])


def _order(name: str, population: Any, size: int) -> np.ndarray:
    """Return which row each node is, by its number."""
    if "node_id" not in population:
        return np.arange(size)
    data = _dataset(population, "node_id", size)
    ids = np.asarray(data[()])
    order = np.argsort(ids, kind="stable")
    if size and not np.array_equal(ids[order], np.arange(size)):
        raise failed(BAD_TABLE, _location(data), f"the node ids of `{name}` are not 0 to {size - 1:,}, each once")
    return order


def _members(population: Any, prefix: str, part: slice, whole: int) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
    """Yield each numbered group, which nodes or edges of a part are in it, and their indices in there.

    Where nothing says the groups, all are in group 0.
    """
    ids, indices = np.zeros(part.stop - part.start, np.int64), np.arange(part.start, part.stop)
    groups = _groups(population)
    if groups and f"{prefix}_group_id" in population:
        ids = _integers(_dataset(population, f"{prefix}_group_id", whole), part)
        indices = _integers(_dataset(population, f"{prefix}_group_index", whole), part)
    for key, group in groups.items():
        mine = np.flatnonzero(ids == int(key))
        yield group, mine, indices[mine]


def _type_rows(data: Any, part: slice, types: _Types, what: str) -> np.ndarray:
    """Return the row of the type of each node or edge; ``data``: a dataset of types."""
    import pandas as pd

    ids = _integers(data, part)
    rows = pd.Index(types.ids, dtype="int64").get_indexer(pd.Index(ids))
    if (missing := rows < 0).any():
        message = f"{int(missing.sum()):,} {what}s have the type {ids[missing][0]}, which `{types.path}` does not list"
        hint = f"name the table of {what} types that belongs to this file"
        raise failed(UNKNOWN_NODE, _location(data), message, hint)
    return rows


def _attributes(population: Any, size: int, before: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return attributes of the numbered groups, as text; over those of the types, group by group."""
    found: dict[str, np.ndarray] = {}
    for group, mine, index in _members(population, "node", slice(0, size), size):
        for name in _names(group):
            column = found.get(name, before.get(name, np.full(size, "", object)).copy())
            column[mine] = _text(_picked(group, name, index))
            found[name] = column
    return found


def _picked(group: Any, name: str, index: np.ndarray) -> np.ndarray:
    """Return values of an attribute by index; values that the library of the group enumerates are looked up."""
    data = group[name]
    if (lost := (index < 0) | (index >= len(data))).any():
        message = f"`{data.name}` has {len(data):,} entries, and entry {int(index[lost].max()):,} is asked for"
        raise failed(BAD_TABLE, _location(data), message, "the file may be cut off")
    low, high = (int(index.min()), int(index.max()) + 1) if len(index) else (0, 0)
    values = np.asarray(data[low:high])[index - low]
    library = group.get("@library")
    if isinstance(library, h5py.Group) and name in library:
        entries, wanted = np.atleast_1d(np.asarray(library[name][()])), values.astype(np.int64)
        if len(wanted) and not 0 <= int(wanted.min()) <= int(wanted.max()) < len(entries):
            message = f"`{data.name}` asks for entry {int(wanted.max()):,} of a library of {len(entries):,}"
            raise failed(BAD_TABLE, _location(data), message, "the file may be damaged")
        values = entries[wanted]
    return values


@dataclass(frozen=True, eq=False)
class _Block:
    """Some edges: the numbers of their neurons, and values by attribute."""

    pre: np.ndarray
    post: np.ndarray
    values: dict[str, np.ndarray]
    uncounted: np.ndarray
    """bool [edges]: whose group says no number of synapses, where another group does."""
    path: str
    inside: str
    rows: np.ndarray
    """int64 [edges]: where they are in their population."""
    electrical: np.ndarray
    """bool [edges]: that are gap junctions."""

    def part(self, which: np.ndarray) -> _Block:
        """Return some edges of the block: bool [edges]."""
        if which.all():
            return self
        values = {name: column[which] for name, column in self.values.items()}
        arrays = (a[which] for a in (self.pre, self.post, self.uncounted, self.rows, self.electrical))
        pre, post, uncounted, rows, electrical = arrays
        return _Block(pre, post, values, uncounted, self.path, self.inside, rows, electrical)

    def location(self, row: int) -> Span:
        """Return the location of an edge."""
        return Span(self.path, inside=f"{self.inside}[{self.rows[row]}]")


def _blocks(circuit: _Circuit, used: tuple[str, ...], refusal: Refusal, report: ImportReport) -> Iterator[_Block]:
    """Yield the edges of all files in blocks; attributes that are not in ``used`` are reported."""
    seen: dict[str, str] = {}
    unused: dict[str, None] = {}
    types = circuit.edge_types
    for path in circuit.edges:
        with _opened(path) as file:
            for name, population in _populations(file["edges"]).items():
                if name in seen:
                    message = f"the edge population `{name}` is in `{seen[name]}` too"
                    hint = "its edges would count twice: name one of the two files"
                    raise failed(AMBIGUOUS, _location(population), message, hint)
                seen[name] = path
                if (kind := circuit.kinds.get(name, CHEMICAL)) not in {*SYNAPSES, ELECTRICAL}:
                    count = len(_dataset(population, "source_node_id"))
                    report.drop(count, f"edges of `{name}`", f"the configuration calls them {kind}: no synapses")
                    continue
                unused |= dict.fromkeys(n for n in _said(population, types) if n not in (*used, GAP_JUNCTION))
                report.read.append(f"{path}: edges `{name}`, {len(_dataset(population, 'source_node_id')):,}")
                yield from _edges(population, circuit, refusal)
    report.unused("attributes of edges", list(unused))


def _said(population: Any, types: _Types | None) -> list[str]:
    """Return the attributes that edges have, by their types or by their groups."""
    listed = [c for c, v in types.columns.items() if (v != "").any() and c != "edge_type_id"] if types else []
    return [*listed, *(name for group in _groups(population).values() for name in _names(group))]


def _edges(population: Any, circuit: _Circuit, refusal: Refusal) -> Iterator[_Block]:
    """Yield the edges of a population in blocks."""
    sources = _dataset(population, "source_node_id")
    size = len(sources)
    ends = [(data, _end(data, circuit)) for data in (sources, _dataset(population, "target_node_id", size))]
    path = population.file.filename
    for start in range(0, size, CHUNK_EDGES):
        part = slice(start, min(size, start + CHUNK_EDGES))
        neurons, keep = [], np.ones(part.stop - start, bool)
        for data, name in ends:
            ids = _integers(data, part)
            keep = refusal.kept(keep, _stranger(data, ids, start, name, circuit.size[name]))
            neurons.append(ids + circuit.start[name])
        values, uncounted = _values(population, circuit.edge_types, part, size)
        kept = {n: v[keep] for n, v in values.items()}
        rows = start + np.flatnonzero(keep)
        electrical = _electrical(population, circuit, part, size)[keep]
        yield _Block(neurons[0][keep], neurons[1][keep], kept, uncounted[keep], path, population.name, rows, electrical)


def _electrical(population: Any, circuit: _Circuit, part: slice, whole: int) -> np.ndarray:
    """Return which edges are gap junctions, by their population, their type, or over it their group: bool [edges]."""
    size, types = part.stop - part.start, circuit.edge_types
    if circuit.kinds.get(population.name.rpartition("/")[2]) == ELECTRICAL:
        return np.ones(size, bool)
    found = np.zeros(size, bool)
    if types is not None and GAP_JUNCTION in types.columns:
        row = _type_rows(_dataset(population, "edge_type_id", whole), part, types, "edge")
        found = _truth(types.columns[GAP_JUNCTION], lambda i: Span(types.path, inside=f"type {types.ids[i]}"))[row]
    for group, mine, index in _members(population, "edge", part, whole):
        if GAP_JUNCTION in group and len(mine):
            inside = partial(_entry, group[GAP_JUNCTION], index)
            found[mine] = _truth(_text(_picked(group, GAP_JUNCTION, index)), inside)
    return found


def _entry(data: Any, index: np.ndarray, row: int) -> Span:
    """Return the location of an entry of a dataset."""
    return _location(data, int(index[row]))


def _truth(texts: np.ndarray, location: Callable[[int], Span]) -> np.ndarray:
    """Return which texts say that something is so: bool [texts].

    Raises:
        SpecError: one says neither this nor the opposite.
    """
    lowered = np.char.lower(texts.astype(str))
    if (strange := ~np.isin(lowered, [*TRUE, *FALSE])).any():
        row = int(strange.argmax())
        message = f"`{GAP_JUNCTION}` is `{texts[row]}`"
        raise failed(BAD_VALUE, location(row), message, "expected true or false")
    return np.isin(lowered, list(TRUE))


def _stranger(data: Any, ids: np.ndarray, start: int, name: str, size: int) -> Fault:
    """Return what is wrong with edges to nodes that a population of ``size`` nodes does not have."""
    return Fault(
        "to or from nodes that are not there",
        (ids < 0) | (ids >= size),
        UNKNOWN_NODE,
        lambda row: _location(data, start + row),
        lambda row: f"node {ids[row]} is not in `{name}`, which has {size:,} nodes",
        "the nodes file may belong to another network",
    )


def _end(data: Any, circuit: _Circuit) -> str:
    """Return the population of nodes that one end of edges is in."""
    named = data.attrs.get("node_population", data.attrs.get("network"))
    if isinstance(named, bytes):
        named = named.decode()
    if named is None:
        if len(circuit.start) == 1:
            return next(iter(circuit.start))
        message = "the dataset does not say which nodes it means"
        raise failed(AMBIGUOUS, _location(data), message, "SONATA keeps that in the attribute `node_population`")
    if named not in circuit.start:
        message = f"the edges join nodes of `{named}`, and no file has these"
        raise failed(UNKNOWN_NODE, _location(data), message, did_you_mean(named, circuit.start))
    return str(named)


def _values(population: Any, types: _Types | None, part: slice, whole: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return numbers of edges by attribute: those of their types, and over them those of their groups.

    Also which edges [edges] have no number of synapses, neither by type nor by group.
    """
    size = part.stop - part.start
    found: dict[str, np.ndarray] = {}
    given: dict[str, np.ndarray] = {}
    if types is not None:
        row = _type_rows(_dataset(population, "edge_type_id", whole), part, types, "edge")
        for name, numbers in _numbers_of(types).items():
            if not np.isnan(numbers[row]).all():
                found[name], given[name] = numbers[row], (types.columns[name] != "")[row]
    for group, mine, index in _members(population, "edge", part, whole):
        wanted = (*COUNT, *WEIGHT, *NUMBERS, *WORDS) if len(mine) else ()
        for name in [n for n in _names(group) if n in wanted]:
            values = _picked(group, name, index)
            numeric = values.dtype.kind in "iufb"
            column = found.get(name, np.full(size, np.nan) if numeric else np.full(size, "", object))
            found[name] = column.astype(float) if numeric else column
            found[name][mine] = values if numeric else _text(values)
            if numeric:
                given.setdefault(name, np.zeros(size, bool))[mine] = True
    counted = next((given[n] for n in COUNT if n in given), np.zeros(size, bool))
    return found, ~counted


def _numbers_of(types: _Types) -> dict[str, np.ndarray]:
    """Return what edge types say of their edges, as float64 [types], NaN where nothing is said."""
    found: dict[str, np.ndarray] = {}
    for name in (*COUNT, *WEIGHT):
        if name in types.columns:
            read = [number(text or "nan") for text in types.columns[name].tolist()]
            if None in read:
                raise failed(BAD_VALUE, types.path, f"`{name}` of a type is no number")
            found[name] = np.array(read, float)
    return found


def _areas(circuit: _Circuit, columns: dict[str, np.ndarray], options: Options, report: ImportReport) -> Wiring:
    """Return the wiring of one of our own exports, in which each node is an area and each edge a projection."""
    names = columns[AREA]
    refusal = Refusal("edges", options.invalid)
    blocks = list(_blocks(circuit, (*COUNT, *WEIGHT, *NUMBERS, *WORDS, "model_template"), refusal, report))
    refusal.report(report)
    ends = np.cumsum([len(b.pre) for b in blocks])
    if not len(ends) or not ends[-1]:
        raise failed(BAD_TABLE, circuit.edges[0], "no edge is left to import", "check the edges file and --invalid")
    source = np.concatenate([names[b.pre] for b in blocks])
    target = np.concatenate([names[b.post] for b in blocks])
    there = [name for name in (*NUMBERS, *WORDS) if any(name in b.values for b in blocks)]
    values = {name: np.concatenate([b.values[name] for b in blocks]) for name in there}
    if "weight" in values and np.isnan(values["weight"]).all():
        del values["weight"]

    def location(row: int, field: str) -> Span:
        at = int(np.searchsorted(ends, row, side="right"))
        return blocks[at].location(row - int(ends[at]) + len(blocks[at].pre))

    wiring = joined(Edges(source, target, values, location, names=tuple(names.tolist())), options, report)
    facts = {f: columns[f].tolist() for f in OWN if f in columns}
    nodes = {name: {f: _fact(v[i]) for f, v in facts.items()} for i, name in enumerate(names.tolist())}
    return with_facts(wiring, nodes)


def _fact(text: str) -> str | int | float | None:
    """Return what our own exports say of an area: a word or a number, None where nothing is known."""
    if text in {"", "nan", "-1"}:
        return None
    return int(text) if text.isdigit() else text if (found := number(text)) is None else found
