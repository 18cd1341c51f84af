"""Input that would cost memory or time without bound: one clear finding each, soon, in little memory."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import h5py
import numpy as np
import pytest

from cortexc.compiler.checker import check

BASE = (Path(__file__).resolve().parent.parent / "fixtures" / "rules" / "base.yaml").read_text()
CODE = """
import os, resource, sys
from cortexc.compiler.checker import check
import h5py, scipy.sparse, numpy, cortexc.compiler.pipeline, runpy
for path in sys.stdin:
    if not (child := os.fork()):
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        try:
            print(*(finding.code for finding in check(path.strip())), flush=True)
            os._exit(0)
        except BaseException as error:
            print(repr(error)[:2000], flush=True)
            os._exit(1)
    print("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
Found = Callable[[Path], list[str]]
TEXTS = {
    "a line of 10 MB": ("description: " + "x" * 10_000_000, []),
    "a number of a million digits": (f"dynamics: {{sweeps: {'9' * 1_000_000}}}", ["S105"]),
    "a fraction of a million digits": (f"attention: {{minimum_weight: 1.{'9' * 1_000_000}}}", ["G301"]),
    "lists in lists": ("description: " + "[" * 10_000 + "]" * 10_000, ["S112"]),
    "mappings in mappings": ("\n".join(" " * i + f"a{i}:" for i in range(2000)), ["S112"]),
    "a gigantic grid": ("areas: {V1: {grid: [1000000000, 1000000000]}}", ["S106", "S106"]),
    "the largest grid": ("areas: {V1: {grid: [4096, 4096]}}", ["C501", "S214", "S214"]),
    "a gigantic patch": ("input: {patch: 1000000000}", ["S106"]),
    "gigantic keys": ("attention: {key_width: 1000000000000}", ["S106"]),
    "forty thousand areas": (
        "areas: {" + ", ".join(f"A{i}: {{grid: [1, 1]}}" for i in range(40_000)) + "}",
        ["S106"],
    ),
    "aliases of aliases": (
        "description: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        ["S112"],
    ),
}


@pytest.fixture(scope="module")
def found() -> Iterator[Found]:
    """Check a spec in a process of its own that may use 1 GB more than the libraries take, and a minute of a core."""
    with subprocess.Popen([sys.executable, "-c", CODE], stdin=PIPE, stdout=PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        into, out = process.stdin, process.stdout

        def codes(path: Path) -> list[str]:
            into.write(f"{path}\n")
            said = []
            for line in out:
                said += line.split()
                if line.startswith("exit "):
                    break
            assert said[-2:] == ["exit", "0"], said
            return said[:-2]

        yield codes
        into.close()


@pytest.mark.parametrize("name", list(TEXTS))
def test_hostile_text(found: Found, tmp_path: Path, name: str) -> None:
    text, codes = TEXTS[name]
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "spec.yaml").write_text(f"extends: base.yaml\n{text}\n")
    assert found(tmp_path / "spec.yaml") == codes


def csr(file: h5py.File, **changed: np.ndarray) -> None:
    group = file.create_group("m")
    parts = {"shape": np.array([64, 64]), "indptr": np.arange(65), "indices": np.arange(64), "data": np.ones(64)}
    for name, part in (parts | changed).items():
        group[name] = part


def virtual() -> Any:
    layout: Any = h5py.VirtualLayout((64, 64), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "m", (64, 64))
    return layout


MATRICES: dict[str, Callable[[Any], Any]] = {
    "negative shape": lambda file: csr(file, shape=np.array([-64, 64])),
    "overflowing shape": lambda file: csr(file, shape=np.array([2**62, 2**62])),
    "index outside": lambda file: csr(file, indices=np.arange(64) + 10**9),
    "pointers that fall": lambda file: csr(file, indptr=np.arange(65)[::-1].copy()),
    "10^12 elements, none written": lambda file: file.create_dataset("m", (10**6, 10**6), "f8", chunks=(1000, 1000)),
    "lists": lambda file: file.create_dataset("m", (64, 64), h5py.vlen_dtype(np.float64)),
    "a soft link to another file": lambda file: (
        file.__setitem__("link", h5py.ExternalLink("/etc/passwd", "/x")),
        file.__setitem__("m", h5py.SoftLink("/link")),
    ),
    "a virtual dataset": lambda file: file.create_virtual_dataset("m", virtual()),
    "external storage": lambda file: file.create_dataset("m", (64, 64), "u1", external=[("/etc/passwd", 0, 4096)]),
    "another file": lambda file: file.__setitem__("m", h5py.ExternalLink("/etc/passwd", "/x")),
    "nowhere": lambda file: file.__setitem__("m", h5py.SoftLink("/nowhere")),
    "a bomb": lambda file: file.create_dataset(
        "m", data=np.zeros((4000, 4000)), compression="gzip", chunks=(4000, 4000)
    ),
}


@pytest.mark.parametrize("name", list(MATRICES))
def test_hostile_matrices(found: Found, tmp_path: Path, name: str) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        MATRICES[name](file)
    (tmp_path / "spec.yaml").write_text(
        "extends: base.yaml\nlateral: {V1: {kernel: {type: matrix, file: m.h5, dataset: /m}, source: paper}}\n"
    )
    (code,) = found(tmp_path / "spec.yaml")
    assert code in ("S110", "S206")


@pytest.mark.parametrize(("rows", "stored", "code"), [(10**10, False, "S110"), (3 * 10**6, True, "S112")])
def test_rows_that_say_nothing(found: Found, tmp_path: Path, rows: int, stored: bool, code: str) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    with h5py.File(tmp_path / "t.h5", "w") as file:
        for name, kind in (("from", "S4"), ("to", "S4"), ("fln", "f8")):
            column = file.create_dataset(f"projections/{name}", (rows,), kind, chunks=(10**6,), compression="gzip")
            if stored:
                column[:] = np.ones(rows, kind)
    (tmp_path / "spec.yaml").write_text(
        "extends: base.yaml\nprojections: [{from: LGN, to: V1}, {file: t.h5, dataset: /projections}]\n"
    )
    assert found(tmp_path / "spec.yaml") == [code]


def test_files_that_double(found: Found, tmp_path: Path) -> None:
    for i in range(40):
        (tmp_path / f"{i}.yaml").write_text(f"extends: [{i + 1}.yaml, {i + 1}.yaml]\n")
        (tmp_path / f"kernel{i}.yaml").write_text(f"a: {{file: kernel{i + 1}.yaml}}\nb: {{file: kernel{i + 1}.yaml}}\n")
    (tmp_path / "40.yaml").write_text(BASE)
    (tmp_path / "kernel40.yaml").write_text("a: {radius: 1}\n")
    assert found(tmp_path / "0.yaml") == []
    (tmp_path / "spec.yaml").write_text(BASE + "lateral: {file: kernel0.yaml}\n")
    assert found(tmp_path / "spec.yaml")[-1] in ("S112", "S113")


@pytest.mark.parametrize(
    ("line", "code"), [("unknown{}: 1", "S103"), ("empty{}:", "S103"), ("name: base", "S102"), ("areas{}: [", "S112")]
)
def test_many_keys(found: Found, tmp_path: Path, line: str, code: str) -> None:
    (tmp_path / "spec.yaml").write_text(BASE + "".join(f"{line.format(i)}\n" for i in range(200_000)))
    codes = found(tmp_path / "spec.yaml")
    assert set(codes) == {code}
    assert len(codes) <= 1000


@pytest.mark.parametrize(
    "text", ["A line of prose.\n", "- a\n- list\n", "user: me\npassword: secret\n", "-----BEGIN KEY-----\nMII\n"]
)
@pytest.mark.parametrize(
    "reference",
    [
        "extends: [base.yaml, ../strange/notes.yaml]\npassword:\n",
        "extends: base.yaml\nareas: {file: ../strange/notes.yaml}\n",
    ],
)
def test_what_is_no_spec_is_not_taken_in(found: Found, tmp_path: Path, reference: str, text: str) -> None:
    for folder in ("own", "strange"):
        (tmp_path / folder).mkdir()
    (tmp_path / "own" / "base.yaml").write_text(BASE)
    (tmp_path / "own" / "spec.yaml").write_text(reference)
    (tmp_path / "strange" / "notes.yaml").write_text(text)
    assert "S113" in found(tmp_path / "own" / "spec.yaml")


@pytest.mark.parametrize("name", ["../theirs.yaml", "link.yaml"])
def test_what_is_read_from_elsewhere_is_shown(tmp_path: Path, name: str) -> None:
    (tmp_path / "theirs.yaml").write_text(BASE)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "link.yaml").symlink_to(tmp_path / "theirs.yaml")
    (tmp_path / "own" / "spec.yaml").write_text(f"extends: {name}\n")
    (finding,) = check(tmp_path / "own" / "spec.yaml")
    assert finding.code == "S114"
    assert str((tmp_path / "theirs.yaml").resolve()) in finding.message


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", Path("/dev/zero"), tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "cortexc", "check", str(path)], capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 2
        assert "error[S109]" in done.stdout
        assert "Traceback" not in done.stderr
