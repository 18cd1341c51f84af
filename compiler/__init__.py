"""From connectome to artifact: six passes over one typed graph.

>>> import compiler
>>> program = compiler.compile("vit-tiny", seed=0)
>>> program.parameter_counts["readout"]
1162
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .artifact import ArtifactError, Program, load
    from .checker import check, explain
    from .pipeline import compile, run

__all__ = ["ArtifactError", "Program", "check", "compile", "explain", "load", "run"]

_HOMES = {
    "ArtifactError": "artifact",
    "Program": "artifact",
    "load": "artifact",
    "check": "checker",
    "compile": "pipeline",
    "explain": "checker",
    "run": "pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
