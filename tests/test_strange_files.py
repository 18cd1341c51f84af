"""Files that somebody else made: HDF5 that would have other files read, artifacts that no compiler wrote, escapes."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cortexc import hdf5
from cortexc.anatomy.importers.reading import read
from cortexc.compiler import artifact, pipeline
from cortexc.compiler.artifact import ArtifactError, Attend, Program
from cortexc.connectome.diagnostics import SpecError
from cortexc.main import main
from cortexc.runtime import manifest, predictions
from cortexc.runtime.manifest import RunError

BASE = Path(__file__).resolve().parent / "fixtures" / "rules" / "base.yaml"


def virtual() -> h5py.VirtualLayout:
    layout = h5py.VirtualLayout((8, 8), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "m", (8, 8))
    return layout


STRANGE: dict[str, Callable[[Any], Any]] = {
    "links to another file": lambda file: file.__setitem__("m", h5py.ExternalLink("other.h5", "/m")),
    "are in another file": lambda file: file.create_virtual_dataset("m", virtual()),
    "the data of": lambda file: file.create_dataset("g/m", (8, 8), "f4", external=[("other.bin", 0, 256)]),
    "does not hold them": lambda file: file.create_dataset("m", (10**6, 10**6), "f4", chunks=(1000, 1000)),
}


@pytest.mark.parametrize("said", list(STRANGE))
def test_hdf5_that_is_elsewhere_is_refused(tmp_path: Path, said: str) -> None:
    path = tmp_path / "strange.h5"
    with h5py.File(path, "w") as file:
        STRANGE[said](file)
    with pytest.raises(hdf5.StrangeError, match=said):
        hdf5.read(path)
    with pytest.raises(SpecError, match=said):
        read("matrix", path, rows="source")
    with pytest.raises(ArtifactError, match=said):
        artifact.load(path)
    with pytest.raises(RunError, match=said):
        predictions.load(path)


def test_soft_links_stay_in_the_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "soft.h5", "w") as file:
        file["real"], file["m"] = np.eye(8), h5py.SoftLink("/real")
    with hdf5.read(tmp_path / "soft.h5") as file:
        assert np.array_equal(file["m"][:], np.eye(8))


@pytest.fixture(scope="module")
def program() -> Program:
    return pipeline.compile(BASE)


def with_connection(program: Program, **changed: Any) -> Program:
    name, *_ = program.connections
    changed = {"connections": program.connections | {name: dataclasses.replace(program.connections[name], **changed)}}
    return dataclasses.replace(program, **changed)


def with_first(program: Program, field: str, **changed: Any) -> Program:
    first, *others = getattr(program, field)
    new: dict[str, Any] = {field: (dataclasses.replace(first, **changed), *others)}
    return dataclasses.replace(program, **new)


def with_kernel(program: Program, kernel: Any) -> Program:
    ops = (dataclasses.replace(op, kernel=kernel) if isinstance(op, Attend) else op for op in program.ops)
    return dataclasses.replace(program, ops=tuple(ops))


WRONG: dict[str, Callable[[Program], Program]] = {
    "kernel": lambda p: with_kernel(p, "magic"),
    "sizes": lambda p: with_first(p, "populations", grid=(-8, 8)),
    "sizes that cannot": lambda p: with_first(p, "populations", width=10**12),
    "has the shape": lambda p: with_first(p, "parameters", shape=(-1, 4)),
    "an index outside": lambda p: with_connection(p, indices=next(iter(p.connections.values())).indices + 10**6),
    "do not fit each other": lambda p: with_connection(p, indptr=np.arange(3)),
    "not positive": lambda p: with_connection(p, weight=-next(iter(p.connections.values())).weight),
    "no population": lambda p: with_first(p, "ops", population="nowhere"),
    "not computed before": lambda p: dataclasses.replace(p, ops=p.ops[::-1]),
    "no readout": lambda p: dataclasses.replace(p, ops=p.ops[:-1]),
    "control characters": lambda p: dataclasses.replace(p, name="\x1b[31mred"),
}


@pytest.mark.parametrize("said", list(WRONG))
def test_an_artifact_that_no_compiler_wrote_is_refused_in_words(program: Program, tmp_path: Path, said: str) -> None:
    WRONG[said](program).save(tmp_path / "wrong.h5")
    with pytest.raises(ArtifactError, match=said):
        artifact.load(tmp_path / "wrong.h5")


def test_deep_nesting_is_refused_in_words(program: Program, tmp_path: Path) -> None:
    deep = "[" * 200_000 + "]" * 200_000
    (tmp_path / "manifest.json").write_text(deep)
    with pytest.raises(RunError, match="damaged"):
        manifest.read(tmp_path / "manifest.json")
    (tmp_path / "deep.h5").write_bytes(artifact.as_bytes(program))
    with h5py.File(tmp_path / "deep.h5", "r+") as file:
        del file["listing"], file.attrs[hdf5.MARK]
        file["listing"] = deep
    with pytest.raises(ArtifactError, match="not a readable artifact"):
        artifact.load(tmp_path / "deep.h5")


@pytest.mark.parametrize(
    "text",
    [
        'description: 1\n"\\e]0;title\\a": 1\n',
        'areas: {"V\\e[2J": {grid: [8, 8]}}\n',
        'extends: "\\e[31mred.yaml"\n',
        "areas: {V1: \x9b31m}\n",
    ],
)
@pytest.mark.parametrize("command", ["check", "compile"])
def test_escapes_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, text: str
) -> None:
    path = tmp_path / "\x1b[31mspec.yaml"
    path.write_text(BASE.read_text() + text)
    more = ["-o", str(tmp_path / "\x1b[0m.h5")] if command == "compile" else []
    assert main([command, str(path), *more]) != 0
    shown = capsys.readouterr()
    assert not {"\x1b", "\x07", "\x9b"} & set(shown.out + shown.err), json.dumps(shown.out + shown.err)
