"""Hue, saturation and value, as scikit-image has them to the last bit, without its many copies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rgb_to_hsv(rgb: Floats) -> tuple[Floats, Floats, Floats]:
    """Return hue, saturation and value, each (...) in 0..1, of colours (..., 3) in 0..1.

    Equal to ``skimage.color.rgb2hsv``.
    """
    red, green, blue = (np.ascontiguousarray(rgb[..., channel]) for channel in range(3))
    value = np.maximum(np.maximum(red, green), blue)
    span = value - np.minimum(np.minimum(red, green), blue)
    coloured = span > 0
    divisor = np.where(coloured, span, 1.0)  # of grey, the numerators below are 0
    sector = np.where(value == green, 2 + (blue - red) / divisor, (green - blue) / divisor)
    sector = np.where(value == blue, 4 + (red - green) / divisor, sector)
    hue = sector / 6
    hue = np.where(hue < 0, hue + 1, hue)
    hue *= coloured
    saturation = span / np.where(coloured, value, 1.0)
    return hue, saturation, value


def hsv_to_rgb(hue: Floats, saturation: Floats, value: Floats) -> Floats:
    """Return colours (..., 3) in 0..1 of hue, saturation and value, each (...) in 0..1.

    Equal to ``skimage.color.hsv2rgb``.
    """
    sector = np.floor(hue * 6)
    along = hue * 6 - sector
    low = value * (1 - saturation)
    falling = value * (1 - along * saturation)
    rising = value * (1 - (1 - along) * saturation)
    between = np.where(sector % 2 == 0, rising, falling)  # the channel that is neither the largest nor the smallest
    sector = sector.astype(np.uint8) % 6
    rgb = np.empty((*value.shape, 3))
    for channel, largest in enumerate((0, 2, 4)):  # red is largest around sector 0, green around 2, blue around 4
        turn = (sector + (6 - largest)) % 6
        rgb[..., channel] = np.where(
            (turn == 0) | (turn == 5), value, np.where((turn == 1) | (turn == 4), between, low)
        )
    return rgb
