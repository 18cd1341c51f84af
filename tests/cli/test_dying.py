"""Every moment is a good moment to die: the same command goes on, and ends as if it had not been killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.reliability import kills, races, warm_up

pytestmark = [pytest.mark.trains, pytest.mark.skipif(os.name != "posix", reason="forks and signals")]


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    warm_up()


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("compile", 3),
        ("import", 6),
        ("fix", 3),
        pytest.param("train", 15, marks=pytest.mark.slow),  # benchmarks/reliability.py has more
    ],
)
def test_a_killed_command_goes_on(name: str, least: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = kills(name, tmp_path)
    assert found["kills"] >= least
    assert (found["stuck"], found["different end"], found["left parts"]) == (0, 0, 0), capsys.readouterr().out


@pytest.mark.parametrize("moments", [(3, 5, 8, 10, 14, 20)])
def test_a_killed_training_goes_on(moments: tuple[int, ...], tmp_path: Path) -> None:
    found = kills("train", tmp_path, moments=moments)
    assert found == {"kills": len(moments), "left parts": 0}


def test_one_of_several_writers_works_and_the_others_wait(tmp_path: Path) -> None:
    assert races("corrupt", tmp_path, 3) == {"ended": 3, "different end": 0}
