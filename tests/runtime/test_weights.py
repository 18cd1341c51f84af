"""Weights that travel: into other runs, under other heads, and not into another anatomy."""

from __future__ import annotations

import copy
import io
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from cortexc import compiler, runtime
from cortexc.anatomy.nulls import null
from cortexc.compiler.artifact import Program
from cortexc.connectome import Connectome
from cortexc.main import main
from cortexc.runtime import run as runs
from cortexc.runtime.weights import HEAD, MARK, key_of

RECIPE = runtime.Recipe(epochs=1, learning_rate=3e-3, flip=False, seed=5)


def connectome(classes: int = 10, **changes: Any) -> Connectome:
    spec = {
        "cortexc": 1, "name": "small",
        "input": {"grid": [4, 4], "patch": 8, "width": 16},
        "areas": {name: {"grid": [4, 4]} for name in ("V1", "V2", "V3")},
        "projections": [{"from": "LGN", "to": "V1", "topography": {"type": "disc", "radius": 1.0}},
                        {"from": "V1", "to": "V2", "fln": 0.7}, {"from": "V1", "to": "V3", "fln": 0.1},
                        {"from": "V2", "to": "V3", "fln": 0.4}],
        "attention": {"heads": 2, "key_width": 4},
        "readout": {"area": "V3", "classes": classes},
    }  # fmt: skip
    return Connectome.model_validate(spec | changes)


@pytest.fixture(scope="module")
def program() -> Program:
    return compiler.compile(connectome())


def other_weights() -> Program:
    """Return the program of a null model in which projections only trade their strengths."""
    return compiler.compile(null(connectome(), "weights", seed=1))


@pytest.mark.parametrize("strict", [True, False])
def test_weights_of_a_null_model_are_refused(program: Program, strict: bool) -> None:
    state = runtime.build(other_weights()).state_dict()
    model = runtime.build(program)
    shapes = {name: value.shape for name, value in state.items()}
    assert shapes == {name: value.shape for name, value in model.state_dict().items()}
    with pytest.raises(RuntimeError, match="these are the weights of another connectome"):
        model.load_state_dict(state, strict=strict)


def test_a_state_dict_without_an_anatomy_is_loaded(program: Program) -> None:
    state = runtime.build(program, seed=3).state_dict()
    del state[f"weights.{MARK}"]
    model = runtime.build(program)
    assert str(model.load_state_dict(state)) == "<All keys matched successfully>"
    assert torch.equal(model.weights["readout.weight"], state["weights.readout:weight"])


def test_weights_are_loaded_whatever_the_name_the_seed_and_the_levels(program: Program) -> None:
    levels = {"grid": [4, 4], "patch": 8, "width": 16, "mean": [0.1] * 3, "std": [0.2] * 3}
    same = compiler.compile(connectome(name="other", input=levels), seed=7)
    assert same.content_hash() != program.content_hash()
    runtime.build(same).load_state_dict(runtime.build(program).state_dict())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_check_weights_too(program: Program, copied: Any) -> None:
    model = copied(runtime.build(program))
    model.load_state_dict(runtime.build(program, seed=2).state_dict())
    with pytest.raises(RuntimeError, match="another connectome"):
        model.load_state_dict(runtime.build(other_weights()).state_dict())


def test_a_state_dict_is_of_tensors_that_torch_saves(program: Program) -> None:
    file = io.BytesIO()
    torch.save(runtime.build(program).state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    runtime.build(program).load_state_dict(state)


@pytest.mark.parametrize("classes", [3, 10, 300])
def test_the_head_is_made_anew(program: Program, classes: int) -> None:
    model = runtime.build(program, seed=1)
    before = {name: value.clone() for name, value in model.weights.parameters_by_name().items()}
    model.reset_classifier(classes, seed=4)
    fresh = compiler.compile(connectome(classes=classes))
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, classes)
    assert (model.program.parameters, model.program.costs) == (fresh.parameters, fresh.costs)
    assert model.num_parameters() == fresh.parameter_counts
    assert model.num_parameters()["total"] == sum(p.numel() for p in model.parameters())
    expected = runtime.build(fresh, seed=4).weights
    for name, value in model.weights.parameters_by_name().items():
        assert torch.equal(value, expected[name] if name in HEAD else before[name]), name
    with pytest.raises(ValueError, match="classes is 1; expected at least 2"):
        model.reset_classifier(1)


