"""The face of the project: load, check, compile and build in one import, and the command line.

>>> import cortexc
>>> cortexc.compile("macaque-ventral").parameter_counts["attention"]
20440
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compiler import Program, check, compile
    from connectome import Connectome, Report, SpecError, dump, from_edges, load
    from runtime import attention_maps, build, evaluate, resume, to_vit, train

_HOMES = {
    "connectome": ("Connectome", "Report", "SpecError", "dump", "from_edges", "load"),
    "compiler": ("Program", "check", "compile"),
    "runtime": ("attention_maps", "build", "evaluate", "resume", "to_vit", "train"),
}
__all__ = [
    "Connectome",
    "Program",
    "Report",
    "SpecError",
    "attention_maps",
    "build",
    "check",
    "compile",
    "dump",
    "evaluate",
    "from_edges",
    "load",
    "resume",
    "to_vit",
    "train",
]


def __getattr__(name: str) -> Any:
    for room, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(room), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
