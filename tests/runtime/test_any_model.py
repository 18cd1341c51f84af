"""Any module goes through the protocol of the evaluation, and gives what the same model of a run gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cortexc import compiler, runtime
from cortexc.runtime import predictions
from cortexc.runtime.corruptions.generation import Source
from cortexc.runtime.data import load
from cortexc.runtime.evaluation import Corrupted, Measures

SPEC = """cortexc: 1
name: small
input: {grid: [4, 4], patch: 8, width: 16}
areas: {V1: {grid: [4, 4]}, V2: {grid: [2, 2]}}
projections: [{from: LGN, to: V1}, {from: V1, to: V2}]
readout: {area: V2, classes: 10}
"""


class Constant(nn.Module):
    """A model without parameters, whose answer is always one class."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert images.dtype == torch.float32
        assert 0 <= images.min() <= images.max() <= 1
        return torch.eye(self.classes)[3].expand(len(images), -1)


def test_any_module_is_tested(tmp_path: Path) -> None:
    model = Constant().train()
    found, answers = runtime.evaluate(model, data="digits", out=tmp_path / "constant")
    assert (found.images, found.per_class["three"]) == (360, 1.0)
    assert found.accuracy == pytest.approx(0.1)
    assert model.training
    again = predictions.load(tmp_path / "constant" / "predictions.h5")
    assert np.array_equal(again.predicted, answers.predicted)
    assert again.about == answers.about
    assert (again.about["run"], again.about["data"]) == ("Constant", load("digits", None).fingerprint)


@pytest.mark.trains
def test_the_model_of_a_run_gives_what_the_run_gives(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    program = compiler.compile(tmp_path / "small.yaml")
    recipe = runtime.Recipe(epochs=1, flip=False)
    run = runtime.train(program, data="digits", hold_out=100, out=tmp_path / "run", recipe=recipe, device="cpu")
    corrupted = Corrupted(corruptions=("contrast", "fog"), severities=(1, 5), regenerate=Source())
    of_run, _ = runtime.evaluate(run.folder, corrupted=corrupted, device="cpu")
    model = runtime.load_run(run.folder, device="cpu")
    alone, _ = runtime.evaluate(model, data="digits", hold_out=100, corrupted=corrupted)
    assert alone == of_run


def test_what_is_no_classifier_of_the_data_is_refused() -> None:
    with pytest.raises(runtime.RunError, match=r"Constant returns \(360, 7\) .* and digits has 10 classes"):
        runtime.evaluate(Constant(7), data="digits")
    with pytest.raises(runtime.RunError, match=r"data is missing: evaluate\(module, data=...\)"):
        runtime.evaluate(Constant())  # type: ignore[call-overload]
    with pytest.raises(runtime.RunError, match="mCE is relative to an AlexNet"):
        runtime.evaluate(Constant(), data="digits", measures=Measures(alexnet=True))


def test_weights_in_bfloat16_have_a_hash() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10), nn.BatchNorm1d(10))
    weights = {name: value.bfloat16() for name, value in model.state_dict().items()}
    assert runtime.run.weights_digest(weights) != runtime.run.weights_digest(model.state_dict())
