"""Anatomy in: tables, matrices, SONATA, graphs, NeuroML and lists of synapses become specs.

>>> import networkx as nx
>>> from connectome.importers import from_graph
>>> from_graph(nx.DiGraph([("V1", "V2"), ("V2", "V4")])).connectome.readout.area
'V4'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .options import Options
    from .reading import FORMATS, Imported, from_graph, read
    from .report import ImportReport

_HOMES = {
    "Options": "options",
    "ImportReport": "report",
    "FORMATS": "reading",
    "Imported": "reading",
    "from_graph": "reading",
    "read": "reading",
}
__all__ = ["FORMATS", "ImportReport", "Imported", "Options", "from_graph", "read"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
