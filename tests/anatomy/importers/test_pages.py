"""The examples on the pages of the import rules."""

import re
from pathlib import Path

import pytest

from cortexc import connectome
from cortexc.anatomy.importers import read
from cortexc.connectome.diagnostics.importing import RULES
from cortexc.connectome.diagnostics.rule import Rule


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.code)
def test_the_bad_example_gets_the_finding_and_the_good_one_none(rule: Rule, tmp_path: Path) -> None:
    bad, good = re.findall(r"^```csv\n(.*?)^```$", rule.page, flags=re.MULTILINE | re.DOTALL)
    path = tmp_path / "example.csv"
    path.write_text(bad)
    try:
        findings = list(read("table", path).report.findings)
    except connectome.SpecError as error:
        findings = list(error.report)
    assert [f.code for f in findings] == [rule.code]
    assert findings[0].severity is rule.severity
    path.write_text(good)
    assert list(read("table", path).report.findings) == []
