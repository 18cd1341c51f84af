"""Several rows of a pair where nothing says how strong they are."""

from pathlib import Path

import networkx as nx
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import Imported, from_graph, read

ROWS = "pre,post\na,b\na,b\na,b\nb,c\nc,a\n"


def strengths(found: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.origin != "LGN"}


def test_a_sum_without_strengths_counts_the_rows(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(ROWS)
    found = read("table", tmp_path / "e.csv", aggregate="sum")
    assert strengths(found) == {("a", "b"): 3, ("b", "c"): 1, ("c", "a"): 1}
    assert "weight = the number of rows of a pair" in found.report.as_text()
    assert "every edge counts alike" not in found.report.as_text()


def test_edges_of_a_multigraph_are_counted_too() -> None:
    graph = nx.MultiDiGraph([("a", "b"), ("a", "b"), ("b", "c"), ("c", "a")])
    assert strengths(from_graph(graph, aggregate="sum"))["a", "b"] == 2


def test_unasked_each_pair_counts_alike_and_the_report_says_how_to_count(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(ROWS)
    found = read("table", tmp_path / "e.csv")
    assert set(strengths(found).values()) == {None}
    assert "--aggregate sum, which counts the rows" in found.report.as_text()


@pytest.mark.parametrize("rule", ["mean", "median", "max"])
def test_other_rules_have_nothing_to_join(tmp_path: Path, rule: str) -> None:
    (tmp_path / "e.csv").write_text(ROWS)
    with pytest.raises(connectome.SpecError, match="joins the strengths of rows, and they have none"):
        read("table", tmp_path / "e.csv", aggregate=rule)


CASES = "c1\tV2\tV1\t0.9\nc1\tV4\tV1\t0.1\nc2\tV2\tV1\t0.8\nc2\tV4\tV1\t0.2\nc3\tV1\tV2\t1\n"
"""A table of injections as https://core-nets.org hands it out, without its header."""
COLUMNS = {"header": "no", "source_column": "2", "target_column": "3", "case_column": "1"}


@pytest.mark.parametrize("how", [{"weight_column": "4"}, {"fln_column": "4"}])
def test_fractions_are_not_summed_over_injections(tmp_path: Path, how: dict[str, str]) -> None:
    (tmp_path / "fln.tsv").write_text(CASES)
    found = read("table", tmp_path / "fln.tsv", **COLUMNS, **how)  # type: ignore[arg-type]
    fln = {(p.origin, p.target): p.fln for p in found.connectome.projections if p.origin != "LGN"}
    assert fln == pytest.approx({("V2", "V1"): 0.85, ("V4", "V1"): 0.15, ("V1", "V2"): 1})
    assert ("meaning of `column 4` = FLNe" in found.report.as_text()) == ("weight_column" in how)


def test_counts_are_summed_over_injections(tmp_path: Path) -> None:
    (tmp_path / "n.tsv").write_text(CASES.replace("0.", ""))
    found = read("table", tmp_path / "n.tsv", weight_column="4", **COLUMNS)  # type: ignore[arg-type]
    assert strengths(found)["V2", "V1"] == 17
