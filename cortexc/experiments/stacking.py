"""Training the runs of experiments on one device: the seeds of an arm as one stack, several stacks side by side."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from filelock import FileLock, Timeout

from cortexc.locking import holder
from cortexc.runtime.data.dataset import DataError, Dataset, held_out, load
from cortexc.runtime.device import choose
from cortexc.runtime.evaluation import corrupted_cells
from cortexc.runtime.manifest import RunError
from cortexc.runtime.run import Run, create, resumable, trim_metrics, written_alone
from cortexc.runtime.stacked import Stack
from cortexc.runtime.stacked_evaluation import DeviceTests, evaluate_stack, tests_on_device, unstack, write_evaluation
from cortexc.runtime.training import check_fit, exposure_of, manifest_of, stop_requests

from .execution import ORPHAN_S, Observer, Overview, Setting, State, corrupted_of, image_counts, lock_path
from .planning import Schedule, Task, cost, undone

Group: TypeAlias = tuple[Task, ...]


@dataclass(frozen=True, eq=False)
class OnDevice:
    """The data on the device, shared by the stacks of one experiment."""

    dataset: Dataset
    images: torch.Tensor
    """Of training: (N, C, H, W), uint8."""
    labels: torch.Tensor
    """(N,)"""
    tests: DeviceTests


def execute_together(plans: Sequence[Schedule], setting: Setting, observe: Observer | None = None) -> dict[str, str]:
    """Make all missing runs of some plans, ``setting.jobs`` stacks at once; return failed runs with the reason.

    Runs that differ only in their seed are one stack. Their folders hold the same files as after ``execute``.

    Raises:
        RunError: a folder holds another run than the experiment's, the data are not given, or tests are to be in
            bfloat16.
        DataError: the data or the corrupted images cannot be read.
        KeyboardInterrupt: it was stopped; the next call continues the runs from their checkpoints.
    """
    for plan in plans:
        if plan.experiment.evaluation.precision == "bfloat16":
            raise RunError(
                "`precision: bfloat16`: seeds that are trained together are tested in float32; use --no-stacked"
            )
        image_counts(plan, setting)  # raises now if data are missing
    work = _Work(plans, setting, observe)
    with ThreadPoolExecutor() as writers:
        work.go(writers)
    return work.failed


class _Work:
    """The stacks that are waiting, and those that are running on the device."""

    def __init__(self, plans: Sequence[Schedule], setting: Setting, observe: Observer | None) -> None:
        self.setting, self.observe, self.device = setting, observe, choose(setting.device)
        self.data: dict[Any, OnDevice] = {}
        self.waiting = [(plan, group) for plan in plans for group in groups_of(plan)]
        self.costs = {
            task.folder: cost(task, (1, 1), len(plan.cells))[0] for plan, group in self.waiting for task in group
        }  # FLOPs of training on one image: only their ratios matter here
        self.states = {t.folder: State(t.name, "waiting") for _, group in self.waiting for t in group}
        self.failed: dict[str, str] = {}
        self.writing: list[tuple[Task, Future[None]]] = []
        self.began = time.monotonic()

    def go(self, writers: ThreadPoolExecutor) -> None:
        """Train and test all stacks; on a stop request, write a checkpoint of each.

        Raises:
            KeyboardInterrupt: a stop was requested.
        """
        running: list[tuple[Group, Generator[None]]] = []
        with stop_requests() as stop:
            while (self.waiting or running) and not stop:
                self._turn(running, writers)
        for _, steps in running:
            steps.close()
        for task, writing in self.writing:
            try:
                writing.result()
                self._report((task,), "done")
            except RunError as error:
                self._report((task,), "failed", text=str(error))
        if stop:
            raise KeyboardInterrupt

    def _turn(self, running: list[tuple[Group, Generator[None]]], writers: ThreadPoolExecutor) -> None:
        """Let each running stack queue one piece of work; start waiting stacks while fewer than `jobs` run."""
        while self.waiting and len(running) < (self.setting.jobs or 1):
            plan, group = self.waiting.pop(0)
            running.append((group, self._steps(plan, group, writers)))
        for entry in list(running):
            group, steps = entry
            try:
                next(steps)
            except StopIteration:
                running.remove(entry)
            except (RunError, DataError) as error:
                running.remove(entry)
                self._report(group, "failed", text=str(error))

    def _steps(self, plan: Schedule, group: Group, writers: ThreadPoolExecutor) -> Generator[None]:
        """Train and test a stack; yield after each piece of work that is queued, so that other stacks get a turn."""
        with ExitStack() as held:
            try:
                for task in group:
                    held.enter_context(FileLock(lock_path(task.folder), timeout=ORPHAN_S))
                    held.enter_context(written_alone(task.folder, make=True))
            except Timeout:
                raise RunError(f"another process is making this run ({holder(task.folder)})") from None
            shared = self._on_device(plan)
            stack = self._stack(plan, group, shared)
            stack.capture()
            try:
                while not stack.finished:
                    stack.advance()
                    if stack.step % stack.per_epoch == 0:
                        self._report(group, "training", stack.step / stack.steps)
                    yield
            except GeneratorExit:
                stack.save()
                raise
            self._report(group, "testing")
            for logits in evaluate_stack(stack.model, shared.tests, stack.stream):
                if logits is None:
                    yield
                    continue
                for task, one in zip(group, unstack(stack, logits), strict=True):
                    self.writing.append((task, writers.submit(write_evaluation, one, shared.tests)))

    def _on_device(self, plan: Schedule) -> OnDevice:
        data = plan.experiment.data
        key = (data.name, data.hold_out, plan.cells)
        if key not in self.data:
            dataset = load(data.name, self.setting.data_dir)
            if data.hold_out:
                dataset = held_out(dataset, data.hold_out)
            wanted = corrupted_of(plan.experiment, plan.cells, self.setting)
            tests = corrupted_cells(dataset, wanted, self.setting.data_dir)
            images = torch.tensor(dataset.train.images, device=self.device)
            labels = torch.tensor(dataset.train.labels, device=self.device)
            self.data[key] = OnDevice(dataset, images, labels, tests_on_device(dataset, tests, self.device))
        return self.data[key]

    def _stack(self, plan: Schedule, group: Group, shared: OnDevice) -> Stack:
        """Return the stack of a group: new, or continued from its checkpoints."""
        made = [self._run(task, shared, stacked=len(group)) for task in group]
        recipes = [task.recipe for task in group]
        stack = Stack(made, group[0].program, recipes, shared.images, shared.labels)
        cpu = torch.device("cpu")
        states = [resumable(run, cpu) for run in made]
        if (begun := [state for state in states if state is not None]) and len(begun) == len(made):
            together = min(state["step"] for state in begun)  # a kill between two writes leaves them at two steps
            stack.restore(
                [
                    state if state["step"] == together else resumable(run, cpu, together) or state
                    for run, state in zip(made, begun, strict=True)
                ]
            )
        else:
            for run in made:
                trim_metrics(run, 0)
        return stack

    def _run(self, task: Task, shared: OnDevice, *, stacked: int) -> Run:
        """Return the run of a task; create its folder if it is missing."""
        check_fit(task.program, shared.dataset)
        manifest = manifest_of(
            task.program,
            task.recipe,
            shared.dataset,
            exposure_of(shared.dataset, task.recipe, None),
            folder=self.setting.data_dir,
            device=self.device,
            stacked=stacked,
        )
        return create(task.folder, task.program, manifest)

    def _report(self, group: Group, phase: str, done: float = 0.0, text: str = "") -> None:
        for task in group:
            self.states[task.folder] = State(task.name, phase, done, text)
            if phase == "failed":
                self.failed[task.name] = text
        if self.observe is None:
            return
        complete = {"done": 1.0, "testing": 1.0, "failed": 1.0}
        total = sum(self.costs.values())
        done_now = sum(self.costs[f] * complete.get(s.phase, s.done) for f, s in self.states.items())
        fraction = done_now / total if total else 1.0
        left = (1 - fraction) / fraction * (time.monotonic() - self.began) if fraction else None
        self.observe(Overview(tuple(self.states.values()), fraction, left))


def groups_of(plan: Schedule) -> list[Group]:
    """Return the runs of a plan that are not done, grouped by all but their seed.

    Raises:
        RunError: a folder holds another run than the experiment's.
    """
    found: dict[Any, list[Task]] = {}
    for task in undone(plan):
        begun = Run(task.folder).checkpoint_path.exists()
        same_graph = dataclasses.replace(task.program, seed=0).content_hash()
        found.setdefault((same_graph, dataclasses.replace(task.recipe, seed=0), begun), []).append(task)
    return [tuple(group) for group in found.values()]
