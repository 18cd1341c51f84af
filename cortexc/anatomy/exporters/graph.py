"""The graph of a connectome: areas and the input as nodes, projections and horizontal connections as edges.

Node attributes: ``role`` (input, readout), ``rows`` and ``columns`` of the grid, ``circuit``, ``level``,
``surface_mm2``. Edge attributes are the fields of a projection; the strength is in ``fln`` where it is an FLNe, else in
``weight``, which is 1 where a spec gives none. A horizontal connection is an edge from an area to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortexc.connectome.area_graph import strength
from cortexc.connectome.model import Connectome, Projection

if TYPE_CHECKING:
    import networkx as nx

FIELDS = ("fln", "weight", "sln", "distance_mm", "delay", "delay_ms", "mode", "direction")
"""The attributes of an edge, in the order of the columns of a table."""


def nodes(connectome: Connectome) -> dict[str, dict[str, Any]]:
    """Return the attributes of each node, by name; the input comes first."""
    rows, columns = connectome.input.grid
    found: dict[str, dict[str, Any]] = {connectome.input.name: {"role": "input", "rows": rows, "columns": columns}}
    for name, area in connectome.areas.items():
        facts: dict[str, Any] = {"rows": area.grid[0], "columns": area.grid[1]}
        if name == connectome.readout.area:
            facts["role"] = "readout"
        for key in ("circuit", "level", "surface_mm2"):
            if (value := getattr(area, key)) is not None:
                facts[key] = value
        found[name] = facts
    return found


def edges(connectome: Connectome) -> list[tuple[str, str, dict[str, Any]]]:
    """Return origin, target and attributes of each projection, then of the horizontal connections of each area."""
    found = [(p.origin, p.target, _attributes(p)) for p in connectome.projections]
    found += [(name, name, {"weight": lateral.weight}) for name, lateral in connectome.lateral.items()]
    return found


def _attributes(p: Projection) -> dict[str, Any]:
    values = {name: getattr(p, name) for name in FIELDS}
    if p.fln is None:
        values["weight"] = strength(p)
    if values["mode"] == "driving":
        values["mode"] = None
    return {name: value for name, value in values.items() if value is not None}


def as_networkx(connectome: Connectome) -> nx.DiGraph[str]:
    """Return the graph; a ``MultiDiGraph`` if any pair of areas has projections of several modes."""
    import networkx as nx

    listed = edges(connectome)
    several = len({(a, b) for a, b, _ in listed}) < len(listed)
    graph: nx.DiGraph[str] = nx.MultiDiGraph() if several else nx.DiGraph()
    graph.graph["name"] = connectome.name
    graph.add_nodes_from(nodes(connectome).items())
    graph.add_edges_from(listed)
    return graph