@pytest.fixture(scope="module")
def first(program: Program, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    out = tmp_path_factory.mktemp("runs") / "first"
    return runtime.train(program, data="digits", out=out, recipe=RECIPE, device="cpu")


def weights_of(run: runs.Run) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = runs.load_checkpoint(run, torch.device("cpu"))["model"]
    return weights


class StopError(Exception):
    pass


def stop(_: object) -> None:
    raise StopError


@pytest.mark.trains
def test_a_run_begins_with_the_weights_of_another(program: Program, first: runs.Run, tmp_path: Path) -> None:
    still = runtime.Recipe(epochs=1, learning_rate=1e-12, weight_decay=0.0, flip=False)
    warm = runtime.train(program, data="digits", out=tmp_path / "warm", recipe=still, init_from=first.folder)
    for name, value in weights_of(first).items():
        torch.testing.assert_close(weights_of(warm)[name], value, rtol=0, atol=1e-6)
    initial = runs.opened(warm.folder)[2].initial
    assert initial is not None
    assert (initial.run, initial.step, initial.head) == (first.folder, 12, True)
    with pytest.raises(runs.RunError, match="holds a run already, with other initial weights"):
        runtime.train(program, data="digits", out=warm.folder, recipe=still)


@pytest.mark.trains
def test_a_run_that_was_stopped_at_once_begins_with_the_same_weights(
    program: Program, first: runs.Run, tmp_path: Path
) -> None:
    whole = runtime.train(program, data="digits", out=tmp_path / "a", recipe=RECIPE, init_from=first.folder)
    with pytest.raises(StopError):
        runtime.train(program, data="digits", out=tmp_path / "b", recipe=RECIPE, init_from=first.folder, observe=stop)
    again = runtime.resume(tmp_path / "b")
    assert runs.weights_digest(weights_of(whole)) == runs.weights_digest(weights_of(again))


@pytest.mark.trains
def test_a_head_of_another_size_begins_fresh(first: runs.Run, tmp_path: Path) -> None:
    few = compiler.compile(connectome(classes=4))
    images = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8)
    still = runtime.Recipe(epochs=1, batch_size=40, learning_rate=1e-12, weight_decay=0.0)
    data = (images, torch.arange(40) % 4)
    warm = runtime.train(few, data=data, hold_out=8, out=tmp_path / "few", recipe=still, init_from=first.folder)
    expected = weights_of(first) | {
        f"weights.{key_of(name)}": runtime.build(few, seed=0).weights[name].detach() for name in HEAD
    }
    for name, value in weights_of(warm).items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-6)


@pytest.mark.trains
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attention": {"heads": 4, "key_width": 4}}, r"parameters differ, such as .* here, .* there"),
        ({"projections": [{"from": "LGN", "to": "V1"}, {"from": "V1", "to": "V3"}]}, "parameters differ, such as V2"),
        (None, "all parameters have the same names and shapes, and the connections differ"),
    ],
)
def test_weights_of_another_anatomy_are_no_beginning(
    changes: dict[str, Any] | None, message: str, first: runs.Run, tmp_path: Path
) -> None:
    other = other_weights() if changes is None else compiler.compile(connectome(**changes))
    with pytest.raises(runs.RunError, match=f"first are of another anatomy: small, sha256:.*{message}"):
        runtime.train(other, data="digits", out=tmp_path / "x", recipe=RECIPE, init_from=first.folder)
    assert not (tmp_path / "x").exists()


@pytest.mark.trains
def test_a_finished_run_goes_on_for_longer(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact, folder = tmp_path / "small.h5", tmp_path / "run"
    program.save(artifact)
    command = ["train", str(artifact), "--data", "digits", "--epochs", "1", "--device", "cpu"]
    assert main([*command, "--out", str(folder)]) == 0
    assert main(["train", "--init-from", str(folder), *command[1:], "--out", str(tmp_path / "warm")]) == 0
    assert main(["train", "--resume", str(folder), "--epochs", "3"]) == 0
    run, _, manifest = runs.opened(folder)
    assert manifest.recipe.epochs == 3
    assert [(e.step, e.epochs) for e in manifest.extended] == [(12, 1)]
    first, second, third = runs.read_metrics(run)
    assert max(first["learning_rate"], third["learning_rate"]) < second["learning_rate"]
    assert third["loss"] < first["loss"]
    assert runs.load_checkpoint(run, torch.device("cpu"))["finished"]
    assert main(["verify", str(folder)]) == 0
    capsys.readouterr()
    for refused, message in (
        (["train", "--resume", str(folder), "--epochs", "2"], "--epochs is 2, and .* has 3 epochs: expected more"),
        (["train", "--resume", str(folder), "--lr", "1"], "--lr cannot be changed with --resume"),
        (["train", "--like", str(folder), "--out", str(tmp_path / "l")], "was made longer: train for 1 epochs"),
        (["train", "--like", str(tmp_path / "warm"), "--out", str(tmp_path / "l")], "which has been trained on since"),
    ):
        assert main(refused) == 2
        assert re.search(message, capsys.readouterr().err), message


@pytest.mark.trains
def test_a_run_that_is_extended_is_not_finished_until_it_is(first: runs.Run, program: Program, tmp_path: Path) -> None:
    run = runtime.train(program, data="digits", out=tmp_path / "run", recipe=RECIPE, device="cpu")
    with pytest.raises(StopError):
        runtime.resume(run.folder, epochs=2, observe=stop)
    found, manifest = runtime.evaluate(run.folder, device="cpu")
    assert not found.finished
    assert manifest.recipe.epochs == 2
    whole = runtime.train(program, data="digits", out=tmp_path / "whole", recipe=RECIPE, device="cpu")
    runtime.resume(whole.folder, epochs=2)
    runtime.resume(run.folder)
    assert runs.weights_digest(weights_of(run)) == runs.weights_digest(weights_of(whole))
