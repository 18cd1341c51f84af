"""Anatomy out: the areas and projections of a spec as GraphML, node-link JSON, CSV edge list, SONATA and networkx.

>>> import connectome
>>> from connectome.exporters import as_networkx
>>> sorted(as_networkx(connectome.load("macaque-ventral")).successors("V1"))
['V1', 'V2', 'V4']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .graph import as_networkx
    from .writing import FORMATS, Exported, write

_HOMES = {"as_networkx": "graph", "FORMATS": "writing", "Exported": "writing", "write": "writing"}
__all__ = ["FORMATS", "Exported", "as_networkx", "write"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
