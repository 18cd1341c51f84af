"""Random graphs with given properties, as arrays: origin and target of each edge, nodes numbered from 0.

No edge leads from a node to itself, and no two edges have the same ends; all functions keep this. Costs grow linearly
with the number of edges.
"""

from __future__ import annotations

import numpy as np

ROUNDS, ROUNDS_OF_LARGE = 400, 40
"""Rounds of swaps; in each round half of the pairs of edges may swap. In a sparse graph 40 rounds are about 20 swaps
per edge (Milo et al. 2003 find 10 to be plenty); in a nearly complete graph few swaps are possible."""
ANNEALING, SWAPS = 40, 5
"""Temperatures of an annealing, and swaps that are tried at each, per edge."""
LARGE = 100_000
"""A graph with this many edges or more gets fewer rounds."""


def keeping_degrees(
    origin: np.ndarray, target: np.ndarray, size: int, rng: np.random.Generator, taken: np.ndarray | None = None
) -> np.ndarray:
    """Return origins after random swaps of two edges' origins.

    ``origin``, ``target``: int64 [edges]. ``taken``: int64 [pairs, 2], pairs that no edge may connect. Each node keeps
    its in-degree and out-degree; edge *k* keeps its target. In each round the edges are paired at random, half of the
    pairs are candidates, and all candidates whose swaps do not conflict swap at once. Steps of this Markov chain are as
    probable forwards as backwards, so all graphs that it reaches are equally probable. At the end the origins of each
    target are shuffled among its edges. Graphs that differ only in the direction of cycles of three edges cannot always
    be reached.

    References:
        S. Maslov, K. Sneppen (2002), Specificity and stability in topology of protein networks,
        https://doi.org/10.1126/science.1065103
        R. Milo et al. (2003), On the uniform generation of random graphs with prescribed degree sequences,
        https://arxiv.org/abs/cond-mat/0312028
    """
    origin = origin.copy()
    edges = len(origin)
    half = edges // 2
    closed = np.zeros(0, np.int64) if taken is None else taken[:, 0] * size + taken[:, 1]
    for _ in range((ROUNDS if edges < LARGE else ROUNDS_OF_LARGE) if half else 0):
        order = rng.permutation(edges)
        candidate = rng.random(half) < 0.5  # without this, small graphs would alternate between few states
        a, b = order[:half][candidate], order[half : 2 * half][candidate]
        proposed = np.stack([origin[b] * size + target[a], origin[a] * size + target[b]])
        fine = (origin[b] != target[a]) & (origin[a] != target[b]) & (origin[a] != origin[b])
        a, b, proposed = a[fine], b[fine], proposed[:, fine]
        present = np.sort(np.concatenate([origin * size + target, closed]))
        held = np.stack([origin[a] * size + target[a], origin[b] * size + target[b]])
        keys, times = np.unique(np.concatenate([held, proposed]), return_counts=True)
        fine = ~_in(proposed, present).any(axis=0)
        if len(conflicting := keys[times > 1]):
            fine &= ~_in(held, conflicting).any(axis=0) & ~_in(proposed, conflicting).any(axis=0)
        a, b = a[fine], b[fine]
        origin[a], origin[b] = origin[b], origin[a]
    ordered = np.argsort(target, kind="stable")
    dealt = np.lexsort((rng.random(edges), target))
    mixed = np.empty_like(origin)
    mixed[ordered] = origin[dealt]
    return mixed


