"""The progress of a training: a live bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

if TYPE_CHECKING:
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


def _clock(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
