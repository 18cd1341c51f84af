"""Handwritten digits that need no download: small enough to see a model learn on a laptop in a minute.

The 1,797 images of 8 x 8 grey values 0..16 that scikit-learn carries (the test set of UCI's optdigits,
CC BY 4.0), brought to the size of CIFAR-10: enlarged four times by bilinear interpolation (half-pixel
centres, edges held), scaled to 0..255, grey repeated in the three channels. All in whole numbers, so that
each machine gets the same bytes.

The split is fixed: of each digit 36 images, drawn once with seed 0, are for testing, 360 in all; 1,437 are
for training. The same 13 people wrote both parts, so its accuracy says nothing of the hand of a new writer.

References:
    E. Alpaydin, C. Kaynak (1998), Optical recognition of handwritten digits, UCI Machine Learning Repository,
    https://doi.org/10.24432/C50P49
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .dataset import DataError, Dataset, ImageSet, assemble

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEST_PER_CLASS = 36
SEED = 0


def read(data_dir: Path | None = None) -> Dataset:
    """Return the digits; ``data_dir`` is not looked at.

    Raises:
        DataError: scikit-learn, which carries them, is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        message = "the digits come with scikit-learn, and it is not installed: run `pip install scikit-learn`"
        raise DataError(message) from None
    grey, labels = load_digits(return_X_y=True)  # image pixel; image
    images = enlarged(grey.astype(np.int64).reshape(-1, 8, 8))  # image channel height width
    labels = labels.astype(np.int64)

    random = np.random.RandomState(SEED)  # the one generator of numpy that promises never to change
    in_test = np.zeros(len(labels), bool)
    for digit in range(len(CLASSES)):
        in_test[random.permutation(np.flatnonzero(labels == digit))[:TEST_PER_CLASS]] = True
    train = ImageSet(images[~in_test], labels[~in_test])
    test = ImageSet(images[in_test], labels[in_test])
    return assemble("digits", CLASSES, train=train, test=test)


def enlarged(grey: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Bring images (N, 8, 8) of 0..16 to (N, 3, 32, 32) of 0..255."""
    # Output pixel i lies at i/4 - 3/8 of the input: in eighths of a pixel, positions and weights are whole.
    eighths = np.clip(2 * np.arange(32) - 3, 0, 7 * 8)  # height
    low = np.minimum(eighths // 8, 6)
    weights = np.zeros((32, 8), np.int64)  # height row
    weights[np.arange(32), low] = 8 - (eighths - 8 * low)
    weights[np.arange(32), low + 1] = eighths - 8 * low
    large = weights @ grey @ weights.T  # image height width, 64 times too large
    scaled = ((large * 255 + 512) // 1024).astype(np.uint8)  # x 255 / (64 * 16), to the nearest
    return np.repeat(scaled[:, None], 3, axis=1)  # image channel height width
