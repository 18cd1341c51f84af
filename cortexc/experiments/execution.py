"""Making the runs that are missing: each in a process of its own, some at once, and any of them again after a kill."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, TypeAlias

import torch
from filelock import FileLock, Timeout

from cortexc.runtime.corruptions.catalogue import Cell
from cortexc.runtime.corruptions.generation import Source
from cortexc.runtime.data.dataset import DataError, held_out, load
from cortexc.runtime.device import choose, has_bfloat16
from cortexc.runtime.evaluation import Corrupted, Precision, corrupted_cells, evaluate
from cortexc.runtime.run import Run, RunError
from cortexc.runtime.training import Progress, resume, train

from .model import Experiment, Images
from .planning import Schedule, Standing, Task, cost, standing

POLL_S = 0.5
"""Time between two looks at the workers [s]."""
LOCKS = ".locks"


@dataclass(frozen=True)
class Place:
    """Where the data are and how the work is done."""

    data_dir: Path | None
    corrupted: Path | None = None
    """In the layout of CIFAR-10-C; the folder of that name beside the data where it is not given."""
    regenerate: bool = False
    """Corrupt the test images while testing instead."""
    device: str = "auto"
    jobs: int = 1
    """Runs at once."""


@dataclass(frozen=True)
class State:
    """Where one run stands while it is made."""

    name: str
    phase: str
    """``waiting``, ``training``, ``testing``, ``done`` or ``failed``."""
    done: float = 0.0
    """Fraction of the phase."""
    text: str = ""


@dataclass(frozen=True)
class Overview:
    """Where all runs stand, for whoever shows it."""

    states: tuple[State, ...]
    done: float
    """Fraction of all work, in FLOPs."""
    seconds_left: float | None
    """None while nothing can be told."""


Observer: TypeAlias = Callable[[Overview], None]


@dataclass(eq=False)
class _Work:
    """A run in the making."""

    task: Task
    costs: tuple[float, float]
    """Of training and of testing [FLOPs]."""
    state: State
    before: float = 0.0
    """What was done of it before it was begun here [FLOPs]."""

    @property
    def done(self) -> float:
        """What is done of it [FLOPs]."""
        training, testing = self.costs
        match self.state.phase:
            case "done":
                return training + testing
            case "testing":
                return training + testing * self.state.done
        return training * self.state.done


def execute(plan: Schedule, place: Place, observe: Observer | None = None) -> dict[str, str]:
    """Make every run of a plan that is not done; return why the others failed, by their names.

    Raises:
        RunError: a folder holds another run than the experiment asks for, or the data are not given.
        DataError: the data or the corrupted images cannot be read.
        KeyboardInterrupt: it was stopped; the runs go on from their last checkpoints next time.
    """
    images = image_counts(plan, place)
    waiting: list[_Work] = []
    for task in plan.tasks:
        if standing(task, plan.experiment, plan.cells) is not Standing.DONE:
            waiting.append(_Work(task, cost(task, images, len(plan.cells)), State(task.name, "waiting")))
    everything = list(waiting)
    threads = max(1, _cores() // max(1, min(place.jobs, len(waiting))))
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    started = time.monotonic()
    running: list[tuple[_Work, SpawnProcess]] = []
    try:
        while waiting or running:
            while waiting and len(running) < place.jobs:
                work = waiting.pop(0)
                arguments = (work.task, plan.experiment, plan.cells, place, threads, told)
                process = context.Process(target=_make, args=arguments, daemon=True)
                process.start()
                running.append((work, process))
            _listen(told, everything)
            for work, process in [(w, p) for w, p in running if not p.is_alive()]:
                process.join()
                _listen(told, everything, wait=False)
                work.state = _ended(work.state, process.exitcode or 0)
                running.remove((work, process))
            if observe is not None:
                observe(_overview(everything, time.monotonic() - started))
    finally:
        for _, process in running:
            if process.is_alive():
                process.terminate()  # training stops between two steps and leaves a checkpoint
        for _, process in running:
            process.join()
    return {work.task.name: work.state.text for work in everything if work.state.phase == "failed"}


def _ended(last: State, code: int) -> State:
    """Return where a run stands whose process has ended: what it said last, unless it could not say how it went."""
    if last.phase in ("done", "failed"):
        return last
    why = f"its process was killed by signal {-code}" if code < 0 else f"its process ended with {code}"
    if code == -signal.SIGKILL:
        why += ", most likely for want of memory: use fewer --jobs"
    return State(last.name, "failed", text=why)


def _cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _overview(everything: Sequence[_Work], seconds: float) -> Overview:
    done, here = sum(w.done for w in everything), sum(max(0.0, w.done - w.before) for w in everything)
    total = sum(sum(w.costs) for w in everything if w.state.phase != "failed")
    left = None if here <= 0 else (total - done) * seconds / here
    return Overview(tuple(w.state for w in everything), done / total if total else 1.0, left)


def image_counts(plan: Schedule, place: Place) -> tuple[int, int]:
    """Return how many images there are to train and to test on, once all data are known to be there."""
    data = plan.experiment.data
    dataset = load(data.name, place.data_dir)
    if data.hold_out:
        if place.corrupted is not None:
            raise RunError("--corrupted: the images held out are corrupted while testing; leave the option out")
        dataset = held_out(dataset, data.hold_out)
    elif not place.regenerate:
        corrupted_cells(dataset, corrupted_of(plan.experiment, plan.cells, place), place.data_dir)
    return len(dataset.train), len(dataset.test)


def corrupted_of(experiment: Experiment, cells: Sequence[Cell], place: Place) -> Corrupted:
    """Return which corrupted images are tested on."""
    made = place.regenerate or experiment.data.hold_out
    return Corrupted(
        corruptions=tuple(dict.fromkeys(cell.corruption for cell in cells)),
        severities=tuple(dict.fromkeys(cell.severity for cell in cells)),
        folder=None if made else place.corrupted,
        regenerate=Source(seed=0) if made else None,
    )


def _listen(told: Any, everything: Sequence[_Work], *, wait: bool = True) -> None:
    """Take in what the workers have said."""
    by_name = {w.task.name: w for w in everything}
    try:
        state = told.get(timeout=POLL_S) if wait else told.get(timeout=0.1)
        while True:
            work = by_name[state.name]
            begun, work.state = work.state.phase != "waiting", state
            if not begun:
                work.before = work.done
            state = told.get_nowait()
    except queue.Empty:
        return


def _make(task: Task, experiment: Experiment, cells: Sequence[Cell], place: Place, threads: int, told: Any) -> None:
    """Train and test one run, in a process of its own."""
    torch.set_num_threads(threads)
    parent = multiprocessing.parent_process()

    def tell(phase: str, done: float = 0.0, text: str = "") -> None:
        if parent is not None and not parent.is_alive():
            os.kill(os.getpid(), signal.SIGTERM)  # nobody waits any more
        told.put(State(task.name, phase, done, text))

    lock = FileLock(lock_path(task.folder), timeout=0)
    try:
        with lock:
            _train(task, experiment.data, place, tell)
            tell("testing")
            evaluate(
                task.folder,
                data_dir=place.data_dir,
                corrupted=corrupted_of(experiment, cells, place),
                precision=_precision(experiment, place),
                device=place.device,
                observe=lambda cell, done, total: tell("testing", done / total, f"{cell.corruption} {cell.severity}"),
            )
            tell("done")
    except Timeout:
        tell("failed", text="another process is making it at this moment")
    except (RunError, DataError) as error:
        tell("failed", text=str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        tell("failed", text=f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _precision(experiment: Experiment, place: Place) -> Precision:
    asked = experiment.evaluation.precision
    if asked != "auto":
        return asked
    return "bfloat16" if has_bfloat16(choose(place.device)) else "float32"


def _train(task: Task, data: Images, place: Place, tell: Callable[..., None]) -> None:
    def show(at: Progress) -> None:
        text = f"epoch {at.epoch}/{at.epochs}, loss {at.loss:.3f}, accuracy {100 * at.accuracy:.1f} %"
        tell("training", at.step / at.steps, text)

    if Run(task.folder).manifest_path.exists():
        resume(task.folder, data_dir=place.data_dir, device=place.device, observe=show)
        return
    train(
        task.program,
        data=data.name,
        data_dir=place.data_dir,
        out=task.folder,
        recipe=task.recipe,
        hold_out=data.hold_out or 0,
        device=place.device,
        observe=show,
    )


def lock_path(folder: Path) -> Path:
    """Return the file that is locked while the run of a folder is made."""
    locks = folder.parent / LOCKS
    locks.mkdir(parents=True, exist_ok=True)
    return locks / f"{folder.name}.lock"
