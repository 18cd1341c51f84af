"""Delays of projections, in steps of the schedule."""

from __future__ import annotations

from .model import Projection


def delay_steps(projection: Projection, step_ms: float | None) -> int | None:
    """Return a projection's delay [steps], or None if none is given (the schedule then decides)."""
    if projection.delay is not None or projection.delay_ms is None or not step_ms:
        return projection.delay
    return round(projection.delay_ms / step_ms)
