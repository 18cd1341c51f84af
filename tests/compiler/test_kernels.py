"""Kernels against a slow look at every pair of columns."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from cortexc.compiler.ir import Join
from cortexc.compiler.kernels import connect
from cortexc.connectome import Span
from cortexc.connectome.model import KERNEL_TYPES, Disc, Exponential, Gaussian, Kernel, Retinotopic

GRIDS = [((4, 4), (4, 4)), ((8, 8), (4, 4)), ((4, 4), (8, 8)), ((6, 4), (3, 8)), ((5, 7), (3, 2)), ((1, 1), (3, 3))]


def slowly(source: tuple[int, int], target: tuple[int, int], reach: float) -> dict[tuple[int, int], float]:
    unit = [min(s, t) for s, t in zip(source, target, strict=True)]
    found = {}
    for (i, t), (j, s) in itertools.product(
        enumerate(itertools.product(*map(range, target))), enumerate(itertools.product(*map(range, source)))
    ):
        places = [
            [(k + 0.5) * u / n for k, u, n in zip(at, unit, grid, strict=True)]
            for at, grid in ((t, target), (s, source))
        ]
        if (distance := math.dist(*places)) <= reach + 1e-9:
            found[i, j] = distance
    return found


FORMULAS: list[tuple[Kernel, float, Callable[[float], float]]] = [
    (Disc(radius=1.0), 1.0, lambda d: 1.0),
    (Disc(radius=0.3), 0.3, lambda d: 1.0),
    (Retinotopic(radius=0.8), 0.8, lambda d: 1.0),
    (Gaussian(sigma=0.7), 2.1, lambda d: math.exp(-(d**2) / (2 * 0.7**2))),
    (Exponential(length=0.9, cutoff=1.6), 1.6, lambda d: math.exp(-d / 0.9)),
]
WITHOUT_FORMULA = {"all", "one_to_one", "matrix", "patchy"}  # each has a test of its own


def test_every_kernel_of_distance_has_its_formula_here() -> None:
    assert {kernel.type for kernel, *_ in FORMULAS} == KERNEL_TYPES - WITHOUT_FORMULA


@pytest.mark.parametrize(("source", "target"), GRIDS)
@pytest.mark.parametrize(("kernel", "reach", "weight"), FORMULAS)
def test_a_kernel_is_what_its_formula_says(
    source: tuple[int, int], target: tuple[int, int], kernel: Kernel, reach: float, weight: Callable[[float], float]
) -> None:
    found = connect(Join("x", source, target, kernel, Span("x")), np.random.default_rng(0))
    wanted = np.zeros((math.prod(target), math.prod(source)))
    for (i, j), distance in slowly(source, target, reach).items():
        wanted[i, j] = weight(distance)
    total = wanted.sum(axis=1, keepdims=True)
    wanted = np.divide(wanted, total, out=np.zeros_like(wanted), where=total > 0)
    dense = np.zeros_like(wanted)
    dense[np.repeat(np.arange(found.shape[0]), np.diff(found.indptr)), found.indices] = found.weight
    np.testing.assert_allclose(dense, wanted, atol=1e-12)
    assert found.nonzeros == np.count_nonzero(wanted)
