"""Quantities: a number with a unit, as people write them, converted to the unit that a field is stored in."""

from __future__ import annotations

import re

_FACTORS: dict[str, dict[str, float]] = {
    "length": {"nm": 1e-6, "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1e3},
    "time": {"us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3},
}
"""Per dimension: unit -> its size in the dimension's own unit, millimetres for lengths, milliseconds for times."""

_QUANTITY = re.compile(r"\s*([-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?)\s*([^\d\s].*?)?\s*")


class UnitError(ValueError):
    """A quantity has no unit, an unknown one, or one of another dimension."""


def parse_quantity(text: str, dimension: str) -> float:
    """Return ``text`` in millimetres (``dimension="length"``) or milliseconds (``"time"``).

    >>> parse_quantity("93 um", "length")
    0.093

    Raises:
        UnitError: not a number with a unit of that dimension.
    """
    known = _FACTORS[dimension]
    match = _QUANTITY.fullmatch(text)
    units = ", ".join(u for u in known if u.isascii())
    if match is None:
        raise UnitError(f"`{text}` is not a {dimension}: write a number and one of {units}")
    number, unit = match.groups()
    if unit is None:
        raise UnitError(f"`{text}` has no unit: write one of {units}")
    if unit not in known:
        other = next((d for d, us in _FACTORS.items() if unit in us), None)
        found = f"`{unit}` is a unit of {other}" if other else f"the unit `{unit}` is not known"
        raise UnitError(f"{found}, and this is a {dimension}: write one of {units}")
    return float(number) * known[unit]
