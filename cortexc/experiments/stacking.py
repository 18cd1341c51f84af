"""Making the runs of experiments on one device: the seeds of an arm as one stack, and several stacks side by side."""

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

from cortexc.runtime.data.dataset import DataError, Dataset, held_out, load
from cortexc.runtime.device import choose
from cortexc.runtime.evaluation import corrupted_cells
from cortexc.runtime.manifest import RunError
from cortexc.runtime.run import Run, create, load_checkpoint
from cortexc.runtime.stacked import Stack
from cortexc.runtime.stacked_evaluation import DeviceTests, asked, conclude, heard, on_device
from cortexc.runtime.training import check_fit, exposure_of, manifest_of, stop_requests

from .execution import Observer, Overview, Place, State, corrupted_of, image_counts, lock_path
from .planning import Schedule, Standing, Task, cost, standing

Group: TypeAlias = tuple[Task, ...]


@dataclass(frozen=True, eq=False)
class Bench:
    """What stacks of one experiment share on the device."""

    dataset: Dataset
    images: torch.Tensor
    """(N, C, H, W), uint8, of training."""
    labels: torch.Tensor
    """(N,)"""
    tests: DeviceTests


def execute_together(plans: Sequence[Schedule], place: Place, observe: Observer | None = None) -> dict[str, str]:
    """Make every run of some plans that is not done, ``place.jobs`` stacks at once; return why others failed.

    Runs that differ in their seed alone are one stack. What they leave behind is what ``execute`` would leave.

    Raises:
        RunError: a folder holds another run than the experiment asks for, or the data are not given.
        DataError: the data or the corrupted images cannot be read.
        KeyboardInterrupt: it was stopped; the runs go on from their last checkpoints next time.
    """
    for plan in plans:
        image_counts(plan, place)  # the data are there, or it is said now
        if plan.experiment.evaluation.precision == "bfloat16":
            raise RunError(
                f"{plan.experiment.name} asks for tests in bfloat16, and seeds that are trained together are tested in "
                "float32: change `evaluation.precision`, or train each seed by itself with `--no-stacked`"
            )
    work = _Work(plans, place, observe)
    with ThreadPoolExecutor() as writers:
        work.go(writers)
    return work.failed


