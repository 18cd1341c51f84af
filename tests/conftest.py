"""What all tests stand on: one thread a process, and nothing of the machine or of the user's shell in a result."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

# Read when NumPy and torch are first imported, which is after this.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
os.environ["MPLBACKEND"] = "agg"
for shell in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(shell, None)


def pytest_configure(config: pytest.Config) -> None:
    """Hide accelerators from tests that do not ask for one by ``-m gpu``."""
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with trainings first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("trains") is None)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """A function that fills a folder once for all workers of a test run; the others wait, and must not change it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder, done = base / name, base / f"{name}.done"
        with FileLock(base / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def digits_c(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The test digits in all corruptions and severities, drawn with seed 2."""
    from cortexc.main import main

    def corrupt(folder: Path) -> None:
        assert main(["data", "corrupt", "digits", "-o", str(folder), "--seed", "2"]) == 0

    return once("digits-C", corrupt)


@pytest.fixture(scope="module", params=[False, True], ids=["without_bfloat16", "with_bfloat16"])
def bfloat16(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether a product in bfloat16 is faster: forced off and on, whatever the machine can do."""
    import torch

    from cortexc.runtime import device

    seconds = {torch.float32: 1.0, torch.bfloat16: 0.5 if request.param else 2.0}
    with pytest.MonkeyPatch.context() as patch:
        for unit in ("avx512_bf16", "amx_tile"):
            patch.setattr(torch.cpu, f"_is_{unit}_supported", lambda: True, raising=False)
        patch.setattr(device, "product_seconds", seconds.__getitem__)
        device.has_bfloat16.cache_clear()
        yield request.param
    device.has_bfloat16.cache_clear()
