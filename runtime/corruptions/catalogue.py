"""The 19 corruptions of CIFAR-10-C: their groups and published constants.

Constants and algorithms are those of the generator of the official set, ``ImageNet-C/create_c/make_cifar_c.py`` of
https://github.com/hendrycks/robustness (revision 8190fe3, Apache-2.0).

References:
    D. Hendrycks, T. Dietterich (2019), Benchmarking neural network robustness to common corruptions and
    perturbations, https://arxiv.org/abs/1903.12261
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Group: TypeAlias = Literal["noise", "blur", "weather", "digital"]
GROUPS: tuple[Group, ...] = ("noise", "blur", "weather", "digital")

SEVERITIES = (1, 2, 3, 4, 5)
"""From mild to strong."""


class CorruptionError(ValueError):
    """There is no such corruption or severity; the message names those there are."""


class Cell(NamedTuple):
    """One corruption at one severity."""

    corruption: str
    severity: int


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption."""

    name: str
    group: Group
    """Also the module here that has the function."""
    constants: tuple[tuple[float, ...], ...]
    """Arguments of the function at severity 1 to 5."""
    stochastic: bool = True
    """Whether it draws random numbers. The official set had no seed: such an array cannot be made again."""
    benchmark: bool = True
    """Whether it counts; the four others are for choices, as a validation set."""


_ALL = (
    Corruption("gaussian_noise", "noise", ((0.04,), (0.06,), (0.08,), (0.09,), (0.10,))),
    Corruption("shot_noise", "noise", ((500,), (250,), (100,), (75,), (50,))),
    Corruption("impulse_noise", "noise", ((0.01,), (0.02,), (0.03,), (0.05,), (0.07,))),
    Corruption(
        "defocus_blur", "blur", ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)), stochastic=False,
    ),
    Corruption(
        "glass_blur", "blur", ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    ),
    Corruption(
        "motion_blur", "blur", ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    ),
    Corruption(
        "zoom_blur", "blur", ((1.06,), (1.11,), (1.16,), (1.21,), (1.26,)),
        stochastic=False,
    ),
    Corruption(
        "snow", "weather",
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95), (0.1, 0.2, 1, 0.5, 10, 4, 0.9), (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85), (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
    ),
    Corruption(
        "frost", "weather", ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    ),
    Corruption("fog", "weather", ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))),
    Corruption(
        "brightness", "weather", ((0.05,), (0.1,), (0.15,), (0.2,), (0.3,)),
        stochastic=False,
    ),
    Corruption(
        "contrast", "digital", ((0.75,), (0.5,), (0.4,), (0.3,), (0.15,)),
        stochastic=False,
    ),
    Corruption(
        "elastic_transform", "digital",
        ((0, 0, 2.56), (1.6, 6.4, 2.24), (2.56, 1.92, 1.92), (3.2, 1.28, 1.6), (3.2, 0.96, 0.96)),
    ),
    Corruption(
        "pixelate", "digital", ((0.95,), (0.9,), (0.85,), (0.75,), (0.65,)),
        stochastic=False,
    ),
    Corruption(
        "jpeg_compression", "digital", ((80,), (65,), (58,), (50,), (40,)),
        stochastic=False,
    ),
    Corruption(
        "speckle_noise", "noise", ((0.06,), (0.1,), (0.12,), (0.16,), (0.2,)),
        benchmark=False,
    ),
    Corruption(
        "gaussian_blur", "blur", ((0.4,), (0.6,), (0.7,), (0.8,), (1,)),
        stochastic=False, benchmark=False,
    ),
    Corruption(
        "spatter", "weather",
        (
            (0.62, 0.1, 0.7, 0.7, 0.5, 0), (0.65, 0.1, 0.8, 0.7, 0.5, 0), (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1), (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ), benchmark=False,
    ),
    Corruption(
        "saturate", "digital", ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
        stochastic=False, benchmark=False,
    ),
)  # fmt: skip

CORRUPTIONS: dict[str, Corruption] = {corruption.name: corruption for corruption in _ALL}
"""All 19, the 15 of the benchmark first, in the order of the paper."""
BENCHMARK: tuple[str, ...] = tuple(c.name for c in _ALL if c.benchmark)
EXTRA: tuple[str, ...] = tuple(c.name for c in _ALL if not c.benchmark)
REPRODUCIBLE: tuple[str, ...] = tuple(c.name for c in _ALL if not c.stochastic)
"""Those whose official arrays come out byte for byte here."""

_SETS = {"benchmark": BENCHMARK, "extra": EXTRA, "all": BENCHMARK + EXTRA}


def selected(words: Iterable[str]) -> tuple[str, ...]:
    """Return the corruptions that words name: ``benchmark``, ``extra``, ``all`` or names, each once, in order.

    >>> selected(["extra", "frost"])
    ('frost', 'speckle_noise', 'gaussian_blur', 'spatter', 'saturate')

    Raises:
        CorruptionError: a word names none, or there is none.
    """
    found: set[str] = set()
    for word in words:
        if word not in _SETS and word not in CORRUPTIONS:
            known = ", ".join((*_SETS, *CORRUPTIONS))
            raise CorruptionError(f"there is no corruption `{word}`; there are {known}")
        found.update(_SETS.get(word, (word,)))
    if not found:
        raise CorruptionError("no corruption is named")
    return tuple(name for name in CORRUPTIONS if name in found)


def severities(first_to_last: str) -> tuple[int, ...]:
    """Return the severities of a text such as ``1-5``, ``5`` or ``1,3,5``.

    Raises:
        CorruptionError: it names no severity from 1 to 5.
    """
    found: set[int] = set()
    for part in first_to_last.split(","):
        low, dash, high = part.strip().partition("-")
        ends = (low, high if dash else low)
        if not all(end.isdecimal() and int(end) in SEVERITIES for end in ends) or int(ends[0]) > int(ends[1]):
            raise CorruptionError(f"`{first_to_last}` names no severities; expected 1 to 5, as in `1-5`, `5` or `1,3`")
        found.update(range(int(ends[0]), int(ends[1]) + 1))
    return tuple(sorted(found))
