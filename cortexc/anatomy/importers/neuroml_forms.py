"""Networks of cells in HDF5 and JSON as the elements of NeuroML: NeuroML in HDF5, NeuroMLlite and NetPyNE.

References:
    https://docs.neuroml.org/Userdocs/Software/NeuroMLlite.html
    S. Dura-Bernal et al. (2019), NetPyNE, https://doi.org/10.7554/eLife.44494
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import h5py
import numpy as np

from cortexc.connectome.diagnostics import Span, SpecError, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, BAD_VALUE, UNREADABLE

from . import files
from .report import ImportReport, cause

MOST_CONNECTIONS = 5_000_000
"""More are not laid out one by one."""
AT = "at"
"""The attribute of an element that says where in the file it was."""
_CONNECTIONS = {"projection": "connection", "electricalProjection": "electricalConnectionInstance"}
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def read(path: str, report: ImportReport) -> Any:
    """Return the root element of a network in HDF5 or JSON.

    Raises:
        SpecError: it is damaged, or of another kind.
    """
    try:
        return _of_hdf5(path) if h5py.is_hdf5(path) else _of_json(path, report)
    except SpecError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, LookupError) as error:
        lacks = f"there is no {error}" if isinstance(error, KeyError) else cause(error)
        raise failed(UNREADABLE, path, f"`{path}` cannot be read as a network: {lacks}", "export it again") from None


def _network(name: str) -> tuple[Any, Any]:
    from lxml import etree

    root = etree.Element("neuroml")
    return root, etree.SubElement(root, "network", id=name)


def _add(parent: Any, tag: str, /, **attributes: Any) -> Any:
    from lxml import etree

    return etree.SubElement(parent, tag, {k: _text(v) for k, v in attributes.items() if v is not None})


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)


def _join(network: Any, tag: str, name: str, pair: tuple[str, str], synapse: Any, at: str) -> Any:
    ends = {"presynapticPopulation": pair[0], "postsynapticPopulation": pair[1]}
    return _add(network, tag, id=name, synapse=synapse, **ends, **{AT: at})


def _connect(projection: Any, cells: tuple[int, int], weight: Any, delay_ms: Any, at: str) -> None:
    """Add a connection between cells by their numbers in their populations."""
    delay = None if delay_ms is None else f"{_text(delay_ms)} ms"
    ends = {"preCellId": cells[0], "postCellId": cells[1]}
    _add(projection, _CONNECTIONS[projection.tag], weight=weight, delay=delay, **ends, **{AT: at})


def _of_hdf5(path: str) -> Any:
    """Return NeuroML in HDF5, as libNeuroML writes it."""
    with files.hdf5(path) as file:
        if "neuroml/network" not in file:
            hint = "`cortexc import sonata`, `matrix` or `nir` read other HDF5"
            raise failed(UNREADABLE, path, "this is HDF5 and no NeuroML: it has no `neuroml/network`", hint)
        whole = file["neuroml/network"]
        root, network = _network(_text(whole.attrs.get("id", "network")))
        for group in whole.values():
            facts = {name: _text(value) for name, value in group.attrs.items() if not isinstance(value, h5py.Empty)}
            inner = next((d for d in group.values() if isinstance(d, h5py.Dataset)), None)
            if group.name.rpartition("/")[2].startswith("population_"):
                size = facts.get("size", None if inner is None else len(inner))
                population = _add(network, "population", id=facts["id"], size=size, **{AT: group.name})
                if "property:region" in facts:
                    _add(population, "property", tag="region", value=facts["property:region"])
            elif "presynapticPopulation" in facts:
                tag = facts.get("type", "projection")
                pair = facts["presynapticPopulation"], facts["postsynapticPopulation"]
                tag = tag if tag in _CONNECTIONS else "projection"
                projection = _join(network, tag, facts["id"], pair, facts.get("synapse"), group.name)
                for row, cells, weight, delay in _rows(inner):
                    _connect(projection, cells, weight, delay, f"{group.name}[{row}]")
    return root


def _rows(table: Any) -> Iterator[tuple[int, tuple[int, int], Any, Any]]:
    """Yield the row, the cells, the weight and the delay [ms] of each connection of a table."""
    if table is None:
        return
    names = [_text(table.attrs[f"column_{i}"]) for i in range(table.shape[1])]
    columns = dict(zip(names, table[()].T.tolist(), strict=True))
    unknown = [None] * len(table)
    weights, delays = columns.get("weight", unknown), columns.get("delay", unknown)
    both = zip(columns["pre_cell_id"], columns["post_cell_id"], weights, delays, strict=True)
    for row, (a, b, weight, delay) in enumerate(both):
        yield row, (int(a), int(b)), weight, delay


def _of_json(path: str, report: ImportReport) -> Any:
    data = files.json(path)
    name, inner = next(iter(data.items())) if isinstance(data, dict) and len(data) == 1 else ("", None)
    if isinstance(inner, dict) and "populations" in inner:
        report.read.append(f"{path}: {inner.get('version', 'NeuroMLlite')}")
        return _of_neuromllite(path, name, inner, report)
    if isinstance(data, dict) and isinstance(data.get("net"), dict):
        report.read.append(f"{path}: NetPyNE {data.get('netpyne_version', '')}".rstrip())
        return _of_netpyne(path, data)
    kind, hint = files.kind_of_json(data)
    raise failed(UNREADABLE, path, f"the JSON is no network of NeuroMLlite or NetPyNE: {kind}", hint)


def _of_netpyne(path: str, data: dict[str, Any]) -> Any:
    """Return a network that NetPyNE saved with its cells."""
    cells = data["net"].get("cells") or []
    if not any(cell.get("conns") for cell in cells):
        hint = "save the network with its cells: saveCellConns = True, and `net` in saveDataInclude"
        raise failed(BAD_TABLE, path, "the file has no connections of cells", hint)
    columns = data.get("simConfig", {}).get("compactConnFormat") or []
    root, network = _network(str(data.get("simConfig", {}).get("simLabel") or "network"))
    members: dict[str, list[int]] = {}
    for cell in cells:
        members.setdefault(str(cell["tags"]["pop"]), []).append(int(cell["gid"]))
    home = {gid: (pop, i) for pop, gids in members.items() for i, gid in enumerate(gids)}
    for pop, gids in members.items():
        _add(network, "population", id=pop, size=len(gids), **{AT: f"net.pops.{pop}"})
    projections: dict[tuple[str, str, bool], Any] = {}
    for number, cell in enumerate(cells):
        target, post = home[int(cell["gid"])]
        for i, said in enumerate(cell.get("conns") or ()):
            conn = dict(zip(columns, said, strict=False)) if isinstance(said, list) else said
            if not isinstance(conn["preGid"], int) or conn["preGid"] not in home:
                continue  # a stimulator, which is no cell
            source, pre = home[conn["preGid"]]
            at, gap = f"net.cells[{number}].conns[{i}]", bool(conn.get("gapJunction"))
            if (key := (source, target, gap)) not in projections:
                tag = "electricalProjection" if gap else "projection"
                projections[key] = _join(network, tag, f"{source} -> {target}", key[:2], None, at)
            _connect(projections[key], (pre, post), conn.get("weight"), conn.get("delay"), at)
    return root


def _of_neuromllite(path: str, name: str, data: dict[str, Any], report: ImportReport) -> Any:
    """Return a network of NeuroMLlite, with as many connections as are expected, evenly laid out."""
    parameters = {str(k): v for k, v in (data.get("parameters") or {}).items()}

    def value(given: Any, at: str) -> float:
        try:
            return _evaluated(given, parameters)
        except (SyntaxError, KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
            message = f"`{given}` is no number, and no sum or product of parameters"
            raise failed(BAD_VALUE, Span(path, inside=at), message, "write the number") from None

    root, network = _network(name)
    sizes: dict[str, int] = {}
    for called, about in data["populations"].items():
        sizes[called] = int(value(about.get("size", 1), f"populations.{called}.size"))
        population = _add(network, "population", id=called, size=sizes[called], **{AT: f"populations.{called}"})
        if region := about.get("region"):
            _add(population, "property", tag="region", value=region)
    for called, about in (data.get("projections") or {}).items():
        at = f"projections.{called}"
        pair = str(about["presynaptic"]), str(about["postsynaptic"])
        tag = "electricalProjection" if about.get("type") == "electricalProjection" else "projection"
        projection = _join(network, tag, called, pair, about.get("synapse"), at)
        weight, delay = value(about.get("weight", 1), f"{at}.weight"), value(about.get("delay", 0), f"{at}.delay")
        ends = sizes.get(pair[0], 0), sizes.get(pair[1], 0)
        for cells in _laid_out(path, about, ends, partial(value, at=at), at, report):
            _connect(projection, cells, weight, delay, at)
    return root


def _laid_out(
    path: str,
    about: dict[str, Any],
    sizes: tuple[int, int],
    value: Callable[[Any], float],
    at: str,
    report: ImportReport,
) -> Iterator[tuple[int, int]]:
    """Yield the cells of the connections of a projection; chance becomes what is expected."""
    pre, post = sizes
    if about.get("one_to_one_connector") is not None:
        yield from ((i, i) for i in range(min(pre, post)))
        return
    if (random := about.get("random_connectivity")) is not None:
        count = round(value(random["probability"]) * pre * post)
    elif (convergent := about.get("convergent_connectivity")) is not None:
        count = round(value(convergent["num_per_post"]) * post)
    else:
        raise failed(BAD_TABLE, Span(path, inside=at), "nothing says which cells this projection joins")
    if not 0 <= count <= min(pre * post, MOST_CONNECTIONS):
        message = f"{count:,} connections are expected of {pre * post:,} pairs of cells"
        hint = f"at most {MOST_CONNECTIONS:,} are laid out: generate the network as NeuroML, and import that"
        raise failed(BAD_VALUE, Span(path, inside=at), message, hint)
    report.guess("connections", "as many as are expected, evenly laid out", "NeuroMLlite draws them by chance")
    yield from (divmod(k * pre * post // count, post) for k in range(count))


def _evaluated(given: Any, parameters: dict[str, Any]) -> float:
    """Return a number, a parameter, or a sum or product of them.

    >>> _evaluated("N*2", {"N": 4})
    8.0
    """

    def visit(node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return _evaluated(parameters[name], {k: v for k, v in parameters.items() if k != name})
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -visit(inner)
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](visit(left), visit(right))
        raise ValueError(given)

    return float(given) if isinstance(given, int | float) else visit(ast.parse(str(given), mode="eval").body)
