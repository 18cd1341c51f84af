"""Mutated specs: the checker never fails by itself, finds places that exist, and passes only what compiles and runs."""

import copy
import os
import random
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortexc import compiler, runtime
from cortexc.compiler.checker import check
from cortexc.connectome import SpecError
from cortexc.connectome.diagnostics import render
from cortexc.connectome.diagnostics.report import Report

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = int(os.environ.get("CORTEXC_FUZZ_EXAMPLES", "120"))
BASES = {
    "base": (ROOT / "tests" / "fixtures" / "rules" / "base.yaml").read_text(),
    "vit": (ROOT / "specs" / "vit-tiny.yaml").read_text(),
    "macaque": (ROOT / "specs" / "macaque-ventral.yaml")
    .read_text()
    .replace("circuits/potjans", f"{ROOT}/specs/circuits/potjans"),
    "full": """cortexc: 1
name: full
sources: {a: {doi: 10.1/x, status: assumed}}
input: {name: LGN, grid: [4, 4], patch: 8, width: 8, gain_control: {type: local, pool: 3}, mean: [0.5, 0.5, 0.5]}
circuits:
  c:
    populations:
      L23E: {layer: L2/3, cells: 80}
      L23I: {layer: L2/3, kind: inhibitory, width: 4, cells: 20}
      L4E: {layer: L4, hidden: 8}
    connections:
      rows: source
      populations: [L23E, L23I, L4E]
      probability: [[0.1, 0.2, 0], [0.3, 0.2, 0.1], [0.1, 0, 0.1]]
    roles: {feedforward: [L4E], feedback: [L23E]}
    column: {expansion: 1.0, dale: true}
    source: a
areas:
  V1: {grid: [4, 4], circuit: c, level: 0}
  V2: {grid: [2, 2], circuit: c, level: 1}
lateral:
  V1: {kernel: {type: patchy, length: 1.0}, weight: 0.5, source: a}
projections:
  - {from: LGN, to: V1, mode: relay, topography: {type: one_to_one}}
  - {from: V1, to: V2, fln: 0.5, sln: 0.9, distance_mm: 9 mm, source: a}
  - {from: V2, to: V1, weight: 0.4, direction: feedback, mode: modulatory, delay: 1,
     topography: {type: gaussian, sigma: 1.0}}
attention: {heads: 2, key_width: 2}
dynamics: {sweeps: 3, order: synchronous}
readout: {area: V2, classes: 5, populations: [L23E]}
checker: {allow: [{rule: A413, reason: none}], bounds: {parameters: 100000}}
""",
}
VALUES: list[Any] = [
    *(-1, 0, 1, 3, 1.5, 1e308, -1e-308, 1e-20, 10**30, float("nan"), float("inf"), True, None),
    *("", "V1", "9.3 parsec", "\u00e9\u2028", "circuits/nowhere.yaml"),
    *([], {}, [1, 2], [[1]], {"a": 1}, ["V1"], {"type": "disc"}, {"file": "nowhere.h5", "dataset": "/x"}),
]


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, child in inner for found in nodes(child, (*path, key)))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def mutated(data: Any, draw: random.Random) -> Any:
    """Delete, rename, retype, move, duplicate or swap something in a tree."""
    data = copy.deepcopy(data)
    path = draw.choice(nodes(data)[1:])
    parent, key = at(data, path[:-1]), path[-1]
    kind = draw.choice(["delete", "rename", "value", "value", "value", "move", "duplicate", "swap"])
    if kind == "delete":
        del parent[key]
    elif kind == "rename" and isinstance(parent, dict):
        word = str(key)
        cut = draw.randrange(len(word) + 1)
        parent[word[:cut] + draw.choice(["", "x", "_", "V2"]) + word[cut + draw.randrange(2) :]] = parent.pop(key)
    elif kind == "move":
        other = at(data, draw.choice(nodes(data)))
        moved = copy.deepcopy(parent[key])
        if isinstance(other, dict):
            other[str(draw.choice([key, "fln", "grid", "V3"]))] = moved
        elif isinstance(other, list):
            other.insert(draw.randrange(len(other) + 1), moved)
    elif kind == "duplicate" and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    elif kind == "swap":
        other_path = draw.choice(nodes(data)[1:])
        other, other_key = at(data, other_path[:-1]), other_path[-1]
        one, two = copy.deepcopy(parent[key]), copy.deepcopy(other[other_key])
        parent[key] = two
        if other is not parent[key]:
            other[other_key] = one
    else:
        parent[key] = copy.deepcopy(draw.choice(VALUES))
    return data


