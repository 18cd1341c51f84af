"""Mistakes that people make in specs: what is said of each, how it is mended, and that no word is one of our own."""

import copy
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from cortexc import connectome
from cortexc.compiler.checker import check
from cortexc.connectome import model
from cortexc.connectome.diagnostics import render
from cortexc.main import main

SPEC = """cortexc: 1
name: spec
sources: {paper: {doi: 10.1093/cercor/bhs270}}
input: {name: LGN, grid: [8, 8], patch: 4, width: 32}
circuits:
  c:
    populations: {E: {kind: excitatory, layer: L4}, I: {kind: inhibitory}}
    connections: {rows: target, populations: [E, I], probability: [[0.1, 0.2], [0.1, 0.2]]}
    roles: {feedforward: [E]}
areas:
  V1: {grid: [8, 8], circuit: c}
  V2: {grid: [4, 4]}
projections:
  - {from: LGN, to: V1, source: paper}
  - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
  - from: V2
    to: V1
    fln: 0.73
    sln: 0.3
    source: paper
dynamics:
  sweeps: 2
readout: {area: V2, classes: 10}
"""
BLOCK = "    fln: 0.73\n"


def spec(folder: Path, text: str = SPEC) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(before: str, after: str) -> str:
    assert SPEC.count(before) == 1, before
    return SPEC.replace(before, after)


def test_the_spec_is_sound(tmp_path: Path) -> None:
    assert [f.code for f in check(spec(tmp_path))] == ["A414"]


MENDED: list[tuple[str, str, str, str, str]] = [
    ("  V2: {grid", "\tV2: {grid", "S101", "a tab indents this line", "  V2: {grid"),
    ("fln: 0.76", "fln: 0,76", "S105", "decimals have a point: `0.76`", "fln: 0.76"),
    ("fln: 0.76, sln: 0.74", "fln: 0,76, sln: 0,74", "S105", "a comma ends an entry", "fln: 0.76, sln: 0.74"),
    (BLOCK, "    fln: 0,73\n", "S105", "decimals have a point: `0.73`", BLOCK),
    (BLOCK, "    fln: 73 %\n", "S105", "write the fraction: `0.73`", "    fln: 0.73\n"),
    ("fln: 0.76", "fln: 7.6%", "S105", "write the fraction: `0.076`", "fln: 0.076"),
    ("fln: 0.76", "fln: '0.76'", "S105", "no quotes", "fln: 0.76"),
    ("fln: 0.76", "fln:0.76", "S103", "a space is missing after the colon of `fln`", "fln: 0.76"),
    (BLOCK, "    fln:0.73\n", "S101", "a space is missing after the colon of `fln`", BLOCK),
    ("  V2: {grid", "  V2:{grid", "S101", "a space is missing after the colon of `V2`", "  V2: {grid"),
    ("V1: {grid: [8, 8]", "V1: {grid: 8x8", "S105", "write `[8, 8]`", "V1: {grid: [8, 8]"),
    ("V1: {grid: [8, 8]", "V1: {grid: 8 \u00d7 8", "S105", "write `[8, 8]`", "V1: {grid: [8, 8]"),
    ("V1: {grid: [8, 8]", "V1: {grid: '8, 8'", "S105", "write `[8, 8]`", "V1: {grid: [8, 8]"),
    ("width: 32", "width: 32.0", "S105", "write `32`", "width: 32"),
    ("kind: excitatory", "kind: exc", "S106", "did you mean `excitatory`?", "kind: excitatory"),
    ("kind: inhibitory", "kind: I", "S106", "did you mean `inhibitory`?", "kind: inhibitory"),
    ("layer: L4", "layer: 4", "S106", "did you mean `L4`?", "layer: L4"),
    ("sln: 0.74,", "direction: FF,", "S106", "did you mean `feedforward`?", "direction: feedforward,"),
    ("    sln: 0.3\n", "    direction: FB\n", "S106", "did you mean `feedback`?", "    direction: feedback\n"),
    ("feedforward: [E]", "feedforward: E", "S105", "write a list: `[E]`", "feedforward: [E]"),
    ("sln: 0.74,", "topography: all,", "S105", "write `{type: all}`", "topography: {type: all},"),
    (
        "cortexc: 1",
        "extends: macaque-ventrl\ncortexc: 1",
        "S109",
        "did you mean `macaque-ventral`?",
        "macaque-ventral\n",
    ),
    ("doi: 10", "doi: https://doi.org/10", "A417", "write the DOI alone: `10.1093/cercor/bhs270`", "doi: 10.1093"),
    (
        "doi: 10.1093/cercor/bhs270",
        "doi: 'doi:10.1093/x'",
        "A417",
        "write the DOI alone: `10.1093/x`",
        "doi: 10.1093/x",
    ),
    ("doi: 10.1093/cercor/bhs270", "doi: https://a.org/x", "A417", "under `url`", "url: https://a.org/x"),
]


