"""Null models: what a connectome is compared with. Each keeps something exactly and destroys something, and says so.

>>> import connectome
>>> from connectome.nulls import null
>>> null(connectome.load("macaque-ventral"), "degree", seed=1).null_model.model
'degree'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .models import MODELS, NullError, null

_HOMES = {"MODELS": "models", "NullError": "models", "null": "models"}
__all__ = ["MODELS", "NullError", "null"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
