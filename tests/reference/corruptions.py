"""Each corruption as it was published, one image at a time: slow, plain, and what the fast ones must equal.

The steps are those of ``make_cifar_c.py`` (see ``catalogue``), in its order and with its libraries. Two things differ.
Random numbers come from a generator that is passed in. The motion blur of ImageMagick and the JPEG of libjpeg 9 are
written out, as their sources have them.

Every function takes an image (32, 32, 3) of uint8, RGB, a generator where it draws, and the constants of the catalogue;
it returns floats 0..255 of the same shape. The set keeps their whole part: ``np.uint8`` cuts off, it does not round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian

from cortexc.runtime.corruptions import jpeg

Pixels = NDArray[np.uint8]
Floats = NDArray[Any]


def corrupt(name: str, image: Pixels, random: Generator | None, constants: Sequence[float], **more: Any) -> Pixels:
    """Return an image corrupted by the function of that name.

    Args:
        name: one of `catalogue.CORRUPTIONS`.
        image: (32, 32, 3).
        random: the stream of the image; None for a corruption that draws nothing.
        constants: those of a severity.
        more: ``sheets`` for frost.
    """
    drawn = () if random is None else (random,)
    return np.asarray(globals()[name](image, *drawn, *constants, **more)).astype(np.uint8)


def gaussian_noise(image: Pixels, random: Generator, sigma: float) -> Floats:
    x = image / 255.0
    return np.clip(x + sigma * random.standard_normal(x.shape), 0, 1) * 255


def shot_noise(image: Pixels, random: Generator, photons: float) -> Floats:
    x = image / 255.0
    return np.clip(random.poisson(x * photons) / photons, 0, 1) * 255


def impulse_noise(image: Pixels, random: Generator, amount: float) -> Floats:
    x = image / 255.0
    chance = random.random(x.shape)
    x[chance < amount / 2] = 0
    x[chance >= 1 - amount / 2] = 1
    return x * 255


def speckle_noise(image: Pixels, random: Generator, sigma: float) -> Floats:
    x = image / 255.0
    return np.clip(x + x * (sigma * random.standard_normal(x.shape)), 0, 1) * 255


def gaussian_blur(image: Pixels, sigma: float) -> Floats:
    return np.clip(gaussian(image / 255.0, sigma=sigma, channel_axis=-1), 0, 1) * 255


def defocus_blur(image: Pixels, radius: float, alias_sigma: float) -> Floats:
    x = image / 255.0
    away = np.arange(-8, 9)
    disk = (away[:, None] ** 2 + away**2 <= radius**2).astype(np.float32)
    kernel = cv2.GaussianBlur(disk / disk.sum(), ksize=(3, 3), sigmaX=alias_sigma)
    channels = [cv2.filter2D(x[:, :, channel], -1, kernel) for channel in range(3)]
    return np.clip(np.stack(channels, axis=2), 0, 1) * 255


def glass_blur(image: Pixels, random: Generator, sigma: float, reach: int, iterations: int) -> Floats:
    x = (gaussian(image / 255.0, sigma=sigma, channel_axis=-1) * 255).astype(np.uint8)
    inside = range(32 - reach, reach, -1)
    moves = random.integers(-reach, reach, (iterations, len(inside), len(inside), 2))
    for i in range(iterations):
        for a, row in enumerate(inside):
            for b, column in enumerate(inside):
                dx, dy = moves[i, a, b]
                x[row, column] = x[row + dy, column + dx]  # meant as a swap, and numpy's views make it a copy
    return np.clip(gaussian(x / 255.0, sigma=sigma, channel_axis=-1), 0, 1) * 255


def motion_blur(image: Pixels, random: Generator, radius: float, sigma: float) -> Floats:
    return magick_motion_blur(image, radius, sigma, random.uniform(-45, 45)).astype(float)


def magick_motion_blur(image: Pixels, radius: float, sigma: float, angle: float) -> Pixels:
    """Blur (32, 32, channels) along a line at an angle [degrees], as MotionBlurImage of ImageMagick 6 does.

    The kernel is one-sided, edge pixels are held, and sums go through 16 bits (Q16) to 8. Source: MotionBlurImage in
    magick/effect.c of https://github.com/ImageMagick/ImageMagick6.
    """
    width = 2 * math.ceil(radius) + 1
    weights = np.exp(-(np.arange(width) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    step = (math.sin(math.radians(angle)), math.cos(math.radians(angle)))
    total = np.zeros(image.shape)
    for i in range(width):
        dy, dx = (math.ceil(i * step[0] - 0.5), math.ceil(i * step[1] - 0.5))
        rows, columns = (np.clip(np.arange(32) + d, 0, 31) for d in (dy, dx))
        total += weights[i] * (257.0 * image[rows][:, columns])  # 0..255 to 0..65535
    quanta = np.floor(np.clip(total, 0, 65535) + 0.5).astype(np.int64)
    return ((quanta + 128 - ((quanta + 128) >> 8)) >> 8).astype(np.uint8)  # ScaleQuantumToChar, 16 bits to 8


def zoom_blur(image: Pixels, stop: float) -> Floats:
    x = (image / 255.0).astype(np.float32)
    factors = np.arange(1, stop, 0.01)
    total = np.zeros_like(x)
    for factor in factors:
        total += _clipped_zoom(x, factor)
    return np.clip((x + total) / (len(factors) + 1), 0, 1) * 255


def _clipped_zoom(x: Floats, factor: float) -> Floats:
    """Enlarge the middle of (32, 32, channels) to that size."""
    size = math.ceil(32 / factor)
    top = (32 - size) // 2
    large = ndimage.zoom(x[top : top + size, top : top + size], (factor, factor, 1), order=1)
    trim = (large.shape[0] - 32) // 2
    return np.asarray(large[trim : trim + 32, trim : trim + 32])


def snow(
    image: Pixels,
    random: Generator,
    loc: float,
    scale: float,
    zoom: float,
    threshold: float,
    radius: float,
    sigma: float,
    blend: float,
) -> Floats:
    x = image.astype(np.float32) / np.float32(255)
    flakes = _clipped_zoom((loc + scale * random.standard_normal((32, 32)))[..., None], zoom)
    flakes[flakes < threshold] = 0
    grey = (np.clip(flakes, 0, 1) * 255).astype(np.uint8)
    layer = magick_motion_blur(grey, radius, sigma, random.uniform(-135, -45)) / 255.0
    pale = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None] * 1.5 + 0.5
    x = blend * x + (1 - blend) * np.maximum(x, pale)
    return np.clip(x + layer + np.rot90(layer, k=2), 0, 1) * 255


def frost(image: Pixels, random: Generator, weight: float, frost_weight: float, *, sheets: Sequence[Pixels]) -> Floats:
    sheet = sheets[int(random.integers(len(sheets)))]
    top, left = random.integers(sheet.shape[0] - 32), random.integers(sheet.shape[1] - 32)
    return np.clip(weight * image + frost_weight * sheet[top : top + 32, left : left + 32], 0, 255)


def fog(image: Pixels, random: Generator, strength: float, decay: float) -> Floats:
    x = image / 255.0
    highest = x.max()
    x += strength * plasma(random, decay)[..., None]
    return np.clip(x * highest / (highest + strength), 0, 1) * 255


def plasma(random: Generator, decay: float) -> Floats:
    """Draw a height map (32, 32) on a torus by the diamond-square algorithm, scaled to 0..1."""
    heights = np.zeros((32, 32))
    step, wibble = 32, 100.0

    def mean(total: Floats) -> Floats:
        return total / 4 + wibble * random.uniform(-wibble, wibble, total.shape)  # so the noise is wibble squared

    while step >= 2:
        half = step // 2
        corners = heights[::step, ::step]
        total = corners + np.roll(corners, -1, axis=0)
        heights[half::step, half::step] = mean(total + np.roll(total, -1, axis=1))
        middles = heights[half::step, half::step]
        beside = middles + np.roll(middles, 1, axis=0) + (corners + np.roll(corners, -1, axis=1))
        heights[::step, half::step] = mean(beside)
        above = middles + np.roll(middles, 1, axis=1) + (corners + np.roll(corners, -1, axis=0))
        heights[half::step, ::step] = mean(above)
        step, wibble = half, wibble / decay
    heights -= heights.min()
    return heights / heights.max()


def brightness(image: Pixels, delta: float) -> Floats:
    x = rgb2hsv(image / 255.0)
    x[..., 2] = np.clip(x[..., 2] + delta, 0, 1)
    return np.clip(hsv2rgb(x), 0, 1) * 255


def saturate(image: Pixels, factor: float, delta: float) -> Floats:
    x = rgb2hsv(image / 255.0)
    x[..., 1] = np.clip(x[..., 1] * factor + delta, 0, 1)
    return np.clip(hsv2rgb(x), 0, 1) * 255


def contrast(image: Pixels, factor: float) -> Floats:
    x = image / 255.0
    means = np.mean(x, axis=(0, 1), keepdims=True)
    return np.clip((x - means) * factor + means, 0, 1) * 255


def elastic_transform(image: Pixels, random: Generator, alpha: float, sigma: float, jitter: float) -> Floats:
    x: Floats = image.astype(np.float32) / np.float32(255)
    corners = np.array([[26, 26], [26, 6], [6, 6]], np.float32)  # centre (16, 16), half a square of 32 // 3 = 10
    moved = corners + random.uniform(-jitter, jitter, (3, 2)).astype(np.float32)
    x = cv2.warpAffine(x, cv2.getAffineTransform(corners, moved), (32, 32), borderMode=cv2.BORDER_REFLECT_101)
    noise = random.uniform(-1, 1, (2, 32, 32))
    dx, dy = ((gaussian(field, sigma, mode="reflect", truncate=3) * alpha).astype(np.float32) for field in noise)
    rows, columns, channels = np.meshgrid(np.arange(32), np.arange(32), np.arange(3), indexing="ij")
    places = (rows + dy[..., None], columns + dx[..., None], channels)
    return np.clip(ndimage.map_coordinates(x, places, order=1, mode="reflect"), 0, 1) * 255


def pixelate(image: Pixels, scale: float) -> Floats:
    size = int(32 * scale)
    small = Image.fromarray(image).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small.resize((32, 32), Image.Resampling.BOX))


def jpeg_compression(image: Pixels, quality: float) -> Floats:
    """Every block by itself, in integers and shifts, as libjpeg 9 has them."""
    red, green, blue = np.moveaxis(image.astype(np.int64), 2, 0)
    half, middle = 1 << 15, (128 << 16) + (1 << 15) - 1
    y = (19595 * red + 38470 * green + 7471 * blue + half) >> 16  # 0.299, 0.587 and 0.114 times 2^16
    cb = (-11058 * red - 21710 * green + 32768 * blue + middle) >> 16
    cr = (32768 * red - 27439 * green - 5329 * blue + middle) >> 16
    y = _jpeg_plane(y, 8, jpeg.quantisation(jpeg.LUMINANCE, int(quality)), 15)
    cb = _jpeg_plane(cb, 16, jpeg.quantisation(jpeg.CHROMINANCE, int(quality)), 17) - 128
    cr = _jpeg_plane(cr, 16, jpeg.quantisation(jpeg.CHROMINANCE, int(quality)), 17) - 128
    channels = [
        y + ((91881 * cr + half) >> 16),
        y + ((-22553 * cb - 46802 * cr + half) >> 16),
        y + ((116130 * cb + half) >> 16),
    ]
    return np.clip(np.stack(channels, axis=2), 0, 255)


def _jpeg_plane(plane: Floats, points: int, steps: Floats, bits: int) -> Floats:
    forward, back = jpeg.FORWARD[points], jpeg.BACK[points]
    result = np.empty_like(plane)
    for top in range(0, 32, points):
        for left in range(0, 32, points):
            x = plane[top : top + points, left : left + points] - 128
            lines = (x @ forward.T + (1 << 10)) >> 11
            coefficients = (forward @ lines + (1 << (bits - 1))) >> bits
            levels = (np.abs(coefficients) + 4 * steps) // (8 * steps) * np.sign(coefficients)
            columns = (back @ (levels * steps) + (1 << 10)) >> 11
            x = ((columns @ back.T + (1 << 17)) >> 18) + 128
            result[top : top + points, left : left + points] = np.clip(x, 0, 255)
    return result


def spatter(
    image: Pixels,
    random: Generator,
    loc: float,
    scale: float,
    sigma: float,
    threshold: float,
    strength: float,
    mud: float,
) -> Floats:
    x = image.astype(np.float32) / np.float32(255)
    liquid = gaussian(loc + scale * random.standard_normal((32, 32)), sigma=sigma)
    liquid[liquid < threshold] = 0
    if mud:
        m = gaussian((liquid > threshold).astype(np.float32), sigma=strength)[..., None]
        m[m < 0.8] = 0
        brown = np.array([63, 42, 20]) / 255.0
        return np.clip(x * (1 - m) + brown * m, 0, 1) * 255
    drops = (liquid * 255).astype(np.uint8)
    away = cv2.distanceTransform(255 - cv2.Canny(drops, 50, 150), cv2.DIST_L2, 5)
    away = cv2.blur(np.minimum(away, 20), (3, 3)).astype(np.uint8)
    relief = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    light = cv2.blur(cv2.filter2D(cv2.equalizeHist(away), cv2.CV_8U, relief), (3, 3)).astype(np.float32)
    m = drops * light
    m *= np.float32(strength) / max(m.max(), np.float32(1))  # a picture without drops stays as it is
    turquoise = np.array([175, 238, 238], np.float32) / np.float32(255)
    return np.clip(x + m[..., None] * turquoise, 0, 1) * 255
