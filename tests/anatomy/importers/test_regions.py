"""Edges with a row for each region, as neuPrint lists them: https://connectome-neuprint.github.io/neuprint-python/."""

from pathlib import Path
from typing import Any

import pytest

from cortexc.anatomy.importers import Imported, read

HEAD = "bodyId_pre,bodyId_post,roi,weight\n"
OVERLAPPING = HEAD + (
    "101,103,LOP(R),10\n101,103,LOP_L1(R),6\n101,103,LOP_L2(R),4\n102,103,LOP(R),5\n103,102,ME(R),2\n104,103,LOP(R),3\n"
)
NEURONS = "bodyId,type,region,layer\n101,Mi1,ME,\n102,Tm3,ME,\n103,T4a,LOP,\n104,LPi,LOP,\n"


@pytest.fixture
def edges(tmp_path: Path) -> Any:
    (tmp_path / "neurons.csv").write_text(NEURONS)

    def read_it(*texts: str) -> Imported:
        paths = [tmp_path / f"{i}.csv" for i in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return read("synapses", paths, neurons=str(tmp_path / "neurons.csv"), area_column="region")

    return read_it


def strength(found: Imported, source: str = "ME", target: str = "LOP") -> float | None:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections}[source, target]


def test_synapses_in_a_region_and_its_part_count_once(edges: Any) -> None:
    found = edges(OVERLAPPING)
    assert strength(found) == 15
    assert "2 rows of parts of regions (`roi`)" in found.report.as_text()


def test_so_they_do_where_the_rows_of_a_pair_are_in_two_files(edges: Any) -> None:
    lines = OVERLAPPING.removeprefix(HEAD).splitlines(keepends=True)
    found = edges(HEAD + "".join(reversed(lines[1:])), HEAD + lines[0])
    assert strength(found) == 15


def test_a_part_counts_where_the_whole_has_no_row(edges: Any) -> None:
    assert strength(edges(OVERLAPPING + "102,104,LOP_L1(R),7\n")) == 22


def test_regions_beside_each_other_are_added_and_the_report_says_so(edges: Any) -> None:
    found = edges(OVERLAPPING.replace("LOP_L", "LO_L"))
    assert strength(found) == 25
    assert "rows of one pair = summed (6 rows are of 4 pairs; synapses count twice if regions of `roi` overlap" in (
        found.report.as_text()
    )


def test_what_has_more_synapses_than_the_whole_is_no_part_of_it(edges: Any) -> None:
    found = edges(OVERLAPPING.replace("LOP_L1(R),6", "LOP_L1(R),60"))
    assert strength(found) == 79
    assert "regions of `roi` = apart from each other" in found.report.as_text()
