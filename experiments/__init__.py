"""Experiments: arms that differ in their connectivity, trained and tested alike, and what the difference is worth.

>>> import experiments
>>> experiments.load("multiscale").baseline
'dense'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checker import check, load
    from .model import Experiment
    from .schema import json_schema

__all__ = ["Experiment", "check", "json_schema", "load"]

_HOMES = {"Experiment": "model", "check": "checker", "load": "checker", "json_schema": "schema"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
