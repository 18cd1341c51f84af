"""Random graphs with given properties: the properties hold exactly, and the rest is random."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortexc.anatomy.nulls import rewiring


def simple(source: np.ndarray, target: np.ndarray, size: int) -> bool:
    return bool((source != target).all()) and len(np.unique(source * size + target)) == len(source)


@given(st.integers(2, 40), st.floats(0.02, 1.0), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_degrees_are_kept_in_graphs_of_any_density(size: int, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = max(1, int(density * size * (size - 1)))
    source, target = rewiring.at_random(edges, size, rng)
    assert len(source) == edges
    assert simple(source, target, size)
    mixed = rewiring.keeping_degrees(source, target, size, rng)
    assert simple(mixed, target, size)
    assert np.array_equal(np.bincount(mixed, minlength=size), np.bincount(source, minlength=size))


def test_swaps_reach_all_graphs_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the graphs with these degrees (the derangements of four), each comes out equally often."""
    monkeypatch.setattr(rewiring, "ROUNDS", 40)  # plenty for four edges
    source, target = np.arange(4), np.array([1, 2, 3, 0])
    rng = np.random.default_rng(1)
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(1800):
        mixed = rewiring.keeping_degrees(source, target, 4, rng)
        key = tuple(mixed[np.argsort(target)].tolist())
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 9
    expected = 200
    assert sum((n - expected) ** 2 / expected for n in counts.values()) < 26.1  # chi2, 8 degrees, 99.9 %


def test_random_graphs_are_uniform_over_pairs() -> None:
    rng = np.random.default_rng(0)
    counts = np.zeros((5, 5))
    for _ in range(2000):
        source, target = rewiring.at_random(6, 5, rng)
        counts[source, target] += 1
    off = counts[~np.eye(5, dtype=bool)]
    assert np.diag(counts).sum() == 0
    assert abs(off - 600).max() < 100


def test_a_lattice_joins_the_nearest_first() -> None:
    order = np.array([2, 0, 3, 1])
    source, target = rewiring.lattice(8, order, np.random.default_rng(0))
    rank = np.argsort(order)
    steps = np.abs(rank[source] - rank[target])
    assert simple(source, target, 4)
    assert sorted(steps.tolist()) == [1] * 6 + [2] * 2
    with pytest.raises(ValueError, match="do not fit"):
        rewiring.lattice(13, order, np.random.default_rng(0))
