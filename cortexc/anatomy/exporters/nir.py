"""Areas and projections as a NIR graph: an integrator per area, a linear node per projection with its strength.

Each area is one unit, since a spec gives one strength for a whole projection. What NIR has no place for is in the
metadata of nodes, with the name of the area: nir 1.0.8 cannot read a name with a slash, which is two groups of HDF5.

References:
    J. E. Pedersen et al. (2024), Neuromorphic intermediate representation, https://doi.org/10.1038/s41467-024-52259-9
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cortexc.connectome.model import Connectome

from . import graph

VERSION = "1.0.8"
"""Of the library that reads these files back."""
OUTPUT = "output"


def write(connectome: Connectome, path: Path) -> None:
    """Write the graph."""
    areas = graph.nodes(connectome)
    taken = {OUTPUT}
    names = {area: _free(area, taken) for area in areas}
    with h5py.File(path, "w") as file:
        file.create_dataset("version", data=VERSION, dtype=h5py.string_dtype())
        whole = file.create_group("node")
        _put(whole, {"type": "NIRGraph", "metadata": {"name": connectome.name}})
        nodes = whole.create_group("nodes")
        for area, facts in areas.items():
            kind = (
                {"type": "Input", "shape": np.array([1])}
                if facts.get("role") == "input"
                else {"type": "I", "r": np.ones(1)}
            )
            _put(nodes.create_group(names[area]), {**kind, "metadata": {"name": area, **facts}})
        edges = []
        for source, target, given in graph.edges(connectome):
            name = _free(f"{source} to {target}", taken)
            weight = np.full((1, 1), given.get("fln", given.get("weight")), np.float64)
            _put(nodes.create_group(name), {"type": "Linear", "weight": weight, "metadata": given})
            edges += [(names[source], name), (name, names[target])]
        _put(nodes.create_group(OUTPUT), {"type": "Output", "shape": np.array([1])})
        edges.append((names[connectome.readout.area], OUTPUT))
        whole.create_dataset("edges", data=edges, dtype=h5py.string_dtype())


def _free(name: str, taken: set[str]) -> str:
    """Return a name of a node without a slash that no other node has, and take it."""
    base = found = name.replace("/", "_")
    number = 2
    while found in taken:
        found, number = f"{base} {number}", number + 1
    taken.add(found)
    return found


def _put(group: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            _put(group.create_group(name), value)
        elif isinstance(value, str):
            group.create_dataset(name, data=value, dtype=h5py.string_dtype())
        else:
            group[name] = value
