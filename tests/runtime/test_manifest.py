"""The manifest of a run: read and written as the same JSON, and refused in plain words where it is damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cortexc.runtime.manifest import Manifest, Recipe, RunError, read

WRITTEN: dict[str, Any] = {
    "format": 1,
    "name": "small",
    "program": "sha256:1",
    "spec": "sha256:2",
    "parameters": {"attention": 304, "total": 6058},
    "flops_per_image": 152384,
    "recipe": {
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 0.001,
        "seed": 0,
        "weight_decay": 0.05,
        "warmup": 0.1,
        "label_smoothing": 0.1,
        "padding": 4,
        "flip": False,
        "clip": 1.0,
        "corruptions": ["fog"],
        "test_images": [3, 6],
    },
    "seeds": {"compile": 0, "train": 0},
    "initial": None,
    "extended": [],
    "data": {
        "name": "digits",
        "folder": "/data",
        "corrupted_folder": "/data/digits-C",
        "corrupted": {"kind": "regenerated", "seed": 0},
        "fingerprint": "sha256:3",
        "held_out": 0,
        "training_images": 1437,
        "test_images": 360,
        "classes": ["zero", "one"],
    },
    "versions": {"python": "3.11.7", "torch": "2.13.0+cpu"},
    "machine": {
        "platform": "Linux",
        "processor": "x86_64",
        "cores": 2,
        "threads": 1,
        "device": "cpu",
        "bfloat16": False,
        "stacked": 0,
    },
    "command": ["cortexc", "train"],
    "started": "2026-11-28T06:41:16+00:00",
}  # what version 0.1.0 wrote, in its order


def put(folder: Path, text: str) -> Path:
    path = folder / "manifest.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    found = read(put(tmp_path, json.dumps(WRITTEN)))
    assert json.dumps(found.model_dump(mode="json")) == json.dumps(WRITTEN)
    assert found.recipe == Recipe(epochs=2, batch_size=64, flip=False, corruptions=("fog",), test_images=(3, 6))
    assert found.data.folder == Path("/data")


def test_a_run_of_the_first_version_is_read(tmp_path: Path) -> None:
    old = {**WRITTEN, "recipe": {"epochs": 3}, "data": {**WRITTEN["data"]}}
    for key in ("held_out", "corrupted_folder", "corrupted"):
        del old["data"][key]
    del old["spec"]
    old["machine"] = {key: value for key, value in WRITTEN["machine"].items() if key != "stacked"}
    found = read(put(tmp_path, json.dumps(old)))
    assert (found.recipe, found.data.held_out, found.data.corrupted_folder) == (Recipe(epochs=3), 0, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": None}, "`name` is not as expected: Input should be a valid string"),
        ({"data": {"name": "digits"}}, r"`data\.folder` is missing"),
        ({"recipe": {"epoch": 3}}, r"`recipe\.epoch` is not as expected"),
        ({"recipe": {"epochs": 0}}, "epochs is 0, and must be at least 1"),
        ({"format": 2}, "was written by another version of cortexc"),
    ],
)
def test_a_damaged_manifest_says_where(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(RunError, match=words):
        read(put(tmp_path, json.dumps({**WRITTEN, **change})))


@pytest.mark.parametrize("key", [key for key, field in Manifest.model_fields.items() if field.is_required()])
def test_a_key_that_is_missing_is_named(tmp_path: Path, key: str) -> None:
    path = put(tmp_path, json.dumps({k: v for k, v in WRITTEN.items() if k != key}))
    with pytest.raises(RunError, match=rf"manifest\.json is damaged: `{key}` is missing; move .* away"):
        read(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is damaged: it is not JSON"), ("\x00", "is damaged: it is not JSON"), ("[1]", "was written by another")],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RunError, match=rf"manifest\.json {words}"):
        read(put(tmp_path, text))
    with pytest.raises(RunError, match="cannot be read: No such file"):
        read(tmp_path / "absent.json")
