"""Areas and projections as a SONATA network: one node per area, one edge per projection.

Nodes and edges have their attributes in group 0. ``syn_weight`` is the strength, FLNe or other, for
readers that do not use FLNe; ``fln`` and ``weight`` tell which it is. Unknown numbers are NaN, unknown texts empty.

References:
    K. Dai et al. (2020), The SONATA data format, https://doi.org/10.1371/journal.pcbi.1007696
    https://sonata-extension.readthedocs.io/en/latest/sonata_config.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cortexc import hdf5
from cortexc.connectome.model import Connectome

from . import graph

POPULATION = "areas"
EDGES = f"{POPULATION}_to_{POPULATION}"
NODE_TYPE, EDGE_TYPE = "virtual", "brian2_synapse"
CONFIG = "circuit_config.json"
VERSION = (0, 1)
MAGIC = 0x0A7A


def writers(path: Path) -> dict[Path, Callable[[Connectome, Path], None]]:
    """Return the five files of a network, by the path of its edges file, each with the function that writes it."""
    stem = path.stem.removesuffix("_edges")
    nodes, node_types, edge_types = (f"{stem}_{part}" for part in ("nodes.h5", "node_types.csv", "edge_types.csv"))
    return {
        path: write_edges,
        path.with_name(nodes): write_nodes,
        path.with_name(node_types): write_node_types,
        path.with_name(edge_types): write_edge_types,
        path.with_name(CONFIG): partial(
            _write_config,
            nodes={"nodes_file": nodes, "node_types_file": node_types},
            edges={"edges_file": path.name, "edge_types_file": edge_types},
        ),
    }


def _write_config(connectome: Connectome, path: Path, *, nodes: dict[str, str], edges: dict[str, str]) -> None:
    """Write the configuration of the circuit, which names the other files.

    The types of populations are those of which SONATA asks for nothing that only a cell has.
    """

    def listed(files: dict[str, str], population: str, kind: str) -> list[dict[str, Any]]:
        places = {key: f"$BASE_DIR/{name}" for key, name in files.items()}
        return [{**places, "populations": {population: {"type": kind}}}]

    networks = {"nodes": listed(nodes, POPULATION, NODE_TYPE), "edges": listed(edges, EDGES, EDGE_TYPE)}
    config = {"version": 2, "manifest": {"$BASE_DIR": "."}, "networks": networks}
    path.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


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
        values.create_dataset("model_type", data=[NODE_TYPE] * size, dtype=text)
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
        group = file.create_group(f"edges/{EDGES}")
        for name, ids in (("source_node_id", source), ("target_node_id", target)):
            group[name] = ids
            group[name].attrs["node_population"] = POPULATION
        values = _members(group, "edge", len(listed))
        values.create_dataset("model_template", data=["projection"] * len(listed), dtype=h5py.string_dtype())
        given = [data for _, _, data in listed]
        values["syn_weight"] = np.array([data.get("fln", data.get("weight")) for data in given], np.float64)
        for name in graph.FIELDS:
            if not any(name in data for data in given):
                continue
            if name in {"mode", "direction"}:
                values.create_dataset(name, data=[data.get(name, "") for data in given], dtype=h5py.string_dtype())
            else:
                kind = np.float32 if name == "delay" else np.float64  # whole steps; SONATA asks for this type
                values[name] = np.array([data.get(name, np.nan) for data in given], kind)
        indices = group.create_group("indices")
        _index(indices.create_group("source_to_target"), source, len(index))
        _index(indices.create_group("target_to_source"), target, len(index))


def write_node_types(connectome: Connectome, path: Path) -> None:
    """Write the table of node types."""
    path.write_text(f"node_type_id model_type\n0 {NODE_TYPE}\n", encoding="utf-8")


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