@pytest.mark.parametrize(("before", "after", "code", "says", "fixed"), MENDED, ids=[m[1].strip()[:40] for m in MENDED])
def test_a_mistake_is_named_and_mended(
    tmp_path: Path, before: str, after: str, code: str, says: str, fixed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec(tmp_path, changed(before, after))
    found = [f for f in check(path) if f.code not in ("A414", "A404")]
    assert {f.code for f in found} == {code}
    assert says in f"{found[0].message} {found[0].help}"
    assert main(["check", "--fix", str(path), "--fail-on", "error"]) == 0, capsys.readouterr()
    assert fixed in path.read_text(encoding="utf-8")
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["areas"]["V1"]["grid"] == [8, 8]


@pytest.mark.parametrize(
    ("before", "after", "code", "says"),
    [
        ("fln: 0.76", "weight: 1,200", "S105", "write `1200` or `1.200`"),
        ("V1: {grid: [8, 8]", "V1: {grid: 8", "S105", "rows and columns: `[8, 8]`"),
        ("dynamics:\n  sweeps: 2", "dynamics:\n  sweeps:2", "S105", "a space is missing after the colon: `sweeps: 2`"),
        ("[[0.1, 0.2]", "[[10, 20]", "S106", "divide what is in percent by 100"),
        ("fln: 0.76", "fln: 76", "S106", "divide what is in percent by 100"),
        ("V1: {grid", "V1: {<<: {level: 1}, grid", "S103", "`<<` is a merge key"),
        ("  - {from: LGN", "  - {file: t4.csv}\n  - {from: LGN", "S113", "`cortexc import table t4.csv -o SPEC.yaml`"),
        ("sln: 0.74", "distance_mm: '9,3 mm'", "S107", "decimals have a point"),
        ("doi: 10.1093/cercor/bhs270", "doi: Markov 2014", "A417", "under `citation`"),
    ],
)
def test_what_cannot_be_mended_is_named(tmp_path: Path, before: str, after: str, code: str, says: str) -> None:
    path = spec(tmp_path, text := changed(before, after))
    found = [f for f in check(path) if f.code not in ("A414", "A415")]
    assert {f.code for f in found} == {code}
    assert says in f"{found[0].message} {found[0].help}"
    main(["check", "--fix", str(path)])
    assert path.read_text() == text


def test_a_probability_over_one_in_hdf5_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["p"] = np.full((2, 2), 20.0)
    path = spec(tmp_path, changed("[[0.1, 0.2], [0.1, 0.2]]", "{file: p.h5, dataset: p}"))
    (finding,) = (f for f in check(path) if f.code != "A414")
    assert (finding.code, finding.help) == ("S208", "divide what is in percent by 100")


@pytest.mark.parametrize("key", ["fln", "sln", "direction", "weight", "delay", "distance_mm"])
def test_an_empty_key_of_a_projection_is_no_default(tmp_path: Path, key: str) -> None:
    path = spec(tmp_path, changed("fln: 0.76, sln: 0.74", f"{key}: null"))
    (finding,) = (f for f in check(path) if f.code != "A414")
    assert (finding.code, finding.message) == ("S105", f"`{key}` is empty")
    assert ("strength 1" in finding.help) is (key in ("fln", "weight"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("layer: L4", "layer: "),
        ("layer: L4", "width: ~"),
        ("circuit: c", "circuit: null"),
        ("circuit: c", "level: null"),
        ("roles: {feedforward: [E]}", "roles: {feedforward: null}"),
        ("roles: {feedforward: [E]}", "column: {surround: null}"),
        ("  sweeps: 2", "  step_ms: null"),
        ("classes: 10", "classes: 10, populations: null"),
        ("doi: 10.1093/cercor/bhs270", "doi: null, citation: a paper"),
    ],
)
def test_an_empty_key_is_no_default(tmp_path: Path, before: str, after: str) -> None:
    found = [f for f in check(spec(tmp_path, changed(before, after))) if f.code == "S105"]
    assert len(found) == 1
    assert "is empty" in found[0].message


def test_null_takes_a_key_out_of_every_base(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("lateral: {V1: {kernel: {type: all}}}\n")
    (tmp_path / "spec.yaml").write_text(SPEC)
    over = tmp_path / "over.yaml"
    over.write_text("extends: [spec.yaml, a.yaml, b.yaml]\nlateral: {V1: null}\ninput: {width: 16}\n")
    found = connectome.load(over)
    assert (found.lateral, found.input.width) == ({}, 16)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("fln: 0.76", "fln: 1e-20"),
        ("sln: 0.74", "sln: 1e-20"),
        ("sln: 0.74", "distance_mm: 1e-20"),
        ("sln: 0.74", "distance_mm: 1e13"),
        ("[[0.1, 0.2]", "[[1e-20, 0.2]"),
        ("  sweeps: 2", "  step_ms: 1e-20"),
        ("grid: [8, 8], circuit: c", "grid: [8, 8], level: 1e-20"),
    ],
)
def test_numbers_lie_in_the_documented_range(tmp_path: Path, before: str, after: str) -> None:
    (finding,) = (f for f in connectome.check(spec(tmp_path, changed(before, after))))
    assert finding.code == "S106"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("  V2: {grid", "  ' v1': {grid: [4, 4]}\n  V2: {grid", "the area ` v1` has almost the name of `V1`"),
        ("  V2: {grid", "  'V1 ': {grid: [4, 4]}\n  V2: {grid", "the area `V1 ` has almost the name of `V1`"),
        ("  V2: {grid", "  V\u200b1: {grid: [4, 4]}\n  V2: {grid", "has almost the name of `V1`"),
        ("  V2: {grid", "  lgn: {grid: [4, 4]}\n  V2: {grid", "the area `lgn` has almost the name of `LGN`"),
        ("  V2: {grid", "  'MT ': {grid: [4, 4]}\n  V2: {grid", "begins or ends with a space"),
        ("E: {kind", "e: {}, E: {kind", "the population `E` has almost the name of `e`"),
        ("paper: {doi", "Paper: {doi: 10.1/a}, paper: {doi", "the source `paper` has almost the name of `Paper`"),
        ("  c:\n", "  C: {populations: {E: {}}}\n  c:\n", "the circuit `c` has almost the name of `C`"),
    ],
)
def test_names_that_look_alike_are_named(tmp_path: Path, before: str, after: str, message: str) -> None:
    said = [f.message for f in check(spec(tmp_path, changed(before, after))) if f.code == "S213"]
    assert len(said) == 1
    assert message in said[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("width: 32", "width: 60_000"),
        ("patch: 4", "patch: 4096"),
        ("patch: 4", "patch: 4, channels: 4096"),
        ("patch: 4", "patch: 4, gain_control: {type: local, pool: 4095}"),
        ("V2: {grid: [4, 4]", "V2: {grid: [4, 4096]"),
        ("V2: {grid: [4, 4]", "V2: {surface_mm2: 1e9, grid: [4, 4]"),
        ("layer: L4", "layer: L4, cells: 1e12"),
        ("layer: L4", "layer: L4, hidden: 60000"),
        ("roles:", "column: {expansion: 1000}\n    roles:"),
        ("dynamics:", "attention: {key_width: 60000}\ndynamics:"),
        ("dynamics:", "lateral: {V1: {kernel: {type: disc, radius: 1e6}}}\ndynamics:"),
        ("classes: 10", "classes: 1000000"),
    ],
)
def test_absurd_sizes_are_named(tmp_path: Path, before: str, after: str) -> None:
    found = check(spec(tmp_path, changed(before, after.replace("60_000", "60000"))))
    assert [f.code for f in found if f.code not in ("A414", "A413")] == ["S214"]


