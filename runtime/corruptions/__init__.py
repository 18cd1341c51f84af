"""The corruptions of CIFAR-10-C: what they are, how they are made, and sets of corrupted images.

>>> from runtime import corruptions
>>> corruptions.BENCHMARK[:3]
('gaussian_noise', 'shot_noise', 'impulse_noise')
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue import BENCHMARK, CORRUPTIONS, EXTRA, CorruptionError
    from .generation import Source, corrupt
    from .sets import stored
    from .writing import write

__all__ = ["BENCHMARK", "CORRUPTIONS", "EXTRA", "CorruptionError", "Source", "corrupt", "stored", "write"]

_HOMES = {"Source": "generation", "corrupt": "generation", "stored": "sets", "write": "writing"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES.get(name, 'catalogue')}", __name__), name)
