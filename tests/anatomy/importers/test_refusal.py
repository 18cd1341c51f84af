"""Rows that cannot be right are refused in one way, whatever the format."""

import numpy as np
import pytest

from cortexc import connectome
from cortexc.anatomy.importers.refusal import Fault, Refusal
from cortexc.anatomy.importers.report import ImportReport
from cortexc.connectome.diagnostics.importing import BAD_VALUE
from cortexc.connectome.diagnostics.span import Span


def fault(*bad: bool, kind: str = "with a bad weight") -> Fault:
    return Fault(
        kind,
        np.array(bad),
        BAD_VALUE,
        lambda row: Span("edges.csv", row + 2),
        lambda row: f"row {row} is bad",
        "expected a number",
    )


def test_the_first_bad_row_ends_the_import_and_the_hint_says_how_to_leave_it_out() -> None:
    with pytest.raises(connectome.SpecError) as caught:
        Refusal("edges", "error").kept(np.array([True, True, True]), fault(False, True, True))
    (finding,) = caught.value.report
    assert (finding.message, finding.span.line) == ("row 1 is bad", 3)
    assert finding.help == "expected a number; --invalid drop leaves such edges out"


def test_rows_that_are_dropped_are_counted_once_over_all_blocks_with_the_first_place() -> None:
    refusal, report = Refusal("edges", "drop"), ImportReport()
    keep = refusal.kept(np.array([True, True, True]), fault(False, True, True))
    keep = refusal.kept(keep, fault(True, True, False, kind="with an empty end"))
    assert keep.tolist() == [False, False, False]
    assert refusal.kept(np.array([True, True]), fault(True, False)).tolist() == [False, True]
    refusal.report(report)
    assert [str(dropped) for dropped in report.dropped] == [
        "3 edges with a bad weight (--invalid drop, first edges.csv:3:1)",
        "1 edges with an empty end (--invalid drop, first edges.csv:2:1)",
    ]


def test_nothing_is_said_where_nothing_is_wrong() -> None:
    refusal, report = Refusal("rows", "error"), ImportReport()
    assert refusal.kept(np.array([True, False]), fault(False, True)).tolist() == [True, False]
    refusal.report(report)
    assert report.dropped == []
