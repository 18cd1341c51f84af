"""The model in other programs gives the same logits."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cortexc import compiler, connectome, runtime
from cortexc.compiler.artifact import Connection
from cortexc.main import main
from cortexc.runtime.attention import COMPOSED, Edges
from cortexc.runtime.exporting import as_exported, write_exported, write_onnx
from tests.random_connectomes import random_connectome


def model_of(seed: int) -> runtime.CorticalTransformer:
    return runtime.build(compiler.compile(random_connectome(seed), seed=seed)).eval()


def images(model: runtime.CorticalTransformer, count: int) -> torch.Tensor:
    return torch.rand(count, *model.program.image_shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_torch_export_gives_the_same_logits_for_any_number_of_images(seed: int, tmp_path: Path) -> None:
    model = model_of(seed)
    exported = as_exported(model).module()
    for count in (1, 5):
        x = images(model, count)
        with torch.no_grad():
            assert torch.allclose(exported(x), model(x), atol=1e-6)
    write_exported(model, tmp_path / "m.pt2")
    again = torch.export.load(tmp_path / "m.pt2").module()
    with torch.no_grad():
        assert torch.allclose(again(images(model, 3)), model(images(model, 3)), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_onnxruntime_gives_the_same_logits(seed: int, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = model_of(seed)
    write_onnx(model, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    for count in (1, 4):
        x = images(model, count)
        (found,) = session.run(["logits"], {"images": x.numpy()})
        with torch.no_grad():
            assert np.abs(found - model(x).numpy()).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", list(COMPOSED))
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of torch's own exporter
def test_a_token_without_sources_receives_zero_in_onnx(name: str, tmp_path: Path) -> None:
    # Written as a masked softmax, such a row becomes NaN, or the mean of all sources.
    onnxruntime = pytest.importorskip("onnxruntime")
    connection = Connection(
        "holes", (3, 4), np.array([0, 2, 2, 3]), np.array([0, 3, 1], np.int32), np.array([0.25, 0.75, 1.0])
    )

    class Received(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = COMPOSED[name](Edges([(connection, 1.0)]))

        def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
            return torch.as_tensor(self.kernel(query, [key], [value]))

    given = [torch.randn(2, 1, tokens, 5, generator=torch.Generator().manual_seed(tokens)) for tokens in (3, 4, 4)]
    torch.onnx.export(Received().eval(), tuple(given), dynamo=True, verbose=False).save(tmp_path / "row.onnx")  # type: ignore[union-attr]
    session = onnxruntime.InferenceSession(str(tmp_path / "row.onnx"), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {i.name: x.numpy() for i, x in zip(session.get_inputs(), given, strict=True)})
    assert (found[:, :, 1] == 0).all()
    assert (found[:, :, [0, 2]] != 0).all()
    np.testing.assert_allclose(found, Received()(*given).numpy(), atol=1e-6)


@pytest.mark.trains
def test_the_command_exports_specs_artifacts_and_trained_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "small.yaml"
    connectome.dump(connectome.from_edges(["V1"], ["V2"], [0.5], width=8), spec)
    run = tmp_path / "run"
    assert main(["train", str(spec), "--data", "digits", "--epochs", "1", "--out", str(run)]) == 0
    capsys.readouterr()
    for what, state in ((spec, "untrained"), (run, "trained")):
        out = tmp_path / f"{state}.pt2"
        assert main(["export", str(what), "--to", "torch", "-o", str(out)]) == 0
        assert f"the {state} model; images (B, 3x32x32)" in capsys.readouterr().out
        assert out.is_file()
    x = torch.rand(2, 3, 32, 32)
    logits = [torch.export.load(tmp_path / f"{s}.pt2").module()(x) for s in ("untrained", "trained")]
    assert not torch.allclose(logits[0], logits[1])
    assert main(["export", str(spec), "--to", "torch", "-o", str(tmp_path / "untrained.pt2")]) == 2
    assert main(["export", str(spec), "--to", "onnx", "-o", str(tmp_path / "m.pt2")]) == 2
    assert "ends in .onnx" in capsys.readouterr().err


def test_the_command_exports_graphs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m.h5"
    assert main(["export", "macaque-ventral", "--to", "sonata", "-o", str(out)]) == 0
    assert "not in sonata: topographies" in capsys.readouterr().out
    tables = {"m.h5", "m_nodes.h5", "m_node_types.csv", "m_edge_types.csv"}
    assert {p.name for p in tmp_path.iterdir()} == {*tables, "circuit_config.json"}
    assert main(["export", "macaque-ventral", "--to", "csv", "-o", str(tmp_path / "m.txt")]) == 2
    assert "ends in .csv" in capsys.readouterr().err
