"""The plots of the report, each with a text for readers who cannot see it."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cortexc.figures.style import BLUE, GREEN, GREY, INK, PURPLE, SKY, VERMILLION, as_bytes, figure

from .results import CLEAN_ACCURACY, D1, ArmResult, Measure, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, SKY, "#B8860B", GREY, "#A23B72", "#4B6A2F", "#7A4B2A")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
LINES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Plot:
    """A picture, and the same in words."""

    name: str
    title: str
    alt: str
    svg: bytes

    @property
    def address(self) -> str:
        """The picture as a data URL."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


def plots(found: Results) -> tuple[Plot, ...]:
    """Return the plots for which all measures are there."""
    codes = {m.code for m in found.measures}
    drawn = []
    if "D1" in codes:
        drawn.append(_against_parameters(found))
    if all(arm.curve for arm in found.arms):
        drawn.append(_curves(found))
    if all(arm.difficulty for arm in found.arms):
        drawn.append(_difficulty(found))
    if found.comparisons and "D1" in codes:
        drawn.append(_differences(found))
    return tuple(drawn)


def _against_parameters(found: Results) -> Plot:
    from matplotlib.ticker import NullFormatter

    drawn = figure(8.0, 3.9)
    axes = drawn.subplots(1, 2, sharex=True)
    for panel, measure in zip(axes, (CLEAN_ACCURACY, D1), strict=True):
        for i, arm in enumerate(found.arms):
            at = arm.measures[measure.code]
            panel.errorbar(
                arm.parameters["attention"],
                100 * at.value,
                yerr=_reach(at.value, at.low, at.high),
                markersize=7,
                capsize=3,
                label=arm.title,
                **_style(i, "none"),
            )
        panel.set_xscale("log")
        panel.set_xlim(*_decades([arm.parameters["attention"] for arm in found.arms]))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel("learnable attention parameters")
        panel.set_ylabel("accuracy [%]")
        panel.set_title(measure.name, fontsize=11)
        _plain(panel)
    _legend(drawn, axes[0], len(found.arms))
    parts = [
        f"{a.title}: {a.parameters['attention']:,} parameters, {_percent(a, CLEAN_ACCURACY)} clean, {_percent(a, D1)} "
        "at severity 5"
        for a in found.arms
    ]
    return _plot("parameters", "Accuracy against attention parameters", "; ".join(parts), drawn)


def _curves(found: Results) -> Plot:
    lines = [{0: arm.measures["clean"].value, **arm.curve} for arm in found.arms]
    ticks = {0: "clean"} | {severity: str(severity) for severity in range(1, 6)}
    drawn = _lines(found, lines, ticks, "severity", "accuracy [%], mean of 15 corruptions")
    parts = [f"{a.title} falls from {_percent(a, CLEAN_ACCURACY)} to {100 * a.curve[5]:.1f} %" for a in found.arms]
    return _plot("severity", "Accuracy by severity", "; ".join(parts), drawn)


def _difficulty(found: Results) -> Plot:
    lines = [dict(enumerate(arm.difficulty, 1)) for arm in found.arms]
    ticks = {1: "easiest", 2: "2", 3: "3", 4: "4", 5: "hardest"}
    drawn = _lines(found, lines, ticks, "fifth of all answers, by difficulty for the reference runs", "accuracy [%]")
    parts = [f"{a.title}: {100 * a.difficulty[0]:.1f} % to {100 * a.difficulty[-1]:.1f} %" for a in found.arms]
    return _plot(
        "difficulty", "Accuracy by difficulty", "From the easiest to the hardest fifth. " + "; ".join(parts), drawn
    )


def _lines(
    found: Results, lines: Sequence[Mapping[int, float]], ticks: Mapping[int, str], across: str, up: str
) -> Figure:
    """Return a figure with a line of accuracies for each arm."""
    drawn = figure(6.4, 4.2)
    axes = drawn.subplots()
    for i, (arm, line) in enumerate(zip(found.arms, lines, strict=True)):
        axes.plot(list(line), [100 * v for v in line.values()], label=arm.title, **_style(i))
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    _plain(axes)
    _legend(drawn, axes, len(found.arms))
    return drawn


def _differences(found: Results) -> Plot:
    """Draw each comparison's difference, with its interval, one panel for each measure."""
    measures = [m for m in found.measures if m.code in ("clean", "mean", "D1", "D2")]
    titles = {arm.name: arm.title for arm in found.arms}
    rows = [f"{titles[c.arm]} − {titles[c.to]}" for c in found.comparisons]  # noqa: RUF001
    drawn = figure(9.0, 1.4 + 0.36 * len(rows))
    axes: Sequence[Axes] = drawn.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for panel, measure in zip(axes, measures, strict=True):
        for row, comparison in enumerate(found.comparisons):
            difference = comparison.of(measure)
            assert difference is not None
            at = difference.interval
            colour = {"better": BLUE, "worse": VERMILLION}.get(difference.verdict, GREY)
            reach = _reach(at.value, at.low, at.high)
            panel.errorbar(100 * at.value, row, xerr=reach, color=colour, marker="o", capsize=3, markersize=5)
        panel.axvline(0, color=INK, linewidth=0.8)
        panel.set_title(measure.name, fontsize=10)
        panel.set_xlabel("points")
        _plain(panel)
    axes[0].set_yticks(range(len(rows)), rows, fontsize=8)
    axes[0].invert_yaxis()
    parts = []
    for comparison, name in zip(found.comparisons, rows, strict=True):
        values = [(m, comparison.of(m)) for m in measures]
        parts.append(
            name + ": " + ", ".join(f"{m.name} {100 * d.interval.value:+.1f}" for m, d in values if d is not None)
        )
    return _plot("differences", "Differences with their intervals", "In points. " + "; ".join(parts), drawn)


def _plot(name: str, title: str, alt: str, drawn: Figure) -> Plot:
    return Plot(name, title, alt + ".", as_bytes(drawn, ".svg"))


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="both", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)


def _legend(drawn: Figure, axes: Axes, entries: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    columns = 3 if entries > 4 else 2
    drawn.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=8)


def _decades(counts: Sequence[int]) -> tuple[float, float]:
    """Return the powers of ten around counts."""
    low, high = math.floor(math.log10(0.8 * max(1, min(counts)))), math.ceil(math.log10(1.2 * max(1, *counts)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def _reach(value: float, low: float, high: float) -> Any:
    """Return how far the interval reaches below and above [points]."""
    return [[100 * max(0.0, value - low)], [100 * max(0.0, high - value)]]


def _percent(arm: ArmResult, measure: Measure) -> str:
    return f"{100 * arm.measures[measure.code].value:.1f} %"


def _style(i: int, line: str = "") -> dict[str, Any]:
    """Return colour, marker and line of the arm of a number, so that arms also differ in black and white."""
    line = line or LINES[i % len(LINES)]
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "linestyle": line}
