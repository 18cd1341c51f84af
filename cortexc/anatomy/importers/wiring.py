"""What every importer delivers: areas, the projections among them, and the circuits inside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cortexc.connectome.model import Circuit

NUMBERS = ("fln", "weight", "sln", "distance_mm", "delay", "delay_ms")
WORDS = ("mode", "direction")


@dataclass(frozen=True, eq=False)
class Wiring:
    """Areas and projections, as the data give them; a pair of areas has at most one projection of each mode."""

    areas: tuple[str, ...]
    source: np.ndarray
    """int64 [projections]: places in ``areas``."""
    target: np.ndarray
    """int64 [projections]"""
    values: dict[str, np.ndarray] = field(default_factory=dict)
    """float64 [projections] by field of a projection, NaN where it is not known; text for mode and direction."""
    circuits: dict[str, Circuit] = field(default_factory=dict)
    """Laminar circuits, by area."""
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What else is known of an area: grid, level, surface_mm2."""
    tables: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    """Further tables to keep beside the spec, by name: columns."""
    relay: str | None = None
    """The area that the data say is the input."""
    readout: str | None = None
    """The area that the data say is read."""