class _Work:
    """The stacks that wait, and those that share the device."""

    def __init__(self, plans: Sequence[Schedule], place: Place, observe: Observer | None) -> None:
        self.place, self.observe, self.device = place, observe, choose(place.device)
        self.benches: dict[Any, Bench] = {}
        self.waiting = [(plan, group) for plan in plans for group in groups_of(plan)]
        self.costs = {
            task.folder: cost(task, (1, 1), len(plan.cells))[0] for plan, group in self.waiting for task in group
        }  # of training for one image: only their ratio matters here
        self.states = {t.folder: State(t.name, "waiting") for _, group in self.waiting for t in group}
        self.failed: dict[str, str] = {}
        self.writing: list[tuple[Task, Future[None]]] = []
        self.began = time.monotonic()

    def go(self, writers: ThreadPoolExecutor) -> None:
        """Make all stacks; asked to stop, leave a checkpoint of each.

        Raises:
            KeyboardInterrupt: it was asked to stop.
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
                self._say((task,), "done")
            except RunError as error:
                self._say((task,), "failed", text=str(error))
        if stop:
            raise KeyboardInterrupt

    def _turn(self, running: list[tuple[Group, Generator[None]]], writers: ThreadPoolExecutor) -> None:
        """Let each stack add one piece of work to the device; begin others where there is room."""
        while self.waiting and len(running) < self.place.jobs:
            plan, group = self.waiting.pop(0)
            running.append((group, self._made(plan, group, writers)))
        for entry in list(running):
            group, steps = entry
            try:
                next(steps)
            except StopIteration:
                running.remove(entry)
            except (RunError, DataError) as error:
                running.remove(entry)
                self._say(group, "failed", text=str(error))

    def _made(self, plan: Schedule, group: Group, writers: ThreadPoolExecutor) -> Generator[None]:
        """Train and test a stack; give others a turn after each piece of work that was added to the device."""
        with ExitStack() as held:
            try:
                for task in group:
                    held.enter_context(FileLock(lock_path(task.folder), timeout=0))
            except Timeout:
                raise RunError("another process is making it at this moment") from None
            bench = self._bench(plan)
            stack = self._stack(plan, group, bench)
            stack.capture()
            try:
                while not stack.finished:
                    stack.advance()
                    if stack.step % stack.per_epoch == 0:
                        self._say(group, "training", stack.step / stack.steps)
                    yield
            except GeneratorExit:
                stack.save()
                raise
            self._say(group, "testing")
            for said in asked(stack.model, bench.tests, stack.stream):
                if said is None:
                    yield
                    continue
                for task, one in zip(group, heard(stack, said, bench.tests), strict=True):
                    self.writing.append((task, writers.submit(conclude, one, bench.tests)))

    def _bench(self, plan: Schedule) -> Bench:
        data = plan.experiment.data
        key = (data.name, data.hold_out, plan.cells)
        if key not in self.benches:
            dataset = load(data.name, self.place.data_dir)
            if data.hold_out:
                dataset = held_out(dataset, data.hold_out)
            wanted = corrupted_of(plan.experiment, plan.cells, self.place)
            tests = corrupted_cells(dataset, wanted, self.place.data_dir)
            images = torch.tensor(dataset.train.images, device=self.device)
            labels = torch.tensor(dataset.train.labels, device=self.device)
            self.benches[key] = Bench(dataset, images, labels, on_device(dataset, tests, self.device))
        return self.benches[key]

    def _stack(self, plan: Schedule, group: Group, bench: Bench) -> Stack:
        """Return the stack of a group: new, or where its checkpoints left it."""
        made = [self._run(task, bench, stacked=len(group)) for task in group]
        recipes = [task.recipe for task in group]
        stack = Stack(made, group[0].program, recipes, bench.images, bench.labels)
        if all(run.checkpoint_path.exists() for run in made):
            stack.restore([load_checkpoint(run, torch.device("cpu")) for run in made])
        return stack

    def _run(self, task: Task, bench: Bench, *, stacked: int) -> Run:
        """Return the folder of a run, made where it is not there."""
        run = Run(task.folder)
        if run.manifest_path.exists():
            return run
        check_fit(task.program, bench.dataset)
        manifest = manifest_of(
            task.program,
            task.recipe,
            bench.dataset,
            exposure_of(bench.dataset, task.recipe, None),
            folder=self.place.data_dir,
            device=self.device,
            stacked=stacked,
        )
        return create(task.folder, task.program, manifest)

    def _say(self, group: Group, phase: str, done: float = 0.0, text: str = "") -> None:
        for task in group:
            self.states[task.folder] = State(task.name, phase, done, text)
            if phase == "failed":
                self.failed[task.name] = text
        if self.observe is None:
            return
        part = {"done": 1.0, "testing": 1.0, "failed": 1.0}
        total = sum(self.costs.values())
        done_now = sum(self.costs[f] * part.get(s.phase, s.done) for f, s in self.states.items())
        fraction = done_now / total if total else 1.0
        left = (1 - fraction) / fraction * (time.monotonic() - self.began) if fraction else None
        self.observe(Overview(tuple(self.states.values()), fraction, left))


def groups_of(plan: Schedule) -> list[Group]:
    """Return the runs of a plan that are not done, those together that differ in their seed alone.

    Raises:
        RunError: a folder holds another run than the experiment asks for.
    """
    found: dict[Any, list[Task]] = {}
    for task in plan.tasks:
        if standing(task, plan.experiment, plan.cells) is Standing.DONE:
            continue
        begun = Run(task.folder).checkpoint_path.exists()
        same_graph = dataclasses.replace(task.program, seed=0).content_hash()
        found.setdefault((same_graph, dataclasses.replace(task.recipe, seed=0), begun), []).append(task)
    return [tuple(group) for group in found.values()]
