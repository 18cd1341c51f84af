"""Null models that fit their original, and ensembles of them in an experiment."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from cortexc import compiler, connectome, experiments
from cortexc.anatomy.nulls import MODELS, NullError, ignores_seed, null
from cortexc.compiler import pipeline
from cortexc.compiler.artifact import Attend, Mix
from cortexc.connectome import Connectome
from cortexc.connectome.diagnostics.error import SpecError
from cortexc.experiments.arms import connectomes_of
from cortexc.experiments.matching import SIZES, depth, drawn, same_network, sizes
from cortexc.experiments.planning import schedule
from cortexc.experiments.statistics import Counts, resample
from cortexc.main import main

SPEC = connectome.load("macaque-multiscale")
EQUAL = Connectome.model_validate(
    {
        "cortexc": 1,
        "name": "equal",
        "input": {"grid": [4, 4], "patch": 8, "width": 8},
        "areas": {"V1": {"grid": [4, 4]}, "V2": {"grid": [4, 4]}, "V4": {"grid": [4, 4]}},
        "projections": [{"from": "LGN", "to": "V1"}]
        + [{"from": a, "to": b, "weight": 0.3} for a, b in itertools.permutations(("V1", "V2", "V4"), 2)],
        "readout": {"area": "V4", "classes": 10},
    }
)


def test_a_matched_null_model_has_the_size_of_its_original() -> None:
    found = next(drawn(SPEC, "degree", seed=5, match=SIZES, within=0.02, draws=20))
    assert (found.seed, found.draws) == (7, 3)
    has, aim = (sizes(pipeline.run(c, seed=0)) for c in (found.connectome, SPEC))
    program = compiler.compile(found.connectome)
    assert has["parameters"] == program.parameter_counts["total"]
    assert has["flops"] == program.flops_per_image
    for size in SIZES:
        assert has[size] == pytest.approx(aim[size], rel=0.02)
    again = itertools.islice(drawn(SPEC, "degree", match=SIZES, within=0.02, draws=20), 2)
    assert [(one.seed, one.draws) for one in again] == [(7, 8), (9, 2)]


def test_depth_is_the_longest_path_in_attention_and_mix_ops() -> None:
    dense = compiler.compile("vit-tiny")
    assert depth(dense.ops) == 12  # six layers, each attends and mixes
    assert depth(compiler.compile("macaque-multiscale").ops) < sum(
        isinstance(op, Attend | Mix) for op in compiler.compile("macaque-multiscale").ops
    )


def test_where_none_fits_it_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["null", "macaque-multiscale", "--model", "degree", "--match", "parameters,flops,depth"]
    assert main([*words, "--within", "0.02", "--draws", "3", "-o", str(tmp_path / "x.yaml")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "within 2 %" in said
    assert "seeds 0 to 2 were drawn, and the nearest is seed 1 with 94.4 % of the parameters" in said
    assert main([*words, "--seed", "6", "--draws", "5", "-o", str(tmp_path / "x.yaml")]) == 0
    assert "seed 7, after 2 draws" in capsys.readouterr().out
    assert main(["null", "macaque-ventral", "--model", "degree", "--draws", "5", "-o", str(tmp_path / "y.yaml")]) == 2
    assert "--draws needs --match" in capsys.readouterr().err


@pytest.mark.parametrize("model", MODELS)
def test_a_null_model_that_is_its_original_once_compiled_is_refused(model: str) -> None:
    with pytest.raises(NullError):
        next(drawn(EQUAL, model))


def test_the_refusal_of_the_same_network_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connectome.dump(EQUAL, tmp_path / "equal.yaml")
    for model, why in {
        "uniform": "compiles to the same network as equal itself",
        "reversed": "no area has a laminar circuit",
    }.items():
        words = ["null", str(tmp_path / "equal.yaml"), "--model", model, "-o", str(tmp_path / "n.yaml")]
        assert main(words) == 2
        assert why in capsys.readouterr().err
    assert not (tmp_path / "n.yaml").exists()


def test_the_order_of_projections_makes_no_other_network() -> None:
    turned = SPEC.model_copy(update={"projections": SPEC.projections[::-1], "name": "turned"})
    one, other = (pipeline.run(c, seed=0) for c in (SPEC, turned))
    assert same_network(one, other)
    assert not same_network(one, dataclasses.replace(one, ops=one.ops[:-1]))
    assert not same_network(one, pipeline.run(null(SPEC, "weights"), seed=0))


def test_what_ignores_the_seed_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [m for m in MODELS if ignores_seed(SPEC, m)] == ["lattice", "reversed", "uniform"]
    assert not ignores_seed(connectome.load("macaque-29"), "lattice")  # its last step is not full
    for model, said in {"uniform": True, "degree": False}.items():
        out = tmp_path / f"{model}.yaml"
        assert main(["null", "macaque-ventral", "--model", model, "--seed", "3", "-o", str(out)]) == 0
        assert ("the seed is ignored" in capsys.readouterr().out) == said


EXPERIMENT = """
cortexc_experiment: 1
name: ensemble
data: {name: digits}
seeds: [0, 1]
baseline: measured
arms:
  measured: {spec: macaque-multiscale}
  degree: {of: measured, null_model: NULLS}