VENTRAL = ("V1", "V2", "V4", "TEO")


def hierarchy(folder: Path, *, inverted: bool = False, swapped: bool = False, given: str = "sln") -> Path:
    """Write a hierarchy of four areas without levels; all of its SLN inverted, or all of its ends swapped."""
    lines = ["  - {from: LGN, to: V1}"]
    for i, a in enumerate(VENTRAL):
        for j, b in enumerate(VENTRAL):
            if a != b:
                sln = 1 / (1 + np.exp((i - j) * 0.9))
                sln = 1 - sln if inverted else sln
                way = (
                    f"sln: {sln:.3f}" if given == "sln" else f"direction: {'feedforward' if sln > 0.5 else 'feedback'}"
                )
                ends = (b, a) if swapped else (a, b)
                lines.append(f"  - {{from: {ends[0]}, to: {ends[1]}, fln: 0.2, {way}}}")
    areas = ", ".join(f"{name}: {{grid: [2, 2]}}" for name in VENTRAL)
    head = f"cortexc: 1\nname: h\ninput: {{grid: [4, 4], patch: 8, width: 8}}\nareas: {{{areas}}}\nprojections:\n"
    return spec(folder, head + "\n".join(lines) + "\nreadout: {area: TEO, classes: 10}\n")


@pytest.mark.parametrize("given", ["sln", "direction"])
@pytest.mark.parametrize("fault", ["", "inverted", "swapped"])
def test_a_hierarchy_that_stands_on_its_head_is_named(tmp_path: Path, fault: str, given: str) -> None:
    path = hierarchy(tmp_path, inverted=fault == "inverted", swapped=fault == "swapped", given=given)
    found = [f for f in check(path) if f.code.startswith("A4") and f.code != "A414"]
    assert [f.code for f in found] == (["A416"] if fault else [])


