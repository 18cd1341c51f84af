"""Random crops and mirror images, for a whole batch at once: the usual augmentation of CIFAR-10."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Moves(NamedTuple):
    """How each image of a batch is moved."""

    shift: Tensor
    """(2, batch), down and to the right [pixels]."""
    mirror: Tensor
    """(batch,), whether the image is mirrored left to right."""


def draw_moves(batch: int, *, padding: int, generator: torch.Generator) -> Moves:
    """Draw a shift of up to ``padding`` pixels along both axes, and a mirror image with probability 1/2.

    Random numbers are drawn on the CPU, so a seed gives the same moves for each device, whether images are mirrored
    or not.
    """
    shift = torch.randint(-padding, padding + 1, (2, batch, 1), generator=generator)
    mirror = torch.rand(batch, 1, generator=generator) < 0.5
    return Moves(shift[..., 0], mirror[..., 0])


def flip_and_crop(images: Tensor, *, padding: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Shift each image by up to ``padding`` pixels, edges reflected, and mirror each with probability 1/2.

    Args:
        images: (batch, channel, height, width), of any type and on any device; not changed.
        padding: largest shift [pixels]; less than height and width.
        flip: False where left and right differ in meaning, as in digits.
        generator: a generator on the CPU.

    Returns:
        (batch, channel, height, width), a new tensor of the same type and on the same device.

    Raises:
        ValueError: the images do not have four axes, or ``padding`` does not fit them.
    """
    if images.ndim != 4:
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (batch, channel, height, width)")
    height, width = images.shape[2:]
    if not 0 <= padding < min(height, width):
        largest = min(height, width) - 1
        raise ValueError(f"padding is {padding}; expected 0 to {largest} for images of {height} x {width}")
    moves = draw_moves(len(images), padding=padding, generator=generator)
    return moved(images, Moves(moves.shift.to(images.device), moves.mirror.to(images.device)), flip=flip)


def moved(images: Tensor, moves: Moves, *, flip: bool) -> Tensor:
    """Return images (batch, channel, height, width), each shifted, edges reflected, and mirrored where ``flip`` allows.

    The same as to pad by reflection, crop to the first size and flip, but each pixel is looked up once and nothing is
    padded. Images and moves are on one device; the shifts are less than height and width.
    """
    batch, channels, height, width = images.shape
    rows = _reflected(torch.arange(height, device=images.device) + moves.shift[0, :, None], height)  # batch height
    columns = _reflected(torch.arange(width, device=images.device) + moves.shift[1, :, None], width)  # batch width
    if flip:
        columns = torch.where(moves.mirror[:, None], columns.flip(1), columns)  # batch width
    pixels = (rows[:, :, None] * width + columns[:, None, :]).view(batch, 1, height * width)  # batch 1 pixel
    flat = images.reshape(batch, channels, height * width)  # batch channel pixel
    return flat.gather(2, pixels.expand(-1, channels, -1)).view(batch, channels, height, width)


def _reflected(index: Tensor, size: int) -> Tensor:
    """Fold an index from outside 0..size-1 back in, the edge pixel itself not repeated."""
    return (size - 1) - ((size - 1) - index.abs()).abs()
