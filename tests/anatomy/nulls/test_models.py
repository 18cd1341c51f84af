"""Null models keep what they say they keep, exactly."""

import gc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cortexc import compiler, connectome
from cortexc.anatomy.nulls import MODELS, NullError, ignores_seed, null
from cortexc.connectome.area_graph import strength
from cortexc.connectome.model import Connectome, Projection
from cortexc.main import main
from tests.random_connectomes import random_connectome  # type: ignore[import-not-found]

SPEC = connectome.load("macaque-ventral")


def between(spec: Connectome) -> list[Projection]:
    return [p for p in spec.projections if p.origin in spec.areas]


def degrees(spec: Connectome) -> tuple[Counter[str], Counter[str]]:
    return Counter(p.origin for p in between(spec)), Counter(p.target for p in between(spec))


def pairs(spec: Connectome) -> set[tuple[str, str]]:
    return {(p.origin, p.target) for p in between(spec)}


def network(seed: int = 0, areas: int = 12, edges: int = 50) -> Connectome:
    """Return a network that has room to move, with distances of all pairs that are joined."""
    rng = np.random.default_rng(seed)
    names = [f"A{i}" for i in range(areas)]
    chosen = rng.permutation(areas * (areas - 1))[:edges]
    ends = [(int(k // (areas - 1)), int(k % (areas - 1))) for k in chosen]
    ends = [(a, b + (b >= a)) for a, b in ends]
    place = rng.random((areas, 2)) * 30
    spec = connectome.from_edges(
        [names[a] for a, _ in ends], [names[b] for _, b in ends], rng.random(len(ends)) + 0.01, input_to=None
    )
    far = {(names[a], names[b]): float(np.hypot(*(place[a] - place[b]))) for a, b in ends}
    projections = tuple(
        p.model_copy(update={"distance_mm": far[p.origin, p.target], "sln": float(rng.random())})
        if (p.origin, p.target) in far
        else p
        for p in spec.projections
    )
    return spec.model_copy(update={"projections": projections})


@pytest.mark.parametrize("spec", ["macaque-ventral", "nothing"])
def test_the_command_leaves_the_garbage_collector_as_it_was(spec: str, tmp_path: Path) -> None:
    assert gc.isenabled()
    status = main(["null", spec, "--model", "degree", "-o", str(tmp_path / "null.yaml")])
    assert (status, gc.isenabled()) == (0 if spec == "macaque-ventral" else 2, True)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_says_what_it_kept_loads_again_and_compiles(model: str, tmp_path: Path) -> None:
    found = null(SPEC, model, seed=3)
    record = found.null_model
    assert record is not None
    assert (record.model, record.of, record.seed) == (model, "macaque-ventral", 3)
    assert record.kept == MODELS[model].kept
    assert record.destroyed
    connectome.dump(found, tmp_path / "null.yaml")
    assert connectome.load(tmp_path / "null.yaml") == found
    assert compiler.check(tmp_path / "null.yaml").errors == []
    assert compiler.compile(found).parameter_counts["attention"] > 0
    assert [p for p in found.projections if p.origin == "LGN"] == [
        p.model_copy(update={"source": q.source}) if model == "uniform" else p
        for p, q in zip(SPEC.projections[:1], found.projections[:1], strict=True)
    ]


@pytest.mark.parametrize("model", MODELS)
def test_seeds_decide_unless_they_are_ignored(model: str) -> None:
    spec = (
        connectome.load("macaque-ventral") if model in {"laminar", "reversed"} else network()
    )  # of circuits with layers

    def made(seed: int) -> tuple[object, object]:
        found = null(spec, model, seed=seed)
        return found.projections, found.circuits

    assert made(1) == made(1)
    same = [other for other in map(made, range(2, 6)) if other == made(1)]
    assert ignores_seed(spec, model) == (len(same) == 4), f"`random` of {model} in MODELS"


@pytest.mark.parametrize("seed", range(5))
def test_degree_keeps_degrees_and_what_each_area_receives(seed: int) -> None:
    for spec in (SPEC, network(seed)):
        found = null(spec, "degree", seed=seed)
        assert degrees(found) == degrees(spec)
        for area in spec.areas:
            kept = [
                Counter((strength(p), p.sln, p.mode) for p in between(s) if p.target == area) for s in (spec, found)
            ]
            assert kept[0] == kept[1]
        assert found.projections != spec.projections
    assert pairs(null(network(seed), "degree", seed=seed)) != pairs(network(seed))


def sent(spec: Connectome) -> np.ndarray:
    """Return how strongly each area sends in all."""
    return np.array([sum(strength(p) for p in between(spec) if p.origin == area) for area in spec.areas])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spec", ["macaque-29", "network"])
def test_strength_keeps_what_degree_keeps_and_how_strongly_each_area_sends(spec: str, seed: int) -> None:
    before = network(seed) if spec == "network" else connectome.load(spec)
    found = null(before, "strength", seed=seed)
    assert degrees(found) == degrees(before)
    for area in before.areas:
        kept = [Counter((strength(p), p.sln) for p in between(s) if p.target == area) for s in (before, found)]
        assert kept[0] == kept[1]
    apart = np.abs(sent(found) - sent(before)).sum() / 2 / sent(before).sum()
    assert apart <= 0.02
    by_degree = null(before, "degree", seed=seed)
    assert apart < np.abs(sent(by_degree) - sent(before)).sum() / 2 / sent(before).sum()
    assert pairs(found) != pairs(before)


def test_strength_is_refused_where_no_wiring_keeps_it() -> None:
    names = [f"A{i}" for i in range(12)]  # a ring: each area receives one projection, so there is nothing to exchange
    spec = connectome.from_edges(names, [*names[1:], names[0]], 4.0 ** -np.arange(12), input_to="A0")
    with pytest.raises(NullError, match=r"to within 2 % of all strength: in the nearest one \d+ % moved; `degree`"):
        null(spec, "strength", seed=0)


@pytest.mark.parametrize("model", ["random", "lattice"])
def test_random_and_lattice_keep_the_number_and_the_strengths(model: str) -> None:
    spec = network()
    found = null(spec, model, seed=1)
    assert len(pairs(found)) == len(pairs(spec))
    assert Counter(map(strength, between(found))) == Counter(map(strength, between(spec)))
    assert pairs(found) != pairs(spec)
    if model == "lattice":
        from cortexc.connectome.hierarchy import order

        rank = {name: i for i, name in enumerate(order(spec))}
        steps = [abs(rank[p.origin] - rank[p.target]) for p in sorted(between(found), key=strength, reverse=True)]
        assert steps == sorted(steps)


def test_weights_keeps_every_projection_and_deals_the_strengths() -> None:
    spec = network()
    found = null(spec, "weights", seed=1)
    for before, after in zip(spec.projections, found.projections, strict=True):
        assert (before.origin, before.target, before.sln, before.distance_mm, before.topography) == (
            after.origin, after.target, after.sln, after.distance_mm, after.topography,
        )  # fmt: skip
    assert Counter(map(strength, between(found))) == Counter(map(strength, between(spec)))
    assert [strength(p) for p in between(found)] != [strength(p) for p in between(spec)]


def test_distance_keeps_each_class_of_distance() -> None:
    spec = network(edges=90)
    found = null(spec, "distance", seed=1)
    known = {pair: p.distance_mm or 0.0 for p in between(spec) for pair in ((p.origin, p.target), (p.target, p.origin))}
    edges = np.quantile(list(known.values()), np.linspace(0, 1, 11)[1:-1])

    def classes(s: Connectome) -> Counter[tuple[int, float, float | None]]:
        return Counter(
            (int(np.searchsorted(edges, known[p.origin, p.target], side="right")), strength(p), p.sln)
            for p in between(s)
        )

    assert classes(found) == classes(spec)
    assert pairs(found) != pairs(spec)
    with pytest.raises(NullError, match="has no distance_mm"):
        null(connectome.from_edges(["a", "b", "c"], ["b", "c", "a"]), "distance")


def test_reversed_keeps_the_wiring_and_turns_the_direction() -> None:
    from cortexc.connectome.hierarchy import direction, levels, order

    found = null(SPEC, "reversed")
    assert levels(found) == levels(SPEC)
    rank = {name: i for i, name in enumerate(order(SPEC))}
    turned = {"feedforward": "feedback", "feedback": "feedforward", "lateral": "lateral"}
    for before, after in zip(between(SPEC), between(found), strict=True):
        assert (before.origin, before.target, before.fln) == (after.origin, after.target, after.fln)
        assert after.sln == pytest.approx(1 - (before.sln or 0))
        assert direction(after, found, rank) == turned[direction(before, SPEC, rank)]


def test_laminar_keeps_the_circuit_as_a_graph() -> None:
    found = null(SPEC, "laminar", seed=1)
    before, after = SPEC.circuits["granular"], found.circuits["granular"]
    assert (before.roles, found.projections) == (after.roles, SPEC.projections)
    assert before.connections is not None
    assert after.connections is not None
    one, two = np.array(before.connections.probability), np.array(after.connections.probability)
    cells = {p.cells: n for n, p in before.populations.items()}
    names = list(before.populations)
    place = [names.index(cells[after.populations[n].cells]) for n in names]
    assert place != list(range(len(names)))
    assert np.array_equal(two, one[np.ix_(place, place)])
    for i, j in enumerate(place):
        assert before.populations[names[i]].kind == before.populations[names[j]].kind
        assert before.populations[names[i]].width == after.populations[names[i]].width


def test_uniform_keeps_the_mask_and_levels_every_weight() -> None:
    found = null(SPEC, "uniform")
    one, two = compiler.compile(SPEC), compiler.compile(found)
    assert list(one.connections) == list(two.connections)
    for name, mask in one.connections.items():
        level = two.connections[name]
        assert np.array_equal(mask.indptr, level.indptr)
        assert np.array_equal(mask.indices, level.indices)
        rows = np.repeat(np.diff(level.indptr), np.diff(level.indptr))
        assert level.weight == pytest.approx(1 / rows)
    assert len({strength(p) for p in between(found)}) == 1
    assert sum(map(strength, between(found))) == pytest.approx(sum(map(strength, between(SPEC))))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", range(4))
def test_every_model_works_on_random_connectomes_or_says_why_not(model: str, seed: int) -> None:
    spec = random_connectome(seed)
    try:
        found = null(spec, model, seed=seed)
    except NullError:
        return
    assert connectome.check(found).errors == []


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(NullError, match="one of degree"):
        null(SPEC, "degre")
    with pytest.raises(NullError, match="fewer than two"):
        null(connectome.load("vit-tiny"), "degree")


def test_the_command_writes_what_was_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "null.yaml"
    words = ["null", "macaque-ventral", "--model", "degree", "--seed", "7", "-o", str(out)]
    assert main(words) == 0
    assert "kept: how many projections each area sends" in capsys.readouterr().out
    text = out.read_text()
    assert text.startswith("# degree null model of macaque-ventral, seed 7.\n# kept:")
    assert "null_model:" in text
    assert main(words) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["null", "vit-tiny", "--model", "degree", "-o", str(tmp_path / "x.yaml")]) == 2
    assert "fewer than two projections" in capsys.readouterr().err
    assert not (tmp_path / "x.yaml").exists()


@pytest.mark.parametrize(
    ("name", "model", "seed"),
    [("macaque-29", "degree", 7), ("macaque-29", "random", 7), ("macaque-ventral", "laminar", 1)],
)
def test_what_the_original_accepts_stays_accepted(name: str, model: str, seed: int, tmp_path: Path) -> None:
    connectome.dump(null(connectome.load(name), model, seed=seed), tmp_path / "null.yaml")
    assert list(compiler.check(tmp_path / "null.yaml")) == []


def test_a_threshold_is_said_to_leave_out_other_pathways() -> None:
    spec = connectome.load("macaque-multiscale")
    for model, moved in {"uniform": True, "random": True, "reversed": False, "laminar": False}.items():
        record = null(spec, model, seed=1).null_model
        assert record is not None
        assert any("minimum_weight, 0.005" in text for text in record.destroyed) == moved, model
    assert not any("minimum_weight" in text for text in null(SPEC, "uniform").null_model.destroyed)  # type: ignore[union-attr]


def test_reversed_needs_layers() -> None:
    areas = {name: area.model_copy(update={"circuit": None}) for name, area in SPEC.areas.items()}
    with pytest.raises(NullError, match="no area has a laminar circuit"):
        null(SPEC.model_copy(update={"areas": areas, "circuits": {}}), "reversed")
