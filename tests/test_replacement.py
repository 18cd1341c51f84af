"""Files are written completely, or what was there before stays."""

from pathlib import Path

import pytest

from cortexc.replacement import replacing


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
    with pytest.raises(OSError, match="full"):
        write(path, tmp_path / "a.h5", fails=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
