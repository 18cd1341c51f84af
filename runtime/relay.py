"""The thalamic relay: optics and contrast gain control, then patches of the image become tokens."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortexc.compiler.artifact import Embed, Program

from .weights import Weights


class EmbedStep(nn.Module):
    """From images (B, C, H, W) in [0, 1] to the state of the input (B, tokens, width)."""

    mean: Tensor
    std: Tensor
    spread: Tensor

    def __init__(self, op: Embed, program: Program) -> None:
        super().__init__()
        self.op, self.settings = op, program.input
        shape = (1, program.input.channels, 1, 1)
        self.register_buffer("mean", torch.tensor(program.input.mean).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(program.input.std).reshape(shape), persistent=False)
        self.register_buffer("spread", _gaussian(program.input.point_spread), persistent=False)

    def prepare(self, images: Tensor) -> Tensor:
        """Return images as the patches see them: standardised, through the optics, and under gain control."""
        seen = (images - self.mean) / self.std
        if len(self.spread) > 1:
            seen = blurred(seen, self.spread)
        return gain_control(
            seen,
            kind=self.settings.gain_control,
            pool=self.settings.pool,
            semi_saturation=self.settings.semi_saturation,
            mean=self.settings.gain_mean,
            spread=self.settings.gain_spread,
        )

    def forward(self, images: Tensor, weights: Weights) -> Tensor:
        """Return the tokens of images."""
        name = self.op.population
        patches = F.conv2d(
            self.prepare(images),
            weights[f"{name}.patch.weight"],
            weights[f"{name}.patch.bias"],
            stride=self.settings.patch,
        )  # (B, width, rows, columns)
        tokens = patches.flatten(2).transpose(1, 2)  # (B, tokens, width)
        return tokens + weights[f"{name}.position"] if self.settings.positions else tokens


def blurred(images: Tensor, spread: Tensor) -> Tensor:
    """Return images (B, C, H, W), each pixel the mean of those around it under the weights ``spread`` (2 reach + 1,).

    Along both axes. Beyond the border there is nothing: the weights inside then count for more.
    """
    channels, reach = images.shape[1], len(spread) // 2
    line = spread.to(images.dtype)
    for shape, padding in (((1, -1), (0, reach)), ((-1, 1), (reach, 0))):
        weight = line.reshape(1, 1, *shape)
        total = F.conv2d(torch.ones_like(images[:1, :1]), weight, padding=padding)
        images = F.conv2d(images, weight.expand(channels, -1, -1, -1), padding=padding, groups=channels) / total
    return images


def _gaussian(deviation: float) -> Tensor:
    """Return the weights of a Gaussian (2 reach + 1,) [pixels], out to three deviations; one weight of 1 for none."""
    reach = math.ceil(3 * deviation)
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weights = torch.exp(-steps.square() / (2 * deviation**2)) if reach else torch.ones(1, dtype=torch.float64)
    return (weights / weights.sum()).float()


def gain_control(
    images: Tensor, *, kind: str, pool: int, semi_saturation: float, mean: str = "pooled", spread: str = "pooled"
) -> Tensor:
    """Return images (B, C, H, W) less their mean, divided by their deviation from it plus ``semi_saturation``.

    Mean and deviation are taken over the whole image (``global``) or over the square of ``pool`` pixels around each one
    (``local``); ``none`` leaves the images as they are. ``mean`` and ``spread`` say whether they are one value for all
    channels (``pooled``) or one for each (``channel``).
    """
    if kind == "none":
        return images
    if kind == "global":
        axes = {"pooled": (1, 2, 3), "channel": (2, 3)}
        centred = images - images.mean(dim=axes[mean], keepdim=True)
        variance = centred.square().mean(dim=axes[spread], keepdim=True)
    else:
        own = _near(images, pool)
        centre = own if mean == "channel" else own.mean(dim=1, keepdim=True)
        centred = images - centre
        variance = _near(images.square(), pool) - 2 * centre * own + centre.square()  # of each channel about ``centre``
        variance = (variance if spread == "channel" else variance.mean(dim=1, keepdim=True)).clamp_min(0)
    return centred / ((variance + 1e-12).sqrt() + semi_saturation)


def _near(images: Tensor, pool: int) -> Tensor:
    """Return the mean of each channel over the square of ``pool`` pixels around each pixel, cut off at the border."""
    return F.avg_pool2d(images, pool, stride=1, padding=pool // 2, count_include_pad=False)
