"""The progress of long work: a bar on a terminal, otherwise a line every few seconds."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

if TYPE_CHECKING:
    from cortexc.experiments.execution import Overview
    from cortexc.runtime.corruptions.catalogue import Cell
    from cortexc.runtime.training import Progress as TrainingProgress

LINE_EVERY_S = 15.0
"""Time between lines if there is no terminal [s]."""


class Display:
    """A context manager that shows the progress of work."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
        self._bar = Progress(*columns, console=console)
        self._live = console.is_terminal
        self._task = self._bar.add_task("starting", total=None, figures="")
        self._began = self._printed = time.monotonic()

    def __enter__(self) -> Display:
        if self._live:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # the terminal has gone
            if self._live:
                self._bar.stop()

    def show(self, what: str, done: int, total: int, figures: str) -> None:
        """Show that ``done`` of ``total`` are done, and what is being done."""
        if self._live:
            self._bar.update(self._task, description=what, total=total, completed=done, figures=figures)
        elif time.monotonic() - self._printed > LINE_EVERY_S:
            self._printed = time.monotonic()
            with suppress(OSError):
                print(f"{what}, {100 * done / total:.0f} %: {figures}", file=sys.stderr, flush=True)

    def show_training(self, at: TrainingProgress) -> None:
        """Show the progress of a training."""
        figures = (
            f"loss {at.loss:.3f}, accuracy {100 * at.accuracy:.1f} %, {at.images_per_s:.0f} images/s, "
            f"{_clock(at.seconds_left)} left"
        )
        self.show(f"epoch {at.epoch}/{at.epochs}", at.step, at.steps, figures)

    def show_cell(self, cell: Cell, done: int, total: int) -> None:
        """Show the corruption and severity that are being processed."""
        left = (time.monotonic() - self._began) * (total - done) / done
        self.show(f"{cell.corruption} {cell.severity}", done, total, f"{_clock(left)} left")

    def show_runs(self, at: Overview) -> None:
        """Show the progress of all runs of an experiment."""
        counts = Counter(state.phase for state in at.states)
        busy = [s for s in at.states if s.phase in ("training", "testing")]
        now = "; ".join(f"{s.name} {s.phase} {100 * s.done:.0f} % ({s.text})" if s.text else s.name for s in busy)
        left = "?" if at.seconds_left is None else _clock(at.seconds_left)
        over = counts["done"] + counts["failed"]
        figures = f"{left} left" + (f"; {now}" if now else "")
        self.show(f"{over} of {len(at.states)} runs", round(1000 * at.done), 1000, figures)


def _clock(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
