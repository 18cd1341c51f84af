"""The optimiser and the learning rate schedule."""

import math

import torch
from torch import nn

from .model import CorticalTransformer


def adamw(model: CorticalTransformer, *, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW over a model: weight decay on weight matrices only, none on norms, biases, gains and positions."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in model.weights.parameters_by_name().items():
        (decayed if is_decayed(name) else free).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=learning_rate, betas=(0.9, 0.99), fused=True)


def is_decayed(name: str) -> bool:
    """Return whether weight decay applies to a parameter of this name.

    Inhibitory weights pass through softplus, where decay would pull them to a strength of ln 2 and not to zero.
    """
    return name.endswith(".weight") and not name.endswith(".column.inhibition.weight")


def warmup_cosine(step: int, *, steps: int, warmup: int) -> float:
    """Return the learning rate's factor at ``step``: a linear rise over ``warmup`` steps, then half a cosine to 0."""
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
