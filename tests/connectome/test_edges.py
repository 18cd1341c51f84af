"""A connectome straight from arrays or a graph."""

import networkx as nx
import numpy as np
import pytest

from cortexc import compiler, connectome


def test_arrays_become_a_connectome_that_compiles() -> None:
    spec = connectome.from_edges(np.array(["V1", "V1", "V2"]), np.array(["V2", "V4", "V4"]), np.array([0.7, 0.1, 0.4]))
    assert list(connectome.check(spec)) == []
    assert list(spec.areas) == ["V1", "V2", "V4"]
    assert [p.weight for p in spec.projections[1:]] == [0.7, 0.1, 0.4]
    assert compiler.compile(spec).parameter_counts["total"] > 0


def test_a_graph_gives_the_same() -> None:
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([("V1", "V2", 0.7), ("V1", "V4", 0.1), ("V2", "V4", 0.4)])
    assert connectome.from_edges(graph) == connectome.from_edges(
        ["V1", "V1", "V2"], ["V2", "V4", "V4"], [0.7, 0.1, 0.4]
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((["a"], ["b", "c"]), "target has 2"),
        ((["a"], ["b"], [1, 2]), "weight has 2"),
        (([], []), "no edges"),
        ((["a", "a"], ["b", "b"]), "given twice, at 0 and 1"),
        ((["a"], ["a"]), "lateral kernel"),
        ((["a"], ["b"], [float("nan")]), "must be positive"),
        ((["a"], ["b"], [-1.0]), "must be positive"),
        ((["a"], ["b"], [float("inf")]), "must be positive"),
        ((["a"],), "directed networkx graph"),
        ((nx.Graph([("a", "b")]),), "directed networkx graph"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[object, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        connectome.from_edges(*arguments)  # type: ignore[arg-type]


def test_a_readout_that_is_no_area_is_refused() -> None:
    with pytest.raises(ValueError, match="readout is 'c'"):
        connectome.from_edges(["a"], ["b"], readout="c")
