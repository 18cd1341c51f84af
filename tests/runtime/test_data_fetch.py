import argparse
import errno
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from cortexc.commands import data as command
from cortexc.runtime.data import DataError, cifar, fetching

FILES = {name: f"content of {name}".encode() * 999 for name in cifar.FILES}


def packed(files=FILES):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for name, content in ({"readme.html": b"<html>", "../../evil": b"evil"} | files).items():
            info = tarfile.TarInfo("cifar-10-batches-py/" + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


ARCHIVE = packed()
MD5 = {n: hashlib.md5(c).hexdigest() for n, c in (FILES | {cifar.ARCHIVE: ARCHIVE}).items()}
NOWHERE = "http://127.0.0.1:9/cifar-10-python.tar.gz"  # the discard port: nobody answers


@pytest.fixture
def server(archive_server):
    archive_server.archive = ARCHIVE
    return archive_server


def fetch(data_dir, url=NOWHERE, progress=False, **options):
    return fetching.fetch("cifar10", data_dir, progress=progress, url=url, md5=MD5, **options)


def message(data_dir, url=NOWHERE, **options):
    with pytest.raises(DataError) as caught:
        fetch(data_dir, url, **options)
    return str(caught.value)


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_download_unpacks_the_official_files_and_nothing_else(tmp_path, server):
    seen = []
    data_dir = tmp_path / "new" / "folder"
    done = fetch(data_dir, server.url, lambda here, total: seen.append((here, total)))
    assert contents(done.folder) == FILES
    assert sorted(p.name for p in data_dir.iterdir()) == sorted([cifar.FOLDER, cifar.ARCHIVE])
    assert not list(tmp_path.rglob("evil"))
    assert (seen[0], seen[-1]) == ((0, len(ARCHIVE)), (len(ARCHIVE), len(ARCHIVE)))
    assert "7 files unpacked from the downloaded archive" in done.summary


def test_a_second_fetch_does_nothing(tmp_path, server):
    fetch(tmp_path, server.url)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    again = fetch(tmp_path)
    assert "nothing to do" in again.summary
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_progress_bar_goes_to_stderr(tmp_path, server, capsys):
    fetch(tmp_path, server.url, progress=True)
    printed = capsys.readouterr()
    assert "CIFAR-10" in printed.err
    assert printed.out == ""


def test_broken_download_is_kept_and_resumed(tmp_path, server):
    text = message(tmp_path, f"{server.url}/breaking")
    assert f"broke after 500 of {len(ARCHIVE):,} bytes. Run the same command again" in text
    assert contents(tmp_path) == {cifar.ARCHIVE + ".part": ARCHIVE[:500]}
    assert contents(fetch(tmp_path, server.url).folder) == FILES
    assert server.asked == [None, "bytes=500-"]


def test_a_server_that_cannot_resume_sends_the_whole(tmp_path, server):
    (tmp_path / (cifar.ARCHIVE + ".part")).write_bytes(ARCHIVE[:500])
    assert contents(fetch(tmp_path, f"{server.url}/whole").folder) == FILES


def test_a_server_that_resumes_elsewhere_is_not_believed(tmp_path, server):
    (tmp_path / (cifar.ARCHIVE + ".part")).write_bytes(ARCHIVE[:500])
    assert "other bytes than were requested" in message(tmp_path, f"{server.url}/elsewhere")


def test_a_complete_part_needs_no_more(tmp_path, server):
    (tmp_path / (cifar.ARCHIVE + ".part")).write_bytes(ARCHIVE)
    assert contents(fetch(tmp_path, server.url).folder) == FILES


@pytest.mark.parametrize("part", [b"", b"x" * 500, b"x" * (len(ARCHIVE) + 5)])
def test_wrong_bytes_are_deleted_and_the_next_fetch_starts_anew(tmp_path, server, part):
    path = tmp_path / (cifar.ARCHIVE + ".part")
    path.write_bytes(part)
    text = message(tmp_path, server.url if part else f"{server.url}/wrong")
    assert "not the official archive" in text
    assert MD5[cifar.ARCHIVE] in text
    assert contents(tmp_path) == {}
    assert contents(fetch(tmp_path, server.url).folder) == FILES


@pytest.mark.parametrize(
    ("path", "timeout_s", "words"), [("/gone", 600, "answers 404"), ("/silent", 0.2, "no answer in time")]
)
def test_refusals_say_how_to_do_it_by_hand(tmp_path, server, path, timeout_s, words):
    text = message(tmp_path, server.url + path, timeout_s=timeout_s)
    assert words in text
    assert f"copy it to {tmp_path / cifar.ARCHIVE}, and run `cortexc data fetch cifar10 --data-dir" in text


@pytest.mark.parametrize("url", [NOWHERE, "http://no-such-host.invalid/x"])
def test_without_network_the_archive_can_be_brought_by_hand(tmp_path, url):
    text = message(tmp_path, url)
    assert "download failed" in text
    assert "on another machine" in text
    (tmp_path / cifar.ARCHIVE).write_bytes(ARCHIVE)
    done = fetch(tmp_path, url)
    assert contents(done.folder) == FILES
    assert "archive that was there" in done.summary


def test_a_damaged_archive_is_left_alone_and_named(tmp_path):
    archive = tmp_path / cifar.ARCHIVE
    archive.write_bytes(ARCHIVE[:-1])
    text = message(tmp_path)
    assert text.startswith(f"{archive}: not the official archive")
    assert "delete it" in text
    assert contents(tmp_path) == {cifar.ARCHIVE: ARCHIVE[:-1]}


def test_only_missing_and_wrong_files_are_written(tmp_path):
    (tmp_path / cifar.ARCHIVE).write_bytes(ARCHIVE)
    folder = tmp_path / cifar.FOLDER
    folder.mkdir()
    for name in cifar.FILES[2:]:
        (folder / name).write_bytes(FILES[name])
    (folder / "test_batch").write_bytes(b"cut short")
    (folder / "notes.txt").write_bytes(b"mine")
    kept = (folder / "data_batch_3").stat().st_mtime_ns
    assert fetch(tmp_path).unpacked == ("data_batch_1", "data_batch_2", "test_batch")
    assert contents(folder) == FILES | {"notes.txt": b"mine"}
    assert (folder / "data_batch_3").stat().st_mtime_ns == kept


def test_files_that_lie_in_the_folder_itself_are_fixed_there(tmp_path):
    (tmp_path / cifar.ARCHIVE).write_bytes(ARCHIVE)
    (tmp_path / "data_batch_1").write_bytes(b"cut short")
    assert fetch(tmp_path).folder == tmp_path
    assert contents(tmp_path) == FILES | {cifar.ARCHIVE: ARCHIVE}


def test_archive_with_a_wrong_member_leaves_nothing(tmp_path):
    content = packed(FILES | {"data_batch_5": b"other"})
    (tmp_path / cifar.ARCHIVE).write_bytes(content)
    sums = MD5 | {cifar.ARCHIVE: hashlib.md5(content).hexdigest()}
    with pytest.raises(DataError, match="its file `data_batch_5` is wrong"):
        fetching.fetch("cifar10", tmp_path, progress=False, url=NOWHERE, md5=sums)
    assert list(contents(tmp_path)) == [cifar.ARCHIVE]


def test_a_full_disk_is_told_in_plain_words(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, block):
            raise OSError(errno.ENOSPC, "No space left on device")

        def writelines(self, blocks):
            self.write(next(iter(blocks)))

    opened = Path.open
    (tmp_path / cifar.ARCHIVE).write_bytes(ARCHIVE)
    monkeypatch.setattr(Path, "open", lambda path, mode: Full() if mode == "wb" else opened(path, mode))
    text = message(tmp_path)
    assert "cannot be written: No space left on device" in text
    assert "400 MB" in text
    assert [p.name for p in tmp_path.iterdir()] == [cifar.ARCHIVE]


def test_a_file_in_place_of_the_folder_is_told_in_plain_words(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "cannot be written" in message(tmp_path / "file")


def test_other_names_are_refused(tmp_path):
    with pytest.raises(DataError, match="needs no fetching"):
        fetching.fetch("digits", tmp_path)
    with pytest.raises(DataError, match="no data set `mnist`"):
        fetching.verify("mnist", tmp_path)


def test_verify_tells_each_file(tmp_path):
    folder = tmp_path / cifar.FOLDER
    assert [c.status for c in fetching.verify("cifar10", tmp_path, md5=MD5)] == ["missing"] * 7
    (tmp_path / cifar.ARCHIVE).write_bytes(ARCHIVE)
    assert [(c.name, c.status) for c in fetching.verify("cifar10", tmp_path, md5=MD5)] == [(cifar.ARCHIVE, "ok")]
    fetch(tmp_path)
    (folder / "test_batch").write_bytes(b"x")
    (folder / "data_batch_2").unlink()
    found = {c.name: c.status for c in fetching.verify("cifar10", tmp_path, md5=MD5)}
    expected = dict.fromkeys(MD5, "ok") | {"test_batch": "wrong", "data_batch_2": "missing"}
    assert found == expected


def parsed(*words):
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return parser.parse_args(words)


def test_little_room_is_told_before_the_download(tmp_path, server, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=123_000_000))
    text = message(tmp_path, server.url)
    assert "123 MB are free, and 400 MB are needed: 200 MB for the archive, 200 MB for its files" in text
    assert "regenerate" not in text
    assert server.asked == []


def test_command_verifies(tmp_path, capsys):
    (tmp_path / "test_batch").write_bytes(b"x")
    assert command.run(parsed("verify", "cifar10", "--data-dir", str(tmp_path))) == 1
    printed = capsys.readouterr().out
    assert f"wrong   {tmp_path / 'test_batch'}  (md5 9dd4e461268c8034f5c8564e155c67a6" in printed
    assert "7 of 7 files are missing or wrong" in printed


def test_command_says_to_delete_a_wrong_archive(tmp_path, capsys):
    (tmp_path / cifar.ARCHIVE).write_bytes(b"x")
    assert command.run(parsed("verify", "cifar10", "--data-dir", str(tmp_path))) == 1
    assert "1 of 1 files are missing or wrong. Delete the archive. Run `cortexc data" in capsys.readouterr().out


def test_command_fetches(tmp_path, monkeypatch, capsys):
    done = fetching.Fetched(tmp_path, downloaded=False, unpacked=())
    monkeypatch.setattr(fetching, "fetch", lambda name, data_dir, *, progress: done)
    assert command.run(parsed("fetch", "cifar10", "--data-dir", str(tmp_path), "--quiet")) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_command_and_faces_load_nothing_heavy():
    code = (
        "import sys, cortexc.commands.data, cortexc.runtime.data\n"
        "assert not {'torch', 'numpy', 'rich', 'sklearn', 'urllib.request'} & set(sys.modules)\n"
        "import cortexc.runtime.data.fetching\n"
        "assert cortexc.runtime.data.fetch is cortexc.runtime.data.fetching.fetch\n"
        "assert not {'torch', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
