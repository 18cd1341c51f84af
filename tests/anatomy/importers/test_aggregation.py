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
