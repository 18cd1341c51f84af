import argparse
import dataclasses
import errno
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cortexc.commands import data as command
from cortexc.runtime.data import DataError, cifar_c, fetching

NOWHERE = "http://127.0.0.1:9/CIFAR-10-C.tar"  # the discard port: nobody answers


def npy(seed):
    out = io.BytesIO()
    np.save(out, np.random.default_rng(seed).integers(0, 256, (5, 4, 4, 3), np.uint8))
    return out.getvalue()


FILES = {name: npy(i) for i, name in enumerate(cifar_c.MD5)}
WRONG = npy(99)


def packed(members):
    """A tar of (name, content); a string for content makes a symbolic link to it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def official(files=FILES):
    return [("CIFAR-10-C/" + name, content) for name, content in files.items()]


def sums(archive):
    return {n: hashlib.md5(c).hexdigest() for n, c in (FILES | {cifar_c.ARCHIVE: archive}).items()}


ARCHIVE = packed(official())
MD5 = sums(ARCHIVE)


def disk(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))


@pytest.fixture(autouse=True)
def large_disk(monkeypatch):
    disk(monkeypatch, 10**11)


@pytest.fixture
def server(archive_server):
    archive_server.archive = ARCHIVE
    return archive_server


def fetch(data_dir, url=NOWHERE, md5=MD5, **options):
    return fetching.fetch("cifar10-c", data_dir, progress=False, url=url, md5=md5, **options)


def message(data_dir, url=NOWHERE, md5=MD5, **options):
    with pytest.raises(DataError) as caught:
        fetch(data_dir, url, md5, **options)
    return str(caught.value)


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def put(folder, files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def bring(data_dir, members):
    """Lay an archive of these members into a folder; return the sums that make it the official one."""
    archive = packed(members)
    (data_dir / cifar_c.ARCHIVE).write_bytes(archive)
    return sums(archive)


def test_the_official_sums_are_of_nineteen_arrays_and_their_labels():
    known = fetching.FETCHABLE["cifar10-c"]
    assert len(known.files) == 20
    assert known.files[-1] == "labels.npy"
    assert all(len(md5) == 32 and int(md5, 16) for md5 in known.md5.values())
    assert len(set(known.md5.values())) == 21


def test_download_unpacks_the_arrays(tmp_path, server):
    data_dir = tmp_path / "new" / "folder"
    done = fetch(data_dir, server.url)
    assert done.folder == data_dir / "CIFAR-10-C"
    assert contents(done.folder) == FILES
    assert sorted(p.name for p in data_dir.iterdir()) == ["CIFAR-10-C", "CIFAR-10-C.tar"]
    assert "20 files unpacked from the downloaded archive" in done.summary
    before = {p: p.stat().st_mtime_ns for p in data_dir.rglob("*")}
    assert "nothing to do" in fetch(data_dir).summary
    assert {p: p.stat().st_mtime_ns for p in data_dir.rglob("*")} == before


def test_progress_bar_names_the_set(tmp_path, server, capsys):
    fetching.fetch("cifar10-c", tmp_path, url=server.url, md5=MD5)
    assert "CIFAR-10-C" in capsys.readouterr().err


def test_broken_download_is_resumed(tmp_path, server):
    assert "broke after 500 of" in message(tmp_path, f"{server.url}/breaking")
    assert contents(tmp_path) == {cifar_c.ARCHIVE + ".part": ARCHIVE[:500]}
    assert contents(fetch(tmp_path, server.url).folder) == FILES
    assert server.asked == [None, "bytes=500-"]


@pytest.mark.parametrize("path", ["/gone", "/silent", "/wrong", None])
def test_failures_say_what_to_do_by_hand(tmp_path, server, path):
    text = message(tmp_path, server.url + path if path else NOWHERE, timeout_s=0.1 if path == "/silent" else 600)
    assert f"on another machine, copy it to {tmp_path / cifar_c.ARCHIVE}, and run `cortexc data fetch" in text
    assert f"`cortexc data fetch cifar10-c --data-dir {tmp_path}`" in text
    assert f"`cortexc data corrupt cifar10 --data-dir {tmp_path} -o OUT`" in text
    assert contents(tmp_path) == {}


def test_an_archive_brought_by_hand_needs_no_network(tmp_path):
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE)
    done = fetch(tmp_path)
    assert contents(done.folder) == FILES
    assert "archive that was there" in done.summary


def test_a_damaged_archive_is_left_alone_and_named(tmp_path):
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE[:-1])
    text = message(tmp_path)
    assert text.startswith(f"{tmp_path / cifar_c.ARCHIVE}: not the official archive")
    assert contents(tmp_path) == {cifar_c.ARCHIVE: ARCHIVE[:-1]}


@pytest.mark.parametrize("place", [".", "CIFAR-10-C"])
def test_only_missing_arrays_are_written(tmp_path, place):
    folder = put(tmp_path / place, dict(list(FILES.items())[3:]) | {"notes.txt": b"mine"})
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE)
    kept = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.iterdir()}
    done = fetch(tmp_path)
    assert (done.folder, done.unpacked) == (folder, tuple(FILES)[:3])
    assert contents(tmp_path).items() >= {str(Path(place, name)): content for name, content in FILES.items()}.items()
    assert {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in kept} == kept
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("content", [b"", FILES["fog.npy"][:-1], WRONG])
def test_a_foreign_array_is_named_and_stays(tmp_path, server, content):
    folder = put(tmp_path / "CIFAR-10-C", {"snow.npy": FILES["snow.npy"], "fog.npy": content})
    before = contents(tmp_path)
    text = message(tmp_path, server.url)
    assert text.startswith(f"{folder}: these are not the official files, or broken copies of them: fog.npy. ")
    assert "Nothing is overwritten: move them away, then run `cortexc data fetch cifar10-c" in text
    assert contents(tmp_path) == before
    assert server.asked == []


def test_a_regenerated_set_is_not_filled_up(tmp_path):
    files = {"contrast.npy": FILES["contrast.npy"], "manifest.json": b'{"kind": "regenerated"}'}
    put(tmp_path / "CIFAR-10-C", files)
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE)
    assert "this set was regenerated here: not official are gaussian_noise.npy, shot_noise.npy" in message(tmp_path)
    assert contents(tmp_path / "CIFAR-10-C") == files


def test_an_array_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE)

    def members(archive, wanted):
        yield from cifar_c.members(archive, wanted)
        put(tmp_path / "CIFAR-10-C", {"fog.npy": WRONG})

    known = dataclasses.replace(cifar_c.CIFAR10_C, members=members)
    monkeypatch.setitem(fetching.FETCHABLE, "cifar10-c", known)
    assert "fog.npy. Nothing is overwritten" in message(tmp_path)
    assert contents(tmp_path) == {cifar_c.ARCHIVE: ARCHIVE, "CIFAR-10-C/fog.npy": WRONG}


def test_hostile_members_are_passed_over(tmp_path):
    hostile = [
        *[(name, b"evil") for name in ("../x", "/x", "CIFAR-10-C/../x", "../CIFAR-10-C/fog.npy", "fog.npy/x")],
        *[(name, b"evil") for name in ("CIFAR-10-C/x/../fog.npy", "other/fog.npy", "CIFAR-10-C/x.npy")],
        ("CIFAR-10-C/snow.npy", "/etc/passwd"),
        ("labels.npy", "../x"),
    ]
    data_dir = tmp_path / "a" / "b"
    data_dir.mkdir(parents=True)
    md5 = bring(data_dir, hostile + official() + [("fog.npy", b"late")])
    done = fetch(data_dir, md5=md5)
    assert contents(done.folder) == FILES
    assert not any(p.is_symlink() for p in done.folder.iterdir())
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == sorted([*FILES, cifar_c.ARCHIVE])


def test_arrays_may_lie_at_the_top_of_the_archive(tmp_path):
    md5 = bring(tmp_path, FILES.items())
    assert contents(fetch(tmp_path, md5=md5).folder) == FILES


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (official(FILES | {"fog.npy": WRONG}), "its file `fog.npy` is wrong"),
        (official()[1:], "its file `gaussian_noise.npy` is missing"),
        ([("CIFAR-10-C/fog.npy", "snow.npy")], "is missing"),
    ],
)
def test_an_archive_without_the_right_arrays_leaves_nothing(tmp_path, members, words):
    md5 = bring(tmp_path, members)
    assert words in message(tmp_path, md5=md5)
    assert list(contents(tmp_path)) == [cifar_c.ARCHIVE]
    assert [p.name for p in tmp_path.iterdir()] == [cifar_c.ARCHIVE]


def test_too_large_a_member_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar_c, "MAX_BYTES", 100)
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE)
    assert "so it is not the official one" in message(tmp_path)


def test_large_arrays_come_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar_c, "PIECE", 100)
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE)
    found = list(cifar_c.members(tmp_path / cifar_c.ARCHIVE))
    assert max(len(piece) for _, piece in found) == 100
    assert contents(fetch(tmp_path).folder) == FILES


@pytest.mark.parametrize("content", [b"no tar", ARCHIVE[:700], b""])
def test_no_sound_tar_is_told_in_plain_words(tmp_path, content):
    (tmp_path / cifar_c.ARCHIVE).write_bytes(content)
    text = message(tmp_path, md5=sums(content))
    assert text.startswith(f"{tmp_path / cifar_c.ARCHIVE}: ")
    assert [p.name for p in tmp_path.iterdir()] == [cifar_c.ARCHIVE]


def test_little_room_is_told_before_the_download(tmp_path, server, monkeypatch):
    disk(monkeypatch, 4_000_000_000)
    text = message(tmp_path, server.url)
    assert "4.0 GB are free, and 5.8 GB are needed: 2.9 GB for the archive, 2.9 GB for its files" in text
    assert f"`cortexc data corrupt cifar10 --data-dir {tmp_path} -o OUT`" in text
    assert server.asked == []
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE)  # then there is room for the arrays
    assert contents(fetch(tmp_path).folder) == FILES


def test_few_missing_arrays_need_little_room(tmp_path, monkeypatch):
    disk(monkeypatch, 100_000_000)
    put(tmp_path / "CIFAR-10-C", dict(list(FILES.items())[1:]))
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE)
    assert "100 MB are free, and 146 MB are needed" in message(tmp_path)
    disk(monkeypatch, 200_000_000)
    assert fetch(tmp_path).unpacked == tuple(FILES)[:1]


def test_a_disk_that_fills_up_is_told_in_plain_words(tmp_path, server, monkeypatch):
    class Full(io.BytesIO):
        def write(self, block):
            raise OSError(errno.ENOSPC, "No space left on device")

    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda path, mode: Full() if mode == "wb" else opened(path, mode))
    text = message(tmp_path, server.url)
    assert text.startswith(f"{tmp_path / cifar_c.ARCHIVE}.part: cannot be written: No space left on device. ")
    assert "5.8 GB" in text
    assert "cortexc data corrupt" in text


def test_verify_tells_each_file(tmp_path):
    (tmp_path / cifar_c.ARCHIVE).write_bytes(ARCHIVE)
    found = {c.name: c.status for c in fetching.verify("cifar10-c", tmp_path, md5=MD5)}
    assert found == dict.fromkeys(FILES, "missing") | {cifar_c.ARCHIVE: "ok"}
    fetch(tmp_path)
    (tmp_path / "CIFAR-10-C" / "fog.npy").write_bytes(WRONG)
    (tmp_path / "CIFAR-10-C" / "snow.npy").unlink()
    found = {c.name: c.status for c in fetching.verify("cifar10-c", tmp_path, md5=MD5)}
    assert found == dict.fromkeys(MD5, "ok") | {"fog.npy": "wrong", "snow.npy": "missing"}


def test_strangers_labels_are_no_set(tmp_path):
    put(tmp_path, {"labels.npy": b"of another set"})
    assert {c.path.parent for c in fetching.verify("cifar10-c", tmp_path)} == {tmp_path / "CIFAR-10-C"}


def verified(data_dir, monkeypatch, capsys, md5=MD5):
    """Run the command with the sums of the small set; return its status and its lines."""
    known = dataclasses.replace(cifar_c.CIFAR10_C, md5=md5)
    monkeypatch.setitem(fetching.FETCHABLE, "cifar10-c", known)
    parser = argparse.ArgumentParser()
    command.configure(parser)
    status = command.run(parser.parse_args(["verify", "cifar10-c", "--data-dir", str(data_dir)]))
    return status, capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("place", [".", "CIFAR-10-C"])
def test_command_verifies_the_official_set(tmp_path, monkeypatch, capsys, place):
    folder = put(tmp_path / place, FILES)
    status, lines = verified(tmp_path, monkeypatch, capsys)
    assert status == 0
    assert lines == [*(f"ok      {folder / name}" for name in FILES), "all 20 files are the official ones"]


def test_command_says_how_to_fix_it(tmp_path, monkeypatch, capsys):
    folder = put(tmp_path / "CIFAR-10-C", FILES | {"fog.npy": WRONG})
    (tmp_path / cifar_c.ARCHIVE).write_bytes(b"x")
    status, lines = verified(tmp_path, monkeypatch, capsys)
    assert status == 1
    wrong = f"wrong   {folder / 'fog.npy'}  (md5 {hashlib.md5(WRONG).hexdigest()}, expected {MD5['fog.npy']})"
    assert wrong in lines
    assert lines[-1].startswith(
        "2 of 21 files are missing or wrong. Delete the archive. Move the wrong files away. Run `cortexc data fetch "
        f"cifar10-c --data-dir {tmp_path}`, or put the official folder CIFAR-10-C there."
    )


def test_command_says_that_a_set_was_regenerated(tmp_path, monkeypatch, capsys):
    manifest = {"manifest.json": json.dumps({"kind": "regenerated", "seed": 0}).encode()}
    put(tmp_path / "CIFAR-10-C", FILES | {"fog.npy": WRONG, "snow.npy": WRONG} | manifest)
    status, lines = verified(tmp_path, monkeypatch, capsys)
    assert (status, len(lines)) == (1, 21)
    assert lines[-1] == (
        "2 of 20 files are missing or wrong. This set was regenerated here, so the sums of its stochastic arrays are "
        "expected to differ: 18 of 20 arrays are byte-identical to the official ones."
    )
    put(tmp_path / "CIFAR-10-C", FILES)
    status, lines = verified(tmp_path, monkeypatch, capsys)
    assert status == 0
    assert lines[-1].startswith("all 20 files are the official ones. This set was regenerated here")


@pytest.mark.parametrize("manifest", [b"", b"\xff", b"[" * 100_000, b"[]", b'{"kind": "official"}', b"x" * 2**21])
def test_other_manifests_say_nothing(tmp_path, manifest):
    (tmp_path / "manifest.json").write_bytes(manifest)
    assert not cifar_c.is_regenerated(tmp_path)


def test_an_unreadable_manifest_is_told_in_plain_words(tmp_path):
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        cifar_c.is_regenerated(tmp_path)


def test_other_names_are_told_the_known_ones(tmp_path):
    with pytest.raises(DataError, match="those there are: cifar10, cifar10-c"):
        fetching.fetch("cifar10c", tmp_path)
