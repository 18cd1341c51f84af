"""Random crops and mirror images, for a whole batch at once: the usual augmentation of CIFAR-10."""

from __future__ import annotations

import torch
from torch import Tensor


def flip_and_crop(images: Tensor, *, padding: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Shift each image by up to ``padding`` pixels, edges reflected, and mirror each with probability 1/2.

    The same as to pad by reflection, crop at random to the first size and flip, but each pixel is looked up
    once and nothing is padded. Random numbers are drawn on the CPU, so a seed gives the same crops on each
    device, with ``flip`` and without.

    Args:
        images: (batch, channel, height, width), of any type and on any device; not changed.
        padding: largest shift [pixels]; less than height and width.
        flip: False where left and right differ in meaning, as in digits.
        generator: a generator on the CPU.

    Returns:
        (batch, channel, height, width), a new tensor of the same type and on the same device.

    Raises:
        ValueError: the images have not four axes, or ``padding`` does not fit them.
    """
    if images.ndim != 4:
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (batch, channel, height, width)")
    batch, channels, height, width = images.shape
    if not 0 <= padding < min(height, width):
        largest = min(height, width) - 1
        raise ValueError(f"padding is {padding}; expected 0 to {largest} for images of {height} x {width}")
    shift = torch.randint(-padding, padding + 1, (2, batch, 1), generator=generator)  # axis batch 1
    mirror = torch.rand(batch, 1, generator=generator) < 0.5  # batch 1
    shift, mirror = shift.to(images.device), mirror.to(images.device)

    rows = _reflected(torch.arange(height, device=images.device) + shift[0], height)  # batch height
    columns = _reflected(torch.arange(width, device=images.device) + shift[1], width)  # batch width
    if flip:
        columns = torch.where(mirror, columns.flip(1), columns)  # batch width
    pixels = (rows[:, :, None] * width + columns[:, None, :]).view(batch, 1, height * width)  # batch 1 pixel
    flat = images.reshape(batch, channels, height * width)  # batch channel pixel
    return flat.gather(2, pixels.expand(-1, channels, -1)).view(batch, channels, height, width)


def _reflected(index: Tensor, size: int) -> Tensor:
    """Fold an index from outside 0..size-1 back in, the edge pixel itself not repeated."""
    return (size - 1) - ((size - 1) - index.abs()).abs()
