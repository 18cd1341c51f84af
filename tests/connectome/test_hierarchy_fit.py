"""The levels that fit the SLN, on the published core of the macaque's visual areas."""

import numpy as np
import pytest

from cortexc.connectome import Connectome
from cortexc.connectome.hierarchy import fit

# SLN, target: {source: value}; Markov et al. 2014, J Comp Neurol 522:225, doi 10.1002/cne.23458
SLN = {
    "V1": {"V2": 0.421, "V4": 0.297, "MT": 0.173, "TEO": 0.096, "TEpd": 0.021},
    "V2": {"V1": 0.736, "V4": 0.254, "MT": 0.269, "TEO": 0.091, "TEpd": 0.032},
    "V4": {"V1": 0.982, "V2": 0.926, "MT": 0.461, "TEO": 0.430, "TEpd": 0.275},
    "MT": {"V1": 0.890, "V2": 0.942, "V4": 0.615, "TEO": 0.333, "TEpd": 0.208},
    "TEO": {"V2": 0.937, "V4": 0.664, "MT": 0.424, "TEpd": 0.350},
    "TEpd": {"V2": 0.971, "V4": 0.953, "TEO": 0.680},
}
# Positions fitted by the authors to all their areas, from V1 at 0; same paper.
PUBLISHED = {"V1": 0.0, "V2": 0.283, "V4": 0.890, "TEO": 1.240, "MT": 1.271, "TEpd": 1.693}


def connectome(sln: dict[str, dict[str, float]]) -> Connectome:
    areas = list(dict.fromkeys([*sln, *(source for row in sln.values() for source in row)]))
    return Connectome.model_validate(
        {
            "cortexc": 1,
            "name": "core",
            "input": {"grid": [2, 2], "patch": 2, "width": 8},
            "areas": {name: {"grid": [2, 2]} for name in areas},
            "projections": [{"from": "LGN", "to": areas[0]}]
            + [{"from": s, "to": t, "sln": value} for t, row in sln.items() for s, value in row.items()],
            "readout": {"area": areas[-1], "classes": 2},
        }
    )


def test_fitted_levels_agree_with_the_published_ones() -> None:
    found = fit(connectome(SLN))
    assert found.projections == 27
    assert min(found.levels, key=lambda name: found.levels[name]) == "V1"
    assert found.levels["V1"] == 0
    ours, theirs = ([levels[name] for name in PUBLISHED] for levels in (found.levels, PUBLISHED))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97
    assert found.explained is not None
    assert found.explained > 0.85
    assert sorted(PUBLISHED, key=lambda n: found.levels[n])[:3] == ["V1", "V2", "V4"]


def test_levels_that_explain_everything_are_found_exactly() -> None:
    level = {"A": 0.0, "B": 1.0, "C": 2.5}
    sln = {
        t: {s: float(1 / (1 + np.exp(level[s] - level[t]))) for s in level if s != t} for t in level
    }  # fmt: skip
    found = fit(connectome(sln))
    assert found.levels == pytest.approx(level, abs=1e-6)
    assert found.explained == pytest.approx(1)


def test_groups_that_are_not_joined_each_start_at_zero() -> None:
    found = fit(connectome({"B": {"A": 0.9}, "D": {"C": 0.8}}))
    assert (found.levels["A"], found.levels["C"]) == pytest.approx((0, 0), abs=1e-9)


def test_nothing_to_fit() -> None:
    found = fit(connectome({"A": {}, "B": {}}))
    assert (found.levels, found.projections, found.explained) == ({}, 0, None)
