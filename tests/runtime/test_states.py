"""The states of populations by name, and the trained model of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cortexc
from cortexc.compiler.artifact import Mix
from cortexc.runtime import run as runs
from cortexc.runtime.manifest import Recipe
from cortexc.runtime.states import states_by_sweep
from tests.random_connectomes import random_connectome

SEEDS = range(8)


def images(program: cortexc.Program, count: int = 2) -> torch.Tensor:
    return torch.rand(count, *program.image_shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("seed", SEEDS)
def test_features_are_what_hooks_on_the_columns_see(seed: int) -> None:
    program = cortexc.compile(random_connectome(seed))
    model = cortexc.build(program).eval()
    seen: dict[str, torch.Tensor] = {}
    for op in program.ops:
        if isinstance(op, Mix):
            step = model.steps[op.name.replace(".", ":")]
            step.register_forward_hook(lambda _, __, out: seen.update(out))
    found = cortexc.features(model, images(program))
    assert seen
    for value, state in seen.items():  # "V1.E@2.mixed"
        assert torch.equal(found[value.removesuffix(".mixed")], state)
    for name, state in found.items():
        population = program.by_name[name.partition("@")[0]]
        assert state.shape == (2, population.tokens, population.width)
        assert not state.requires_grad


def test_the_readout_reads_the_last_states() -> None:
    program = cortexc.compile("macaque-ventral")
    last = {value: name for name, value in states_by_sweep(program).items()}
    assert {last[value] for value in program.ops[-1].reads} == {"TEpd.L23E@2", "TEpd.L5E@2"}
    assert "LGN@0" in last.values()


def test_areas_and_sweeps_choose_and_maps_keep_the_grid() -> None:
    program = cortexc.compile("macaque-ventral")
    model = cortexc.build(program)
    found = cortexc.features(model, images(program), areas=["V2", "LGN"], sweeps=[0, 2])
    assert set(found) == {"LGN@0", *(f"V2.{name}@2" for name in ("L4E", "L23E", "L5E"))}
    grids = cortexc.features(model, images(program), areas=["V2"], sweeps=[2], maps=True)
    rows, columns = program.by_name["V2.L4E"].grid
    width = program.by_name["V2.L4E"].width
    assert grids["V2.L4E@2"].shape == (2, width, rows, columns)
    for row, column in ((0, 1), (rows - 1, 0)):
        token = found["V2.L4E@2"][:, row * columns + column]
        assert torch.equal(grids["V2.L4E@2"][:, :, row, column], token)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"areas": ["V7"]}, r"there is no area 'V7': those there are, are LGN, V1, V2"),
        ({"areas": "V1"}, r"areas is 'V1'; expected several, such as \['V1'\]"),
        ({"sweeps": [3]}, r"there is no sweep 3: those there are, are 0, 1, 2"),
    ],
)
def test_what_there_is_not_is_refused(choice: dict[str, list[str]], message: str) -> None:
    model = cortexc.build(cortexc.compile("macaque-ventral"))
    with pytest.raises(ValueError, match=message):
        cortexc.features(model, images(model.program), **choice)  # type: ignore[arg-type]


@pytest.mark.trains
def test_the_model_of_a_run_answers_as_it_did_when_it_was_tested(tmp_path: Path) -> None:
    program = cortexc.compile("vit-tiny")
    recipe = Recipe(epochs=1, batch_size=360, flip=False)
    cortexc.train(program, data="digits", data_dir=None, out=tmp_path / "run", recipe=recipe)
    model = cortexc.load_run(tmp_path / "run")
    assert not model.training
    digits = torch.tensor(cortexc.runtime.data.load("digits", None).test.images)
    with torch.no_grad():
        right = model(digits.float() / 255).argmax(1).numpy() == cortexc.runtime.data.load("digits", None).test.labels
    assert right.mean() == pytest.approx(cortexc.evaluate(tmp_path / "run")[0].accuracy)
    with pytest.raises(cortexc.RunError, match="holds no run"):
        cortexc.load_run(tmp_path)
    runs.Run(tmp_path / "run").checkpoint_path.unlink()
    with pytest.raises(cortexc.RunError, match="no checkpoint"):
        cortexc.load_run(tmp_path / "run")
