"""JPEG there and back, as the library did it that made the official set: libjpeg 9 of the Independent JPEG Group.

What a picture becomes depends on the library. Today's Pillow and OpenCV carry libjpeg-turbo, which halves and doubles
the colour planes by means of pixels; libjpeg 9 transforms 16 x 16 pixels of colour to 8 x 8 coefficients and back. On
the test set of CIFAR-10 the two differ in 39 % of all values, by 1.0 of 255 on average. So the arithmetic of libjpeg 9
is written out here for 32 x 32 pixels and colour subsampling 4:2:0, all in whole numbers. The lossless part of JPEG,
which changes no pixel, is left out.

References:
    ITU-T T.81 (1992), Digital compression and coding of continuous-tone still images: tables K.1 and K.2
    C. Loeffler, A. Ligtenberg, G. Moschytz (1989), Practical fast 1-D DCT algorithms with 11 multiplications,
    https://doi.org/10.1109/ICASSP.1989.266596: the transform of 8 points
    Independent JPEG Group, libjpeg 9, https://www.ijg.org: the transforms of 16 points, bits and rounding
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[Any]
"""Whole numbers, held as floats: products of matrices are then fast, and exact below 2^53."""

BITS = 13
"""The transforms are integers: cosines times 2^13, up to the last bit, which follows from how libjpeg adds them up."""
MORE_BITS = 2
"""Kept between the transform of rows and that of columns."""
COLOUR_BITS = 16

_HALF_8 = np.array(
    [
        [8192, 8192, 8192, 8192],
        [11363, 9633, 6437, 2260],
        [10703, 4433, -4433, -10703],
        [9633, -2259, -11362, -6436],
        [8192, -8192, -8192, 8192],
        [6437, -11362, 2261, 9633],
        [4433, -10704, 10704, -4433],
        [2260, -6436, 9633, -11363],
    ]
)
_HALF_16 = np.array(
    [
        [8192, 8192, 8192, 8192, 8192, 8192, 8192, 8192],
        [11529, 11086, 10217, 8956, 7350, 5461, 3363, 1135],
        [11363, 9633, 6436, 2260, -2260, -6436, -9633, -11363],
        [11086, 7350, 1136, -5461, -10217, -11529, -8956, -3363],
        [10703, 4433, -4433, -10703, -10703, -4433, 4433, 10703],
        [10217, 1136, -8955, -11086, -3363, 7350, 11529, 5461],
        [9633, -2260, -11363, -6437, 6437, 11363, 2260, -9633],
        [8956, -5461, -11086, 1137, 11530, 3363, -10217, -7350],
    ]
)
_HALF_16_BACK = np.array(
    [
        [8192, 8192, 8192, 8192, 8192, 8192, 8192, 8192],
        [11529, 11086, 10217, 8956, 7350, 5461, 3363, 1136],
        [11363, 9633, 6437, 2260, -2260, -6437, -9633, -11363],
        [11086, 7350, 1136, -5461, -10217, -11529, -8955, -3363],
        [10703, 4433, -4433, -10703, -10703, -4433, 4433, 10703],
        [10217, 1136, -8955, -11086, -3363, 7349, 11529, 5461],
        [9632, -2260, -11363, -6436, 6436, 11363, 2260, -9632],
        [8956, -5461, -11086, 1137, 11529, 3363, -10217, -7350],
    ]
)

LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""Quantisation of brightness; ITU-T T.81, table K.1."""
CHROMINANCE = np.full((8, 8), 99)
CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
"""Quantisation of colour; ITU-T T.81, table K.2."""


def _mirrored(half: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a transform (8, points) from its left half: even rows are symmetric, odd ones antisymmetric."""
    signs = np.where(np.arange(8) % 2 == 0, 1, -1)[:, None]
    return np.concatenate([half, signs * half[:, ::-1]], axis=1)


FORWARD = {8: _mirrored(_HALF_8), 16: _mirrored(_HALF_16)}
"""Points of a block's side -> (8, points): from pixels of a line to coefficients."""
BACK = {8: _mirrored(_HALF_8).T, 16: _mirrored(_HALF_16_BACK).T}
"""Points of a block's side -> (points, 8): from coefficients to pixels of a line."""


def there_and_back(images: Pixels, quality: int) -> Pixels:
    """Return images (N, 32, 32, 3), RGB, as JPEG of a quality from 1 to 100 leaves them."""
    red, green, blue = np.moveaxis(images.astype(np.float64), 3, 0)
    half = 2.0 ** (COLOUR_BITS - 1)
    middle = 128 * 2**COLOUR_BITS + half - 1
    y = _shifted(_fixed(0.299) * red + _fixed(0.587) * green + _fixed(0.114) * blue + half)
    cb = _shifted(-_fixed(0.168735892) * red - _fixed(0.331264108) * green + _fixed(0.5) * blue + middle)
    cr = _shifted(_fixed(0.5) * red - _fixed(0.418687589) * green - _fixed(0.081312411) * blue + middle)

    y = _plane(y, 8, quantisation(LUMINANCE, quality))
    cb, cr = (_plane(plane, 16, quantisation(CHROMINANCE, quality)) - 128 for plane in (cb, cr))

    result = np.empty(images.shape)
    result[..., 0] = y + _shifted(_fixed(1.402) * cr + half)
    result[..., 1] = y + _shifted(-_fixed(0.344136286) * cb - _fixed(0.714136286) * cr + half)
    result[..., 2] = y + _shifted(_fixed(1.772) * cb + half)
    return np.clip(result, 0, 255).astype(np.uint8)


def quantisation(table: NDArray[np.int64], quality: int) -> NDArray[np.int64]:
    """Return a table of steps (8, 8) for a quality from 1 to 100, by the rule of libjpeg."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((table * scale + 50) // 100, 1, 255)


def _plane(plane: Floats, points: int, steps: NDArray[np.int64]) -> Floats:
    """Take a plane (N, 32, 32) of 0..255 to coefficients, quantise them, and take them back.

    ``points`` is the side of a block: 8, or 16 for colour, of which only the 8 x 8 lowest frequencies are kept.
    """
    forward, back = FORWARD[points].astype(np.float64), BACK[points].astype(np.float64)
    count, blocks = len(plane), 32 // points
    x = plane.reshape(count, blocks, points, blocks, points).swapaxes(2, 3) - 128  # image block block row column
    lines = _descaled(x @ forward.T, BITS - MORE_BITS)
    excess = 2 * (points // 8 - 1)  # a block of 16 x 16 sums up four times as many pixels
    coefficients = _descaled(forward @ lines, BITS + MORE_BITS + excess)  # 8 times too large
    levels = np.sign(coefficients) * np.floor((np.abs(coefficients) + 4 * steps) / (8 * steps))
    columns = _descaled(back @ (levels * steps), BITS - MORE_BITS)
    x = _descaled(columns @ back.T, BITS + MORE_BITS + 3) + 128
    return np.clip(x, 0, 255).swapaxes(2, 3).reshape(count, 32, 32)


def _fixed(factor: float) -> int:
    """Return a factor in fixed point."""
    return int(factor * 2**COLOUR_BITS + 0.5)


def _shifted(x: Floats) -> Floats:
    """Return from fixed point to whole numbers; what was added before decides on the rounding."""
    return np.floor(x / 2**COLOUR_BITS)


def _descaled(x: Floats, bits: int) -> Floats:
    """Divide by a power of two, to the nearest, halves up."""
    return np.floor((x + 2 ** (bits - 1)) / 2**bits)
