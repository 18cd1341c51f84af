"""How numbers are written, by what the name of their column says: as they are, in percent, or as logarithms."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

import numpy as np

from .report import ImportReport

Scale = Literal["plain", "percent", "log10", "ln"]
_RISING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "plain": lambda values: values,
    "percent": lambda values: np.array([hundredth(value) for value in values.ravel()], float).reshape(values.shape),
    "log10": lambda values: np.power(10.0, values),
    "ln": np.exp,
}
_PERCENT = re.compile(r"%|percent(?:age)?s?|(?<![a-z])(?:pct|perc)(?![a-z])", re.IGNORECASE)
_LOGARITHM = re.compile(
    r"(?<![a-z0-9])(?P<minus>-|minus|neg(?:ative)?)?[\s_]*(?P<base>log_?10|log|ln)(?=[^a-z0-9]|_|fln|weight|strength)",
    re.IGNORECASE,
)


def hundredth(percent: float) -> float:
    """Return a percentage as a fraction; the digits that are written stay.

    >>> hundredth(42.1), 42.1 / 100
    (0.421, 0.42100000000000004)
    """
    return float(Decimal(repr(float(percent))).scaleb(-2))


def bare(name: str) -> str:
    """Return the name of a column without what it says of the scale.

    >>> bare("FLNe (%)"), bare("log10(FLNe)"), bare("logical")
    ('FLNe ()', '(FLNe)', 'logical')
    """
    return _LOGARITHM.sub("", _PERCENT.sub("", name))


def of_name(name: str) -> str:
    """Return the scale that the name of a column has: one of ``Scale``, with a minus before it where that is written.

    >>> of_name("FLNe"), of_name("pct_FLNe"), of_name("logFLN"), of_name("-ln(FLNe)")
    ('plain', 'percent', 'log10', '-ln')
    """
    if found := _LOGARITHM.search(name):
        return ("-" if found["minus"] else "") + ("ln" if found["base"].lower() == "ln" else "log10")
    return "percent" if _PERCENT.search(name) else "plain"


def unscaled(
    values: np.ndarray, field: str, name: str, asked: Scale | None, report: ImportReport, *, marked: bool = False
) -> np.ndarray:
    """Return numbers as they are meant: fractions, or strengths.

    ``field``: of a projection. ``name``: of the column. ``asked``: the scale that a user gives for strengths; a
    percentage is one of SLN too. ``marked``: whether each value has its own sign of percent, and is read by that.
    """
    scale = of_name(name)
    if asked is not None and (field != "sln" or (asked == "percent" and np.nan_to_num(values).max(initial=0) > 1)):
        scale = asked
    if scale == "percent" and (marked or (field == "weight" and asked is None)):
        return values
    if scale != "plain":
        fits = asked is not None or scale != "percent" or not len(values) or np.nan_to_num(values).max(initial=0) > 1
        base = ", and a log without a base has the base 10" if scale.endswith("10") and "10" not in name else ""
        why = "as asked" if asked is not None else "by the name" + base
        report.guess(f"scale of `{name}`", scale, why if fits else f"{why}, though none is over 1", "--scale")
    sign, scale = (-1, scale[1:]) if scale.startswith("-") else (1, scale)
    with np.errstate(over="ignore"):
        return _RISING[scale](sign * values)


def may_be_percentages(values: np.ndarray) -> bool:
    """Whether values that should be fractions look like percentages: some are well over 1, and none over 100."""
    known = values[np.isfinite(values)]
    return bool(len(known)) and bool(known.min() >= 0) and 2 <= known.max() <= 100


HOW = {
    "fln": "if they are percentages, --percent; if they are no fractions, --scale plain",
    "sln": "if they are percentages, call the column `SLN (%)` (of a matrix the file); if FLNe are too, --percent",
}
"""What to say of such values, by field."""
