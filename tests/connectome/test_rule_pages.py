"""The examples on the rules' pages: what is shown as bad gets the rule's finding, what is shown as good gets none."""

import re
from pathlib import Path

import h5py
import pytest

from cortexc.compiler.checker import RULES, check
from cortexc.connectome.diagnostics.rule import Rule

BASE = Path(__file__).resolve().parent.parent / "fixtures" / "rules" / "base.yaml"


def example(rule: Rule, which: int, folder: Path) -> Path:
    """Write the first (bad) or second (good) example of a page, laid over the base."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", rule.page, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2, f"{rule.code} shows {len(blocks)} examples: one bad and one good are expected"
    (folder / "base.yaml").write_text(BASE.read_text())
    (folder.parent / "theirs.yaml").write_text(BASE.read_text())
    (folder / "truncated.h5").write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    with h5py.File(folder / "macaque.h5", "w") as file:
        for name, column in (("projections", "fln"), ("with_a_column_flne", "flne")):
            table = file.create_group(name)
            table["from"], table["to"] = ["V1", "V2"], ["V2", "V4"]
            table[column], table["sln"], table["source"] = [0.76, 0.39], [0.74, 0.93], ["paper", "paper"]
    path = folder / "example.yaml"
    path.write_text(blocks[which] if "extends:" in blocks[which] else f"extends: base.yaml\n{blocks[which]}")
    return path


def test_the_base_is_clean() -> None:
    assert [f"{finding.code} {finding.message}" for finding in check(BASE)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_bad_example_gets_the_finding(rule: Rule, tmp_path: Path) -> None:
    path = example(rule, 0, tmp_path)
    findings = list(check(path))
    assert [finding.code for finding in findings] == [rule.code], [f.message for f in findings]
    assert findings[0].severity is rule.severity
    place = findings[0].span
    if place.inside:
        assert Path(place.path).suffix == ".h5"
    else:
        assert Path(place.path).name == "example.yaml", "the finding is at what the example says"
        assert 1 <= place.line <= len(path.read_text().splitlines())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_good_example_is_clean(rule: Rule, tmp_path: Path) -> None:
    found = [f"{finding.code} {finding.message}" for finding in check(example(rule, 1, tmp_path))]
    assert found == []
