"""What of the machine is free: memory, and cores. A model runs in as many threads as there are free cores.

Threads that wait for each other on a shared core spin: on two cores, two runs with two threads each are ten times
slower than two with one thread each, or more (`benchmarks/side_by_side.py`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

LOOK_S = 1.0
"""Time between two looks at how busy the cores are [s]."""
GROUPS = Path("/sys/fs/cgroup")
SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Where one of these variables is set, it decides, and nothing is followed."""


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(_allowed())


def _allowed() -> set[int]:
    return set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def free_memory() -> int:
    """Return how much memory is free for this process [bytes]; that of the machine on a system that does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        machine = next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**32
    return max(0, min([machine, *_limits()]))


def _limits() -> Iterator[int]:
    """Yield what the groups of this process may still take, as SLURM and containers set them [bytes]."""
    for controller, name in groups():
        old = controller == "memory"
        files = ("memory.limit_in_bytes", "memory.usage_in_bytes") if old else ("memory.max", "memory.current")
        own = GROUPS / controller / name.lstrip("/")
        for folder in (own, *own.parents):
            try:
                most, taken = ((folder / file).read_text().strip() for file in files)
                stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            except OSError:
                continue
            if most != "max":
                cached = int(stat.get("total_inactive_file" if old else "inactive_file", 0))  # given back on demand
                yield int(most) - int(taken) + cached


def groups() -> list[tuple[str, str]]:
    """Return the cgroups that may limit the memory of this process: ``memory`` (an old one) or nothing, and a name."""
    try:
        lines = [line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return []
    return [(kind, name) for kind, name in lines if kind in ("", "memory")]


@dataclass(frozen=True)
class Look:
    """What the cores had done at one time."""

    time: float
    """[s]"""
    busy: float
    """Time that all processes have run on the cores that this one may use [s]."""
    own: float
    """Time that this process has run [s]."""

    def free_since(self, before: Look) -> float:
        """Return how many cores other processes have left free since an earlier look, on average."""
        others = (self.busy - before.busy) - (self.own - before.own)
        return cores() - max(0.0, others) / (self.time - before.time)


def look() -> Look | None:
    """Return what the cores have done so far, or None on a system that does not tell it."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return None
    names = {f"cpu{n}" for n in _allowed()}
    found = [line.split() for line in lines if line.startswith("cpu")]
    # user, nice, system, idle, iowait, irq, softirq, steal: all but the two in which a core stood still
    busy = [sum(map(int, words[1:4])) + sum(map(int, words[6:9])) for words in found if words[0] in names]
    return Look(time.monotonic(), sum(busy) / os.sysconf("SC_CLK_TCK"), time.process_time())


@contextmanager
def taken(threads: int | None, device: torch.device) -> Iterator[Callable[[], None]]:
    """Set the number of torch's threads, and afterwards set it back.

    The function that it gives is called often while a model runs. With ``threads`` None it looks at the cores once a
    second, and takes those that are free. The first second has one thread, so that two runs that start together do not
    both take all of them.
    """
    before = torch.get_num_threads()
    seen = None
    if threads is not None:
        torch.set_num_threads(threads)
    elif device.type == "cpu" and not any(name in os.environ for name in SETTINGS) and (seen := look()) is not None:
        torch.set_num_threads(1)

    def follow() -> None:
        nonlocal seen
        if seen is None or time.monotonic() - seen.time < LOOK_S or (now := look()) is None:
            return
        torch.set_num_threads(min(cores(), max(1, int(now.free_since(seen) + 0.4))))
        seen = now

    try:
        yield follow
    finally:
        torch.set_num_threads(before)
