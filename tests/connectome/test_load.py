"""Reading and writing specs: defaults, references between files, tables, places, and the way back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortexc import connectome
from cortexc.connectome import Connectome, SpecError, units
from cortexc.connectome.model import KERNEL_TYPES, All, Disc, Exponential, Retinotopic
from tests.random_connectomes import random_connectome

SPEC = """cortexc: 1
name: spec
input: {name: LGN, grid: [4, 4], patch: 8, width: 8}
areas:
  V1: {grid: [4, 4]}
  V2: {grid: [2, 2], level: 1}
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, fln: 0.7, sln: 0.8}
readout: {area: V2, classes: 10}
"""
SOUND = SPEC.replace(", level: 1", "")


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_defaults_are_applied(tmp_path: Path) -> None:
    spec = connectome.load(write(tmp_path, "a.yaml", SOUND))
    assert spec.dynamics.sweeps == 1
    assert spec.projections[0].topography == Retinotopic(radius=1.0)
    assert spec.projections[1].mode == "driving"
    assert spec.input.gain_control.type == "none"
    assert spec.attention.heads == 1


def test_extends_lays_one_spec_over_another(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", SOUND.replace("[2, 2]}", "[2, 2]}\n  V9: {grid: [2, 2]}"))
    over = write(
        tmp_path, "over.yaml",
        "extends: base.yaml\nname: over\nareas: {V9: null, V2: {grid: [1, 1]}}\nprojections:\n  - {from: LGN, to: V1}\n"
        "  - {from: V1, to: V2, fln: 0.1}\n",
    )  # fmt: skip
    spec = connectome.load(over)
    assert spec.name == "over"
    assert spec.input.width == 8, "kept from the base"
    assert list(spec.areas) == ["V1", "V2"], "null takes a key out"
    assert spec.areas["V2"].grid == (1, 1)
    assert [p.fln for p in spec.projections] == [None, 0.1], "lists are replaced whole"
    assert Path(spec.span("input", "width").path).name == "base.yaml"
    assert Path(spec.span("areas", "V2", "grid").path).name == "over.yaml"


def test_a_kernel_of_another_type_replaces_the_one_of_the_base(tmp_path: Path) -> None:
    disc = "{type: disc, radius: 2.0}"
    over = f"extends: macaque-ventral\nlateral: {{V1: {{kernel: {disc}}}, V2: {{kernel: {{cutoff: 2.0}}}}}}\n"
    spec = connectome.load(write(tmp_path, "over.yaml", over))
    assert spec.lateral["V1"].kernel == Disc(radius=2.0)
    assert spec.lateral["V1"].source == connectome.load("macaque-ventral").lateral["V1"].source
    assert spec.lateral["V2"].kernel == Exponential(length=1.0, cutoff=2.0), "the same kernel: its keys merge"
    with pytest.raises(SpecError) as caught:
        connectome.load(write(tmp_path, "over.yaml", over.replace("radius: 2.0", "sigma: 2.0")))
    assert {Path(f.span.path).name for f in caught.value.report} == {"over.yaml"}
    nulls = disc.replace("}", ", length: null, cutoff: null}")
    assert connectome.load(write(tmp_path, "nulls.yaml", over.replace(disc, nulls))) == spec


def test_a_topography_of_another_type_replaces_the_one_of_a_file(tmp_path: Path) -> None:
    write(tmp_path, "wide.yaml", "{from: V1, to: V2, topography: {type: gaussian, sigma: 2.0, cutoff: 5.0}}\n")
    write(tmp_path, "kernel.yaml", "{type: patchy, length: 2.0, spacing: 3.0}\n")
    projection = "{file: wide.yaml, topography: {type: all}}"
    text = SOUND.replace("{from: V1, to: V2, fln: 0.7, sln: 0.8}", projection)
    text += "lateral: {V1: {kernel: {file: kernel.yaml, type: exponential, length: 1.0}}}\n"
    spec = connectome.load(write(tmp_path, "a.yaml", text))
    assert spec.projections[1].topography == All()
    assert spec.lateral["V1"].kernel == Exponential(length=1.0)


def test_gain_control_merges_whatever_its_type_is(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", SOUND.replace("width: 8}", "width: 8, gain_control: {type: local, pool: 5}}"))
    over = write(tmp_path, "over.yaml", "extends: base.yaml\ninput: {gain_control: {type: global}}\n")
    control = connectome.load(over).input.gain_control
    assert (control.type, control.pool) == ("global", 5)


def test_every_union_of_the_language_is_one_that_another_type_replaces() -> None:
    def unions(value: Any) -> Iterator[set[str]]:
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from unions(inner)
        if isinstance(value, dict) and "mapping" in value.get("discriminator", {}):
            yield set(value["discriminator"]["mapping"])

    found = list(unions(connectome.json_schema()))
    assert len(found) >= 2
    assert all(tags <= KERNEL_TYPES for tags in found)


def test_extends_takes_a_shipped_name_and_several_bases(tmp_path: Path) -> None:
    write(tmp_path, "deep.yaml", "dynamics: {sweeps: 3}\nname: deep\n")
    spec = connectome.load(write(tmp_path, "a.yaml", "extends: [macaque-ventral, deep.yaml]\n"))
    assert (spec.name, spec.dynamics.sweeps, len(spec.projections)) == ("deep", 3, 19)


def test_files_stand_in_for_mappings_and_lists(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    write(tmp_path, "parts/circuit.yaml", "populations: {E: {layer: L4}, F: {layer: L2/3}}\ncolumn: {expansion: 3}\n")
    write(tmp_path, "parts/more.yaml", "- {from: V1, to: V2, fln: 0.7, sln: 0.8}\n")
    text = SOUND.replace("V1: {grid: [4, 4]}", "V1: {grid: [4, 4], circuit: c}")
    text = text.replace("  - {from: V1, to: V2, fln: 0.7, sln: 0.8}", "  - {file: parts/more.yaml}")
    text += "circuits:\n  c: {file: parts/circuit.yaml, populations: {F: {hidden: 5}}, column: {expansion: 4}}\n"
    spec = connectome.load(write(tmp_path, "a.yaml", text))
    assert spec.circuits["c"].populations["F"].layer == "L2/3"
    assert spec.circuits["c"].populations["F"].hidden == 5
    assert spec.circuits["c"].column.expansion == 4
    assert spec.projections[1].fln == 0.7
    assert spec.span("projections", 1, "fln").path.endswith("parts/more.yaml")
    assert (spec.span("projections", 1, "fln").line, spec.span("projections", 1, "fln").column) == (1, 27)


def table(path: Path, *, compound: bool) -> None:
    sln = [0.8, np.nan, 0.3]
    with h5py.File(path, "w") as file:
        if compound:
            kind = np.dtype(
                [("from", h5py.string_dtype()), ("to", h5py.string_dtype()), ("sln", "f8"), ("delay", "i4")]
            )
            rows = np.array([("V1", "V2", sln[0], 1), ("V2", "V1", sln[1], 1), ("V2", "V3", sln[2], 2)], dtype=kind)
            file.create_dataset("projections", data=rows).attrs["missing_sln"] = np.nan
            return
        group = file.create_group("projections")
        group.create_dataset("from", data=["V1", "V2", "V2"], dtype=h5py.string_dtype())
        group.create_dataset("to", data=np.array([b"V2", b"V1", b"V3"]))
        group.create_dataset("sln", data=sln).attrs["missing"] = np.nan
        group.create_dataset("delay", data=[1, 1, 2])


@pytest.mark.parametrize("compound", [True, False])
def test_projections_come_from_a_table(tmp_path: Path, compound: bool) -> None:
    table(tmp_path / "t.h5", compound=compound)
    text = SOUND.replace("V2: {grid: [2, 2]}", "V2: {grid: [2, 2]}\n  V3: {grid: [2, 2]}").replace(
        "  - {from: V1, to: V2, fln: 0.7, sln: 0.8}",
        "  - {file: t.h5, dataset: /projections, topography: {type: disc, radius: 2}}\ndynamics: {order: synchronous}",
    )
    spec = connectome.load(write(tmp_path, "a.yaml", text))
    assert [(p.origin, p.target, p.sln, p.delay) for p in spec.projections[1:]] == [
        ("V1", "V2", 0.8, 1), ("V2", "V1", None, 1), ("V2", "V3", 0.3, 2),
    ]  # fmt: skip
    assert {p.topography.type for p in spec.projections[1:]} == {"disc"}
    assert str(spec.span("projections", 2)).endswith("t.h5:/projections[1]")


def test_a_table_is_read_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortexc.connectome.io.tables.CHUNK_ROWS", 2)
    table(tmp_path / "t.h5", compound=False)
    text = SOUND.replace("V2: {grid: [2, 2]}", "V2: {grid: [2, 2]}\n  V3: {grid: [2, 2]}").replace(
        "  - {from: V1, to: V2, fln: 0.7, sln: 0.8}", "  - {file: t.h5, dataset: /projections}"
    )
    spec = connectome.load(write(tmp_path, "a.yaml", text))
    assert [p.target for p in spec.projections] == ["V1", "V2", "V1", "V3"]


def test_a_matrix_is_not_read_before_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["w"] = np.ones((4, 16))
    text = SOUND.replace("sln: 0.8", "topography: {type: matrix, file: m.h5, dataset: w}")
    path = write(tmp_path, "a.yaml", text)
    monkeypatch.setattr("cortexc.connectome.io.tables.read_matrix", lambda *_: pytest.fail("read too early"))
    assert connectome.load(path).projections[1].topography.type == "matrix"


@pytest.mark.parametrize("seed", range(12))
def test_what_is_dumped_loads_equal(seed: int, tmp_path: Path) -> None:
    spec = random_connectome(seed)
    connectome.dump(spec, tmp_path / "spec.yaml")
    assert connectome.load(tmp_path / "spec.yaml") == spec
    assert [p.name for p in tmp_path.iterdir()] == ["spec.yaml"]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.from_regex(r"[^.@:~>\x00-\x1f\x7f-\x9f]{1,20}", fullmatch=True),
    fln=st.floats(1e-9, 1),
    note=st.text(max_size=40),
    sides=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    millimetres=st.just(0.0) | st.floats(1e-12, 1e6),
)
def test_any_name_number_and_text_survives_the_way_back(
    name: str, fln: float, note: str, sides: tuple[int, int], millimetres: float, tmp_path: Path
) -> None:
    spec = Connectome.model_validate(
        {
            "cortexc": 1, "name": name, "sources": {name: {"note": note}},
            "input": {"name": "LGN", "grid": sides, "patch": 2, "width": 4},
            "areas": {f"{name}1": {"grid": sides, "source": name}, f"{name}2": {"grid": sides}},
            "projections": [{"from": "LGN", "to": f"{name}1"},
                            {"from": f"{name}1", "to": f"{name}2", "fln": fln, "distance_mm": millimetres}],
            "readout": {"area": f"{name}2", "classes": 3},
        }
    )  # fmt: skip
    connectome.dump(spec, tmp_path / "spec.yaml")
    assert connectome.load(tmp_path / "spec.yaml") == spec


def test_many_projections_go_to_a_table_and_come_back(tmp_path: Path) -> None:
    names = [f"A{i}" for i in range(30)]
    pairs = [(a, b) for a in names for b in names if a != b]
    weights = np.random.default_rng(0).uniform(0.1, 3, len(pairs))
    source, target = zip(*pairs, strict=True)
    spec = connectome.from_edges(source, target, weights)
    connectome.dump(spec, tmp_path / "big.yaml")
    assert {p.name for p in tmp_path.iterdir()} == {"big.yaml", "big.h5"}
    assert (tmp_path / "big.yaml").stat().st_size < 4000
    assert connectome.load(tmp_path / "big.yaml") == spec


def test_a_dump_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = random_connectome(0)
    connectome.dump(spec, tmp_path / "spec.yaml")
    before = (tmp_path / "spec.yaml").read_text()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        connectome.dump(random_connectome(1), tmp_path / "spec.yaml")
    assert (tmp_path / "spec.yaml").read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["spec.yaml"]


def test_levels_of_some_areas_only_are_a_finding(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="S211"):
        connectome.load(write(tmp_path, "a.yaml", SPEC))


def test_check_takes_a_connectome_made_in_python() -> None:
    spec = random_connectome(0)
    assert connectome.check(spec).errors == []
    wrong = spec.model_copy(update={"readout": spec.readout.model_copy(update={"area": "nowhere"})})
    assert [f.code for f in connectome.check(wrong)] == ["S201"]


def test_quantities_have_units() -> None:
    assert units.parse_quantity("93 um", "length") == pytest.approx(0.093)
    assert units.parse_quantity("1.5e-3 s", "time") == 1.5
    for text in ("9.3", "nine mm", "9.3 ms", "9.3 parsec", "", "nan mm"):
        with pytest.raises(units.UnitError):
            units.parse_quantity(text, "length")


@pytest.mark.parametrize("merge", ["<<: *p", "<<: [*p]", "!!merge <<: *p"])
def test_a_merge_key_is_said_to_be_one_and_nothing_else_is(tmp_path: Path, merge: str) -> None:
    """Merge keys are of YAML 1.1 only: https://yaml.org/type/merge.html."""
    text = SOUND.replace("- {from: V1", "- &p {from: V1")
    text = text.replace("readout:", f"  - {{{merge}, from: V2, to: V1}}\nreadout:")
    report = connectome.check(write(tmp_path, "a.yaml", text))
    (finding,) = report.errors
    assert "`<<` is a merge key" in finding.message
    assert "YAML 1.2" in finding.message
    assert "extends" in finding.help
    assert (finding.span.line, finding.code) == (10, "S103")
