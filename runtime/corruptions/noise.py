"""Noise: each value of each pixel is disturbed independently.

Everywhere in these modules: images are (N, 32, 32, 3) of uint8, RGB, and so are results; ``random`` holds one generator
an image; the other arguments are constants of the catalogue, for values scaled to 0..1 unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def gaussian_noise(images: Pixels, random: Sequence[Generator], sigma: float) -> Pixels:
    """Add normal noise of standard deviation ``sigma``."""
    noise = np.stack([r.standard_normal((32, 32, 3)) for r in random])
    noise *= sigma
    noise += images / 255.0
    return _pixels(noise)


def shot_noise(images: Pixels, random: Sequence[Generator], photons: float) -> Pixels:
    """Count photons: Poisson, ``photons`` of them for full brightness."""
    expected = images / 255.0 * photons
    return _pixels(np.stack([r.poisson(mean) for r, mean in zip(random, expected, strict=True)]) / photons)


def impulse_noise(images: Pixels, random: Sequence[Generator], amount: float) -> Pixels:
    """Set a fraction ``amount`` of all values to 0 or full, each half of the time."""
    chance = np.stack([r.random((32, 32, 3)) for r in random])
    noisy = np.where(chance < amount / 2, np.uint8(0), images)
    noisy[chance >= 1 - amount / 2] = 255
    return noisy


def speckle_noise(images: Pixels, random: Sequence[Generator], sigma: float) -> Pixels:
    """Add normal noise in proportion to the value: standard deviation ``sigma`` at full brightness."""
    x = images / 255.0
    noise = np.stack([r.standard_normal((32, 32, 3)) for r in random])
    noise *= sigma
    noise *= x
    noise += x
    return _pixels(noise)


def _pixels(x: NDArray[np.float64]) -> Pixels:
    np.clip(x, 0, 1, out=x)
    x *= 255
    return x.astype(np.uint8)
