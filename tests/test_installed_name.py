"""`cortexc` is the only name that an install adds, and nothing that a user's folder holds can get in its way."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ("specs", "runtime", "compiler", "connectome", "experiments", "anatomy", "figures", "tests")
USES = 'import cortexc\nassert cortexc.compile("macaque-ventral").parameter_counts["attention"] > 0\n'
REFUSED = 'raise ImportError(f"{__name__} of the user was imported by cortexc")\n'
WAYS = {
    "script": ["script.py"],
    "command": ["-c", USES],
    "pytest": ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_use.py"],
}
DATA = {".py", ".pyi", ".yaml", ".h5", ".html", ".css"}


def folder_of_a_user(folder: Path, kind: str) -> Path:
    """Fill a folder with what a user may have there: empty folders, packages or modules of our rooms' names."""
    folder.mkdir()
    for name in NAMES:
        if kind == "modules":
            (folder / f"{name}.py").write_text(REFUSED)
            continue
        (folder / name).mkdir()
        if kind == "packages":
            (folder / name / "__init__.py").write_text(REFUSED)
    (folder / "script.py").write_text(USES)
    (folder / "test_use.py").write_text("def test_use() -> None:\n    " + USES.replace("\n", "\n    "))
    return folder


def works(installed: Path, folder: Path, way: str) -> None:
    """Use the package that lies in one folder from another one."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, *WAYS[way]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["folders", "packages", "modules"])
def test_names_in_a_users_folder_do_not_collide(kind: str, way: str, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "cortexc").symlink_to(ROOT / "cortexc")
    works(installed, folder_of_a_user(tmp_path / "user", kind), way)


def test_what_is_installed_here_adds_one_name(tmp_path: Path) -> None:
    code = f"from importlib.util import find_spec; print([n for n in {NAMES!r} if (s := find_spec(n)) and s.origin])"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Build a wheel from a copy of the sources."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("no pip here")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("connectome", "compiler", "runtime", "specs", "cortexc"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(source)]
    done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.mark.slow
def test_the_wheel_holds_one_name_and_all_files_of_it(wheel: zipfile.ZipFile) -> None:
    found = {name for name in wheel.namelist() if not name.split("/")[0].endswith(".dist-info")}
    assert {name.split("/")[0] for name in found} == {"cortexc"}
    wanted = {
        Path(folder, name).relative_to(ROOT).as_posix()
        for folder, _, names in os.walk(ROOT / "cortexc", followlinks=True)
        for name in names
        if not name.endswith(".pyc")
    }
    assert found == wanted
    assert {Path(name).suffix for name in found} >= DATA
    assert "cortexc/py.typed" in found


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["folders", "packages", "modules"])
def test_a_wheel_works_beside_the_same_names(wheel: zipfile.ZipFile, kind: str, way: str, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "installed")
    works(tmp_path / "installed", folder_of_a_user(tmp_path / "user", kind), way)
