"""The Python door: arguments of another kind are refused in a sentence that says what is expected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import cortexc

SPEC = "a path, the name of a shipped spec or a Connectome is expected"
MODEL = "a CorticalTransformer is expected: make one with cortexc.build"
PROGRAM = "a Program is expected: make one with cortexc.compile"
IMAGES = torch.zeros(1, 3, 32, 32)


@pytest.fixture(scope="module")
def program() -> cortexc.Program:
    return cortexc.compile("macaque-multiscale")


@pytest.fixture(scope="module")
def model(program: cortexc.Program) -> cortexc.CorticalTransformer:
    return cortexc.build(program)


@pytest.mark.parametrize("door", [cortexc.compile, cortexc.check, cortexc.load])
@pytest.mark.parametrize("spec", [{"cortexc": 1}, None, 3])
def test_a_spec_is_a_path_a_name_or_a_connectome(door: Callable[[object], object], spec: object) -> None:
    with pytest.raises(TypeError, match=f"the spec is of type {type(spec).__name__}, and {SPEC}; Connectome.model_val"):
        door(spec)


def test_the_text_of_a_spec_is_told_from_a_path() -> None:
    (finding,) = cortexc.check("cortexc: 1\nname: tiny\n").errors
    assert finding.message.startswith("this is the text of a spec")
    assert finding.help == "write it to a file, and give the path of the file"
    with pytest.raises(cortexc.SpecError, match="<text>"):
        cortexc.compile("cortexc: 1\nname: tiny\n")


def test_programs_models_and_recipes_are_told_apart(program: cortexc.Program, tmp_path: Path) -> None:
    recipe = cortexc.Recipe(epochs=1)
    training: dict[str, object] = {"data": "digits", "data_dir": None, "out": tmp_path / "run"}
    with pytest.raises(TypeError, match=f"the program is of type str, and {PROGRAM}"):
        cortexc.build("vit-tiny")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"the program is of type str, and {PROGRAM}"):
        cortexc.train("vit-tiny", recipe=recipe, **training)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the recipe is of type dict, and a Recipe is expected: make one"):
        cortexc.train(program, recipe={"epochs": 1}, **training)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()
    with pytest.raises(TypeError, match=f"the model is of type Program, and {MODEL}"):
        cortexc.features(program, IMAGES)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"the model is of type str, and {MODEL}"):
        cortexc.attention_maps("run", IMAGES)  # type: ignore[arg-type]


@pytest.mark.parametrize("door", [cortexc.evaluate, cortexc.load_run, cortexc.resume])
def test_a_run_is_a_folder(door: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="the run is of type dict, and the folder of a run is expected"):
        door({"run": 1})


def test_images_that_do_not_fit_are_refused(model: cortexc.CorticalTransformer) -> None:
    with pytest.raises(TypeError, match=r"images are of type ndarray, .* torch\.from_numpy makes one"):
        model(np.zeros((1, 3, 32, 32), np.float32))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="images are of type list"):
        model([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"images have the shape \(3, 32, 32\), and \(B, 3, 32, 32\) is expected"):
        model(IMAGES[0])
    with pytest.raises(ValueError, match=r"torch.uint8; scale them"):
        model(IMAGES.byte())
    for look in (cortexc.features, cortexc.attention_maps):
        with pytest.raises(ValueError, match="images run from 0 to 255, and from 0 to 1 is expected"):
            look(model, 255 * torch.eye(32).expand(2, 3, 32, 32))
        with pytest.raises(ValueError, match="images run from nan to nan"):
            look(model, IMAGES / 0)


@pytest.mark.parametrize("spec", ["macaque-multiscale", "vit-tiny", "mouse-visual"])
def test_no_images_give_no_logits(spec: str) -> None:
    model = cortexc.build(cortexc.compile(spec))
    empty = torch.zeros(0, *model.program.image_shape, requires_grad=True)
    logits = model(empty)
    assert logits.shape == (0, model.program.classes)
    logits.sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": "three"}, "epochs is 'three', and must be a whole number"),
        ({"epochs": 1.5}, "epochs is 1.5, and must be a whole number"),
        ({"batch_size": True}, "batch size is True, and must be a whole number"),
        ({"learning_rate": "1e-3"}, "learning rate is '1e-3', and must be a number"),
        ({"warmup": None}, "warmup is None, and must be a number"),
        ({"flip": 1}, "flip is 1, and must be true or false"),
    ],
)
def test_fields_of_a_recipe_have_their_kinds(given: dict[str, object], message: str) -> None:
    with pytest.raises(cortexc.RunError, match=message):
        cortexc.Recipe(**given)  # type: ignore[arg-type]
