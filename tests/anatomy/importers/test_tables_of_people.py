"""Tables as people write them: titles above, alternatives to choose, values that are not known, names such as NA."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.io

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read

TITLE = "Table S1. Strengths of projections\n\n"
ROWS = "source,target,weight,kind\na,b,1,x\nb,c,2,y\nc,a,3,z\na,c,4,x\n"


def pairs(found: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)}


ALL = {("a", "b"): 1, ("b", "c"): 2, ("c", "a"): 3, ("a", "c"): 4}


def test_lines_before_the_table_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(TITLE + ROWS)
    found = read("table", tmp_path / "e.csv", skip_rows=2)
    assert pairs(found) == ALL
    assert [(d.count, d.what) for d in found.report.dropped] == [(2, "lines before the table")]
    (tmp_path / "m.csv").write_text("Table S2\n,a,b\na,0,1\nb,2,0\n")
    assert pairs(read("matrix", tmp_path / "m.csv", rows="source", skip_rows=1)) == {("a", "b"): 1, ("b", "a"): 2}
    data = pd.DataFrame([line.split(",") for line in (TITLE.strip() + ",,,\n" + ROWS).splitlines()])
    data.to_excel(tmp_path / "e.xlsx", header=False, index=False)
    assert pairs(read("table", tmp_path / "e.xlsx", skip_rows=1)) == ALL


@pytest.mark.parametrize("title", ["Table S1,,,\n,,,\n", "Table S1\n\n"])
def test_without_it_the_message_says_how_many_lines_they_are(tmp_path: Path, title: str) -> None:
    (tmp_path / "e.csv").write_text(title + ROWS)
    with pytest.raises(connectome.SpecError) as caught:
        read("table", tmp_path / "e.csv")
    assert "--skip-rows" in (said := next(iter(caught.value.report)).help)
    assert "--skip-rows 2" in said or "," not in title


def test_locations_count_the_lines_before_the_table(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(TITLE + ROWS.replace("b,c,2", "b,c,-2"))
    with pytest.raises(connectome.SpecError) as caught:
        read("table", tmp_path / "e.csv", skip_rows=2)
    assert next(iter(caught.value.report)).span.line == 5


def test_two_values_of_one_column_are_alternatives_and_two_columns_are_not(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(ROWS)
    chosen = read("table", tmp_path / "e.csv", where=("kind=x", "kind=y"))
    assert set(pairs(chosen)) == {("a", "b"), ("b", "c"), ("a", "c")}
    chosen = read("table", tmp_path / "e.csv", where=("kind=x", "kind=y", "source=a"))
    assert set(pairs(chosen)) == {("a", "b"), ("a", "c")}
    for clauses, message in ((("kind=x", "kind=w"), "no row has `w`"), (("kind=y", "source=a"), "no row is left")):
        with pytest.raises(connectome.SpecError, match=message):
            read("table", tmp_path / "e.csv", where=clauses)
    (tmp_path / "n.csv").write_text("id,area\na,V1\nb,V2\nc,V4\n")
    neurons = str(tmp_path / "n.csv")
    found = read("synapses", tmp_path / "e.csv", neurons=neurons, where=("kind=y", "kind=z"))
    assert pairs(found) == {("V2", "V4"): 2, ("V4", "V1"): 3}


@pytest.mark.parametrize("text", ["n.a.", "N/A", "NaN", "n.d.", "#N/A", "<NA>", "-", "?"])
def test_what_is_not_known_is_empty_or_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "e.csv").write_text(f"source,target,weight,SLN\na,b,1,{text}\nb,a,2,0.5\n")
    assert [p.sln for p in read("table", tmp_path / "e.csv").connectome.projections if p.source == ("data",)] == [
        None,
        0.5,
    ]
    (tmp_path / "m.csv").write_text(f",a,b,c\na,{text},1,2\nb,3,{text},4\nc,1,1,0\n")
    found = read("matrix", tmp_path / "m.csv", rows="source")
    assert not found.connectome.lateral
    assert "2 connections of areas to themselves" in found.report.as_text()
    (tmp_path / "m.csv").write_text(f",a,b\na,0,{text}\nb,3,0\n")
    with pytest.raises(connectome.SpecError, match="is no number"):
        read("matrix", tmp_path / "m.csv", rows="source")


def test_names_that_a_workbook_made_dates_of_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"source": [pd.Timestamp("2026-03-01"), "V1"], "target": ["V1", "V2"], "weight": [1, 2]}).to_excel(
        tmp_path / "e.xlsx", index=False
    )
    (tmp_path / "e.csv").write_text("source,target,weight\n1-Mar,V1,2\nV1,V2,1\n")
    (tmp_path / "m.csv").write_text(",1-Mar,V1\n1-Mar,0,1\nV1,1,0\n")
    for format, name in (("table", "e.xlsx"), ("table", "e.csv"), ("matrix", "m.csv")):
        with pytest.raises(connectome.SpecError, match="is a date"):
            read(format, tmp_path / name)


NAMES = ("NA", "null", "None", "nan")
RING = {(a, b): float(i + 1) for i, (a, b) in enumerate(zip(NAMES, NAMES[1:] + NAMES[:1], strict=True))}
FRAME = pd.DataFrame([(a, b, w) for (a, b), w in RING.items()], columns=["source", "target", "weight"])
MATRIX = np.array([[RING.get((a, b), 0.0) for b in NAMES] for a in NAMES])
LABELLED = pd.DataFrame(MATRIX, list(NAMES), list(NAMES))


def ring() -> "nx.DiGraph[str]":
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_weighted_edges_from((a, b, w) for (a, b), w in RING.items())
    return graph


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["m"], file["names"] = MATRIX, list(NAMES)


WRITERS: dict[str, tuple[str, Callable[[Path], Any], dict[str, Any]]] = {
    "e.csv": ("table", lambda p: FRAME.to_csv(p, index=False), {}),
    "e.xlsx": ("table", lambda p: FRAME.to_excel(p, index=False), {}),
    "e.parquet": ("table", FRAME.to_parquet, {}),
    "e.feather": ("table", FRAME.to_feather, {}),
    "m.csv": ("matrix", LABELLED.to_csv, {"rows": "source"}),
    "m.xlsx": ("matrix", LABELLED.to_excel, {"rows": "source"}),
    "m.mat": (
        "matrix",
        lambda p: scipy.io.savemat(p, {"m": MATRIX, "names": np.array(NAMES, object)}),
        {"rows": "source"},
    ),
    "m.h5": ("matrix", _hdf5, {"rows": "source"}),
    "g.graphml": ("graphml", lambda p: nx.write_graphml(ring(), p), {}),
    "g.gexf": ("graphml", lambda p: nx.write_gexf(ring(), p), {}),
    "g.gml": ("graphml", lambda p: nx.write_gml(ring(), p), {}),
    "g.net": ("graphml", lambda p: nx.write_pajek(ring(), p), {}),
    "g.json": ("graphml", lambda p: p.write_text(json.dumps(nx.node_link_data(ring(), edges="edges"))), {}),
}


@pytest.mark.parametrize("name", WRITERS)
def test_areas_may_be_called_as_what_is_missing_is(tmp_path: Path, name: str) -> None:
    format, write, options = WRITERS[name]
    write(tmp_path / name)
    found = read(format, tmp_path / name, **options)
    assert pairs(found) == RING
    found.write(tmp_path / "spec.yaml")
    assert connectome.load(tmp_path / "spec.yaml") == found.connectome