@pytest.mark.parametrize("name", ["macaque-29", "macaque-ventral"])
@pytest.mark.parametrize("levels", [True, False])
def test_inverted_sln_of_shipped_specs_are_named(name: str, levels: bool) -> None:
    sound = connectome.load(name)
    if not levels:
        areas = {n: area.model_copy(update={"level": None}) for n, area in sound.areas.items()}
        sound = sound.model_copy(update={"areas": areas})
    wrong = [p if p.sln is None else p.model_copy(update={"sln": 1 - p.sln}) for p in sound.projections]
    assert "A416" not in [f.code for f in connectome.check(sound)]
    assert "A416" in [f.code for f in connectome.check(sound.model_copy(update={"projections": tuple(wrong)}))]


def test_many_findings_that_say_the_same_are_short(tmp_path: Path) -> None:
    path = spec(tmp_path, "extends: macaque-29\nattention: {minimum_weight: 0.01}\n")
    report = check(path)
    said = render.as_text(report, colour=False)
    assert len(report) > 400
    assert len(said.splitlines()) < 120
    assert said.count("= help: lower `attention.minimum_weight`") == render.MOST_ALIKE
    assert len(yaml.safe_load(render.as_json(report))) == len(report), "nothing is left out for programs"


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from paths(inner, (*path, key))


CLASSES = {name for name, kind in vars(model).items() if inspect.isclass(kind)} - {"Any", "Input", "Text"}
FOREIGN = re.compile(
    rf"\b(?:dict|str|float|int|bool|tuple|NoneType|constrained|Input should|be valid: |{'|'.join(CLASSES)})\b|\[key\]"
)


@pytest.mark.parametrize(
    "value",
    [None, True, -1, 2.5, 1e300, "word", "", [], [[1]], {}, {"a": 1}, {"file": 3}, [None], [{"b": [2]}]],
    ids=repr,
)
def test_no_message_holds_a_name_of_a_type(tmp_path: Path, value: Any) -> None:
    sound = yaml.safe_load(SPEC)
    sound["lateral"] = {"V1": {"kernel": {"type": "patchy", "length": 1.0, "spacing": 2.0}}}
    for path in paths(sound):
        text = copy.deepcopy(sound)
        inner = text
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        for finding in connectome.check(spec(tmp_path, yaml.safe_dump(text, sort_keys=False))):
            assert not FOREIGN.search(f"{finding.message} {finding.help}"), path
