"""``cortexc import`` from the command line."""

from pathlib import Path

import pytest

from cortexc import compiler
from cortexc.main import main

GOOD = "from,to,fln,sln\nV1,V2,0.76,0.74\nV2,V1,0.73,0.42\nV2,V4,0.39,0.93\n"


def test_import_writes_a_spec_that_checks_clean_and_says_what_it_guessed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, spec = tmp_path / "edges.csv", tmp_path / "out" / "spec.yaml"
    data.write_text(GOOD)
    words = ["import", "table", str(data), "-o", str(spec), "--source", "https://doi.org/10.1093/cercor/bhs270"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "guessed: readout.area = V4" in printed
    assert "no findings" in printed
    text = spec.read_text()
    assert text.startswith("# Imported by: cortexc import table")
    assert "doi: 10.1093/cercor/bhs270" in text
    assert list(compiler.check(spec)) == []
    assert main(words) == 2, "an existing file is not replaced unasked"
    assert main([*words, "--force"]) == 0


def test_a_failed_import_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, spec = tmp_path / "edges.csv", tmp_path / "spec.yaml"
    data.write_text(GOOD + "V4,V1,nan,0.5\n")
    assert main(["import", "table", str(data), "-o", str(spec)]) == 2
    shown = capsys.readouterr().err
    assert f"{data}:5:7" in shown
    assert "error[I603]" in shown
    assert sorted(tmp_path.iterdir()) == [data]


@pytest.mark.parametrize("how", ["file", "configuration", "--sln", "--distance", "--labels", "--neurons"])
def test_what_is_read_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str) -> None:
    read_too, data = tmp_path / "net.h5", tmp_path / "data.json"
    read_too.write_bytes(b"what was measured")
    data.write_text('{"networks": {"nodes": [], "edges": [{"edges_file": "net.h5"}]}}')
    words = {
        "file": ["sonata", str(read_too)],
        "configuration": ["sonata", str(data)],
        "--neurons": ["synapses", str(data), how, str(read_too)],
    }
    chosen = words.get(how, ["matrix", str(data), "--rows", "target", how, str(read_too)])
    assert main(["import", *chosen, "-o", str(tmp_path / "net.yaml"), "--force"]) == 2
    assert f"{read_too} is one of the files to import" in capsys.readouterr().err
    assert read_too.read_bytes() == b"what was measured"


def test_many_projections_go_to_hdf5(tmp_path: Path) -> None:
    data, spec = tmp_path / "edges.csv", tmp_path / "spec.yaml"
    names = [f"A{i}" for i in range(10)]
    rows = [f"{a},{b},1.5" for a in names for b in names if a != b]
    data.write_text("from,to,weight\n" + "\n".join(rows) + "\n")
    assert main(["import", "table", str(data), "-o", str(spec)]) == 0
    assert (tmp_path / "spec.h5").is_file()
    assert compiler.check(spec).errors == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["table", "edges.csv", "-o", "x.yaml", "--rows", "target"], "--rows"),
        (["table", "edges.csv", "-o", "x.txt"], "a spec is a .yaml file"),
        (["table", "nowhere.csv", "-o", "x.yaml"], "there is no file"),
        (["table", "edges.csv", "-o", "x.yaml", "--source-column", "frm"], "did you mean `from`"),
        (["table", "edges.csv", "-o", "x.yaml", "--readout", "V9"], "is no area"),
    ],
)
def test_mistakes_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("edges.csv").write_text(GOOD)
    assert main(["import", *words]) == 2
    assert expected in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["edges.csv"]


def test_options_of_numbers_and_rows_are_in_the_command_of_the_spec(tmp_path: Path) -> None:
    data, spec = tmp_path / "edges.csv", tmp_path / "spec.yaml"
    data.write_text("Table S1\nfrom,to,fln,kind\nV1,V2,76,x\nV2,V1,73,y\nV2,V4,39,z\n")
    words = ["import", "table", str(data), "-o", str(spec), "--percent", "--skip-rows", "1"]
    words += ["--where", "kind=x", "--where", "kind=y"]
    assert main(words) == 0
    text = spec.read_text()
    head = text.splitlines()[0]
    assert all(part in head for part in ("--scale percent", "--skip-rows 1", "--where kind=x --where kind=y"))
    assert "from: V1, to: V2, fln: 0.76" in text
    assert "V4" not in text.partition("areas:")[2]
    signed = tmp_path / "m.csv"
    signed.write_text(",a,b\na,0,-1\nb,2,0\n")
    assert main(["import", "matrix", str(signed), "-o", str(tmp_path / "m.yaml"), "--rows", "source"]) == 2
    words = [
        "import",
        "matrix",
        str(signed),
        "-o",
        str(tmp_path / "m.yaml"),
        "--rows",
        "source",
        "--negative",
        "absolute",
    ]
    assert main(words) == 0