"""


def written(folder: Path, nulls: str) -> Path:
    path = folder / "ensemble.yaml"
    path.write_text(EXPERIMENT.replace("NULLS", nulls))
    return path


def test_an_ensemble_is_one_arm_whose_runs_differ_in_the_null_model(tmp_path: Path) -> None:
    path = written(tmp_path, "{model: degree, nulls: 3, seed: 2, match: [depth], within: 0.02}")
    tasks = schedule(experiments.load(path), "full", tmp_path).tasks
    assert [t.name for t in tasks] == ["measured-0", "degree-0", "measured-1", "degree-1", "degree-2"]
    nulls = [t for t in tasks if t.arm == "degree"]
    assert [t.recipe.seed for t in nulls] == [0, 1, 2]
    assert len({t.program.spec for t in nulls}) == 3
    seeds = ", ".join(str(t.null_seed) for t in nulls)
    path = written(tmp_path, f"{{model: degree, nulls: [{seeds}], match: [depth], within: 0.02}}")
    again = schedule(experiments.load(path), "full", tmp_path).tasks
    assert [t.program.content_hash() for t in again] == [t.program.content_hash() for t in tasks]


@pytest.mark.parametrize(
    ("nulls", "code", "words"),
    [
        ("{model: degree, within: 0.1}", "X713", "no sizes are matched"),
        ("{model: degree, draws: 10}", "X713", "one seed"),
        ("{model: degree, nulls: [1, 2], seed: 4}", "X713", "the seeds are listed"),
        ("{model: degree, nulls: [1, 1]}", "X704", "listed twice"),
        ("{model: degree, nulls: [0], match: [parameters]}", "X708", "of the parameters"),
        ("{model: degree, match: [parameters], draws: 2}", "X708", "the nearest is"),
        ("{model: uniform, nulls: 2}", "X708", "every seed gives the same"),
        ("{model: degree, nulls: 0}", "S106", ""),
        ("{model: degree, match: [size]}", "S106", ""),
    ],
)
def test_what_an_ensemble_cannot_be_is_said(nulls: str, code: str, words: str, tmp_path: Path) -> None:
    found = [f for f in experiments.check(written(tmp_path, nulls)) if f.code == code]
    assert found
    assert words in found[0].message


def test_an_ensemble_is_no_reference_and_shares_no_seed_with_one(tmp_path: Path) -> None:
    path = written(tmp_path, "{model: degree, nulls: 9}")
    path.write_text(path.read_text() + "references: {arm: degree, seeds: [8]}\n")
    assert {"X703", "X713"} <= {f.code for f in experiments.check(path)}


def test_too_few_of_an_ensemble_is_an_error_of_the_plan(tmp_path: Path) -> None:
    path = written(tmp_path, "{model: degree, nulls: 3, seed: 7, match: [parameters, flops, depth], draws: 3}")
    experiment = experiments.load(path)  # the first one is there
    with pytest.raises(SpecError, match="X708"):
        list(connectomes_of(experiment, "degree"))


def test_the_variance_of_an_ensemble_is_its_own() -> None:
    def runs(*accuracies: float) -> Counts:
        return Counts(np.repeat(np.array(accuracies)[:, None], 50, axis=1), np.ones(50))

    spread = np.linspace(0.3, 0.7, 19)
    counts = {("a", "m"): runs(0.5, 0.5, 0.51, 0.49), ("nulls", "m"): runs(*spread)}
    found = resample(counts, resamples=20_000, ensembles=["nulls"])
    assert found.freedom == 3
    assert found.drawn["a", "m"].std() < 0.02
    assert found.drawn["nulls", "m"].std() == pytest.approx(np.std(spread, ddof=1) / np.sqrt(19), rel=0.1)
    pooled = resample(counts, resamples=20_000)
    assert pooled.freedom == 21
    assert pooled.drawn["a", "m"].std() > 0.04
