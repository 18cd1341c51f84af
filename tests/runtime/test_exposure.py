"""What a model is shown in each epoch."""

from pathlib import Path

import numpy as np
import pytest

from cortexc.runtime.corruptions.generation import corrupt
from cortexc.runtime.corruptions.sets import stored
from cortexc.runtime.corruptions.writing import channels_last, write
from cortexc.runtime.data.dataset import DataError, Dataset, ImageSet, assemble
from cortexc.runtime.exposure import CorruptedTests, Exposure
from cortexc.runtime.manifest import Recipe


def split(seed: int, count: int) -> ImageSet:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 3, 32, 32)).astype(np.uint8)
    return ImageSet(images, random.integers(0, 3, count))


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return assemble("small", ("a", "b", "c"), train=split(0, 400), test=split(1, 12))


def test_without_corruptions_the_images_stay_as_they_are(dataset: Dataset) -> None:
    exposure = Exposure(dataset.train, 0)
    assert exposure.epoch(0) is dataset.train
    assert exposure.epoch(7) is dataset.train
    assert len(exposure) == 400


def test_each_image_is_left_or_shown_in_one_named_corruption(dataset: Dataset) -> None:
    exposure = Exposure(dataset.train, 3, ("contrast", "brightness", "jpeg_compression"))
    clean, shown = (channels_last(data.images) for data in (dataset.train, exposure.epoch(0)))
    np.testing.assert_array_equal(exposure.epoch(0).labels, dataset.train.labels)
    fates = {("clean", 0): (shown == clean).all(axis=(1, 2, 3))}
    for name in exposure.corruptions:
        for severity in range(1, 6):
            fates[name, severity] = (shown == corrupt(clean, name, severity)).all(axis=(1, 2, 3))
    assert np.any(list(fates.values()), axis=0).all()
    assert 0.15 < fates["clean", 0].mean() < 0.35
    assert all(fate.any() for fate in fates.values())


def test_an_epoch_is_the_same_whenever_it_is_dealt(dataset: Dataset) -> None:
    exposure = Exposure(dataset.train, 3, ("gaussian_noise", "fog"))
    first = exposure.epoch(2).images
    np.testing.assert_array_equal(first, Exposure(dataset.train, 3, ("gaussian_noise", "fog")).epoch(2).images)
    assert (first != exposure.epoch(1).images).any()
    assert (first != Exposure(dataset.train, 4, ("gaussian_noise", "fog")).epoch(2).images).any()


@pytest.fixture
def tests(dataset: Dataset, tmp_path: Path) -> CorruptedTests:
    write(dataset, tmp_path / "set", corruptions=("contrast", "saturate"), severities=(2, 5))
    return CorruptedTests(stored(tmp_path / "set", dataset.test, dataset.fingerprint), dataset.test.labels, 3, 6)


def test_corrupted_test_images_are_added(dataset: Dataset, tests: CorruptedTests) -> None:
    exposure = Exposure(dataset.train, 0, ("contrast", "saturate"), tests)
    assert len(exposure) == 404
    seen_forms = set()
    clean = channels_last(dataset.test.images)[3:7]
    for epoch in range(12):
        data = exposure.epoch(epoch)
        np.testing.assert_array_equal(data.images[:400], dataset.train.images)
        np.testing.assert_array_equal(data.labels[400:], dataset.test.labels[3:7])
        added = channels_last(data.images[400:])
        for image, shown in zip(clean, added, strict=True):
            forms = [
                (name, severity)
                for name in ("contrast", "saturate")
                for severity in (2, 5)
                if (corrupt(image[None], name, severity)[0] == shown).all()
            ]
            assert len(forms) == 1
            seen_forms.update(forms)
    assert len(seen_forms) == 4


@pytest.mark.parametrize(("first", "last"), [(5, 4), (0, 12), (-1, 3), (0, 11)])
def test_a_split_leaves_something_to_test(tests: CorruptedTests, first: int, last: int) -> None:
    with pytest.raises(DataError, match=f"test images {first} to {last} are no split of 12"):
        CorruptedTests(tests.set, tests.labels, first, last)


def test_a_recipe_knows_which_test_images_it_shows() -> None:
    assert Recipe().excluded.tolist() == []
    assert Recipe(corruptions=("fog",), test_images=(3, 6)).excluded.tolist() == [3, 4, 5, 6]
