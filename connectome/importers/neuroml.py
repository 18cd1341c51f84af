"""NeuroML 2 networks: populations and projections; electrical ones are kept apart from chemical ones.

References:
    R. C. Cannon et al. (2014), LEMS, https://doi.org/10.3389/fninf.2014.00079
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..diagnostics.importing import BAD_TABLE, BAD_VALUE, UNKNOWN_NODE, UNREADABLE
from ..diagnostics.span import Span
from ..model import Circuit
from . import frames
from .neurons import layer_of
from .options import Options
from .report import ImportReport, failed
from .wiring import Wiring

CHEMICAL = {
    "projection": ("connection", "connectionWD"),
    "continuousProjection": (
        "continuousConnection", "continuousConnectionInstance", "continuousConnectionInstanceW",
    ),
}  # fmt: skip
ELECTRICAL = ("electricalConnection", "electricalConnectionInstance", "electricalConnectionInstanceW")
_NAME = re.compile(r"^(?:(?P<area>.+?)[_-])?L?(?P<layer>2/3|2_3|23|5/6|5_6|56|[1-6])[_-]?(?P<kind>[EeIi]|exc|inh)?$")


def read(paths: list[str], options: Options, report: ImportReport) -> Wiring:
    """Read one NeuroML file.

    Raises:
        SpecError: not well-formed, no network, a projection of a population that is not there, a bad weight.
    """
    from lxml import etree

    if len(paths) != 1:
        raise failed(BAD_TABLE, paths[1], "a NeuroML network is one file")
    path = paths[0]
    frames.exists(path)
    if path.endswith((".h5", ".hdf5")):
        raise failed(UNREADABLE, path, "this is NeuroML in HDF5", "export it as XML (pyNeuroML: pynml -xml)")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.parse(path, parser).getroot()
    except etree.XMLSyntaxError as error:
        line, column = error.position or (1, 0)
        message = f"the XML is not well-formed: {str(error.msg).partition(', line')[0]}"
        raise failed(UNREADABLE, Span(path, line, max(1, column)), message, "the file may be cut off") from None
    except OSError as error:
        raise failed(UNREADABLE, path, f"the XML cannot be read: {str(error).partition(': ')[2] or error}") from None
    networks = [e for e in root.iter() if _tag(e) == "network"]
    if not networks:
        raise failed(BAD_TABLE, path, "there is no <network> in this file", "name the file that has it (.net.nml)")
    if len(networks) > 1:
        report.guess("network", networks[0].get("id", ""), f"the first of {len(networks)}")
    return _wiring(networks[0], path, options, report)


def _tag(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _wiring(network: Any, path: str, options: Options, report: ImportReport) -> Wiring:
    cells: dict[str, float] = {}
    region: dict[str, str] = {}
    other: dict[str, int] = {}
    sums: dict[tuple[str, str], list[float]] = {}
    electrical: list[tuple[str, str, float]] = []
    lines: dict[str, int] = {}
    for element in network:
        tag = _tag(element)
        if tag == "population":
            name = element.get("id", "")
            instances = sum(_tag(e) == "instance" for e in element)
            size = element.get("size")
            if size is not None and not size.isdigit():
                raise failed(BAD_VALUE, Span(path, element.sourceline), f"the size of `{name}` is `{size}`")
            if name in cells:
                raise failed(BAD_TABLE, Span(path, element.sourceline), f"the population `{name}` is there twice")
            cells[name] = float(size or instances or 1)
            lines[name] = element.sourceline
            for e in element:
                if _tag(e) == "property" and e.get("tag") == "region":
                    region[name] = e.get("value", "")
        elif tag in CHEMICAL:
            _chemical(element, CHEMICAL[tag], cells, sums, path)
        elif tag == "electricalProjection":
            pair = _pair(element, cells, path)
            count = sum(_tag(e) in ELECTRICAL for e in element)
            electrical.append((*pair, float(count)))
        elif tag:
            other[tag] = other.get(tag, 0) + 1
    for tag, count in other.items():
        report.drop(count, f"<{tag}> elements", "they are no populations and no projections")
    if not cells:
        raise failed(BAD_TABLE, Span(path, network.sourceline), "the network has no populations")
    report.read.append(
        f"{path}: {len(cells)} populations, {len(sums)} chemical and {len(electrical)} electrical projections"
    )
    if electrical:
        report.drop(
            len(electrical), "electrical projections", "gap junctions are no projections; they are in /electrical",
            f"{electrical[0][0]} -> {electrical[0][1]}",
        )  # fmt: skip
    return _areas(cells, region, sums, electrical, lines, path, options, report)


def _pair(element: Any, cells: dict[str, float], path: str) -> tuple[str, str]:
    pair = element.get("presynapticPopulation", ""), element.get("postsynapticPopulation", "")
    for name in pair:
        if name not in cells:
            message = f"the projection `{element.get('id')}` names the population `{name}`, which is not there"
            raise failed(UNKNOWN_NODE, Span(path, element.sourceline), message)
    return pair


def _chemical(
    element: Any, known: tuple[str, ...], cells: dict[str, float], sums: dict[tuple[str, str], list[float]], path: str
) -> None:
    """Add up the connections of a projection: how many, and their weights."""
    pair = _pair(element, cells, path)
    total = sums.setdefault(pair, [0.0, 0.0])
    for connection in element:
        tag = _tag(connection)
        if not tag:
            continue
        if tag not in known:
            message = f"<{tag}> does not belong into a <{_tag(element)}>"
            raise failed(BAD_TABLE, Span(path, connection.sourceline), message)
        text = connection.get("weight", "1")
        try:
            weight = float(text)
        except ValueError:
            weight = float("nan")
        if not np.isfinite(weight):
            place = Span(path, connection.sourceline)
            raise failed(BAD_VALUE, place, f"the weight of this connection is `{text}`", "expected a finite number")
        total[0] += 1
        total[1] += weight


def _areas(
    cells: dict[str, float],
    region: dict[str, str],
    sums: dict[tuple[str, str], list[float]],
    electrical: list[tuple[str, str, float]],
    lines: dict[str, int],
    path: str,
    options: Options,
    report: ImportReport,
) -> Wiring:
    """Return areas with circuits of the populations that their names put there."""
    sign: dict[str, set[bool]] = {}
    for (origin, end), (_, weight) in sums.items():
        if weight != 0:
            sign.setdefault(origin, set()).add(weight < 0)
        del end
    parts: dict[str, tuple[str, str, str | None, bool]] = {}
    for name in cells:
        found = _NAME.match(name)
        area = (found["area"] if found and found["area"] else region.get(name)) or name
        layer = layer_of(found["layer"]) if found else None
        signs = sign.get(name, set())
        if len(signs) > 1:
            message = f"`{name}` has positive weights and negative ones, against Dale's law"
            raise failed(BAD_VALUE, Span(path, lines[name]), message, "divide it into two populations")
        inhibits = True in signs or (not signs and bool(found and (found["kind"] or "").lower().startswith("i")))
        short = name[len(area) :].strip("_-") if name.startswith(area) else name
        parts[name] = (area, short or ("I" if inhibits else "E"), layer, inhibits)
    report.guess("areas and layers", "from the names of the populations", "as in V1_L23_E")
    report.guess("kind of populations", "inhibitory", "their weights are negative, or their names end in I")
    names = tuple(dict.fromkeys(p[0] for p in parts.values()))
    circuits: dict[str, Circuit] = {}
    for area in names:
        mine = [n for n, p in parts.items() if p[0] == area]
        if all(parts[n][3] for n in mine):
            report.drop(1, "areas", "all its populations are inhibitory", area)
            continue
        populations = {
            parts[n][1]: {
                "kind": "inhibitory" if parts[n][3] else "excitatory",
                **({"layer": parts[n][2]} if parts[n][2] else {}),
                "cells": cells[n],
                "source": "data",
            }
            for n in mine
        }
        matrix = [
            [float(f"{min(1.0, sums.get((o, e), [0.0])[0] / (cells[o] * cells[e])):.6g}") for o in mine] for e in mine
        ]
        body = {"rows": "target", "populations": list(populations), "probability": matrix, "source": "data"}
        given = {"connections": body} if any(any(row) for row in matrix) else {}
        circuits[area] = Circuit.model_validate({"populations": populations, **given, "source": "data"})
    table = {
        "from": np.array([o for o, _ in sums], object),
        "to": np.array([e for _, e in sums], object),
        "pairs": np.array([v[0] for v in sums.values()]),
        "weight": np.array([v[1] for v in sums.values()]),
    }
    tables = {"connections": table}
    if electrical:
        tables["electrical"] = {
            "from": np.array([e[0] for e in electrical], object),
            "to": np.array([e[1] for e in electrical], object),
            "pairs": np.array([e[2] for e in electrical]),
        }
    return _between(tuple(circuits), parts, sums, circuits, tables, options, report)


def _between(
    areas: tuple[str, ...],
    parts: dict[str, tuple[str, str, str | None, bool]],
    sums: dict[tuple[str, str], list[float]],
    circuits: dict[str, Circuit],
    tables: dict[str, dict[str, np.ndarray]],
    options: Options,
    report: ImportReport,
) -> Wiring:
    """Return the projections among areas: weights summed over populations, SLN from where they leave."""
    from ..laminar import INFRAGRANULAR, SUPRAGRANULAR

    index = {name: i for i, name in enumerate(areas)}
    strength: dict[tuple[int, int], list[float]] = {}
    silent = []
    for (origin, end), (count, weight) in sums.items():
        a, b = parts[origin][0], parts[end][0]
        if a == b or a not in index or b not in index:
            continue
        if parts[origin][3]:
            silent.append(f"{origin} -> {end}")
            continue
        value = count if options.strength in {"connections", "synapses"} and weight == count else weight
        total = strength.setdefault((index[a], index[b]), [0.0, 0.0, 0.0])
        total[0] += value
        layer = parts[origin][2]
        total[1] += value if layer in SUPRAGRANULAR - {"L1"} else 0.0
        total[2] += value if layer in INFRAGRANULAR else 0.0
    report.drop(
        len(silent), "projections of inhibitory populations to other areas",
        "inhibitory populations stay within their area", silent[0] if silent else "",
    )  # fmt: skip
    kept = {pair: v for pair, v in strength.items() if v[0] > 0}
    report.drop(len(strength) - len(kept), "projections of weight 0", "no strength, no projection")
    columns = np.array(list(kept.values())).reshape(-1, 3)
    values = {"weight": columns[:, 0]}
    with np.errstate(invalid="ignore"):
        sln = columns[:, 1] / (columns[:, 1] + columns[:, 2])
    if len(sln) and not np.isnan(sln).all():
        values["sln"] = sln
        report.guess("sln", "the part of the weight that leaves the supragranular layers", "NeuroML counts no neurons")
    ends = np.array(list(kept), np.int64).reshape(-1, 2)
    return Wiring(areas, ends[:, 0], ends[:, 1], values, circuits=circuits, tables=tables)
