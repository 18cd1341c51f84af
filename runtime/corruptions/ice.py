"""Sheets of ice for the corruption ``frost``: drawn by a procedure, or the photographs of the official generator.

The photographs, frost1 to frost6 of https://github.com/hendrycks/robustness (ImageNet-C/imagenet_c/imagenet_c/frost),
come with no licence of their own, so they are not shipped. The official set uses the first five of them, at a fifth of
their size. Drawn sheets have, each like one of these: size, mean and covariance of the colours, the distribution of
brightness, and the power spectrum, as far as a power law tells it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from ..data.dataset import DataError

Pixels = NDArray[np.uint8]

PHOTOGRAPHS = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")
"""Those in use: the generator draws one of six files by ``randint(5)``, and so never the sixth."""
SCALE = 0.2
"""Of the photographs, before pieces are cut."""
SEED = 0


@dataclass(frozen=True)
class Sheet:
    """Statistics of a photograph at a fifth of its size."""

    shape: tuple[int, int]
    mean: tuple[float, float, float]
    """Of red, green and blue [0..255]."""
    deviation: tuple[float, float, float]
    """Standard deviations [0..255]."""
    correlation: tuple[float, float, float]
    """Of red with green, red with blue, green with blue."""
    slope: float
    """Exponent of the power spectrum over spatial frequency."""
    coarse: float
    """Fraction of the variance in slow changes over the sheet, in addition to that power law."""
    quantiles: tuple[float, ...]
    """Of brightness (mean of the channels) at `LEVELS` [0..255]."""


COARSE_SLOPE = -4.0
"""Exponent of the power spectrum of the slow changes."""
LEVELS = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)

SHEETS = (
    Sheet(
        (120, 180), (77.5, 149.0, 165.7), (26.8, 16.4, 15.3), (0.822, 0.573, 0.933), -1.93, 0.05,
        (97, 109, 118, 129, 142, 155, 177),
    ),
    Sheet(
        (63, 112), (200.8, 205.4, 214.5), (21.4, 22.1, 22.6), (0.996, 0.990, 0.995), -0.95, 0.28,
        (143, 177, 195, 210, 223, 231, 245),
    ),
    Sheet(
        (63, 112), (200.8, 205.4, 214.5), (21.4, 22.1, 22.6), (0.996, 0.990, 0.995), -0.95, 0.28,
        (143, 177, 195, 210, 223, 231, 245),
    ),
    Sheet(
        (70, 105), (138.0, 153.2, 165.6), (29.0, 29.0, 30.2), (0.998, 0.992, 0.993), -0.63, 0.22,
        (80, 117, 135, 152, 169, 186, 239),
    ),
    Sheet(
        (99, 132), (112.3, 123.3, 134.7), (44.3, 43.2, 41.6), (0.999, 0.998, 0.999), -1.26, 0.25,
        (46, 71, 91, 120, 151, 182, 238),
    ),
)  # fmt: skip
"""Measured on the five photographs in use; the second and the third are the same picture. Of these, ``coarse``
was set so that means of pieces of 32 x 32 pixels differ as much as those of the photographs."""


@cache
def drawn() -> tuple[Pixels, ...]:
    """Return five sheets (height, width, 3) drawn by a procedure; always the same ones."""
    random = RandomState(SEED)
    return tuple(_draw(sheet, random) for sheet in SHEETS)


def _draw(sheet: Sheet, random: RandomState) -> Pixels:
    """Shape the spectrum of noise, give its channels their covariance, and its brightness its distribution."""
    height, width = sheet.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf  # no mean
    flat = np.zeros((3, height * width))
    for slope, part in ((sheet.slope, 1 - sheet.coarse), (COARSE_SLOPE, sheet.coarse)):
        spectrum = np.fft.rfft2(random.standard_normal((3, height, width))) * frequency ** (slope / 2)
        fields = np.fft.irfft2(spectrum, s=sheet.shape).reshape(3, -1)
        flat += np.sqrt(part) * fields / fields.std(axis=1, keepdims=True)
    flat = np.linalg.solve(np.linalg.cholesky(np.cov(flat)), flat)  # now exactly uncorrelated
    rg, rb, gb = sheet.correlation
    mixed = np.linalg.cholesky([[1, rg, rb], [rg, 1, gb], [rb, gb, 1]]) @ flat
    shaped = np.stack([_distributed(channel, sheet.quantiles) for channel in mixed])
    colours = np.array(sheet.mean)[:, None] + np.array(sheet.deviation)[:, None] * shaped
    return np.clip(colours + 0.5, 0, 255).astype(np.uint8).T.reshape(height, width, 3)


def _distributed(channel: NDArray[np.float64], quantiles: tuple[float, ...]) -> NDArray[np.float64]:
    """Give values a distribution, keeping their order; mean 0 and standard deviation 1."""
    levels = (channel.argsort().argsort() + 0.5) / len(channel)
    shaped = np.interp(levels, LEVELS, quantiles)
    return np.asarray((shaped - shaped.mean()) / shaped.std())


def photographs(folder: Path) -> tuple[Pixels, ...]:
    """Read the original photographs, as the official generator does; the result is as that of `drawn`.

    Raises:
        DataError: one is missing, is no image, or is too small.
    """
    sheets = []
    for name in PHOTOGRAPHS:
        path = folder / name
        if not path.is_file():
            raise DataError(
                f"{path}: there is no such file; expected the photographs {', '.join(PHOTOGRAPHS)} of "
                "https://github.com/hendrycks/robustness (ImageNet-C/imagenet_c/imagenet_c/frost)"
            )
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f"{path}: this is no image that can be read; copy it again")
        small = cv2.resize(image, (0, 0), fx=SCALE, fy=SCALE)
        if min(small.shape[:2]) <= 32:
            height, width = image.shape[:2]
            raise DataError(f"{path}: the image has {width} x {height} pixels; expected at least 170 x 170")
        sheets.append(np.ascontiguousarray(small[..., ::-1], np.uint8))
    return tuple(sheets)