def garbled(text: str, draw: random.Random) -> bytes:
    """Truncate, cut, repeat, shift or overwrite the text of a spec."""
    content = text.encode()
    lines = text.split("\n")
    i = draw.randrange(len(lines))
    match draw.choice(["truncate", "cut", "repeat", "indent", "byte", "insert", "newlines", "bom", "tab"]):
        case "truncate":
            return content[: draw.randrange(len(content))]
        case "cut":
            return "\n".join(lines[:i] + lines[i + 1 :]).encode()
        case "repeat":
            return "\n".join([*lines[: i + 1], *lines[i:]]).encode()
        case "indent":
            lines[i] = draw.choice([" ", "   ", "- "]) + lines[i]
            return "\n".join(lines).encode()
        case "byte":
            j = draw.randrange(len(content))
            return content[:j] + bytes([draw.randrange(256)]) + content[j + 1 :]
        case "insert":
            j = draw.randrange(len(content))
            mark = draw.choice(
                [
                    b"\x00",
                    b"\x1b",
                    b"\xff",
                    b"&a ",
                    b"*a ",
                    b"!!python/object ",
                    b"? ",
                    b"---\n",
                    b"{",
                    b"]",
                    b'"',
                    b"%",
                ]
            )
            return content[:j] + mark + content[j:]
        case "newlines":
            return text.replace("\n", draw.choice(["\r\n", "\r", "\n\n"])).encode()
        case "bom":
            return draw.choice([b"\xef\xbb\xbf" + content, text.encode("utf-16")])
    return text.replace("  ", "\t", 1 + draw.randrange(3)).encode()


def places_exist(report: Report) -> None:
    for finding in report:
        for span in (finding.span, *(span for span, _ in finding.notes)):
            if span.inside:
                continue
            path = Path(span.path)
            assert path.is_file() or finding.code == "S109", finding
            lines = path.read_bytes().decode("utf-8", "replace").splitlines() if path.is_file() else []
            assert 1 <= span.line <= len(lines) + 1, finding
            line = lines[span.line - 1] if span.line <= len(lines) else ""
            assert 1 <= span.column <= len(line) + 2, (finding, line)
            assert (span.end_line, span.end_column) >= (span.line, span.column), finding


def examined(path: Path) -> None:
    report = check(path)
    places_exist(report)
    assert render.as_text(report, colour=True).count("[") >= len(report)
    render.as_json(report)
    if report.errors:
        return
    try:
        program = compiler.compile(path)
    except SpecError as error:
        raise AssertionError(f"checked clean, and does not compile: {error}") from None
    tokens = sum(p.tokens for p in program.populations)
    size = program.image_shape[0] * program.image_shape[1] * program.image_shape[2]
    if tokens <= 4096 and size <= 3 * 256 * 256 and program.parameter_counts["total"] < 5_000_000:
        torch.manual_seed(0)
        logits = runtime.build(program)(torch.rand(2, *program.image_shape))
        assert logits.shape == (2, program.classes)
        assert torch.isfinite(logits).all()


FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="CORTEXC_FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FUZZ
@given(base=st.sampled_from(sorted(BASES)), seed=st.integers(0, 2**32), count=st.integers(1, 3))
def test_mutated_trees(tmp_path: Path, base: str, seed: int, count: int) -> None:
    draw = random.Random(seed)
    data = yaml.safe_load(BASES[base])
    for _ in range(count):
        data = mutated(data, draw)
        if not isinstance(data, dict) or not data:
            return
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    examined(path)


@FUZZ
@given(base=st.sampled_from(sorted(BASES)), seed=st.integers(0, 2**32))
def test_garbled_texts(tmp_path: Path, base: str, seed: int) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(garbled(BASES[base], random.Random(seed)))
    examined(path)


@pytest.mark.parametrize("base", sorted(BASES))
def test_the_bases_are_sound(tmp_path: Path, base: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(BASES[base])
    assert [f for f in check(path) if f.severity == "error"] == []
    examined(path)
