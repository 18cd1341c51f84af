"""How much memory a training takes, so that one that cannot fit is refused before it begins."""

from __future__ import annotations

import torch

from .manifest import Recipe, RunError
from .model import CorticalTransformer
from .resources import free_memory

COPIES = 4
"""Of each weight: itself, its gradient, and two moments of AdamW, all in float32."""


def check_room(model: CorticalTransformer, recipe: Recipe, images: int, device: torch.device, bfloat16: bool) -> None:
    """Make sure that training can fit into the free memory, by the least that it needs.

    Args:
        model: on the processor.
        recipe: of whose batches it is trained.
        images: of an epoch: a batch has no more.
        device: where it will be trained.
        bfloat16: whether products are in bfloat16.

    Raises:
        RunError: it needs more than there is.
    """
    batch, free = min(recipe.batch_size, images), free_on(device)
    weights = 4 * COPIES * sum(p.numel() for p in model.parameters())
    each = 0 if weights > free else image_bytes(model, bfloat16)
    if (needed := weights + batch * each) <= free:
        return
    most = (free - weights) // each if each else 0
    remedy = f"a --batch-size of at most {most} (it is {recipe.batch_size}), or " if most > 0 else ""
    raise RunError(
        f"training {model.program.name} needs at least {_size(needed)} of memory, {_size(weights)} for weights and "
        f"optimiser and {_size(batch * each)} for a batch of {batch}, and {_size(free)} are free: use {remedy}smaller "
        "grids, or a machine with more"
    )


def free_on(device: torch.device) -> int:
    """Return how much memory of a device is free [bytes]."""
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else free_memory()


def image_bytes(model: CorticalTransformer, bfloat16: bool) -> int:
    """Return how much a forward pass keeps of each image until the gradients are computed [bytes]."""
    one, two = (_kept(model, images, bfloat16) for images in (1, 2))
    return two - one


def _kept(model: CorticalTransformer, images: int, bfloat16: bool) -> int:
    """Return the size of all that a forward pass of some images keeps for the gradients [bytes]."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    given = torch.zeros(images, *model.program.image_shape)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bfloat16),
    ):
        out = model(given)  # alive until the sum, so that no address is used twice
    del out
    return sum(kept.values())


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.1f} MB"
