"""Training and evaluation on the digits: the run directory, resuming, and what is refused."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from cortexc import compiler, runtime
from cortexc.compiler.artifact import Program
from cortexc.connectome import Connectome
from cortexc.runtime import run as runs
from cortexc.runtime.evaluation import evaluate
from cortexc.runtime.optim import is_decayed, warmup_cosine
from cortexc.runtime.training import Progress, Recipe, resume, train

pytestmark = pytest.mark.trains
RECIPE = Recipe(epochs=2, batch_size=128, learning_rate=3e-3, flip=False, seed=5)


@pytest.fixture(scope="module")
def small() -> Program:
    spec = Connectome.model_validate(
        {
            "cortexc": 1, "name": "small",
            "input": {"grid": [4, 4], "patch": 8, "width": 16},
            "areas": {"V1": {"grid": [4, 4]}, "V2": {"grid": [2, 2]}},
            "projections": [{"from": "LGN", "to": "V1", "topography": {"type": "disc", "radius": 1.0}},
                            {"from": "V1", "to": "V2", "fln": 0.7, "sln": 0.8},
                            {"from": "V2", "to": "V1", "fln": 0.6, "sln": 0.3}],
            "attention": {"heads": 2, "key_width": 4}, "dynamics": {"sweeps": 2},
            "readout": {"area": "V2", "classes": 10},
        }
    )  # fmt: skip
    return compiler.compile(spec)


@pytest.fixture(scope="module")
def finished(small: Program, tmp_path_factory: pytest.TempPathFactory, bfloat16: bool) -> runs.Run:
    """Return a run trained as on a processor without, and as on one with, bfloat16."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    return train(small, data="digits", data_dir=None, out=out, recipe=RECIPE, device="cpu")


def test_the_run_directory_is_complete(small: Program, finished: runs.Run, bfloat16: bool) -> None:
    names = {p.name for p in finished.folder.iterdir()}
    assert {"program.h5", "manifest.json", "metrics.jsonl", "checkpoint.pt"} <= names
    assert not [n for n in names if n.endswith(".part")]
    manifest = json.loads(finished.manifest_path.read_text())
    assert manifest["program"] == small.content_hash()
    assert Recipe(**manifest["recipe"]) == RECIPE
    assert manifest["seeds"] == {"compile": 0, "train": 5}
    assert manifest["data"]["fingerprint"].startswith("sha256:")
    assert manifest["versions"]["torch"] == torch.__version__
    assert manifest["machine"]["cores"] >= 1
    assert manifest["machine"]["bfloat16"] is bfloat16
    assert compiler.load(finished.program_path).content_hash() == small.content_hash()


def test_training_multiplies_in_bfloat16_where_the_processor_does(
    small: Program, tmp_path: Path, bfloat16: bool
) -> None:
    seen: set[bool] = set()
    hook = torch.nn.modules.module.register_module_forward_hook(
        lambda module, given, out: seen.add(torch.is_autocast_enabled("cpu"))
    )
    try:
        recipe = dataclasses.replace(RECIPE, epochs=1)
        train(small, data="digits", data_dir=None, out=tmp_path / "x", recipe=recipe, device="cpu")
    finally:
        hook.remove()
    assert seen == {bfloat16}


def test_loss_falls(finished: runs.Run) -> None:
    first, last = runs.read_metrics(finished)
    assert (first["epoch"], last["epoch"]) == (1, 2)
    assert last["loss"] < first["loss"] < 2.4


def test_evaluation_gives_accuracy_by_class(finished: runs.Run) -> None:
    found, _ = evaluate(finished.folder, device="cpu")
    assert found.images == 360
    assert len(found.per_class) == 10
    assert found.accuracy == pytest.approx(sum(found.per_class.values()) / 10)  # the split is stratified
    assert json.loads(finished.evaluation_path.read_text())["accuracy"] == found.accuracy


class StopError(Exception):
    pass


