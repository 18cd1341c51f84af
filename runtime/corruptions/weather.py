"""Weather: something is between the scene and the lens. For shapes and arguments see ``noise``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from skimage.filters import gaussian

from . import blur, colour

Pixels = NDArray[np.uint8]
Floats = NDArray[Any]


def snow(
    images: Pixels, random: Sequence[Generator], loc: float, scale: float, zoom: float, threshold: float,
    radius: float, sigma: float, blend: float,
) -> Pixels:  # fmt: skip
    """Let snow fall: flakes smeared by their fall, twice, and a paler scene.

    Args:
        images: see ``noise``.
        random: see ``noise``.
        loc: mean of the normal field that the flakes are the peaks of.
        scale: its standard deviation.
        zoom: size of a flake [pixels].
        threshold: below it there is no flake.
        radius: half the length of the smear [pixels].
        sigma: width of the smear [pixels].
        blend: fraction of the scene's own colour.
    """
    fields = loc + scale * np.stack([r.standard_normal((32, 32)) for r in random])
    angles = np.array([r.uniform(-135, -45) for r in random])
    flakes = blur.enlarged(fields, zoom)[..., None]
    flakes[flakes < threshold] = 0
    layer = blur.smeared((np.clip(flakes, 0, 1) * 255).astype(np.uint8), radius, sigma, angles) / 255.0
    x = images.astype(np.float32) / np.float32(255)
    grey = cv2.cvtColor(x.reshape(-1, 32, 3), cv2.COLOR_RGB2GRAY).reshape(-1, 32, 32, 1)
    x = blend * x + (1 - blend) * np.maximum(x, grey * 1.5 + 0.5)
    return _pixels(x + layer + layer[:, ::-1, ::-1])


def frost(
    images: Pixels, random: Sequence[Generator], weight: float, frost_weight: float, *, sheets: Sequence[Pixels]
) -> Pixels:
    """Lay frost over the scene: a piece of a random sheet of ice, (height, width, 3) each, of more than 32 pixels."""
    pieces = np.empty(images.shape, np.uint8)
    for piece, r in zip(pieces, random, strict=True):
        sheet = sheets[int(r.integers(len(sheets)))]
        top, left = r.integers(sheet.shape[0] - 32), r.integers(sheet.shape[1] - 32)
        piece[:] = sheet[top : top + 32, left : left + 32]
    return np.clip(weight * images + frost_weight * pieces, 0, 255).astype(np.uint8)


def fog(images: Pixels, random: Sequence[Generator], strength: float, decay: float) -> Pixels:
    """Add fog: a fractal of brightness ``strength``, smoother for a larger ``decay``, and less contrast."""
    x = images / 255.0
    highest = x.max(axis=(1, 2, 3), keepdims=True)
    x += strength * plasma(random, decay)[..., None]
    return _pixels(x * highest / (highest + strength))


def plasma(random: Sequence[Generator], decay: float) -> Floats:
    """Draw height maps (N, 32, 32) on a torus by the diamond-square algorithm, each scaled to 0..1."""
    chance = np.stack([r.random(4**5 - 1) for r in random])
    heights = np.zeros((len(random), 32, 32))
    step, wibble, used = 32, 100.0, 0
    while step >= 2:
        half, side = step // 2, 32 // step
        drawn = chance[:, used : used + 3 * side * side].reshape(-1, 3, side, side)
        noise = wibble * (-wibble + 2 * wibble * drawn)  # so its size is wibble squared
        corners = heights[:, ::step, ::step]
        total = corners + np.roll(corners, -1, axis=1)
        middles = (total + np.roll(total, -1, axis=2)) / 4 + noise[:, 0]
        beside = middles + np.roll(middles, 1, axis=1) + (corners + np.roll(corners, -1, axis=2))
        above = middles + np.roll(middles, 1, axis=2) + (corners + np.roll(corners, -1, axis=1))
        heights[:, half::step, half::step] = middles
        heights[:, ::step, half::step] = beside / 4 + noise[:, 1]
        heights[:, half::step, ::step] = above / 4 + noise[:, 2]
        used += 3 * side * side
        step, wibble = half, wibble / decay
    heights -= heights.min(axis=(1, 2), keepdims=True)
    return heights / heights.max(axis=(1, 2), keepdims=True)


def brightness(images: Pixels, delta: float) -> Pixels:
    """Add ``delta`` to the value of hue, saturation, value."""
    hue, saturation, value = colour.rgb_to_hsv(images / 255.0)
    return _pixels(colour.hsv_to_rgb(hue, saturation, np.clip(value + delta, 0, 1)))


def spatter(
    images: Pixels, random: Sequence[Generator], loc: float, scale: float, sigma: float, threshold: float,
    strength: float, mud: float,
) -> Pixels:  # fmt: skip
    """Spatter the lens with drops of water, or with mud.

    Args:
        images: see ``noise``.
        random: see ``noise``.
        loc: mean of the normal field that the drops are the peaks of.
        scale: its standard deviation.
        sigma: how far it is smoothed [pixels].
        threshold: below it there is no drop.
        strength: brightness of water; for mud, how far its edges are smoothed [pixels].
        mud: 0 for water, 1 for mud.
    """
    x = images.astype(np.float32) / np.float32(255)
    fields = loc + scale * np.stack([r.standard_normal((32, 32)) for r in random])
    liquid = gaussian(fields, sigma=(0, sigma, sigma))
    liquid[liquid < threshold] = 0
    if mud:
        m = gaussian((liquid > threshold).astype(np.float32), sigma=(0, strength, strength))[..., None]
        m[m < 0.8] = 0
        return _pixels(x * (1 - m) + np.array([63, 42, 20]) / 255.0 * m)  # brown
    drops = np.stack([_shaded(layer) for layer in (liquid * 255).astype(np.uint8)])
    drops *= np.float32(strength) / np.maximum(drops.max(axis=(1, 2), keepdims=True), np.float32(1))
    turquoise = np.array([175, 238, 238], np.float32) / np.float32(255)
    return _pixels(x + drops[..., None] * turquoise)


RELIEF = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])


def _shaded(drops: Pixels) -> Floats:
    """Give drops (32, 32) the look of relief: light from one side, by the distance to their edges."""
    away = cv2.distanceTransform(255 - cv2.Canny(drops, 50, 150), cv2.DIST_L2, 5)
    away = cv2.blur(np.minimum(away, 20), (3, 3)).astype(np.uint8)
    light = cv2.blur(cv2.filter2D(cv2.equalizeHist(away), cv2.CV_8U, RELIEF), (3, 3))
    return drops * light.astype(np.float32)


def _pixels(x: Floats) -> Pixels:
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)
