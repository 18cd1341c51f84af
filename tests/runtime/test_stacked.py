"""Seeds that are trained and tested together are what each is by itself."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import cortexc
from cortexc.runtime import run as runs
from cortexc.runtime import training
from cortexc.runtime.data import load
from cortexc.runtime.data.dataset import Dataset, ImageSet
from cortexc.runtime.manifest import Recipe, RunError
from cortexc.runtime.run import Run
from cortexc.runtime.stacked import Stack, StackedModel, epoch_plan
from cortexc.runtime.training import check_fit, exposure_of, manifest_of

SPEC = """
cortexc: 1
name: small
sources: {test: {note: made for the tests, status: assumed}}
input: {name: LGN, grid: [4, 4], patch: 8, width: 8, gain_control: {type: global}, point_spread: 0.7, source: test}
areas: {V1: {grid: [4, 4], source: test}, V2: {grid: [2, 2], source: test}}
lateral: {V1: {kernel: {type: disc, radius: 1}, source: test}}
projections:
  - {from: LGN, to: V1, source: test}
  - {from: V1, to: V2, fln: 0.6, sln: 0.8, source: test}
  - {from: V2, to: V1, fln: 0.5, sln: 0.3, source: test}
attention: {heads: 2, key_width: 2}
dynamics: {sweeps: 2}
readout: {area: V2, classes: 10}
"""
RECIPE = Recipe(epochs=2, batch_size=64, flip=False, learning_rate=2e-3)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> cortexc.Program:
    path = tmp_path_factory.mktemp("spec") / "small.yaml"
    path.write_text(SPEC)
    return cortexc.compile(path)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """150 digits to train on: two batches of 64, and one of 22."""
    whole = load("digits", None)
    train = ImageSet(whole.train.images[:150].copy(), whole.train.labels[:150].copy())
    test = ImageSet(whole.test.images[:60].copy(), whole.test.labels[:60].copy())
    return dataclasses.replace(whole, train=train, test=test)


def made(folder: Path, program: cortexc.Program, digits: Dataset, seed: int) -> tuple[Run, Recipe]:
    recipe = dataclasses.replace(RECIPE, seed=seed)
    check_fit(program, digits)
    about = manifest_of(
        program, recipe, digits, exposure_of(digits, recipe, None), folder=None, device=torch.device("cpu"), stacked=2
    )
    return runs.create(folder / f"stacked-{seed}", program, about), recipe


def stack_of(folder: Path, program: cortexc.Program, digits: Dataset, seeds: tuple[int, ...] = (0, 3)) -> Stack:
    found = [made(folder, program, digits, seed) for seed in seeds]
    images, labels = torch.tensor(digits.train.images), torch.tensor(digits.train.labels)
    return Stack([run for run, _ in found], program, [recipe for _, recipe in found], images, labels)


def trained(stack: Stack) -> Stack:
    while not stack.finished:
        stack.advance()
    return stack


def checkpoint(folder: Path) -> dict[str, object]:
    found: dict[str, object] = torch.load(folder / "checkpoint.pt", weights_only=True)
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, program: cortexc.Program, digits: Dataset) -> Path:
    """Runs of the same two seeds, each trained by itself."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "load", lambda *_, **__: digits)
        patch.setattr(training.devices, "has_bfloat16", lambda device: False)  # a stack trains in float32
        for seed in (0, 3):
            recipe = dataclasses.replace(RECIPE, seed=seed)
            training.train(program, data="digits", data_dir=None, out=folder / str(seed), recipe=recipe, device="cpu")
    return folder


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory, program: cortexc.Program, digits: Dataset) -> Path:
    folder = tmp_path_factory.mktemp("together")
    trained(stack_of(folder, program, digits))
    return folder


@pytest.mark.parametrize("seed", [0, 3])
def test_a_seed_in_a_stack_is_the_seed_by_itself(seed: int, alone: Path, together: Path) -> None:
    one, other = checkpoint(alone / str(seed)), checkpoint(together / f"stacked-{seed}")
    for name, weight in one["model"].items():  # type: ignore[attr-defined]
        assert torch.allclose(weight, other["model"][name], rtol=1e-4, atol=2e-5), name  # type: ignore[index]
    folders = (alone / str(seed), together / f"stacked-{seed}")
    lines = [json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1]) for folder in folders]
    for key in ("epoch", "step", "loss", "accuracy", "learning_rate"):
        assert lines[0][key] == pytest.approx(lines[1][key], abs=2e-6), key


