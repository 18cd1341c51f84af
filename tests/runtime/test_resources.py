"""Threads follow the free cores; bfloat16 is taken where a product in it is faster."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cortexc.runtime import device, resources
from cortexc.runtime.resources import Look, cores, free_memory, look, taken

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[Look]:
    """A machine of eight cores that shows the looks of this list, one after another."""
    for name in resources.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    looks: list[Look] = []
    monkeypatch.setattr(resources, "cores", lambda: 8)
    monkeypatch.setattr(resources, "look", lambda: looks.pop(0) if looks else None)
    return looks


@pytest.mark.parametrize(
    ("others", "own", "expected"),
    [(0.0, 1.0, 8), (3.0, 1.0, 5), (3.3, 2.0, 5), (7.9, 1.0, 1), (8.0, 0.0, 1), (-0.2, 1.0, 8)],
)
def test_threads_are_as_many_as_there_are_free_cores(
    machine: list[Look], others: float, own: float, expected: int
) -> None:
    now = time.monotonic()
    machine += [Look(now - 10, 50.0, 5.0), Look(now - 8, 50.0 + 2 * (others + own), 5.0 + 2 * own)]
    torch.set_num_threads(3)
    with taken(None, CPU) as follow:
        assert torch.get_num_threads() == 1, "of two that start at once, each leaves the other cores"
        follow()
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 3


def test_a_second_passes_between_two_looks(machine: list[Look]) -> None:
    now = time.monotonic()
    machine += [Look(now, 0.0, 0.0), Look(now + 1, 0.0, 0.0)]
    with taken(None, CPU) as follow:
        follow()
        assert len(machine) == 1
        assert torch.get_num_threads() == 1


@pytest.mark.parametrize("threads", [2, None])
def test_a_number_or_a_variable_decides(
    machine: list[Look], threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine += [Look(0, 0, 0), Look(1, 0, 0)]
    torch.set_num_threads(3)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with taken(threads, CPU) as follow:
        follow()
        assert torch.get_num_threads() == (threads or 3)
    assert torch.get_num_threads() == 3
    assert len(machine) == 2


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="no /proc/stat here")
def test_a_look_sees_what_other_processes_do() -> None:
    def free(seconds: float) -> float:
        before = look()
        assert before is not None
        time.sleep(seconds)
        after = look()
        assert after is not None
        return after.free_since(before)

    code = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as busy:
        try:
            assert free(1.0) < cores() - 0.3  # at least a part of a core, on a machine however busy
        finally:
            busy.kill()
    assert free_memory() > 2**20


def test_a_system_that_tells_nothing_keeps_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "look", lambda: None)
    for name in resources.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    torch.set_num_threads(2)
    with taken(None, CPU) as follow:
        follow()
        assert torch.get_num_threads() == 2


def test_bfloat16_is_taken_where_it_is_faster(bfloat16: bool) -> None:
    assert device.has_bfloat16(CPU) is bfloat16


def test_a_product_is_timed_where_there_are_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[torch.dtype] = []
    monkeypatch.setattr(device, "product_seconds", lambda dtype: timed.append(dtype) or 1.0)  # type: ignore[func-returns-value]
    for there in (False, True):
        for unit in ("avx512_bf16", "amx_tile"):
            monkeypatch.setattr(torch.cpu, f"_is_{unit}_supported", lambda there=there: there, raising=False)
        device.has_bfloat16.cache_clear()
        assert not device.has_bfloat16(CPU), "as fast is not faster"
        assert timed == [torch.bfloat16, torch.float32][: 2 * there]
    device.has_bfloat16.cache_clear()
    monkeypatch.undo()
    assert 0 < device.product_seconds(torch.float32) < 60
