"""Numbers as people write them: marks between thousands, and commas before a fraction."""

import re
from pathlib import Path

import pytest

from cortexc import connectome
from cortexc.anatomy.importers import read

HEAD = "source;target;synapses\n"


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("1,234", {"thousands": ","}, 1234),
        ("1,234,567.5", {"thousands": ","}, 1234567.5),
        ("1,234", {"decimal": ","}, 1.234),
        ("0,5", {"decimal": ","}, 0.5),
        ("1.234,5", {"decimal": ",", "thousands": "."}, 1234.5),
        ("1 234", {"thousands": " "}, 1234),
        ("12", {"thousands": ","}, 12),
    ],
)
def test_options_say_what_the_marks_are(tmp_path: Path, text: str, options: dict[str, str], expected: float) -> None:
    (tmp_path / "t.csv").write_text(f"{HEAD}V1;V2;{text}\nV2;V1;2\n")
    (tmp_path / "m.csv").write_text(f";V1;V2\nV1;0;{text}\nV2;2;0\n")
    for found in (
        read("table", tmp_path / "t.csv", **options),
        read("matrix", tmp_path / "m.csv", rows="source", **options),
    ):
        assert {p.target: p.weight for p in found.connectome.projections if p.origin == "V1"} == {"V2": expected}


@pytest.mark.parametrize(
    ("text", "options", "advice"),
    [
        ("1,234", {}, "--thousands ',' \\(the number is 1234\\) or --decimal ','"),
        ("12,050", {}, "the number is 12050"),
        ("0,5", {}, "--decimal ','"),
        ("1.234,5", {}, "--thousands . --decimal ','"),
        ("1'234", {}, "--thousands"),
        ("1,23", {"thousands": ","}, "--decimal ','"),
        ("1.5", {"decimal": ","}, "right column|is a number"),
    ],
)
def test_without_them_the_message_says_what_a_number_may_be(
    tmp_path: Path, text: str, options: dict[str, str], advice: str
) -> None:
    (tmp_path / "t.csv").write_text(f"{HEAD}V1;V2;2\nV2;V1;{text}\n")
    (tmp_path / "m.csv").write_text(f";V1;V2\nV1;0;1\nV2;{text};0\n")
    for format, column in (("table", 7), ("matrix", 4)):
        with pytest.raises(connectome.SpecError) as caught:
            read(format, tmp_path / f"{format[0]}.csv", **options, **({"rows": "source"} if format == "matrix" else {}))  # type: ignore[arg-type]
        (finding,) = caught.value.report
        assert finding.code == "I603"
        assert (finding.span.line, finding.span.column) == (3, column)
        assert re.search(advice, finding.help), finding.help


def test_a_first_row_with_such_a_number_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('V1,V2,"1,234"\nV2,V1,"12,050"\n')
    found = read("table", tmp_path / "t.csv", thousands=",")
    assert {p.origin: p.weight for p in found.connectome.projections if p.origin != "LGN"} == {"V1": 1234, "V2": 12050}


def test_counts_of_synapses_may_have_them(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("id,area\n1,V1\n2,V2\n")
    (tmp_path / "e.csv").write_text('pre,post,weight\n1,2,"1,234"\n2,1,3\n')
    options = {"neurons": str(tmp_path / "n.csv")}
    with pytest.raises(connectome.SpecError, match="1,234") as caught:
        read("synapses", tmp_path / "e.csv", **options)
    assert "--thousands" in next(iter(caught.value.report)).help
    found = read("synapses", tmp_path / "e.csv", thousands=",", **options)
    assert {p.target: p.weight for p in found.connectome.projections if p.origin == "V1"} == {"V2": 1234}
