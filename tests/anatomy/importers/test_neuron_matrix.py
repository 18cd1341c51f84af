"""Matrices of neurons beside a table of neurons, and strengths below 0."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse

from cortexc import connectome
from cortexc.anatomy.importers import Imported, from_graph, read

NEURONS = "id,area\n11,V1\n12,V1\n13,V2\n14,V2\n"
MATRIX = np.array([[0, 1, 2, 0], [0, 0, 3, 0], [4, 0, 0, 0], [0, 0, 0, 0.0]])
LABELLED = "id,14,13,12,11\n14,0,0,0,0\n13,0,0,0,4\n12,0,3,0,0\n11,0,2,1,0\n"
"""The same matrix in another order."""


def weights(found: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)}


@pytest.fixture
def imported(tmp_path: Path) -> Any:
    (tmp_path / "n.csv").write_text(NEURONS)

    def read_it(name: str, **options: Any) -> Imported:
        return read("synapses", tmp_path / name, neurons=str(tmp_path / "n.csv"), **options)

    return read_it


@pytest.mark.parametrize("name", ["m.npy", "m.npz", "m.csv"])
def test_a_matrix_of_neurons_is_what_the_list_of_its_entries_is(imported: Any, tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "m.npy", MATRIX)
    scipy.sparse.save_npz(tmp_path / "m.npz", scipy.sparse.csr_array(MATRIX))
    (tmp_path / "m.csv").write_text(LABELLED)
    entries = [(11 + i, 11 + j, MATRIX[i, j]) for i, j in np.argwhere(MATRIX)]
    (tmp_path / "e.csv").write_text("pre,post,weight\n" + "".join(f"{a},{b},{w}\n" for a, b, w in entries))
    listed = imported("e.csv")
    assert weights(listed) == {("V1", "V2"): 5, ("V2", "V1"): 4}
    found = imported(name, rows="source")
    assert found.connectome.projections == listed.connectome.projections
    assert found.connectome.circuits == listed.connectome.circuits
    assert weights(imported(name, rows="target")) == {("V1", "V2"): 4, ("V2", "V1"): 5}


def test_what_a_matrix_of_neurons_lacks_is_said(imported: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", MATRIX)
    np.save(tmp_path / "three.npy", MATRIX[:3, :3])
    np.save(tmp_path / "negative.npy", -MATRIX)
    (tmp_path / "m.csv").write_text(LABELLED.replace("14", "15"))
    for name, options, message in (
        ("m.npy", {}, "does not say what its rows are"),
        ("three.npy", {"rows": "source"}, "the matrix is 3 x 3, and the table has 4 neurons"),
        ("negative.npy", {"rows": "source"}, "is no number of synapses"),
        ("m.csv", {"rows": "source"}, "the neuron `15` of the matrix is not in the table"),
    ):
        with pytest.raises(connectome.SpecError, match=message):
            imported(name, **options)


SIGNED = {("a", "b"): -1.0, ("b", "a"): 2.0, ("b", "c"): -3.0, ("c", "a"): 1.0}


@pytest.mark.parametrize(
    ("negative", "expected"),
    [
        ("absolute", {pair: abs(w) for pair, w in SIGNED.items()}),
        ("drop", {pair: w for pair, w in SIGNED.items() if w > 0}),
    ],
)
def test_negative_strengths_are_refused_or_follow_a_rule(
    tmp_path: Path, negative: Any, expected: dict[tuple[str, str], float]
) -> None:
    (tmp_path / "e.csv").write_text(
        "source,target,weight\n" + "".join(f"{a},{b},{w}\n" for (a, b), w in SIGNED.items())
    )
    cells = [[SIGNED.get((a, b), 0.0) for b in "abc"] for a in "abc"]
    rows = "".join(f"{a},{','.join(map(str, line))}\n" for a, line in zip("abc", cells, strict=True))
    (tmp_path / "m.csv").write_text(",a,b,c\n" + rows)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_weighted_edges_from((a, b, w) for (a, b), w in SIGNED.items())
    with pytest.raises(connectome.SpecError, match="is -1") as caught:
        read("table", tmp_path / "e.csv")
    assert "--negative" in next(iter(caught.value.report)).help
    for found in (
        read("table", tmp_path / "e.csv", negative=negative),
        read("matrix", tmp_path / "m.csv", rows="source", negative=negative),
        from_graph(graph, negative=negative),
    ):
        assert weights(found) == expected
        assert "2 negative weights" in found.report.as_text()
