"""Experiment files: what is read, and what is said of what cannot be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cortexc import experiments, specs
from cortexc.experiments.checker import is_experiment
from cortexc.experiments.rules import RULES
from cortexc.main import main

FIXTURES = Path(__file__).parents[1] / "fixtures" / "rules"
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
EXAMPLES = [(rule, *BLOCK.findall(rule.page)) for rule in RULES]


def laid_over(path: Path, text: str) -> Path:
    """Write the base experiment with ``text`` laid over it."""

    def merge(base: Any, over: Any) -> Any:
        if isinstance(base, dict) and isinstance(over, dict):
            return base | {k: merge(base.get(k), v) for k, v in over.items()}
        return over

    base = yaml.safe_load((FIXTURES / "experiment.yaml").read_text())
    path.write_text(yaml.safe_dump(merge(base, yaml.safe_load(text)), sort_keys=False))
    return path


@pytest.mark.parametrize(("rule", "bad", "good"), EXAMPLES, ids=[r.code for r in RULES])
def test_the_examples_of_each_rule_show_it(rule: Any, bad: str, good: str, tmp_path: Path) -> None:
    found = experiments.check(laid_over(tmp_path / "bad.yaml", bad))
    assert rule.code in {f.code for f in found}
    assert all(f.span.path.endswith("bad.yaml") and f.span.line > 1 for f in found if f.code == rule.code)
    assert list(experiments.check(laid_over(tmp_path / "good.yaml", good))) == []


@pytest.mark.parametrize("name", specs.experiments())
def test_shipped_experiments_check_clean(name: str) -> None:
    assert list(experiments.check(name)) == []
    assert is_experiment(name)


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("cortexc_experiment: 1\nname: a\nbaseline: d\narms: {d: {spec: vit-tiny}}\nseed: [1]\n", "S103", 5, "seeds"),
        ("cortexc_experiment: 1\nname: a\nbaseline: d\narms: {d: {spec: vit-tinny}}\n", "S109", 4, "vit-tinny"),
        ("cortexc_experiment: 2\nname: a\nbaseline: d\narms: {d: {spec: vit-tiny}}\n", "S106", 1, "1"),
        ("cortexc_experiment: 1\nname: a\nbaseline: d\narms: {d: {spec: vit-tiny}}\nseeds: [-1]\n", "S106", 5, "-1"),
        (
            "cortexc_experiment: 1\nname: a\nbaseline: d\nrecipe: {epochs: .nan}\narms: {d: {spec: vit-tiny}}\n",
            "S105", 4, "epochs",
        ),
        (
            "cortexc_experiment: 1\nname: a\nbaseline: d\nrecipe: {learning_rate: .inf}\narms: {d: {spec: vit-tiny}}\n",
            "S106", 4, "finite",
        ),
        (
            "cortexc_experiment: 1\nname: a\nbaseline: d\narms:\n  d:\n    spec: vit-tiny\n    overrides:\n"
            "      dynamics: {sweps: 2}\n",
            "S103", 8, "sweeps",
        ),
        ("cortexc_experiment: 1\nname: a\nname: b\nbaseline: d\narms: {d: {spec: vit-tiny}}\n", "S102", 3, "name"),
        ("cortexc_experiment: 1\nname: a\n", "S104", 1, "baseline"),
        ("cortexc_experiment: [1\n", "S101", 2, ""),
        ("cortexc: 1\nname: a\n", "S105", 1, "this is a spec"),
        (
            "cortexc_experiment: 1\nname: a\nbaseline: d\n"
            "arms:\n  d: {spec: vit-tiny, overrides: {extends: vit-tiny}}\n",
            "S103", 5, "cannot extend",
        ),
        (
            "cortexc_experiment: 1\nname: a\nbaseline: d\narms: {d: {spec: vit-tiny}}\n"
            "evaluation: {human: votes.npy}\n",
            "S109", 5, "cifar10h-counts",
        ),
        (
            "cortexc_experiment: 1\nname: a\nbaseline: d\narms: {d: {spec: vit-tiny}}\n"
            "data: {name: digits, hold_out: 1437}\n",
            "X710", 5, "1,437",
        ),
        (
            "cortexc_experiment: 1\nname: a\nbaseline: d\narms: {d: {spec: vit-tiny}}\n"
            "plans: {full: {seeds: [1]}}\n",
            "X711", 5, "full",
        ),
        (
            "cortexc_experiment: 1\nname: a\nbaseline: d\narms: {d: {spec: vit-tiny}, c: {spec: vit-tiny}}\n"
            "plans: {small: {arms: [d]}}\n",
            "X707", 5, "`c`",
        ),
        (
            "cortexc_experiment: 1\nname: a\nbaseline: d\narms: {d: {spec: vit-tiny}}\n"
            "comparisons: [{arm: d, to: d}]\n",
            "X712", 5, "itself",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_found_at_its_place(text: str, code: str, line: int, words: str, tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    found = [f for f in experiments.check(path) if f.code == code]
    assert found
    assert found[0].span.line == line
    assert any(words in f.message + f.help for f in found)


@pytest.mark.parametrize("first", ["\ufeffcortexc_experiment: 1", '"cortexc_experiment": 1', "cortexc_experiment : 1"])
def test_an_experiment_is_known_however_its_key_is_written(first: str, tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(f"{first}\nname: a\nbaseline: d\narms: {{d: {{spec: vit-tiny}}}}\n", encoding="utf-8")
    assert is_experiment(path)
    assert list(experiments.check(path)) == []


def test_an_experiment_is_no_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = specs.path("experiments/multiscale.yaml")
    assert main(["compile", str(path), "-o", str(tmp_path / "x.h5")]) == 2
    said = capsys.readouterr().err
    assert said.count("error[") == 1
    assert "`cortexc_experiment` belongs to another kind of file" in said


def test_check_and_explain_know_experiments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = laid_over(tmp_path / "e.yaml", "baseline: densse")
    assert main(["check", str(path)]) == 1
    said = capsys.readouterr().out
    assert "error[X701]" in said
    assert "did you mean `dense`?" in said
    assert main(["explain", "X701"]) == 0
    assert "unknown-arm" in capsys.readouterr().out


def test_an_arm_is_its_spec_with_the_overrides_laid_over() -> None:
    from cortexc.experiments.arms import base_of, connectome_of

    experiment = experiments.load("multiscale")
    cortex, parts = connectome_of(experiment, "all-three")[0], connectome_of(experiment, "macro")[0]
    assert cortex.lateral
    assert not parts.lateral
    assert parts.projections == cortex.projections
    assert parts.name == "macro"
    assert base_of(experiment, "macro").lateral == cortex.lateral
    assert base_of(experiment, "dense").input.point_spread is None
    null = connectome_of(experiment, "random")[0]
    assert null.null_model is not None
    assert null.projections != cortex.projections


def test_an_override_replaces_a_kernel_of_another_type(tmp_path: Path) -> None:
    from cortexc.experiments.arms import connectome_of

    text = "cortexc_experiment: 1\nname: a\nbaseline: d\narms:\n  d: {spec: macaque-ventral}\n  e:\n    of: d\n"
    text += "    overrides: {lateral: {V1: {kernel: {type: disc, radius: 2.0}}}}\n"
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    kernel = connectome_of(experiments.load(path), "e")[0].lateral["V1"].kernel
    assert kernel.model_dump() == {"type": "disc", "radius": 2.0}


def test_checking_an_experiment_loads_no_torch() -> None:
    code = "import sys, cortexc; cortexc.experiments.check('multiscale'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
