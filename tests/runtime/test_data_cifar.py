import copyreg
import gzip
import io
import os
import pickle
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from cortexc.runtime.data import DataError, cifar, dataset, load

NAMES = [b"airplane", b"automobile", b"bird", b"cat", b"deer", b"dog", b"frog", b"horse", b"ship", b"truck"]


class Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings, which is what the official files hold."""

    def save_string(self, value):
        self.write(b"T" + len(value).to_bytes(4, "little") + value)

    dispatch = pickle._Pickler.dispatch | {bytes: save_string}


def python2(value):
    """Pickle as in the official files: protocol 2, and the module names of numpy 1."""
    out = io.BytesIO()
    Python2Pickler(out, 2).dump(value)
    return out.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def rows(seed):
    noise = np.zeros((10_000, 3072), np.uint8)
    noise[:, :3] = np.random.default_rng(seed).integers(0, 256, (10_000, 3))
    return noise, [(seed + i) % 10 for i in range(10_000)]


def batch(seed):
    data, labels = rows(seed)
    return {b"batch_label": b"batch", b"labels": labels, b"data": data, b"filenames": [b"a.png"]}


@pytest.fixture(scope="session")
def official():
    """File name -> content, in the layout of the official files."""
    files = {name: python2(batch(i)) for i, name in enumerate([*cifar.TRAIN, "test_batch"])}
    return files | {"batches.meta": python2({b"label_names": NAMES, b"num_vis": 3072})}


@pytest.fixture(scope="session")
def written(official, tmp_path_factory):
    target = tmp_path_factory.mktemp("official")
    for name, content in official.items():
        (target / name).write_bytes(content)
    yield target
    shutil.rmtree(target)  # 180 MB, which pytest would keep


@pytest.fixture
def folder(tmp_path, written):
    target = tmp_path / "cifar-10-batches-py"
    target.mkdir()
    for name in cifar.FILES:
        (target / name).symlink_to(written / name)
    return target


def put(path, content):
    path.unlink()  # the link, not what it leads to
    path.write_bytes(content)


def pack(path, files, *, prefix="cifar-10-batches-py/"):
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(prefix + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def message(data_dir):
    with pytest.raises(DataError) as caught:
        load("cifar10", data_dir)
    return str(caught.value)


def test_images_and_labels_come_out_as_they_went_in(tmp_path, folder):
    found = load("cifar10", tmp_path)
    assert found.classes == tuple(name.decode() for name in NAMES)
    assert (len(found.train), len(found.test)) == (50_000, 10_000)
    for seed, split, start in ((0, found.train, 0), (4, found.train, 40_000), (5, found.test, 0)):
        data, labels = rows(seed)
        assert np.array_equal(split.images[start : start + 10_000].reshape(10_000, -1), data)
        assert split.labels[start : start + 10_000].tolist() == labels
    assert load("cifar10", folder).fingerprint == found.fingerprint


def test_a_changed_pixel_changes_the_fingerprint():
    images, labels = np.zeros((2, 3, 32, 32), np.uint8), np.zeros(2, np.int64)
    changed = images.copy()
    changed[1, 2, 31, 31] = 1
    split, other = dataset.ImageSet(images, labels), dataset.ImageSet(changed, labels)
    prints = {dataset.assemble("x", (), train=a, test=b).fingerprint for a in (split, other) for b in (split, other)}
    assert len(prints) == 4
    assert all(p.startswith("sha256:") and len(p) == 71 for p in prints)


def test_the_archive_is_read_in_place(tmp_path, folder, official):
    from_folder = load("cifar10", tmp_path).fingerprint
    alone = tmp_path / "alone"
    alone.mkdir()
    pack(alone / cifar.ARCHIVE, {"readme.html": b"<html>", "../../evil": b"x"} | official)
    assert load("cifar10", alone).fingerprint == from_folder
    assert [p.name for p in alone.iterdir()] == [cifar.ARCHIVE]


def test_batches_pickled_again_with_a_new_numpy_are_read(tmp_path, folder):
    before = load("cifar10", tmp_path).fingerprint
    data, labels = rows(1)
    put(folder / "data_batch_2", pickle.dumps({"data": data, "labels": labels}, 4))
    assert load("cifar10", tmp_path).fingerprint == before


def test_no_folder_and_an_empty_folder_say_how_to_fetch(tmp_path):
    assert "--data-dir DIR" in message(None)
    assert "no such folder" in message(tmp_path / "absent")
    text = message(tmp_path)
    assert str(tmp_path) in text
    assert f"cortexc data fetch cifar10 --data-dir {tmp_path}" in text


def test_unknown_data_set_names_the_known_ones():
    with pytest.raises(DataError, match=r"`cifar11`.*cifar10, cifar100, digits"):
        load("cifar11", None)


def test_missing_batches_are_named(tmp_path, folder):
    (folder / "data_batch_3").unlink()
    (folder / "test_batch").unlink()
    assert "missing: data_batch_3, test_batch. Run `cortexc data fetch" in message(tmp_path)


def test_archive_without_a_batch_names_it(tmp_path, official):
    pack(tmp_path / cifar.ARCHIVE, {"batches.meta": official["batches.meta"]})
    assert "data_batch_1, data_batch_2" in message(tmp_path)


@pytest.mark.parametrize("keep", [0, 1, 1000, 20_000_000])
def test_truncated_batch_is_named(tmp_path, folder, official, keep):
    put(folder / "data_batch_2", official["data_batch_2"][:keep])
    text = message(tmp_path)
    assert text.startswith(f"{folder / 'data_batch_2'}: not a sound file")
    assert "cortexc data fetch" in text


@pytest.fixture(scope="module")
def archived(official, tmp_path_factory):
    return pack(tmp_path_factory.mktemp("archive") / cifar.ARCHIVE, official).read_bytes()


@pytest.mark.parametrize("keep", [0, 10, 2_000, 60_000, -1_000_000])
def test_truncated_archive_is_named(tmp_path, archived, keep):
    (tmp_path / cifar.ARCHIVE).write_bytes(archived[:keep])
    assert str(tmp_path / cifar.ARCHIVE) in message(tmp_path)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 not a tar", gzip.compress(b"no tar inside " * 999)], ids=["zip", "gzip without tar"]
)
def test_foreign_archive_is_named(tmp_path, content):
    (tmp_path / cifar.ARCHIVE).write_bytes(content)
    assert str(tmp_path / cifar.ARCHIVE) in message(tmp_path)


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_runs_commands_is_refused_and_does_not_run(tmp_path, folder, protocol):
    target = tmp_path / "ran"
    put(folder / "data_batch_1", pickle.dumps({"data": Hostile(target)}, protocol))
    assert "asks for `posix.system`" in message(tmp_path) or os.name == "nt"
    assert not target.exists()


@pytest.mark.parametrize("name", ["numpy.core.multiarray\nfromfile", "numpy\nload", "builtins\neval", "a.b\nc"])
def test_other_globals_are_refused_even_of_numpy(tmp_path, folder, name):
    put(folder / "data_batch_1", f"c{name}\n(S'x'\ntR.".encode())
    assert f"asks for `{name.replace(chr(10), '.')}`" in message(tmp_path)


def test_the_extension_registry_is_no_way_around(tmp_path, folder):
    copyreg.add_extension("posix", "system", 0x70000001)
    try:
        put(folder / "data_batch_1", b"\x80\x02\x84\x01\x00\x00\x70(S'true'\ntR.")
        assert "asks for `posix.system`" in message(tmp_path)
    finally:
        copyreg.remove_extension("posix", "system", 0x70000001)


def odd(**changes):
    return {b"data": np.zeros((10_000, 3072), np.uint8), b"labels": [0] * 10_000} | {
        key.encode(): value for key, value in changes.items()
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1, 2], "holds a list"),
        ({b"labels": [0] * 10_000}, "no array `data`"),
        (odd(data=b"x" * 9), "no array `data`"),
        (odd(data=np.zeros((9_999, 3072), np.uint8)), "(9999, 3072)"),
        (odd(data=np.zeros((10_000, 3072), np.int8)), "type i1"),
        (odd(data=np.asfortranarray(np.zeros((10_000, 3072), np.uint8))), "row by row"),
        (odd(labels=[0] * 9_999), "`labels` is not a list of 10,000"),
        (odd(labels=[10] + [0] * 9_999), "from 0 to 9"),
        (odd(labels=[-1] + [0] * 9_999), "from 0 to 9"),
        (odd(labels=[0.5] + [0] * 9_999), "from 0 to 9"),
    ],
)
def test_unsound_batches_are_refused(tmp_path, folder, value, words):
    put(folder / "data_batch_1", python2(value))
    text = message(tmp_path)
    assert words in text
    assert str(folder / "data_batch_1") in text


@pytest.mark.parametrize(
    "meta", [{}, {b"label_names": NAMES[:9]}, {b"label_names": [b"cat"] * 10}, {b"label_names": 3}]
)
def test_unsound_class_names_are_refused(tmp_path, folder, meta):
    put(folder / "batches.meta", python2(meta))
    assert "10 different names" in message(tmp_path)


def test_damage_anywhere_gives_a_data_error_or_nothing(official):
    random = np.random.default_rng(0)
    place = cifar._File(cifar.VERSION, Path("x"), Path("y"))
    for _ in range(300):
        content = bytearray(official["batches.meta"])
        for at in random.integers(0, len(content), 3):
            content[at] = random.integers(256)
        try:
            place.classes(place.unpickled(bytes(content)))
        except DataError:
            continue


def test_enormous_file_is_not_read(tmp_path, folder):
    put(folder / "data_batch_1", b"")
    with (folder / "data_batch_1").open("r+b") as file:
        file.truncate(10 * 2**30)  # sparse: it takes no room
    assert "10,737,418,240 bytes" in message(tmp_path)


def test_cifar100_is_read_with_its_fine_labels(tmp_path):
    names = [f"class {number}".encode() for number in range(100)]
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name, count in (("train", 50_000), ("test", 10_000)):
        pixels = np.zeros((count, 3072), np.uint8)
        pixels[:, 0] = np.arange(count) % 251
        fine = [number % 100 for number in range(count)]
        content = {b"data": pixels, b"fine_labels": fine, b"coarse_labels": [0] * count}
        (folder / name).write_bytes(python2(content))
    with pytest.raises(DataError, match=r"of the three official files these are missing: meta\. Run"):
        load("cifar100", tmp_path)
    (folder / "meta").write_bytes(python2({b"fine_label_names": names, b"coarse_label_names": names[:20]}))
    found = load("cifar100", tmp_path)
    shutil.rmtree(folder)  # 184 MB, which pytest would keep
    assert (found.name, found.classes[99]) == ("cifar100", "class 99")
    assert found.train.images[:, 0, 0, 0].tolist() == [number % 251 for number in range(50_000)]
    assert found.test.labels.tolist() == [number % 100 for number in range(10_000)]
