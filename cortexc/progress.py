"""The progress of long work: a live bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

if TYPE_CHECKING:
    from runtime.corruptions.catalogue import Cell
    from runtime.training import Progress as Standing

LINE_EVERY_S = 15.0
"""Time between lines where there is no terminal [s]."""


class ProgressDisplay:
    """Shows where a training stands; call it with each standing."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
        )
        self._live = console.is_terminal
        self._task = self._bar.add_task("starting", total=None, figures="")
        self._said = time.monotonic()

    def __enter__(self) -> ProgressDisplay:
        if self._live:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._bar.stop()

    def __call__(self, at: Standing) -> None:
        """Show a standing."""
        figures = (
            f"loss {at.loss:.3f}, accuracy {100 * at.accuracy:.1f} %, {at.images_per_s:.0f} images/s, "
            f"{_clock(at.seconds_left)} left"
        )
        if self._live:
            name = f"epoch {at.epoch}/{at.epochs}"
            self._bar.update(self._task, description=name, total=at.steps, completed=at.step, figures=figures)
        elif time.monotonic() - self._said > LINE_EVERY_S:
            self._said = time.monotonic()
            print(
                f"epoch {at.epoch}/{at.epochs}, step {at.step}/{at.steps}: {figures}",
                file=sys.stderr,
                flush=True,
            )


class CellDisplay:
    """Shows how far work on cells of corruption and severity is; call it with the cell, and how much of all is done."""

    def __init__(self, name: str) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]} left"), console=console
        )
        self._live = console.is_terminal
        self._name = name
        self._task = self._bar.add_task(name, total=None, left="?")
        self._began = self._said = time.monotonic()

    def __enter__(self) -> CellDisplay:
        if self._live:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._bar.stop()

    def __call__(self, cell: Cell, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are done, the last of them in a cell."""
        now = time.monotonic()
        left = _clock((now - self._began) * (total - done) / done)
        at = f"{self._name} {cell.corruption} {cell.severity}"
        if self._live:
            self._bar.update(self._task, description=at, total=total, completed=done, left=left)
        elif now - self._said > LINE_EVERY_S:
            self._said = now
            print(f"{at}: {100 * done / total:.0f} %, {left} left", file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