def test_the_optimiser_of_a_seed_can_go_on_by_itself(alone: Path, together: Path, program: cortexc.Program) -> None:
    from cortexc.runtime.optim import adamw

    one, other = (checkpoint(f)["optimizer"] for f in (alone / "3", together / "stacked-3"))
    for index, state in one["state"].items():  # type: ignore[index]
        for key in ("step", "exp_avg", "exp_avg_sq"):
            assert torch.allclose(state[key], other["state"][index][key], rtol=1e-3, atol=1e-7), (index, key)  # type: ignore[index]
    adamw(cortexc.build(program), learning_rate=1e-3, weight_decay=0.05).load_state_dict(other)  # type: ignore[arg-type]


def test_an_interrupted_stack_goes_on_as_it_would_have_gone(
    tmp_path: Path, together: Path, program: cortexc.Program, digits: Dataset
) -> None:
    first = stack_of(tmp_path, program, digits)
    for _ in range(4):  # into the second epoch
        first.advance()
    first.save()
    states = [checkpoint(run.folder) for run in first.runs]
    again = Stack(first.runs, program, first.recipes, first.images, first.labels)
    again.restore(states)
    trained(again)
    for seed in (0, 3):
        whole, parts = checkpoint(together / f"stacked-{seed}"), checkpoint(tmp_path / f"stacked-{seed}")
        for name, weight in whole["model"].items():  # type: ignore[attr-defined]
            assert torch.equal(weight, parts["model"][name]), name  # type: ignore[index]
        assert len((tmp_path / f"stacked-{seed}" / "metrics.jsonl").read_text().splitlines()) == 2


def test_the_logits_of_a_stack_are_those_of_its_models(program: cortexc.Program, digits: Dataset) -> None:
    model = StackedModel(program, [0, 3], torch.device("cpu"))
    images = torch.tensor(digits.test.images[:20])
    logits = model.logits(images)
    for index, seed in enumerate((0, 3)):
        with torch.no_grad():
            one = cortexc.build(program, seed=seed).eval()(images.float() / 255)
        assert torch.allclose(logits[index], one, atol=1e-5)


def test_the_plan_of_an_epoch_of_a_seed_does_not_depend_on_its_neighbours() -> None:
    recipes = [dataclasses.replace(RECIPE, seed=s) for s in (5, 6)]
    both, single = epoch_plan(recipes, 150, 1), epoch_plan(recipes[1:], 150, 1)
    assert torch.equal(both.order[1], single.order[0])
    assert torch.equal(both.shift[1], single.shift[0])
    assert sorted(both.order[0].flatten()[:150].tolist()) == list(range(150))
    assert not torch.equal(both.order[0], both.order[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"learning_rate": 1e-2}, "more than their seed"), ({"corruptions": ("fog",)}, "corrupted images")],
)
def test_what_cannot_be_trained_together_is_refused(
    change: dict[str, object], message: str, program: cortexc.Program, digits: Dataset
) -> None:
    images, labels = torch.tensor(digits.train.images), torch.tensor(digits.train.labels)
    recipes = [RECIPE, dataclasses.replace(RECIPE, seed=1, **change)]  # type: ignore[arg-type]
    with pytest.raises(RunError, match=message):
        Stack([Run(Path("a")), Run(Path("b"))], program, recipes, images, labels)


def test_a_loss_that_is_no_number_is_said(tmp_path: Path, program: cortexc.Program, digits: Dataset) -> None:
    stack = stack_of(tmp_path, program, digits, seeds=(0,))
    stack.model.flats[0].data.fill_(np.nan)
    with pytest.raises(RunError, match="diverged"):
        trained(stack)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_captured_step_is_the_step(tmp_path: Path, program: cortexc.Program, digits: Dataset) -> None:
    found = []
    for folder, capture in (("eager", False), ("captured", True)):
        pairs = [made(tmp_path / folder, program, digits, seed) for seed in (0, 3)]
        images, labels = torch.tensor(digits.train.images).cuda(), torch.tensor(digits.train.labels).cuda()
        stack = Stack([run for run, _ in pairs], program, [recipe for _, recipe in pairs], images, labels)
        if capture:
            stack.capture()
        found.append(trained(stack).model.flats[0].detach().cpu())
    assert torch.allclose(*found, rtol=1e-2, atol=1e-3)  # tensor cores round to 10 bits
