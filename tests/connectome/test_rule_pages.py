"""The examples on the rules' pages: what is shown as bad gets the rule's finding, what is shown as good gets none."""

import re
from pathlib import Path

import pytest

from compiler.checker import RULES, check
from connectome.diagnostics.rule import Rule

BASE = Path(__file__).resolve().parent.parent / "fixtures" / "rules" / "base.yaml"
WITH_EXAMPLES = [rule for rule in RULES if "```yaml" in rule.page]


def example(rule: Rule, which: int, folder: Path) -> Path:
    """Write the first (bad) or second (good) example of a page, laid over the base."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", rule.page, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2, f"{rule.code} shows {len(blocks)} examples: one bad and one good are expected"
    (folder / "base.yaml").write_text(BASE.read_text())
    path = folder / "example.yaml"
    path.write_text(blocks[which] if "cortexc:" in blocks[which] else f"extends: base.yaml\n{blocks[which]}")
    return path


def test_the_base_is_clean() -> None:
    assert [f"{finding.code} {finding.message}" for finding in check(BASE)] == []


@pytest.mark.parametrize("rule", WITH_EXAMPLES, ids=lambda rule: rule.code)
def test_the_bad_example_gets_the_finding(rule: Rule, tmp_path: Path) -> None:
    path = example(rule, 0, tmp_path)
    findings = list(check(path))
    assert [finding.code for finding in findings] == [rule.code], [f.message for f in findings]
    assert findings[0].severity is rule.severity
    place = findings[0].span
    assert Path(place.path).name == "example.yaml", "the finding is at what the example says"
    assert 1 <= place.line <= len(path.read_text().splitlines())


@pytest.mark.parametrize("rule", WITH_EXAMPLES, ids=lambda rule: rule.code)
def test_the_good_example_is_clean(rule: Rule, tmp_path: Path) -> None:
    found = [f"{finding.code} {finding.message}" for finding in check(example(rule, 1, tmp_path))]
    assert found == []
