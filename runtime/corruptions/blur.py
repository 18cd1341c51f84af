"""Blur: each pixel becomes a mean of those around it. Shapes and arguments as in ``noise``; lengths in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from skimage.filters import gaussian

Pixels = NDArray[np.uint8]
Floats = NDArray[Any]

NEGLIGIBLE = 1e-13
"""A weight this small moves no sum of 16 bits."""
CACHED = 25
"""Images whose enlarged copies, 26 of each, stay in the cache of a processor."""
MAX_CHANNELS = 126
"""Of one OpenCV image, in whole RGB images: OpenCV 5 allows at most 128 channels."""


def gaussian_blur(images: Pixels, sigma: float) -> Pixels:
    """Blur by a Gaussian of width ``sigma``."""
    return _pixels(_smooth(images / 255.0, sigma))


def defocus_blur(images: Pixels, radius: float, alias_sigma: float) -> Pixels:
    """Blur by a disk, itself smoothed by a Gaussian against aliasing."""
    away = np.arange(-8, 9)
    disk = (away[:, None] ** 2 + away**2 <= radius**2).astype(np.float32)
    kernel = cv2.GaussianBlur(disk / disk.sum(), ksize=(3, 3), sigmaX=alias_sigma)
    channels = np.moveaxis(images, 0, 2).reshape(32, 32, -1) / 255.0  # height, width, image x channel
    parts = np.split(channels, range(MAX_CHANNELS, channels.shape[2], MAX_CHANNELS), axis=2)
    blurred = np.concatenate([cv2.filter2D(np.ascontiguousarray(p), -1, kernel) for p in parts], axis=2)
    return np.ascontiguousarray(np.moveaxis(_pixels(blurred).reshape(32, 32, -1, 3), 2, 0))


def glass_blur(images: Pixels, random: Sequence[Generator], sigma: float, reach: int, iterations: int) -> Pixels:
    """Blur, let each pixel take the value of one near it, some times over, and blur again.

    Pixels are visited from the last to the first. Each takes the value of itself, or of the one above, to the left, or
    both; the swap that was meant became a copy, and the official set has it so. Those are visited later, so all pixels
    can move at once.

    Args:
        images: see ``noise``.
        random: see ``noise``.
        sigma: width of both blurs [pixels].
        reach: 1, as in all of the set; what is published draws moves from -reach to reach - 1.
        iterations: how many times pixels move.

    Raises:
        ValueError: ``reach`` is another one: pixels would then take values that have moved already.
    """
    if reach != 1:
        raise ValueError(f"reach is {reach}; expected 1")
    x = (_smooth(images / 255.0, sigma) * 255).astype(np.uint8)
    moves = np.stack([r.integers(-reach, reach, (iterations, 30, 30, 2)) for r in random], axis=1)
    rows, columns = np.meshgrid(np.arange(2, 32), np.arange(2, 32), indexing="ij")
    pixels = x.reshape(len(x), 1024, 3)
    for step in moves[:, :, ::-1, ::-1]:  # image row column dx/dy; drawn for rows and columns 31 to 2
        taken = 32 * (rows + step[..., 1]) + columns + step[..., 0]  # image row column
        moved = np.take_along_axis(pixels, taken.reshape(len(x), -1, 1), axis=1)
        pixels.reshape(x.shape)[:, 2:, 2:] = moved.reshape(len(x), *rows.shape, 3)
    return _pixels(_smooth(x / 255.0, sigma))


def motion_blur(images: Pixels, random: Sequence[Generator], radius: float, sigma: float) -> Pixels:
    """Smear along a line whose angle is drawn from -45 to 45 degrees."""
    return smeared(images, radius, sigma, np.array([r.uniform(-45, 45) for r in random]))


def smeared(images: Pixels, radius: float, sigma: float, angles: NDArray[np.float64]) -> Pixels:
    """Smear (N, 32, 32, channels) as ImageMagick does: along a line, on one side, edge pixels held.

    Args:
        images: also layers of one channel.
        radius: half the length of the kernel.
        sigma: width of the half Gaussian that the kernel is.
        angles: (N,), one an image [degrees].
    """
    width = 2 * math.ceil(radius) + 1
    weights = np.exp(-(np.arange(width) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    radians = np.radians(angles)
    border = ((0, 0), (width, width), (width, width), (0, 0))
    padded = np.pad(images, border, mode="edge") * 257.0  # to 16 bits
    views = np.lib.stride_tricks.sliding_window_view(padded, (32, 32), axis=(1, 2))
    windows = np.moveaxis(views, 3, 5)  # image dy dx height width channel
    total = np.zeros(images.shape)
    for i, weight in enumerate(weights):
        if weight > NEGLIGIBLE:
            dy = np.ceil(i * np.sin(radians) - 0.5).astype(int)
            dx = np.ceil(i * np.cos(radians) - 0.5).astype(int)
            part = windows[np.arange(len(images)), width + dy, width + dx]
            part *= weight
            total += part
    quanta = np.floor(np.clip(total, 0, 65535) + 0.5).astype(np.uint32) + 128
    return ((quanta - (quanta >> 8)) >> 8).astype(np.uint8)


def zoom_blur(images: Pixels, stop: float) -> Pixels:
    """Take the mean of the image enlarged by 1, 1.01, ... to below ``stop``, and of the image itself once more."""
    matrices = [_enlarging(factor) for factor in np.arange(1, stop, 0.01)]
    return np.concatenate([_zoomed(part, matrices) for part in np.split(images, range(CACHED, len(images), CACHED))])


def _zoomed(images: Pixels, matrices: list[NDArray[np.float64]]) -> Pixels:
    x = (images / 255.0).astype(np.float32)
    rows = np.ascontiguousarray(x.transpose(1, 0, 3, 2), np.float64)  # height image channel width
    tall = (np.concatenate(matrices) @ rows.reshape(32, -1)).reshape(len(matrices), -1, 32)  # factor line width
    total = np.zeros(tall.shape[1:], np.float32)  # line width
    for lines, matrix in zip(tall, matrices, strict=True):
        total += (lines @ matrix.T).astype(np.float32)
    total = total.reshape(32, -1, 3, 32).transpose(1, 0, 3, 2)  # image height width channel
    return _pixels((x + total) / (len(matrices) + 1))


def enlarged(layers: Floats, factor: float) -> Floats:
    """Enlarge the middle of layers (N, 32, 32) to their full size, linearly, by a factor of 1 or more."""
    matrix = _enlarging(factor)
    return np.asarray(matrix @ layers @ matrix.T)


def _enlarging(factor: float) -> NDArray[np.float64]:
    """Return the matrix (32, 32) from old to new pixels of a line; as ``scipy.ndimage.zoom(order=1)`` counts them."""
    size = math.ceil(32 / factor)
    large = round(size * factor)
    positions = (np.arange(32) + (large - 32) // 2) * ((size - 1) / (large - 1))
    low = np.minimum(np.floor(positions).astype(int), size - 2)
    matrix = np.zeros((32, 32))
    top = (32 - size) // 2
    matrix[np.arange(32), top + low] = 1 - (positions - low)
    matrix[np.arange(32), top + low + 1] = positions - low
    return matrix


def _smooth(x: Floats, sigma: float) -> Floats:
    return np.asarray(gaussian(x, sigma=(0, sigma, sigma, 0)))


def _pixels(x: Floats) -> Pixels:
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)