@pytest.mark.parametrize("after", [6, 12, 17])
def test_a_run_that_was_cut_short_goes_on_exactly(
    small: Program, finished: runs.Run, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cortexc.runtime.training.SAVE_EVERY_S", 0.0)

    def stop(at: Progress) -> None:
        if at.step >= after:
            raise StopError

    with pytest.raises(StopError):
        train(
            small,
            data="digits",
            data_dir=None,
            out=tmp_path / "cut",
            recipe=RECIPE,
            device="cpu",
            observe=stop,
        )
    resumed = resume(tmp_path / "cut", device="cpu")
    whole, again = (runs.load_checkpoint(r, torch.device("cpu")) for r in (finished, resumed))
    assert again["finished"]
    for name, tensor in whole["model"].items():
        torch.testing.assert_close(again["model"][name], tensor, rtol=0, atol=1e-6)
    losses = [[m["loss"] for m in runs.read_metrics(r)] for r in (finished, resumed)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_a_finished_run_is_left_as_it_is(finished: runs.Run) -> None:
    before = runs.read_metrics(finished)
    assert runs.read_metrics(resume(finished.folder, device="cpu")) == before


def test_an_existing_run_is_not_overwritten(small: Program, finished: runs.Run) -> None:
    other = dataclasses.replace(RECIPE, seed=6)
    with pytest.raises(runtime.RunError, match=r"holds a run already, with another recipe \(seed 5, now 6\)"):
        train(small, data="digits", data_dir=None, out=finished.folder, recipe=other, device="cpu")
    with pytest.raises(runtime.RunError, match="holds a run already, with another spec"):
        train(dataclasses.replace(small, seed=1), data="digits", data_dir=None, out=finished.folder, recipe=RECIPE)
    with pytest.raises(runtime.RunError, match="holds a run already, with other data"):
        train(small, data="digits", data_dir=None, out=finished.folder, recipe=RECIPE, hold_out=100)


def test_a_folder_with_other_files_is_not_used(small: Program, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(runtime.RunError, match="no empty folder"):
        train(small, data="digits", data_dir=None, out=tmp_path, recipe=RECIPE, device="cpu")


def test_a_program_of_another_number_of_classes_is_refused(small: Program, tmp_path: Path) -> None:
    other = dataclasses.replace(small, classes=7)
    with pytest.raises(runtime.RunError, match=r"readout\.classes"):
        train(other, data="digits", data_dir=None, out=tmp_path / "x", recipe=RECIPE, device="cpu")
    assert not (tmp_path / "x").exists()


def test_a_damaged_checkpoint_is_named(finished: runs.Run, tmp_path: Path) -> None:
    for path in finished.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(runtime.RunError, match=r"checkpoint\.pt is damaged"):
        evaluate(tmp_path, device="cpu")
    (tmp_path / "program.h5").write_bytes(finished.program_path.read_bytes()[:1000])
    with pytest.raises(runtime.RunError, match=r"program\.h5"):
        evaluate(tmp_path, device="cpu")


def test_a_diverging_run_says_so(small: Program, tmp_path: Path) -> None:
    wild = dataclasses.replace(RECIPE, learning_rate=1e30)
    with pytest.raises(runtime.RunError, match="diverged"):
        train(small, data="digits", data_dir=None, out=tmp_path / "x", recipe=wild, device="cpu")


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"batch_size": -1}, {"learning_rate": float("nan")}, {"learning_rate": 0.0}, {"seed": -1},
     {"label_smoothing": 1.0}, {"clip": float("inf")}],
)  # fmt: skip
def test_a_recipe_that_cannot_be_followed_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(runtime.RunError, match="must be"):
        Recipe(**wrong)  # type: ignore[arg-type]


def test_weight_decay_spares_norms_biases_and_positions(small: Program) -> None:
    decayed = {p.name for p in small.parameters if is_decayed(p.name)}
    assert {"LGN.patch.weight", "readout.weight", "V2.E.query.weight", "V1.E.column.input.weight"} <= decayed
    assert not [n for n in decayed if n.endswith((".bias", ".gain", ".position"))]


def test_the_learning_rate_rises_and_falls() -> None:
    course = [warmup_cosine(s, steps=100, warmup=10) for s in range(100)]
    assert course[9] == course[10] == 1.0
    assert course == sorted(course[:10]) + sorted(course[10:], reverse=True)
    assert course[-1] < 0.01
