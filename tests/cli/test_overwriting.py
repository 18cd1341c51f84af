"""Nothing that is there already is lost: not a table beside a spec, not a side file of an export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cortexc import connectome
from cortexc.main import main


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a spec with its projections in a table beside it."""
    path = tmp_path_factory.mktemp("large") / "m.yaml"
    pairs = [(f"A{i}", f"A{j}") for i in range(30) for j in range(30) if i != j]
    strengths = np.random.default_rng(0).random(len(pairs)) + 0.1
    connectome.dump(connectome.from_edges([a for a, _ in pairs], [b for _, b in pairs], strengths), path)
    assert path.with_suffix(".h5").exists()
    return path


def test_an_artifact_does_not_replace_the_table_of_a_spec(large: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = large.with_suffix(".h5")
    before = table.read_bytes()
    assert main(["compile", str(large), "-o", str(table)]) == 2
    assert "is no artifact: it may be a table of the spec" in capsys.readouterr().err
    assert table.read_bytes() == before


def test_an_artifact_replaces_an_artifact(tmp_path: Path) -> None:
    for _ in range(2):
        assert main(["compile", "vit-tiny", "-o", str(tmp_path / "x.h5")]) == 0


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_null_model_does_not_replace_its_original(
    large: Path, force: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = large.with_suffix(".h5").read_bytes()
    assert main(["null", str(large), "--model", "weights", "-o", str(large.with_suffix(".yml")), *force]) == 2
    assert "would replace" in capsys.readouterr().err
    assert large.with_suffix(".h5").read_bytes() == before


def test_a_null_model_replaces_no_table_unasked(
    large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "z.h5").write_bytes(b"precious")
    words = ["null", str(large), "--model", "weights", "-o", str(tmp_path / "z.yaml")]
    assert main(words) == 2
    assert "z.h5 is there already" in capsys.readouterr().err
    assert (tmp_path / "z.h5").read_bytes() == b"precious"
    assert not (tmp_path / "z.yaml").exists()
    assert main([*words, "--force"]) == 0
    assert "z.yaml, " in capsys.readouterr().out.replace(str(tmp_path) + "/", "")


def test_an_export_replaces_no_side_file_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p_nodes.h5").write_bytes(b"precious")
    words = ["export", "macaque-ventral", "--to", "sonata", "-o", str(tmp_path / "p_edges.h5")]
    assert main(words) == 2
    assert "p_nodes.h5 is there already" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p_nodes.h5"]
    assert main([*words, "--force"]) == 0


def test_a_model_is_not_exported_to_where_nobody_can_write(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "vit-tiny", "--to", "torch", "-o", "/proc/a.pt2"]) == 2
    assert "/proc" in capsys.readouterr().err
