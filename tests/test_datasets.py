"""The table of data sets: what it says of each is so, and a new one needs a reader and a record."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cortexc import datasets, experiments
from cortexc.datasets import DATASETS, IMAGE_SHAPE, DatasetRecord
from cortexc.runtime import data
from cortexc.runtime.data.fetching import FETCHABLE

ROOT = Path(__file__).parents[1]


SHIPPED = {name: record for name, record in DATASETS.items() if not record.needs_folder}


@pytest.mark.parametrize("record", SHIPPED.values(), ids=SHIPPED)
def test_a_data_set_is_as_its_record_says(record: DatasetRecord) -> None:
    found = data.load(record.name, None)
    assert found.train.images.shape == (record.training_images, *IMAGE_SHAPE)
    assert found.test.images.shape == (record.test_images, *IMAGE_SHAPE)
    assert len(found.classes) == record.classes
    assert {int(label) for split in (found.train, found.test) for label in split.labels} == set(range(record.classes))


def test_the_page_of_experiments_names_every_data_set() -> None:
    rows = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8").splitlines()
    (row,) = (row for row in rows if row.startswith("| `data` |"))
    assert [name for name in DATASETS if f"`{name}`" not in row] == []


@pytest.mark.parametrize("record", DATASETS.values(), ids=DATASETS)
def test_what_can_be_fetched_lies_in_a_folder(record: DatasetRecord) -> None:
    assert record.needs_folder or record.name not in FETCHABLE
    assert record.official is None or FETCHABLE[record.official].folder == record.corrupted


def test_the_schema_of_experiments_lists_the_data_sets() -> None:
    schema = json.loads((ROOT / "docs" / "experiment.schema.json").read_text(encoding="utf-8"))
    assert schema["$defs"]["Images"]["properties"]["name"]["enum"] == list(DATASETS)


def test_the_table_imports_nothing_of_ours() -> None:
    code = "import sys, cortexc.datasets; print(*(m for m in sys.modules if m.startswith('cortexc')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"cortexc", "cortexc.datasets"}


def test_a_new_data_set_is_a_reader_and_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    images = data.ImageSet(np.zeros((3, *IMAGE_SHAPE), np.uint8), np.array([0, 1, 2]))

    class Reader:
        @staticmethod
        def read(data_dir: Path | None) -> data.Dataset:
            return data.Dataset("stripes", ("a", "b", "c"), images, images, "sha256:0")

    record = DatasetRecord(
        name="stripes",
        title="Stripes",
        reader="stripes",
        training_images=3,
        test_images=3,
        classes=3,
        mirrored=True,
        needs_folder=False,
        license="CC0",
    )
    monkeypatch.setitem(sys.modules, "cortexc.runtime.data.stripes", Reader)  # type: ignore[arg-type]
    monkeypatch.setitem(datasets.DATASETS, "stripes", record)
    assert data.load("stripes", None).train is images
    monkeypatch.setitem(datasets.DATASETS, "stripes", dataclasses.replace(record, classes=4))
    with pytest.raises(ValueError, match="reads `stripes` with 3 classes; its record is stripes, 4"):
        data.load("stripes", None)
    apart = dataclasses.replace(record, needs_folder=True)
    monkeypatch.setitem(datasets.DATASETS, "stripes", apart)
    with pytest.raises(data.DataError, match=r"stripes needs --data-dir DIR$"):
        data.load("stripes", None)


@pytest.mark.parametrize("name", ["cifar11", "[cifar10]", "3"])
def test_an_unknown_data_set_is_found_at_its_place(name: str, tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    text = f"cortexc_experiment: 1\nname: a\nbaseline: d\narms: {{d: {{spec: vit-tiny}}}}\ndata: {{name: {name}}}\n"
    path.write_text(text)
    (found,) = experiments.check(path)
    assert (found.code, found.span.line) == ("S106", 5)
    assert "must be one of `cifar10`, `cifar100`, `digits`" in found.message
