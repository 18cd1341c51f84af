"""Random numbers for corruptions: one independent stream an image, whoever corrupts it and in which order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from numpy.random import Generator, Philox


def streams(seed: int, corruption: str, severity: int, indices: Iterable[int]) -> list[Generator]:
    """Return the generators of images of a set, by their indices.

    Philox is a function of a key and a counter. The key comes from the seed, the corruption and the severity; the upper
    half of the counter is the index of the image, so each image has 2^128 blocks of numbers to itself.

    References:
        J. K. Salmon et al. (2011), Parallel random numbers: as easy as 1, 2, 3,
        https://doi.org/10.1145/2063384.2063405
    """
    digest = hashlib.sha256(f"{seed} {corruption} {severity}".encode()).digest()
    key = int.from_bytes(digest[:16], "little")
    return [Generator(Philox(key=key, counter=[0, 0, index, 0])) for index in indices]
