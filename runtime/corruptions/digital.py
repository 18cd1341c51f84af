"""Digital: what cameras, screens and files do to a picture. For shapes and arguments see ``noise``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from skimage.filters import gaussian

from . import colour, jpeg

Pixels = NDArray[np.uint8]
Floats = NDArray[Any]


def contrast(images: Pixels, factor: float) -> Pixels:
    """Bring each channel nearer to its mean, by ``factor``."""
    x = images / 255.0
    means = np.mean(x, axis=(1, 2), keepdims=True)
    return _pixels((x - means) * factor + means)


def elastic_transform(images: Pixels, random: Sequence[Generator], alpha: float, sigma: float, jitter: float) -> Pixels:
    """Stretch the image: a random affine map, then a smooth random shift of each pixel.

    Args:
        images: see ``noise``.
        random: see ``noise``.
        alpha: size of the shifts [pixels], before smoothing.
        sigma: how far they are smoothed [pixels].
        jitter: how far three corners of a square are moved by the affine map, at most [pixels].
    """
    x = images.astype(np.float32) / np.float32(255)
    rows, columns = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
    corners = np.array([[26, 26], [26, 6], [6, 6]], np.float32)  # centre (16, 16), half a square of 32 // 3 = 10
    moved = corners + np.stack([r.uniform(-jitter, jitter, (3, 2)) for r in random]).astype(np.float32)
    back = np.linalg.solve(np.concatenate([moved, np.ones((len(x), 3, 1))], axis=2), corners.astype(float))
    across, down = np.moveaxis(np.stack([columns, rows, np.ones((32, 32))], axis=-1) @ back[:, None], 3, 0)
    x = _looked_up(x, down, across, repeated=False).astype(np.float32)
    if alpha == 0:
        return _pixels(x)
    noise = np.stack([r.uniform(-1, 1, (2, 32, 32)) for r in random])
    shifts = gaussian(noise, sigma=(0, 0, sigma, sigma), mode="reflect", truncate=3) * alpha
    shifts = shifts.astype(np.float32)
    return _pixels(_looked_up(x, rows + shifts[:, 1], columns + shifts[:, 0], repeated=True))


def _looked_up(x: Floats, rows: Floats, columns: Floats, *, repeated: bool) -> Floats:
    """Read images (N, 32, 32, 3) at locations (N, 32, 32), linearly, mirrored at the edges, which are ``repeated``.

    OpenCV's warps are not used: version 4 rounds weights to 1/32, and version 5 does not.
    """
    flat = x.reshape(-1, 3)
    first = 1024 * np.arange(len(x))[:, None, None]
    low_row, low_column = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = (rows - low_row)[..., None], (columns - low_column)[..., None]
    total = np.zeros(x.shape)
    for row, weight in ((low_row, 1 - down), (low_row + 1, down)):
        for column, along in ((low_column, 1 - right), (low_column + 1, right)):
            at = first + 32 * _mirrored(row, repeated) + _mirrored(column, repeated)
            total += flat.take(at, axis=0) * (weight * along)
    return total


def _mirrored(index: NDArray[np.int64], repeated: bool) -> NDArray[np.int64]:
    """Fold indices back into 0..31, with the edge pixel itself repeated or not."""
    index = index % (62 + 2 * repeated)
    return np.minimum(index, 62 + repeated - index)


def pixelate(images: Pixels, scale: float) -> Pixels:
    """Make the image smaller by ``scale`` and large again, each pixel a box."""
    size = int(32 * scale)
    return _resized(_resized(images, size), 32)


def _resized(images: Pixels, size: int) -> Pixels:
    """Resize (N, height, width, 3) to (N, size, size, 3) as Pillow does: first along rows, then along columns.

    All images are one picture: on top of each other where only the width changes, side by side where only the height
    does. Pillow leaves the other axis alone, so nothing flows from one image to another.
    """
    count, height, width, _ = images.shape
    tall = Image.fromarray(images.reshape(count * height, width, 3))
    narrow = np.asarray(tall.resize((size, count * height), Image.Resampling.BOX)).reshape(count, height, size, 3)
    wide = Image.fromarray(np.ascontiguousarray(np.moveaxis(narrow, 0, 1)).reshape(height, count * size, 3))
    low = np.asarray(wide.resize((count * size, size), Image.Resampling.BOX)).reshape(size, count, size, 3)
    return np.ascontiguousarray(np.moveaxis(low, 1, 0))


def jpeg_compression(images: Pixels, quality: float) -> Pixels:
    """Write and read as JPEG of a quality from 1 to 100, colours at half the resolution."""
    return jpeg.there_and_back(images, int(quality))


def saturate(images: Pixels, factor: float, delta: float) -> Pixels:
    """Multiply the saturation by ``factor`` and add ``delta``; at severity 1 and 2 colours fade."""
    hue, saturation, value = colour.rgb_to_hsv(images / 255.0)
    return _pixels(colour.hsv_to_rgb(hue, np.clip(saturation * factor + delta, 0, 1), value))


def _pixels(x: Floats) -> Pixels:
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)
