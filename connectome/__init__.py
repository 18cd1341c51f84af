"""What a connectome is: the language of specs, reading and writing them, and the checker.

>>> import connectome
>>> connectome.load("macaque-ventral").name
'macaque-ventral'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checker import check, explain, load
    from .diagnostics.error import SpecError
    from .diagnostics.report import Report
    from .diagnostics.rule import Diagnostic, Severity
    from .diagnostics.span import Span
    from .edges import from_edges
    from .io.files import dump
    from .model import Area, Circuit, Connectome, Population, Projection, Source
    from .schema import json_schema

__all__ = [
    "Area",
    "Circuit",
    "Connectome",
    "Diagnostic",
    "Population",
    "Projection",
    "Report",
    "Severity",
    "Source",
    "Span",
    "SpecError",
    "check",
    "dump",
    "explain",
    "from_edges",
    "json_schema",
    "load",
]

_HOMES = {
    "check": "checker",
    "explain": "checker",
    "load": "checker",
    "Report": "diagnostics.report",
    "SpecError": "diagnostics.error",
    "Diagnostic": "diagnostics.rule",
    "Severity": "diagnostics.rule",
    "Span": "diagnostics.span",
    "from_edges": "edges",
    "dump": "io.files",
    "json_schema": "schema",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES.get(name, 'model')}", __name__), name)
