"""From artifact to trained and evaluated model: the only room that knows torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluation import evaluate
    from .model import CorticalTransformer, attention_maps, build
    from .run import RunError
    from .training import Recipe, resume, train
    from .vit import to_vit

_HOMES = {
    "CorticalTransformer": "model",
    "Recipe": "training",
    "RunError": "run",
    "resume": "training",
    "attention_maps": "model",
    "build": "model",
    "evaluate": "evaluation",
    "to_vit": "vit",
    "train": "training",
}
__all__ = [
    "CorticalTransformer",
    "Recipe",
    "RunError",
    "attention_maps",
    "build",
    "evaluate",
    "resume",
    "to_vit",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
