"""Data of one's own: what is taken, what is refused in words, and that runs on them are found again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from cortexc import compiler, connectome, runtime
from cortexc.compiler.artifact import Program
from cortexc.connectome.fitting import FittingError, overlay
from cortexc.main import main
from cortexc.runtime import data
from cortexc.runtime.data import arrays
from cortexc.runtime.data.dataset import DataError, mean_and_std, placed
from cortexc.runtime.run import read_evaluation

GREY = np.random.default_rng(0).integers(0, 256, (40, 12, 16), np.uint8)  # image height width
COLOUR = np.random.default_rng(1).integers(0, 256, (40, 3, 12, 16), np.uint8)  # image channel height width
LABELS = np.arange(40) % 4
SPEC = """cortexc: 1
name: small
input: {grid: [4, 4], patch: 8, width: 16, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2]}
areas: {V1: {grid: [4, 4]}, V2: {grid: [2, 2]}}
projections: [{from: LGN, to: V1}, {from: V1, to: V2}]
readout: {area: V2, classes: 10}
"""


class Pictures(torch.utils.data.Dataset[tuple[Image.Image, int]]):
    """A map-style data set as torchvision has them."""

    classes = ("a", "b", "c", "d")

    def __len__(self) -> int:
        return len(COLOUR)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(COLOUR[index].transpose(1, 2, 0)), int(LABELS[index])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((GREY, LABELS), GREY[:, None]),
        ((GREY[..., None], LABELS[:, None]), GREY[:, None]),
        ((COLOUR, LABELS.astype(np.uint8)), COLOUR),
        ((COLOUR.transpose(0, 2, 3, 1), LABELS), COLOUR),
        ((COLOUR / 255, LABELS), COLOUR),
        ((torch.tensor(COLOUR).float() / 255, torch.tensor(LABELS)), COLOUR),
        (Pictures(), COLOUR),
        (TensorDataset(torch.tensor(COLOUR) / 255, torch.tensor(LABELS)), COLOUR),
    ],
    ids=["grey", "grey_last", "first", "last", "floating", "tensors", "pictures", "tensor_dataset"],
)
def test_images_of_every_form_are_read(given: Any, expected: np.ndarray) -> None:
    found = data.load({"train": given, "test": given})
    assert np.array_equal(found.train.images, expected)
    assert np.array_equal(found.test.labels, LABELS)
    assert len(found.classes) == 4
    assert found.fingerprint == data.load({"train": (expected, LABELS), "test": (expected, LABELS)}).fingerprint


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (COLOUR.astype(np.float32), LABELS, r"floating-point images are in \[0, 1\], and these are from 0 to 255"),
        (COLOUR / 127.5 - 1, LABELS, r"these are from -1 to 1: give them as uint8"),
        (np.full((40, 12, 16), np.nan), LABELS, r"these are from nan to nan"),
        (COLOUR.astype(int) * 2, LABELS, "images are from 0 to 510; expected 0 to 255"),
        (COLOUR // 255, LABELS, "images are of 0 and 1, and white is 255"),
        (COLOUR > 9, LABELS, "images are bool; expected uint8"),
        (COLOUR[:, :2], LABELS, "no axis has 1 or 3 channels"),
        (COLOUR[..., :3], LABELS, "which axis has the channels cannot be told"),
        (COLOUR[0, 0], LABELS, r"images are \(12, 16\); expected"),
        (COLOUR[:0], LABELS, "there are no images"),
        (COLOUR, LABELS[:9], r"labels are int64 \(9,\); expected whole numbers \(40,\)"),
        (COLOUR, LABELS / 1, "labels are float64"),
        (COLOUR, LABELS - 1, "there is a label -1; expected 0"),
        (COLOUR, LABELS + 1, "no training image has the label 0"),
        (COLOUR, LABELS * 0, "all images are of one class"),
    ],
)
def test_what_is_wrong_with_arrays_is_said(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        arrays.read({"train": (images, labels)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"test": (COLOUR, LABELS)}, "expected a mapping with `train`"),
        ({"train": (COLOUR, LABELS), "val": (COLOUR, LABELS)}, "and no `val`"),
        ({"train": (COLOUR, LABELS), "test": (GREY, LABELS)}, "are of one shape, and these are 3x12x16 and 1x12x16"),
        ({"train": (COLOUR, LABELS), "test": (COLOUR, LABELS + 1)}, "there is a label 4, and the classes are 0 to 3"),
        ({"train": (COLOUR, LABELS), "classes": ["a", "a"]}, "`classes` are 2 names; expected two or more"),
        ((COLOUR, LABELS, LABELS), "3 arrays are given; expected a pair"),
        (COLOUR, "this is ndarray; expected a pair"),
        ([COLOUR], "item 0 is ndarray; expected a pair"),
        ([(COLOUR[0], 0), (GREY[0], 1)], r"item 1 is \(12, 16\), and the first is \(3, 12, 16\)"),
        ((COLOUR, LABELS), "arrays has no test images: give some, or hold out N"),
    ],
)
def test_what_is_wrong_with_splits_is_said(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        data.load(given)


def test_of_ones_own_images_some_of_each_class_are_held_out() -> None:
    order = np.argsort(LABELS, kind="stable")
    given = (COLOUR[order], LABELS[order])
    found, again = data.load(given, hold_out=16), data.load(given, hold_out=16)
    assert (len(found.train), len(found.test), found.held_out) == (24, 16, 16)
    assert set(found.test.labels) == set(range(4))
    assert found.fingerprint == again.fingerprint
    rows = {image.tobytes() for split in (found.train, found.test) for image in split.images}
    assert rows == {image.tobytes() for image in COLOUR}


@pytest.mark.parametrize(
    ("names", "hold_out"),
    [(("train_images", "train_labels", "test_images", "test_labels"), 0), (("images", "labels"), 10),
     (("x_train", "y_train", "x_test", "y_test"), 0)],
)  # fmt: skip
def test_an_npz_is_read(names: tuple[str, ...], hold_out: int, tmp_path: Path) -> None:
    content: dict[str, Any] = dict(zip(names, [GREY, LABELS] * 2, strict=False))
    np.savez(tmp_path / "own.npz", **content, classes=np.array(["a", "b", "c", "d"]), other=np.zeros(3))
    found = data.load(tmp_path / "own.npz", hold_out=hold_out)
    assert (found.name, found.classes) == ("own.npz", ("a", "b", "c", "d"))
    assert found.train.images.shape == (40 - hold_out, 1, 12, 16)
    assert data.load("own.npz", tmp_path, hold_out=hold_out).fingerprint == found.fingerprint


def test_what_is_wrong_with_an_npz_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with pytest.raises(DataError, match=r"x.npz: cannot be read: No such file"):
        data.load(path)
    np.savez(path, pixels=GREY)
    with pytest.raises(DataError, match=r"x.npz: its arrays are pixels; expected train_images"):
        data.load(path)
    np.savez(path, images=GREY, labels=np.array([None] * 40))
    with pytest.raises(DataError, match=r"not an \.npz of plain arrays"):
        data.load(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"x.npz: damaged"):
        data.load(path)
    with path.open("wb") as file:
        np.save(file, GREY)
    with pytest.raises(DataError, match="this is a single array"):
        data.load(path)


def write_images(folder: Path, images: np.ndarray = COLOUR, suffix: str = ".png") -> None:
    for number, (image, label) in enumerate(zip(images, LABELS, strict=True)):
        path = folder / "abcd"[label] / f"{number:02}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image if image.ndim == 2 else image.transpose(1, 2, 0)).save(path)


def test_a_folder_of_images_is_read(tmp_path: Path) -> None:
    write_images(tmp_path / "train")
    write_images(tmp_path / "test", GREY)
    (tmp_path / "train" / "a" / "notes.txt").write_text("left")
    found = data.load("folder", tmp_path)
    assert found.classes == ("a", "b", "c", "d")
    order = np.argsort(LABELS, kind="stable")
    assert np.array_equal(found.train.images, COLOUR[order])
    assert np.array_equal(found.test.images, np.repeat(GREY[order][:, None], 3, axis=1))
    assert np.array_equal(found.test.labels, LABELS[order])
    whole = data.load("folder", tmp_path / "test", hold_out=8)
    assert whole.train.images.shape == (32, 1, 12, 16)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: shutil.rmtree(f), "own: no such folder"),
        (lambda f: shutil.rmtree(f / "test"), "folder has no test images"),
        (lambda f: shutil.rmtree(f / "train"), r"own: there are 1 folders in it; expected two or more"),
        (lambda f: (f / "train" / "e").mkdir(), "train/e: there is no image in it; expected .bmp"),
        (lambda f: (f / "test" / "e").mkdir(), "test/e: there is no class of this name in .*train"),
        (lambda f: (f / "test" / "a" / "00.png").write_bytes(b"\x89PNG"), "00.png: damaged, or not an image"),
        (lambda f: cut(f / "train" / "a" / "00.png"), "00.png: damaged, or not an image"),
        (lambda f: Image.new("RGB", (9, 9)).save(f / "test" / "b" / "x.png"), "x.png: 9x9 pixels, and .* has 16x12"),
        (lambda f: Image.new("I;16", (16, 12)).save(f / "test" / "b" / "x.png"), "more than 8 bits"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(spoil: Any, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    write_images(folder / "train")
    write_images(folder / "test")
    spoil(folder)
    with pytest.raises(DataError, match=message):
        data.load("folder", folder)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


def test_a_path_that_is_no_data_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"there is no data set `{tmp_path}`.*--data folder --data-dir {tmp_path}"):
        placed(str(tmp_path), None)
    with pytest.raises(DataError, match=r"folder needs --data-dir DIR$"):
        placed("folder", None)


def test_mean_and_deviation_are_those_of_numpy() -> None:
    mean, std = mean_and_std(data.ImageSet(COLOUR, LABELS))
    assert np.allclose(mean, (COLOUR / 255).mean((0, 2, 3)))
    assert np.allclose(std, (COLOUR / 255).std((0, 2, 3)))


@pytest.mark.parametrize(
    ("spec", "shape", "expected"),
    [
        ("macaque-ventral", (3, 32, 32), {}),
        ("macaque-ventral", (3, 224, 224), {"patch": 28}),
        ("macaque-ventral", (1, 28, 28), {"grid": [7, 7], "channels": 1}),
        ("macaque-ventral", (3, 48, 64), {"grid": [6, 8], "patch": 8}),
        ("macaque-ventral", (3, 31, 31), None),
    ],
)
def test_a_spec_is_fitted(spec: str, shape: tuple[int, int, int], expected: dict[str, Any] | None) -> None:
    original = connectome.load(spec)
    standard = {"mean": [0.5] * shape[0], "std": [0.25] * shape[0]}
    if expected is None:
        with pytest.raises(FittingError, match="such as to 32x32"):
            overlay(original, shape=shape, classes=10, **standard)
    else:
        assert overlay(original, shape=shape, classes=10, **standard) == {"input": expected | standard}
        assert overlay(original, shape=shape, classes=9, **standard)["readout"] == {"classes": 9}


@pytest.mark.trains
def test_a_folder_goes_from_files_to_an_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "own")
    Path("small.yaml").write_text(SPEC)
    given = ["--data", "folder", "--data-dir", "own", "--hold-out", "8"]
    assert main(["train", "small.yaml", *given, "--out", "run"]) == 2
    said = capsys.readouterr().err
    keys = "make `input.grid` x `input.patch` 12x16; small has 10 classes, and folder has 4: make `readout.classes` 4"
    assert keys in said
    assert main(["fit", "small.yaml", *given, "-o", "specs.yaml"]) == 0
    assert main(["train", "specs.yaml", *given, "--no-flip", "--epochs", "1", "--out", "run"]) == 0
    assert not runtime.run.opened(Path("run"))[2].recipe.flip
    shutil.move("own", "moved")
    assert main(["evaluate", "run"]) == 2
    assert main(["evaluate", "run", "--data-dir", "moved"]) == 0
    assert read_evaluation(runtime.run.Run(Path("run")))["images"] == 8
    assert main(["verify", "run", "--data-dir", "moved"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "run", "--data-dir", "moved", "--regenerate"]) == 2
    assert "corruptions are for images of 3x32x32, and folder has 3x12x16" in capsys.readouterr().err
    Path("moved/a/00.png").unlink()
    assert main(["evaluate", "run", "--data-dir", "moved"]) == 2
    assert "is not the data that the run was trained on" in capsys.readouterr().err


@pytest.fixture
def program(tmp_path: Path) -> Program:
    path = tmp_path / "small.yaml"
    fitted = SPEC.replace("grid: [4, 4], patch: 8", "grid: [3, 4], patch: 4").replace("classes: 10", "classes: 4")
    path.write_text(fitted)
    return compiler.compile(path)


@pytest.mark.trains
def test_a_run_on_arrays_is_given_them_again(program: Program, tmp_path: Path) -> None:
    own = Pictures()
    recipe = runtime.Recipe(epochs=1, batch_size=16)
    run = runtime.train(program, data=own, hold_out=10, out=tmp_path / "run", recipe=recipe, device="cpu")
    for again in (runtime.evaluate, runtime.resume):
        with pytest.raises(DataError, match=r"the run was trained on arrays.*give them again, with `data=`"):
            again(run.folder)
        with pytest.raises(runtime.RunError, match="the arrays is not the data that the run was trained on"):
            again(run.folder, data=(255 - COLOUR, LABELS))
    assert runtime.evaluate(run.folder, data=own, device="cpu")[0].images == 10
    assert runtime.resume(run.folder, data=own, device="cpu") == run
    with pytest.raises(runtime.RunError, match="padding is 12; expected less than 12"):
        runtime.train(program, data=own, hold_out=10, out=tmp_path / "no", recipe=runtime.Recipe(padding=12))


@pytest.mark.trains
def test_more_classes_than_a_byte_counts_are_kept(program: Program, tmp_path: Path) -> None:
    from cortexc.runtime.corruptions.catalogue import Cell
    from cortexc.runtime.evaluation import collected
    from cortexc.runtime.predictions import load, save

    labels = np.array([0, 299])
    logits = torch.nn.functional.one_hot(torch.tensor(labels), 300).float()
    found = collected([logits], (Cell("clean", 0),), np.arange(2), labels, {})
    save(found, tmp_path / "predictions.h5")
    again = load(tmp_path / "predictions.h5")
    assert again.predicted.tolist() == [[0, 299]]
    assert again.labels.tolist() == [0, 299]
