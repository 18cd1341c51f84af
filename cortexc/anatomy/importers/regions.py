"""Edges that are listed once for each region, where regions may lie inside of each other.

neuPrint counts the synapses of a pair in each region of interest, and again in the parts of that region: all that are
in ``LOP_L1(R)`` are in ``LOP(R)`` too.

References:
    J. Clements et al. (2020), neuPrint: analysis tools for EM connectomics, https://doi.org/10.1101/2020.01.16.909465
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

COLUMNS = ("roi", "rois", "neuropil", "neuropils", "region", "brainregion", "compartment")
"""What the column of the region of an edge may be called, as names are compared."""
_SIDE = re.compile(r"\((L|R)\)|_(L|R)(?=_|$)")
_PART = re.compile(r"[_-].+|[A-Za-z]{1,2}\d.*")


def nested(names: Collection[str]) -> dict[str, str]:
    """Return the regions that lie inside of another one by their names, with the outermost such one.

    >>> nested(["LOP(R)", "LOP_L1(R)", "LOP_L1(L)", "LO(R)", "ME_R", "ME_R_layer_01", "FB", "FBl3", "T1", "T10"])
    {'LOP_L1(R)': 'LOP(R)', 'ME_R_layer_01': 'ME_R', 'FBl3': 'FB'}
    """
    parts = {name: (_SIDE.sub("", name), "".join(next(iter(_SIDE.findall(name)), ""))) for name in names}
    wholes = {part: name for name, part in parts.items()}
    found = {}
    for name, (base, side) in parts.items():
        for end in range(1, len(base)):
            if (base[:end], side) in wholes and _PART.fullmatch(base[end:]):
                found[name] = wholes[base[:end], side]
                break
    return found


@dataclass(frozen=True, eq=False)
class Rows:
    """Edges in regions that contain others, or lie in others."""

    pair: np.ndarray
    """int64 [rows]: the pair of neurons, as one number."""
    outer: np.ndarray
    """text [rows]: the region that contains the others."""
    inner: np.ndarray
    """bool [rows]: the row is of a region inside of it."""
    synapses: np.ndarray
    """float64 [rows]"""


def counted_twice(rows: Rows) -> np.ndarray | None:
    """Return which rows are of synapses that a row of the outer region counts too: bool [rows].

    None where an inner region has more synapses of a pair than the outer one, so that it does not lie inside.
    """
    _, region = np.unique(rows.outer.astype(str), return_inverse=True)
    _, key = np.unique(np.stack([rows.pair, region]), axis=1, return_inverse=True)
    key = np.ravel(key)
    whole = np.bincount(key, np.where(rows.inner, 0.0, rows.synapses), minlength=int(key.max(initial=-1)) + 1)
    there = np.bincount(key, ~rows.inner, minlength=len(whole)) > 0
    twice = rows.inner & there[key]
    return None if (twice & (rows.synapses > whole[key])).any() else twice
