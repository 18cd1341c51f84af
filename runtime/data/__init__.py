"""The pictures a model learns from: CIFAR-10, and small digits that need no download.

>>> from runtime import data
>>> data.load("digits", None).train.images.shape
(1437, 3, 32, 32)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dataset import DataError, Dataset, ImageSet, load
    from .fetching import fetch

__all__ = ["DataError", "Dataset", "ImageSet", "fetch", "load"]

_HOMES = {"fetch": "fetching"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES.get(name, 'dataset')}", __name__), name)
