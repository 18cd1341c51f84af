"""The graph of areas, on graphs that can be checked by eye, and against networkx on random ones."""

import time

import networkx as nx
import numpy as np
import pytest

from cortexc import connectome
from cortexc.connectome.area_graph import AreaGraph, area_graph, components, steps, strength
from cortexc.connectome.model import Projection

# input -> a -> b -> c -> a, c -> d, e -> d, f
SPEC = connectome.from_edges(["a", "b", "c", "c", "e", "f"], ["b", "c", "a", "d", "d", "g"], [6, 5, 4, 3, 2, 1])
GRAPH = area_graph(SPEC)


def named(graph: AreaGraph, values: np.ndarray) -> dict[str, int]:
    return dict(zip(graph.names, values.tolist(), strict=True))


def test_strength_is_flne_else_weight_else_one() -> None:
    ends = {"from": "a", "to": "b"}
    given = ({"fln": 0.2}, {"fln": 0.0}, {"weight": 3.0}, {})
    assert [strength(Projection.model_validate(ends | one)) for one in given] == [0.2, 0.0, 3.0, 1.0]


def test_edges_are_the_projections() -> None:
    assert GRAPH.names == ("LGN", "a", "b", "c", "d", "e", "f", "g")
    for i, origin, target, strong in zip(GRAPH.projection, GRAPH.origin, GRAPH.target, GRAPH.strength, strict=True):
        p = SPEC.projections[i]
        assert (GRAPH.names[origin], GRAPH.names[target], strong) == (p.origin, p.target, strength(p))
    ends = [(edge, node) for node, edges in enumerate(GRAPH.outgoing) for edge in edges.tolist()]
    assert sorted(ends) == list(enumerate(GRAPH.origin.tolist()))
    assert [GRAPH.names[i] for i in GRAPH.origin[GRAPH.incoming[GRAPH.node["d"]]]] == ["c", "e"]
    assert [len(edges) for edges in GRAPH.incoming] == [0, 2, 1, 1, 2, 0, 0, 1]


def test_steps_count_edges_along_and_against_them() -> None:
    lost = {"e": -1, "f": -1, "g": -1}
    assert named(GRAPH, GRAPH.steps_from("LGN")) == {"LGN": 0, "a": 1, "b": 2, "c": 3, "d": 4} | lost
    assert named(GRAPH, GRAPH.steps_to("d")) == {"LGN": 4, "a": 3, "b": 2, "c": 1, "d": 0, "e": 1, "f": -1, "g": -1}
    assert steps(GRAPH.origin, GRAPH.target, 8, []).tolist() == [-1] * 8
    assert steps(GRAPH.origin, GRAPH.target, 8, [2, 5]).tolist() == [-1, 2, 0, 1, 1, 0, -1, -1]


def test_parts_are_weak_or_strong() -> None:
    weak, strong = GRAPH.components(), GRAPH.components(strong=True)
    assert [set(np.flatnonzero(weak == one).tolist()) for one in np.unique(weak)] == [{0, 1, 2, 3, 4, 5}, {6, 7}]
    assert {1, 2, 3} in [set(np.flatnonzero(strong == one).tolist()) for one in np.unique(strong)]
    assert len(np.unique(strong)) == 6


def test_projections_to_what_is_no_area_are_left_out() -> None:
    stray = Projection.model_validate({"from": "a", "to": "nowhere"})
    spec = SPEC.model_copy(update={"projections": (stray, *SPEC.projections)})
    assert area_graph(spec).projection.tolist() == list(range(1, len(spec.projections)))
    none = area_graph(SPEC.model_copy(update={"projections": ()}))
    assert (len(none.origin), none.components().tolist(), [len(e) for e in none.outgoing]) == (
        0,
        list(range(8)),
        [0] * 8,
    )


@pytest.mark.parametrize("seed", range(20))
def test_it_agrees_with_networkx(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 40))
    origin, target = rng.integers(0, size, (2, int(rng.integers(0, 3 * size))))
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from(zip(origin.tolist(), target.tolist(), strict=True))
    expected = nx.single_source_shortest_path_length(graph, 0)
    assert steps(origin, target, size, [0]).tolist() == [expected.get(i, -1) for i in range(size)]
    for strong, find in ((False, nx.weakly_connected_components), (True, nx.strongly_connected_components)):
        found = components(origin, target, size, strong=strong)
        groups = {frozenset(np.flatnonzero(found == one).tolist()) for one in np.unique(found)}
        assert groups == {frozenset(one) for one in find(graph)}


def test_a_large_graph_takes_seconds_and_not_its_square() -> None:
    rng = np.random.default_rng(0)
    origin, target = rng.integers(0, 20_000, (2, 1_000_000))
    start = time.process_time()
    assert steps(origin, target, 20_000, [0]).max() < 20
    assert components(origin, target, 20_000, strong=True).max() == 0
    assert time.process_time() - start < 20  # 0.6 s; with all pairs of areas it would be minutes
