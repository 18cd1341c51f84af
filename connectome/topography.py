"""Properties of kernels and topographies that need no grids."""

from __future__ import annotations

import math
from typing import assert_never

from .model import All, Disc, Exponential, Gaussian, Kernel, Matrix, OneToOne, Patchy, Retinotopic


def reach(kernel: Kernel) -> float:
    """Return how far a kernel reaches [columns of the coarser grid]; infinity if distance does not limit it."""
    match kernel:
        case All() | Matrix():
            return math.inf
        case OneToOne():
            return 0.0
        case Disc() | Retinotopic():
            return kernel.radius
        case Gaussian():
            return kernel.cutoff or 3 * kernel.sigma
        case Exponential() | Patchy():
            return kernel.cutoff or 3 * kernel.length
        case _:
            assert_never(kernel)


def is_tied(kernel: Kernel) -> bool:
    """Whether a kernel fits only the two grids that it was written for, and cannot connect two others."""
    match kernel:
        case OneToOne() | Matrix() | Patchy():
            return True
        case All() | Disc() | Retinotopic() | Gaussian() | Exponential():
            return False
        case _:
            assert_never(kernel)
