"""What all figures share: colours that are safe for colour-blind readers, sizes, and saving to a file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexc import replacement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cortexc.connectome.model import Projection

BLUE, VERMILLION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#6E6E6E"
PURPLE, SKY, INK = "#8B5FBF", "#56B4E9", "#222222"
"""Okabe & Ito (2008), https://jfly.uni-koeln.de/color/: distinguishable with any kind of colour vision."""
DIRECTIONS = {"feedforward": BLUE, "feedback": VERMILLION, "lateral": GREEN}
STRENGTHS = "cividis"
"""Colour map of matrices: darker is weaker, also to colour-blind readers and in grey."""
ENDINGS = (".png", ".svg", ".pdf")


class FigureError(ValueError):
    """A figure cannot be drawn of this spec or program, or not saved to this file."""


def short(name: str, most: int = 16) -> str:
    """Return a name for a figure: a long one without its middle."""
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[: most - 1 - half]}…{name[-half:]}"


def shortened(names: Sequence[str]) -> dict[str, str]:
    """Return each name as shown in a figure; different names stay different."""
    for most in (16, 22, 30, 44):
        found = {name: short(name, most) for name in names}
        if len(set(found.values())) == len(found):
            return found
    return {name: name for name in names}


def unit(projections: Iterable[Projection]) -> str:
    """Return the measure of the strengths of projections: FLNe, if all have one."""
    return "FLNe" if all(p.fln is not None for p in projections) else "strength"


def figure(width: float, height: float) -> Figure:
    """Return an empty figure [inches] that is not shown in a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(found)
    return found


def save(drawn: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure; the ending of the name is its format.

    Raises:
        FigureError: another ending than .png, .svg or .pdf.
        OSError: the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() not in ENDINGS:
        raise FigureError(f"{target}: a figure is written as {', '.join(ENDINGS)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    replacement.write(target, as_bytes(drawn, target.suffix.lower()))


def as_bytes(drawn: Figure, ending: str) -> bytes:
    """Return the bytes of a file with one of ENDINGS; they are always the same, and have no time stamp."""
    from matplotlib import rc_context

    file = io.BytesIO()
    dated: dict[str, Any] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(ending, {})
    with rc_context({"svg.hashsalt": "cortexc"}):
        drawn.savefig(file, format=ending[1:], dpi=160, metadata=dated)
    return file.getvalue()
