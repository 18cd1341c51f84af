import numpy as np
import pytest
from sklearn.datasets import load_digits

from cortexc.runtime.data import ImageSet, digits, load


@pytest.fixture(scope="module")
def found():
    return load("digits", None)


def test_shapes_range_and_contiguity(found):
    assert found.train.images.shape == (1437, 3, 32, 32)
    assert found.test.images.shape == (360, 3, 32, 32)
    assert found.train.images.dtype == np.uint8
    assert (found.train.images.min(), found.train.images.max()) == (0, 255)
    assert np.array_equal(found.train.images[:, 0], found.train.images[:, 2])
    assert len(found.classes) == 10


def test_each_digit_is_tested_equally_often(found):
    assert np.bincount(found.test.labels).tolist() == [36] * 10


def test_the_bytes_are_the_same_on_each_machine(found):
    assert found.fingerprint == "sha256:f3e5bd9b590cb64edba2610251c7b40d576e42448891a3f7a7270c79214866c3"


def test_the_splits_together_are_all_digits_once(found):
    grey, labels = load_digits(return_X_y=True)
    expected = digits.enlarged(grey.astype(np.int64).reshape(-1, 8, 8))
    both = [(s.images[i].tobytes(), int(s.labels[i])) for s in (found.train, found.test) for i in range(len(s))]
    assert sorted(both) == sorted((e.tobytes(), int(label)) for e, label in zip(expected, labels, strict=True))


def test_enlarging_agrees_with_bilinear_interpolation():
    torch = pytest.importorskip("torch")
    grey = np.random.default_rng(0).integers(0, 17, (20, 8, 8))
    exact = torch.nn.functional.interpolate(
        torch.from_numpy(grey)[:, None].double(), size=32, mode="bilinear", align_corners=False
    )[:, 0].numpy()
    assert np.abs(digits.enlarged(grey)[:, 1] - exact * 255 / 16).max() <= 0.5 + 1e-9


def test_enlarging_keeps_flat_images_flat():
    for value, bright in ((0, 0), (8, 128), (16, 255)):
        assert (digits.enlarged(np.full((1, 8, 8), value)) == bright).all()


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((2, 3, 32, 32)), np.zeros(2, np.int64)),
        (np.zeros((2, 32, 32), np.uint8), np.zeros(2, np.int64)),
        (np.zeros((2, 3, 32, 32), np.uint8), np.zeros(3, np.int64)),
        (np.zeros((2, 3, 32, 32), np.uint8), np.zeros(2, np.int32)),
        (np.zeros((2, 3, 32, 32), np.uint8)[:, ::-1], np.zeros(2, np.int64)),
    ],
)
def test_a_split_of_another_form_is_a_programming_error(images, labels):
    with pytest.raises(ValueError, match=r"expected|must be"):
        ImageSet(images, labels)
