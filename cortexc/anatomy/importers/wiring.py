"""What every importer delivers: areas, the projections among them, and the circuits inside them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cortexc.connectome.model import Circuit

NUMBERS = ("fln", "weight", "sln", "distance_mm", "delay", "delay_ms")
WORDS = ("mode", "direction")
FACTS = ("level", "surface_mm2")
OWN = (*FACTS, "role", "rows", "columns")
"""What our own exports say of a node."""


@dataclass(frozen=True, eq=False)
class Wiring:
    """Areas and projections, as the data give them; a pair of areas has at most one projection of each mode."""

    areas: tuple[str, ...]
    source: np.ndarray
    """int64 [projections]: the area that sends each one, as its index in ``areas``."""
    target: np.ndarray
    """int64 [projections]: the area that receives it, likewise."""
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
    numbered: bool = False
    """Whether the names of areas are invented, and so say nothing: area1, area2."""

    def picked(self, rows: np.ndarray) -> Wiring:
        """Return the wiring of some projections, or of all in another order: by index, or bool [projections]."""
        values = {name: column[rows] for name, column in self.values.items()}
        return replace(self, source=self.source[rows], target=self.target[rows], values=values)


def with_facts(wiring: Wiring, nodes: dict[str, dict[str, Any]]) -> Wiring:
    """Add what our own exports say of areas: numbers and the role, by name of the area."""
    facts: dict[str, dict[str, Any]] = {}
    for name, data in nodes.items():
        known: dict[str, Any] = {f: float(data[f]) for f in FACTS if isinstance(data.get(f), int | float)}
        if all(isinstance(data.get(f), int) for f in ("rows", "columns")):
            known["grid"] = (data["rows"], data["columns"])
        if known:
            facts[name] = known
    roles = {str(data["role"]): name for name, data in nodes.items() if data.get("role") in ("input", "readout")}
    return replace(wiring, facts=facts, relay=roles.get("input"), readout=roles.get("readout"))