def keeping_strengths(
    origin: np.ndarray, target: np.ndarray, strength: np.ndarray, wanted: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Return origins after swaps among the edges of one target, and how far out-strengths are from those wanted.

    ``origin``, ``target``: int64 [edges]. ``strength``: float64 [edges], which stays with the edge. ``wanted``: float64
    [nodes]. Simulated annealing: swaps that bring the sum of strengths that nodes send nearer to ``wanted`` are made,
    others with a probability that falls as the temperature does. The distance is the fraction of all strength that is
    sent by another node than wanted.

    Reference:
        F. Milisav, V. Bazinet, R. F. Betzel, B. Misic (2025), A simulated annealing algorithm for randomizing weighted
        networks, https://doi.org/10.1038/s43588-024-00735-z
    """
    order = np.argsort(target, kind="stable")
    _, first, count = np.unique(target[order], return_index=True, return_counts=True)
    begin, size = np.repeat(first, count), np.repeat(count, count)
    node, weight = origin[order].tolist(), strength[order].tolist()
    away = (np.bincount(origin, strength, len(wanted)) - wanted).tolist()
    movable = np.flatnonzero(size > 1)
    for temperature in strength.mean() * np.geomspace(1, 1e-4, ANNEALING) if len(movable) else ():
        one = movable[rng.integers(len(movable), size=SWAPS * len(movable))]
        other = begin[one] + rng.integers(size[one])
        bearable = temperature * rng.standard_exponential(len(one))
        for i, j, worse in zip(one.tolist(), other.tolist(), bearable.tolist(), strict=True):
            a, b, more = node[i], node[j], weight[j] - weight[i]
            x, y = away[a] + more, away[b] - more
            if a != b and abs(x) + abs(y) - abs(away[a]) - abs(away[b]) <= worse:
                node[i], node[j], away[a], away[b] = b, a, x, y
    found = np.empty_like(origin)
    found[order] = node
    apart = np.abs(np.bincount(found, strength, len(wanted)) - wanted).sum()
    return found, float(apart / max(2 * strength.sum(), np.finfo(float).tiny))


def _in(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Return which values are in a sorted array."""
    if not len(ordered):
        return np.zeros(values.shape, bool)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    found: np.ndarray = ordered[at] == values
    return found


def at_random(edges: int, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return origin and target of random edges between distinct nodes; all graphs are equally probable.

    Raises:
        ValueError: more edges than there are pairs of nodes.
    """
    pairs = size * (size - 1)
    if edges > pairs:
        raise ValueError(f"{edges} edges do not fit between {size} nodes")
    if edges > pairs // 3:
        chosen = rng.permutation(pairs)[:edges]
    else:  # without an array of all pairs
        chosen = np.zeros(0, np.int64)
        while len(chosen) < edges:
            chosen = np.unique(np.concatenate([chosen, rng.integers(0, pairs, 2 * (edges - len(chosen)) + 16)]))
        chosen = rng.permutation(chosen)[:edges]
    origin, rest = np.divmod(chosen, max(1, size - 1))
    return origin, rest + (rest >= origin)


def lattice(edges: int, order: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return edges between the nodes that are closest in an order, nearest first; random among the farthest of these.

    ``order``: int64 [nodes], from low to high. Edges go in both directions.

    Raises:
        ValueError: more edges than there are pairs of nodes.
    """
    size = len(order)
    if edges > size * (size - 1):
        raise ValueError(f"{edges} edges do not fit between {size} nodes")
    origin, target = [], []
    left, step = edges, 1
    while left > 0:
        low = np.arange(size - step)
        a, b = np.concatenate([low, low + step]), np.concatenate([low + step, low])
        if len(a) > left:
            few = np.sort(rng.permutation(len(a))[:left])
            a, b = a[few], b[few]
        origin.append(order[a])
        target.append(order[b])
        left -= len(a)
        step += 1
    return np.concatenate(origin), np.concatenate(target)


def keeping_lengths(
    origin: np.ndarray,
    target: np.ndarray,
    length: np.ndarray,
    known_pairs: np.ndarray,
    classes: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return edges moved to random pairs of nodes of the same class of length.

    ``length``: int64 [edges], the class of each edge. ``known_pairs``: int64 [pairs, 2], pairs whose length is known.
    ``classes``: int64 [pairs]. Each class keeps how many edges it has.
    """
    origin, target = origin.copy(), target.copy()
    for number in np.unique(length):
        mine = np.flatnonzero(length == number)
        free = known_pairs[classes == number]
        chosen = free[rng.permutation(len(free))[: len(mine)]]
        origin[mine], target[mine] = chosen[:, 0], chosen[:, 1]
    return origin, target
