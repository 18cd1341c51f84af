"""Percentages and logarithms: the name of a column says how its numbers are written, or an option does."""

from pathlib import Path

import networkx as nx
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import Imported, from_graph, read
from cortexc.anatomy.importers.scales import bare, of_name

PAIRS = (("V2", "V1"), ("V4", "V1"), ("V1", "V2"))


def fln(found: Imported, field: str = "fln") -> list[float | None]:
    listed = {(p.origin, p.target): getattr(p, field) for p in found.connectome.projections}
    return [listed[pair] for pair in PAIRS]


def table(path: Path, head: str, *columns: list[str]) -> Path:
    rows = [",".join((*pair, *cells)) for pair, cells in zip(PAIRS, zip(*columns, strict=True), strict=True)]
    path.write_text("\n".join((f"source,target,{head}", *rows, "")))
    return path


PERCENT, FRACTIONS = ["73.2", "20", "42.1"], [0.732, 0.2, 0.421]
LOG, MINUS = ["-1", "-2", "-0.5"], ["1", "2", "0.5"]


@pytest.mark.parametrize("head", ["FLNe (%)", "FLNe_percent", "pct_FLNe", "%FLN", "FLN [percentage]"])
def test_a_percentage_is_a_hundredth_and_keeps_its_digits(tmp_path: Path, head: str) -> None:
    found = read("table", table(tmp_path / "e.csv", head, PERCENT))
    assert fln(found) == FRACTIONS
    assert f"scale of `{head}` = percent" in found.report.as_text()


@pytest.mark.parametrize(
    ("head", "values"),
    [("log10(FLNe)", LOG), ("logFLN", LOG), ("log FLNe", LOG), ("-log10(FLNe)", MINUS), ("minus_log_FLN", MINUS)],
)
def test_a_logarithm_is_raised(tmp_path: Path, head: str, values: list[str]) -> None:
    assert fln(read("table", table(tmp_path / "e.csv", head, values))) == pytest.approx([0.1, 0.01, 10**-0.5])


def test_a_natural_logarithm_has_its_own_base(tmp_path: Path) -> None:
    assert fln(read("table", table(tmp_path / "e.csv", "ln(FLNe)", LOG)))[0] == pytest.approx(0.36787944)


def test_a_column_as_it_stands_is_preferred_to_its_logarithm(tmp_path: Path) -> None:
    found = read("table", table(tmp_path / "e.csv", "logFLN,FLN", LOG, ["0.1", "0.01", "0.5"]))
    assert fln(found) == [0.1, 0.01, 0.5]


def test_strengths_that_are_no_fractions_are_raised_too(tmp_path: Path) -> None:
    found = read("table", table(tmp_path / "e.csv", "log10(weight)", MINUS))
    assert fln(found, "weight") == pytest.approx([10, 100, 10**0.5])


def test_a_sign_of_percent_in_a_cell_is_read_once(tmp_path: Path) -> None:
    cells = [f"{text}%" for text in PERCENT]
    for head in ("FLNe", "FLNe (%)"):
        assert fln(read("table", table(tmp_path / "e.csv", head, cells))) == FRACTIONS
    (tmp_path / "fln.csv").write_text(",V1,V2,V4\nV1,0,73.2%,20%\nV2,42.1%,0,0\nV4,0,0,0\n")
    assert fln(read("matrix", tmp_path / "fln.csv", rows="target")) == FRACTIONS


def test_sln_have_a_scale_of_their_own(tmp_path: Path) -> None:
    path = table(tmp_path / "e.csv", "FLNe,SLN (%)", [f"{v}" for v in FRACTIONS], PERCENT)
    found = read("table", path)
    assert (fln(found), fln(found, "sln")) == (FRACTIONS, FRACTIONS)


def test_percentages_without_a_word_are_asked_for_and_no_rows_are_to_be_dropped(tmp_path: Path) -> None:
    for head, other in (("FLNe", FRACTIONS), ("SLN", FRACTIONS)):
        path = table(
            tmp_path / "e.csv", f"{head},{'SLN' if head == 'FLNe' else 'FLNe'}", PERCENT, [str(v) for v in other]
        )
        for invalid in ("error", "drop"):
            with pytest.raises(connectome.SpecError) as caught:
                read("table", path, invalid=invalid)
            (finding,) = caught.value.report
            assert "--percent" in finding.help
            assert "drop" not in finding.help
        found = read("table", path, scale="percent")
        assert fln(found, head.lower().removesuffix("e")) == FRACTIONS


def test_counts_that_are_called_fln_are_weights_if_a_user_says_so(tmp_path: Path) -> None:
    path = table(tmp_path / "e.csv", "FLN", ["60", "30", "5"])
    assert fln(read("table", path, scale="plain"), "weight") == [60, 30, 5]
    assert fln(read("table", table(path, "FLN", ["600", "30", "5"])), "weight") == [600, 30, 5]


@pytest.mark.parametrize(
    ("name", "corner", "options"),
    [("fln_percent", "", {}), ("m", "FLNe (%)", {}), ("fln", "", {"scale": "percent"})],
)
def test_a_matrix_has_its_scale_in_its_name_or_in_its_corner(
    tmp_path: Path, name: str, corner: str, options: dict[str, str]
) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_text(f"{corner},V1,V2,V4\nV1,0,73.2,20\nV2,42.1,0,0\nV4,0,0,0\n")
    (tmp_path / "sln_percent.csv").write_text(path.read_text())
    found = read("matrix", path, rows="target", sln=str(tmp_path / "sln_percent.csv"), **options)  # type: ignore[arg-type]
    assert (fln(found), fln(found, "sln")) == (FRACTIONS, FRACTIONS)


def test_a_matrix_of_logarithms_of_fln(tmp_path: Path) -> None:
    (tmp_path / "log10_FLN.csv").write_text(",V1,V2,V4\nV1,,-1,-2\nV2,-0.5,,\nV4,,,\n")
    found = read("matrix", tmp_path / "log10_FLN.csv", rows="target")
    assert fln(found) == pytest.approx([0.1, 0.01, 10**-0.5])


def test_a_graph_has_the_scale_in_the_name_of_its_attribute() -> None:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from((a, b, {"FLNe (%)": float(v)}) for (a, b), v in zip(PAIRS, PERCENT, strict=True))
    assert fln(from_graph(graph)) == FRACTIONS


def test_percentages_of_injections_are_not_summed(tmp_path: Path) -> None:
    rows = "1,V2,V1,90\n2,V2,V1,80\n1,V4,V1,10\n2,V4,V1,20\n3,V1,V2,100\n"
    (tmp_path / "e.csv").write_text(f"case,source,target,strength\n{rows}")
    with pytest.raises(connectome.SpecError, match="sums to 100 into each target of an injection"):
        read("table", tmp_path / "e.csv")
    found = read("table", tmp_path / "e.csv", fln_column="strength", scale="percent")
    assert fln(found) == pytest.approx([0.85, 0.15, 1])
    with pytest.raises(connectome.SpecError, match=r"the FLNe of V2 -> V1 sum to 1\.7"):
        read("table", tmp_path / "e.csv", fln_column="strength", scale="percent", aggregate="sum")


@pytest.mark.parametrize("name", ["catalog", "logical", "prologue", "analogue weight"])
def test_other_words_are_no_logarithms(name: str) -> None:
    assert (bare(name), of_name(name)) == (name, "plain")
