"""Sheets of ice for the corruption ``frost``: drawn by a procedure, or the photographs of the official generator.

The photographs, frost1 to frost6 of https://github.com/hendrycks/robustness (ImageNet-C/imagenet_c/imagenet_c/frost),
come with no licence of their own, so they are not shipped. The official set uses the first five of them, at a fifth of
their size. Drawn sheets have, each like one of these: size, mean and covariance of the colours, the distribution of
brightness, and the power spectrum: a power law and a floor.
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
FIRST_DRAWN, DRAWN = "drawn", "drawn, version 2"
"""What manifests and evaluations call the frost of earlier versions, which was too smooth, and that of `drawn`."""


@dataclass(frozen=True)
class Sheet:
    """What a photograph is like at a fifth of its size, and which draw is like it.

    All figures are those of the pieces of 32 x 32 pixels that are cut from it, few of which reach its edges.
    """

    shape: tuple[int, int]
    mean: tuple[float, float, float]
    """Of red, green and blue [0..255]."""
    deviation: tuple[float, float, float]
    """Standard deviations [0..255]."""
    correlation: tuple[float, float, float]
    """Of red with green, red with blue, green with blue."""
    quantiles: tuple[float, ...]
    """Of brightness (mean of the channels) at `LEVELS` [0..255]."""
    slope: float
    """Exponent of the power spectrum over spatial frequency [cycles per pixel]."""
    floor: float
    """Power of all frequencies alike, added to that power law, in units of its power at one cycle per pixel."""
    coarse: float
    """Fraction of the variance in slow changes over the sheet, in addition to that spectrum."""
    seed: int
    """Of the draw whose pieces are most like those of the photograph, of the first 400."""


COARSE_SLOPE = -4.0
"""Exponent of the power spectrum of the slow changes."""
LEVELS = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)

SHEETS = (
    Sheet(
        (120, 180), (76.7, 148.1, 164.7), (27.6, 16.3, 14.8), (0.830, 0.576, 0.930),
        (97, 108, 117, 128, 141, 155, 179), -2.65, 111.0, 0.0, 24,
    ),
    Sheet(
        (63, 112), (198.5, 202.9, 212.2), (19.7, 20.4, 21.2), (0.995, 0.991, 0.996),
        (144, 177, 194, 208, 219, 227, 238), -1.65, 16.2, 0.35, 167,
    ),
    Sheet(
        (63, 112), (198.5, 202.9, 212.2), (19.7, 20.4, 21.2), (0.995, 0.991, 0.996),
        (144, 177, 194, 208, 219, 227, 238), -1.65, 16.2, 0.35, 378,
    ),
    Sheet(
        (70, 105), (143.5, 158.3, 171.1), (27.8, 27.8, 29.0), (0.997, 0.991, 0.993),
        (80, 124, 141, 159, 174, 190, 237), -1.33, 22.0, 0.3, 145,
    ),
    Sheet(
        (99, 132), (102.7, 114.1, 125.9), (39.0, 38.4, 37.3), (0.999, 0.998, 0.999),
        (46, 68, 86, 111, 139, 166, 216), -1.31, 1.9, 0.25, 28,
    ),
)  # fmt: skip
"""Measured on the five photographs in use; the second and the third are the same picture. The spectrum is fitted to the
periodogram of the whole sheet, and ``coarse`` so that means of pieces differ as much as those of the photographs."""


@cache
def drawn() -> tuple[Pixels, ...]:
    """Return five sheets (height, width, 3) drawn by a procedure; always the same ones."""
    return tuple(_draw(sheet) for sheet in SHEETS)


def _draw(sheet: Sheet) -> Pixels:
    """Shape the spectrum of noise, give its channels their covariance, and its brightness its distribution."""
    random = RandomState(sheet.seed)
    height, width = sheet.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    flat = np.zeros((3, height * width))
    fine = frequency**sheet.slope + sheet.floor
    for power, part in ((fine, 1 - sheet.coarse), (frequency**COARSE_SLOPE, sheet.coarse)):
        power[0, 0] = 0  # no mean
        spectrum = np.fft.rfft2(random.standard_normal((3, height, width))) * np.sqrt(power)
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
