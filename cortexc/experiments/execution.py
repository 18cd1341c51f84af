"""Making the missing runs of a plan: each in its own process, several at once; a killed run is continued later."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, TypeAlias

from filelock import FileLock, Timeout

from cortexc.locking import holder
from cortexc.runtime.corruptions.catalogue import Cell
from cortexc.runtime.corruptions.generation import Source
from cortexc.runtime.data.dataset import DataError, held_out, load
from cortexc.runtime.device import choose, has_bfloat16
from cortexc.runtime.evaluation import Corrupted, Precision, corrupted_cells, evaluate
from cortexc.runtime.resources import cores, free_memory
from cortexc.runtime.run import Run, RunError
from cortexc.runtime.training import Progress, resume, train

from .model import Experiment, Images
from .planning import Schedule, Task, cost, undone

POLL_S = 0.5
"""Time between two looks at the workers [s]."""
LOCKS = ".locks"
ORPHAN_S = 10.0
"""Time for which a run waits for another process that makes it: if its experiment was killed, it soon ends [s]."""
RUN_BYTES = 2 * 2**30
"""Memory that a run is expected to take on a processor; training macaque-multiscale takes 1.2 GiB [bytes]."""


@dataclass(frozen=True)
class Setting:
    """Where the data are, on which device the runs are made, and how many at once."""

    data_dir: Path | None
    corrupted: Path | None = None
    """Folder in the layout of CIFAR-10-C; None: the folder ``<DATA>-C`` beside the data."""
    regenerate: bool = False
    """Corrupt the test images while testing, instead of reading corrupted ones."""
    device: str = "auto"
    jobs: int | None = None
    """Runs at once; None for one on a GPU, else one a core as far as memory goes."""

    @property
    def at_once(self) -> int:
        """Runs at once."""
        if self.jobs is not None:
            return self.jobs
        return 1 if choose(self.device).type == "cuda" else max(1, min(cores(), free_memory() // RUN_BYTES))


@dataclass(frozen=True)
class State:
    """The state of one run while it is made."""

    name: str
    phase: str
    """``waiting``, ``training``, ``testing``, ``done`` or ``failed``."""
    done: float = 0.0
    """Fraction of the phase."""
    text: str = ""


@dataclass(frozen=True)
class Overview:
    """The state of all runs, for a progress display."""

    states: tuple[State, ...]
    done: float
    """Fraction of all work, in FLOPs."""
    seconds_left: float | None
    """None while it cannot be estimated."""


Observer: TypeAlias = Callable[[Overview], None]


@dataclass(eq=False)
class _Work:
    """A run that is being made."""

    task: Task
    costs: tuple[float, float]
    """Of training and of testing [FLOPs]."""
    state: State
    before: float = 0.0
    """Work done before this call [FLOPs]."""

    @property
    def done(self) -> float:
        """Work done so far [FLOPs]."""
        training, testing = self.costs
        match self.state.phase:
            case "done":
                return training + testing
            case "testing":
                return training + testing * self.state.done
        return training * self.state.done


def execute(plan: Schedule, setting: Setting, observe: Observer | None = None) -> dict[str, str]:
    """Make all missing runs of a plan; return failed runs, name -> reason.

    Raises:
        RunError: a folder holds another run than the experiment's, or the data are not given.
        DataError: the data or the corrupted images cannot be read.
        KeyboardInterrupt: it was stopped; the next call continues the runs from their checkpoints.
    """
    images = image_counts(plan, setting)
    waiting = [_Work(t, cost(t, images, len(plan.cells)), State(t.name, "waiting")) for t in undone(plan)]
    everything = list(waiting)
    jobs = setting.at_once
    threads = max(1, cores() // max(1, min(jobs, len(waiting))))
    context = multiprocessing.get_context("spawn")
    reports: Any = context.Queue()
    started = time.monotonic()
    running: list[tuple[_Work, SpawnProcess]] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                work = waiting.pop(0)
                arguments = (work.task, plan.experiment, plan.cells, setting, threads, reports)
                process = context.Process(target=_make, args=arguments, daemon=True)
                process.start()
                running.append((work, process))
            _receive(reports, everything)
            for work, process in [(w, p) for w, p in running if not p.is_alive()]:
                process.join()
                _receive(reports, everything, wait=False)
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
    """Return the state of a run whose process has ended: the last reported one, or failed if it reported no end."""
    if last.phase in ("done", "failed"):
        return last
    why = f"its process was killed by signal {-code}" if code < 0 else f"its process ended with {code}"
    if code == -signal.SIGKILL:
        why += ", most likely because memory ran out: use fewer --jobs"
    return State(last.name, "failed", text=why)


def _overview(everything: Sequence[_Work], seconds: float) -> Overview:
    done, here = sum(w.done for w in everything), sum(max(0.0, w.done - w.before) for w in everything)
    total = sum(sum(w.costs) for w in everything if w.state.phase != "failed")
    left = None if here <= 0 else (total - done) * seconds / here
    return Overview(tuple(w.state for w in everything), done / total if total else 1.0, left)


def image_counts(plan: Schedule, setting: Setting) -> tuple[int, int]:
    """Check that all data are there; return the numbers of training and of test images."""
    data = plan.experiment.data
    dataset = load(data.name, setting.data_dir)
    if data.hold_out:
        if setting.corrupted is not None:
            raise RunError("--corrupted: the images held out are corrupted while testing; leave the option out")
        dataset = held_out(dataset, data.hold_out)
    elif not setting.regenerate:
        corrupted_cells(dataset, corrupted_of(plan.experiment, plan.cells, setting), setting.data_dir)
    return len(dataset.train), len(dataset.test)


def corrupted_of(experiment: Experiment, cells: Sequence[Cell], setting: Setting) -> Corrupted:
    """Return which corrupted images the runs are tested on."""
    made = setting.regenerate or experiment.data.hold_out
    return Corrupted(
        corruptions=tuple(dict.fromkeys(cell.corruption for cell in cells)),
        severities=tuple(dict.fromkeys(cell.severity for cell in cells)),
        folder=None if made else setting.corrupted,
        regenerate=Source(seed=0) if made else None,
    )


def _receive(reports: Any, everything: Sequence[_Work], *, wait: bool = True) -> None:
    """Read the states that the workers have reported."""
    by_name = {w.task.name: w for w in everything}
    try:
        state = reports.get(timeout=POLL_S) if wait else reports.get(timeout=0.1)
        while True:
            work = by_name[state.name]
            begun, work.state = work.state.phase != "waiting", state
            if not begun:
                work.before = work.done
            state = reports.get_nowait()
    except queue.Empty:
        return


def _make(
    task: Task, experiment: Experiment, cells: Sequence[Cell], setting: Setting, threads: int, reports: Any
) -> None:
    """Train and test one run; the target of a worker process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def report(phase: str, done: float = 0.0, text: str = "") -> None:
        reports.put(State(task.name, phase, done, text))

    lock = FileLock(lock_path(task.folder), timeout=ORPHAN_S)
    try:
        with lock:
            _train(task, experiment.data, setting, threads, report)
            report("testing")
            evaluate(
                task.folder,
                data_dir=setting.data_dir,
                corrupted=corrupted_of(experiment, cells, setting),
                precision=_precision(experiment, setting),
                device=setting.device,
                threads=threads,
                observe=lambda cell, done, total: report("testing", done / total, f"{cell.corruption} {cell.severity}"),
            )
            report("done")
    except Timeout:
        report("failed", text=f"another process is making this run ({holder(task.folder)})")
    except (RunError, DataError) as error:
        report("failed", text=str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        report("failed", text=f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _end_with_parent() -> None:
    """Ask this process to stop when its parent has died; training then saves a checkpoint."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _precision(experiment: Experiment, setting: Setting) -> Precision:
    wanted = experiment.evaluation.precision
    if wanted != "auto":
        return wanted
    return "bfloat16" if has_bfloat16(choose(setting.device)) else "float32"


def _train(task: Task, data: Images, setting: Setting, threads: int, report: Callable[..., None]) -> None:
    def show(at: Progress) -> None:
        text = f"epoch {at.epoch}/{at.epochs}, loss {at.loss:.3f}, accuracy {100 * at.accuracy:.1f} %"
        report("training", at.step / at.steps, text)

    if Run(task.folder).manifest_path.exists():
        resume(task.folder, data_dir=setting.data_dir, device=setting.device, threads=threads, observe=show)
        return
    train(
        task.program,
        data=data.name,
        data_dir=setting.data_dir,
        out=task.folder,
        recipe=task.recipe,
        hold_out=data.hold_out or 0,
        device=setting.device,
        threads=threads,
        observe=show,
    )


def lock_path(folder: Path) -> Path:
    """Return the lock file of a run folder, held while the run is made."""
    locks = folder.parent / LOCKS
    locks.mkdir(parents=True, exist_ok=True)
    return locks / f"{folder.name}.lock"
