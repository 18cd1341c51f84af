"""Corrupted sets on disk: written whole or not at all, and read only when they are what they should be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cortexc.runtime.corruptions.catalogue import Cell
from cortexc.runtime.corruptions.generation import Source, corrupt
from cortexc.runtime.corruptions.sets import MadeSet, describe, md5_of, read_header, stored
from cortexc.runtime.corruptions.writing import channels_last, write
from cortexc.runtime.data import cifar_c
from cortexc.runtime.data.dataset import DataError, Dataset, ImageSet, assemble

NAMES = ("gaussian_noise", "contrast", "saturate")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    random = np.random.default_rng(0)

    def split(count: int) -> ImageSet:
        images = random.integers(0, 256, (count, 3, 32, 32)).astype(np.uint8)
        return ImageSet(images, random.integers(0, 3, count))

    return assemble("small", ("a", "b", "c"), train=split(4), test=split(7))


@pytest.fixture
def folder(dataset: Dataset, tmp_path: Path) -> Path:
    """A sound set of three arrays, without a manifest, as somebody else would hand it over."""
    write(dataset, tmp_path / "set", corruptions=NAMES)
    (tmp_path / "set" / "manifest.json").unlink()
    return tmp_path / "set"


def files(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} - {".lock"}


def opened(folder: Path, dataset: Dataset):
    return stored(folder, dataset.test, dataset.fingerprint)


# Writing


def test_layout_is_that_of_cifar_10_c(dataset: Dataset, tmp_path: Path) -> None:
    manifest = write(dataset, tmp_path, corruptions=NAMES, source=Source(seed=3))
    assert files(tmp_path) == {"contrast.npy", "gaussian_noise.npy", "labels.npy", "manifest.json", "saturate.npy"}
    labels = np.load(tmp_path / "labels.npy")
    assert labels.dtype == np.uint8
    assert labels.tolist() == dataset.test.labels.tolist() * 5
    clean = channels_last(dataset.test.images)
    for name in NAMES:
        array = np.load(tmp_path / f"{name}.npy")
        expected = [corrupt(clean, name, severity, source=Source(seed=3)) for severity in (1, 2, 3, 4, 5)]
        np.testing.assert_array_equal(array, np.concatenate(expected))
    written = json.loads((tmp_path / "manifest.json").read_text())
    assert written.pop("digest").startswith("sha256:")
    assert written == manifest
    assert {name: md5_of(tmp_path / name) for name in manifest["md5"]} == manifest["md5"]
    assert (manifest["kind"], manifest["seed"], manifest["frost"]) == ("regenerated", 3, "drawn, version 2")
    assert "numpy" in manifest["versions"]


def test_header_is_that_of_numpy(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, tmp_path, corruptions=("contrast",))
    np.save(tmp_path / "again.npy", np.load(tmp_path / "contrast.npy"))
    assert (tmp_path / "again.npy").read_bytes() == (tmp_path / "contrast.npy").read_bytes()


def test_workers_do_not_matter(dataset: Dataset, tmp_path: Path) -> None:
    one, three = (write(dataset, tmp_path / str(n), workers=n) for n in (1, 3))
    assert one == three
    assert len(one["md5"]) == 20


def test_a_repeated_call_keeps_what_is_complete(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, tmp_path, corruptions=NAMES[:1])
    before = (tmp_path / "gaussian_noise.npy").stat().st_mtime_ns
    told: list[str] = []
    write(dataset, tmp_path, corruptions=NAMES, progress=lambda cell, done, total: told.append(cell.corruption))
    assert (tmp_path / "gaussian_noise.npy").stat().st_mtime_ns == before
    assert set(told) == {"contrast", "saturate"}
    assert opened(tmp_path, dataset).corruptions == NAMES


@pytest.mark.parametrize("at", [1, 6])
def test_an_interruption_leaves_no_half_file_and_can_be_repeated(dataset: Dataset, tmp_path: Path, at: int) -> None:
    def stop(cell: Cell, done: int, total: int) -> None:
        if done >= at * len(dataset.test):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(dataset, tmp_path, corruptions=NAMES, progress=stop)
    assert files(tmp_path) == {"labels.npy", "manifest.json"} | ({"gaussian_noise.npy"} if at == 6 else set())
    write(dataset, tmp_path, corruptions=NAMES)
    assert opened(tmp_path, dataset).corruptions == NAMES


def test_progress_reaches_its_end(dataset: Dataset, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write(dataset, tmp_path, corruptions=NAMES, progress=lambda cell, done, total: told.append((done, total)))
    assert told[-1] == (3 * 5 * 7, 3 * 5 * 7)
    assert told == sorted(told)


def test_nothing_foreign_is_overwritten(dataset: Dataset, folder: Path) -> None:
    before = (folder / "contrast.npy").read_bytes()
    with pytest.raises(DataError, match=r"gaussian_noise\.npy: there already, and not written by this command"):
        write(dataset, folder, corruptions=NAMES)
    assert (folder / "contrast.npy").read_bytes() == before


def test_another_seed_or_another_array_is_not_overwritten(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, tmp_path, corruptions=NAMES)
    with pytest.raises(DataError, match="it holds a set with seed 0, and this one would have 1"):
        write(dataset, tmp_path, corruptions=NAMES, source=Source(seed=1))
    with pytest.raises(DataError, match="severities"):
        write(dataset, tmp_path, corruptions=NAMES, severities=(1, 2))
    with (tmp_path / "contrast.npy").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\0" if (tmp_path / "contrast.npy").read_bytes()[-1] else b"\1")
    with pytest.raises(DataError, match=r"contrast\.npy: there already, and not what manifest\.json says"):
        write(dataset, tmp_path, corruptions=NAMES)


def test_a_disk_without_room_is_told_before_anything_is_written(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(DataError, match=r"the disk has room for 0\.00 GB"):
        write(dataset, tmp_path, corruptions=NAMES)
    assert files(tmp_path) == set()


def test_a_file_in_place_of_the_folder(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "set").write_text("")
    with pytest.raises(DataError, match="set: cannot be written"):
        write(dataset, tmp_path / "set")


# Reading


def test_stored_and_made_sets_have_the_same_pixels(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, tmp_path, corruptions=NAMES, severities=(2, 5), source=Source(seed=9))
    on_disk = opened(tmp_path, dataset)
    made = MadeSet(channels_last(dataset.test.images), Source(seed=9))
    cells = [Cell("saturate", 5), Cell("gaussian_noise", 2)]
    for (a, x), (b, y) in zip(on_disk.images(cells), made.images(cells), strict=True):
        assert a == b
        np.testing.assert_array_equal(x, y)
        assert isinstance(x, np.memmap)
    assert on_disk.severities == (2, 5)
    assert on_disk.identity(NAMES) == made.identity(NAMES)
    assert describe(made.identity(NAMES)) == "CIFAR-10-C (regenerated, seed 9, drawn frost)"


def test_a_made_set_deals_out_separate_arrays(dataset: Dataset) -> None:
    made = MadeSet(channels_last(dataset.test.images), Source())
    cells = [Cell("contrast", 1), Cell("contrast", 5)]
    first, second = (images for _, images in made.images(cells))
    assert (first != second).any()


def test_official_files_are_known_by_their_sums(
    folder: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (*(f"{name}.npy" for name in NAMES), "labels.npy")
    for name in names:
        monkeypatch.setitem(cifar_c.MD5, name, md5_of(folder / name))
    assert opened(folder, dataset).identity(NAMES) == {"kind": "official"}
    monkeypatch.setitem(cifar_c.MD5, "contrast.npy", "0" * 32)
    found = opened(folder, dataset).identity(NAMES)
    assert found == {"kind": "foreign", "foreign": ["contrast.npy"]}
    assert "1 files are not the official ones, contrast.npy among them" in describe(found)


def test_a_regenerated_array_that_changed_is_named(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, tmp_path, corruptions=NAMES)
    content = bytearray((tmp_path / "saturate.npy").read_bytes())
    content[-1] ^= 1
    (tmp_path / "saturate.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"saturate\.npy: not what manifest\.json says was written"):
        opened(tmp_path, dataset).identity(NAMES)
    assert opened(tmp_path, dataset).identity(("contrast",))["kind"] == "regenerated"


def _float(path: Path) -> None:
    np.save(path, np.load(path).astype(np.float32))


def _wrong_size(path: Path) -> None:
    np.save(path, np.load(path)[:-1])


def _objects(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def _pickle(path: Path) -> None:
    np.load(path).dump(path)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _fortran(path: Path) -> None:
    np.save(path, np.asfortranarray(np.load(path)))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


FAULTS: list[tuple[Callable[[Path], None], str]] = [
    (_float, r"contrast\.npy: it holds float32 35 x 32 x 32 x 3; expected uint8 35 x 32 x 32 x 3: the 7 test images"),
    (_wrong_size, r"contrast\.npy: it holds uint8 34 x 32 x 32 x 3; expected uint8 35 x 32 x 32 x 3"),
    (_objects, r"contrast\.npy: it holds Python objects, which may run code"),
    (_pickle, r"contrast\.npy: this is no \.npy file"),
    (_truncated, r"contrast\.npy: the file is truncated: 107,548 bytes, expected 107,648"),
    (_longer, r"contrast\.npy: the file is longer than it says"),
    (_empty, r"contrast\.npy: this is no \.npy file"),
    (_fortran, r"contrast\.npy: the array is in Fortran order"),
    (_folder, r"contrast\.npy: cannot be read: Is a directory"),
]


@pytest.mark.parametrize(("spoil", "words"), FAULTS, ids=[spoil.__name__[1:] for spoil, _ in FAULTS])
def test_a_file_of_the_wrong_form_is_named(
    folder: Path, dataset: Dataset, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(folder / "contrast.npy")
    with pytest.raises(DataError, match=words):
        opened(folder, dataset)


def test_labels_must_be_there_and_fit(folder: Path, dataset: Dataset) -> None:
    labels = np.load(folder / "labels.npy")
    spoilt = labels.copy()
    spoilt[9] = (spoilt[9] + 1) % 3
    np.save(folder / "labels.npy", spoilt)
    with pytest.raises(DataError, match=r"1 of 35 labels are not those of the test images; the first is in row 9"):
        opened(folder, dataset)
    np.save(folder / "labels.npy", labels[:20])
    with pytest.raises(DataError, match=r"labels\.npy: it holds uint8 20; expected uint8 35"):
        opened(folder, dataset)
    np.save(folder / "labels.npy", labels.astype(float))
    with pytest.raises(DataError, match=r"labels\.npy: it holds float64 35; expected uint8 35"):
        opened(folder, dataset)
    (folder / "labels.npy").unlink()
    with pytest.raises(DataError, match=r"labels\.npy: there is no such file"):
        opened(folder, dataset)


def test_no_folder_and_no_arrays(folder: Path, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder; `cortexc data fetch cifar10-c"):
        opened(tmp_path / "nowhere", dataset)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no array of CIFAR-10-C in it, such as gaussian_noise\.npy"):
        opened(tmp_path / "empty", dataset)


def test_a_set_of_other_images_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, tmp_path, corruptions=NAMES)
    with pytest.raises(DataError, match="this set was made from other images: small"):
        stored(tmp_path, dataset.test, "sha256:" + "0" * 64)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "damaged: "),
        ("[]", "damaged, or not written by this program: `format`"),
        ('{"format": 1, "kind": "regenerated"}', ".*`data` is not as expected"),
        ("\xff", "damaged"),
    ],
)
def test_a_damaged_manifest_is_named(dataset: Dataset, tmp_path: Path, text: str, words: str) -> None:
    write(dataset, tmp_path, corruptions=NAMES)
    (tmp_path / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=rf"manifest\.json: {words}"):
        opened(tmp_path, dataset)


def test_headers_of_all_versions_are_read(tmp_path: Path) -> None:
    array = np.zeros((2, 3), np.int16)
    for version in ((1, 0), (2, 0), (3, 0)):
        with (tmp_path / "x.npy").open("wb") as file:
            np.lib.format.write_array(file, array, version=version)
        assert read_header(tmp_path / "x.npy") == ((2, 3), np.int16)
