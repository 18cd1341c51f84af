"""Files are written completely, or what was there before stays; nothing that is killed leaves anything behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cortexc import digests, replacement
from cortexc.replacement import replacing, unfinished


def write(*paths: Path, fails: bool) -> None:
    with replacing(*paths) as parts:
        for part in parts:
            part.write_text("new")
        if fails:
            raise OSError("the disk is full")


def test_files_are_replaced_together(tmp_path: Path) -> None:
    paths = [tmp_path / "a.yaml", tmp_path / "a.h5"]
    paths[0].write_text("old")
    write(*paths, fails=False)
    assert [path.read_text() for path in paths] == ["new", "new"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("old")
    with pytest.raises(OSError, match="full") as failed:
        write(tmp_path / "a.h5", path, fails=True)
    assert failed.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(os, "fsync", lambda number: seen.append(f"sync {Path(f'/proc/self/fd/{number}').readlink()}"))
    monkeypatch.setattr(Path, "replace", lambda self, other: (seen.append("rename"), replace(self, other))[1])
    replacement.write(tmp_path / "a.txt", b"new")
    assert [words.split("/")[0] for words in seen] == ["sync ", "rename", "sync "]
    assert seen[0].endswith(".part")
    assert seen[2] == f"sync {tmp_path}"


def test_a_part_is_not_followed_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "00000000")
    precious = tmp_path / "precious"
    precious.write_text("years of work")
    name = f".a.txt.{os.uname().nodename}-{os.getpid()}-00000000-0.part"
    (tmp_path / name).symlink_to(precious)
    with pytest.raises(FileExistsError):
        replacement.write(tmp_path / "a.txt", b"new")
    assert precious.read_text() == "years of work"


def in_a_process(function: Callable[[], object]) -> None:
    """Run a function that kills itself."""
    child = os.fork()
    if not child:
        try:
            function()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("renamed", [0, 1])
def test_what_a_dead_process_left_is_removed(tmp_path: Path, renamed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    table, spec = tmp_path / "a.h5", tmp_path / "a.yaml"
    replace, count = Path.replace, iter(range(9))

    def dying(self: Path, other: Path) -> Path:
        if next(count) == renamed:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", dying)
    in_a_process(lambda: write(table, spec, fails=False))
    monkeypatch.setattr(Path, "replace", replace)
    assert table.exists() == bool(renamed)
    assert unfinished(table, named_in=spec) == bool(renamed)
    assert not spec.exists()
    foreign = tmp_path / f".a.h5.elsewhere-{2**22 + 1}-00000000-0.part"
    foreign.touch()  # of another machine: it may be alive
    write(table, spec, fails=False)
    assert [p.name for p in tmp_path.glob("*.part")] == [foreign.name]
    assert not unfinished(table, named_in=spec)


@pytest.mark.parametrize("name", ["a.json", "a.bin"])
def test_every_flipped_bit_and_every_cut_is_noticed_or_harmless(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    replacement.write(path, b'{\n  "accuracy": 0.5\n}\n', digest=True)
    whole = path.read_bytes()
    assert digests.check(path)
    end = len(whole) - len(b',\n  "digest": ""\n}\n' if name == "a.json" else b"\ncortexc \n") - 71
    for bit in range(8 * len(whole)):
        path.write_bytes(bytes(byte ^ (1 << bit % 8 if bit // 8 == i else 0) for i, byte in enumerate(whole)))
        try:
            noticed = not digests.check(path)
        except digests.DigestError:
            noticed = True
        assert noticed, bit
        if bit // 8 < end:
            with pytest.raises(digests.DigestError, match="damaged"):
                digests.check(path)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert not digests.check(path)
