"""Areas and projections as a SONATA network: one node per area, one edge per projection.

Nodes and edges have their attributes in group 0. ``syn_weight`` is the strength, FLNe or other, for
readers that do not use FLNe; ``fln`` and ``weight`` tell which it is. Unknown numbers are NaN, unknown texts empty.

References:
    K. Dai et al. (2020), The SONATA data format, https://doi.org/10.1371/journal.pcbi.1007696
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cortexc import hdf5
from cortexc.connectome.model import Connectome

from . import graph

POPULATION = "areas"
VERSION = (0, 1)
MAGIC = 0x0A7A


def writers(path: Path) -> dict[Path, Callable[[Connectome, Path], None]]:
    """Return the four files of a network, by the path of its edges file, each with the function that writes it."""
    stem = path.stem.removesuffix("_edges")
    return {
        path: write_edges,
        path.with_name(f"{stem}_nodes.h5"): write_nodes,
        path.with_name(f"{stem}_node_types.csv"): write_node_types,
        path.with_name(f"{stem}_edge_types.csv"): write_edge_types,
    }


def write_nodes(connectome: Connectome, path: Path) -> None:
    """Write the nodes file."""
    listed = graph.nodes(connectome)
    size = len(listed)
    with hdf5.built(path) as file:
        _head(file)
        group = file.create_group(f"nodes/{POPULATION}")
        group["node_id"] = np.arange(size, dtype=np.uint64)
        values = _members(group, "node", size)
        text = h5py.string_dtype()
        for name in ("cortexc_area", "role", "circuit"):
            column = list(listed) if name == "cortexc_area" else [v.get(name, "") for v in listed.values()]
            values.create_dataset(name, data=column, dtype=text)
        for name in ("rows", "columns"):
            values[name] = np.array([v[name] for v in listed.values()], np.int64)
        for name in ("level", "surface_mm2"):
            values[name] = np.array([v.get(name, np.nan) for v in listed.values()], np.float64)


def write_edges(connectome: Connectome, path: Path) -> None:
    """Write the edges file, with both indices."""
    index = {name: i for i, name in enumerate(graph.nodes(connectome))}
    listed = graph.edges(connectome)
    source = np.array([index[a] for a, _, _ in listed], np.uint64)
    target = np.array([index[b] for _, b, _ in listed], np.uint64)
    with hdf5.built(path) as file:
        _head(file)
        group = file.create_group(f"edges/{POPULATION}_to_{POPULATION}")
        for name, ids in (("source_node_id", source), ("target_node_id", target)):
            group[name] = ids
            group[name].attrs["node_population"] = POPULATION
        values = _members(group, "edge", len(listed))
        given = [data for _, _, data in listed]
        values["syn_weight"] = np.array([data.get("fln", data.get("weight")) for data in given], np.float64)
        for name in graph.FIELDS:
            if not any(name in data for data in given):
                continue
            if name in {"mode", "direction"}:
                values.create_dataset(name, data=[data.get(name, "") for data in given], dtype=h5py.string_dtype())
            else:
                values[name] = np.array([data.get(name, np.nan) for data in given], np.float64)
        indices = group.create_group("indices")
        _index(indices.create_group("source_to_target"), source, len(index))
        _index(indices.create_group("target_to_source"), target, len(index))


def write_node_types(connectome: Connectome, path: Path) -> None:
    """Write the table of node types."""
    path.write_text(f"node_type_id model_type\n0 {POPULATION}\n", encoding="utf-8")


def write_edge_types(connectome: Connectome, path: Path) -> None:
    """Write the table of edge types."""
    path.write_text("edge_type_id model_template\n0 projection\n", encoding="utf-8")


def _head(file: Any) -> None:
    file.attrs["magic"] = np.uint32(MAGIC)
    file.attrs["version"] = np.array(VERSION, np.uint32)


def _members(population: Any, prefix: str, size: int) -> Any:
    """Put all nodes or edges of a population into group 0 and of type 0; return that group."""
    population[f"{prefix}_type_id"] = np.zeros(size, np.int64)
    population[f"{prefix}_group_id"] = np.zeros(size, np.uint32)
    population[f"{prefix}_group_index"] = np.arange(size, dtype=np.uint64)
    return population.create_group("0")


def _index(group: Any, nodes: np.ndarray, size: int) -> None:
    """Write an index from nodes to edges: for each node its ranges, and for each range its first and last edge."""
    order = np.argsort(nodes, kind="stable")
    ordered = nodes[order].astype(np.int64)
    begins = np.ones(len(nodes), bool)
    begins[1:] = (np.diff(order) != 1) | (np.diff(ordered) != 0)
    starts = np.flatnonzero(begins)
    lasts = np.append(starts[1:], len(nodes))[: len(starts)] - 1
    owner = ordered[starts]
    bounds = [np.searchsorted(owner, np.arange(size), side=side) for side in ("left", "right")]
    group["node_id_to_ranges"] = np.stack(bounds, axis=1).astype(np.uint64)
    group["node_id_to_range"] = group["node_id_to_ranges"]  # the name that older readers expect
    group["range_to_edge_id"] = np.stack([order[starts], order[lasts] + 1], axis=1).astype(np.uint64)
