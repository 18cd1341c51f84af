"""The null models: each makes a connectome that keeps some properties of another one exactly, and destroys others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np

from cortexc.connectome.allowances import pair_of
from cortexc.connectome.area_graph import AreaGraph, area_graph, steps, strength
from cortexc.connectome.hierarchy import direction, order, ranks
from cortexc.connectome.laminar import in_degrees, roles
from cortexc.connectome.model import (
    All,
    Allowance,
    Checker,
    Circuit,
    Connections,
    Connectome,
    Disc,
    Exponential,
    Gaussian,
    Kernel,
    Matrix,
    MatrixData,
    NullModel,
    OneToOne,
    Patchy,
    Retinotopic,
    Source,
)
from cortexc.connectome.topography import is_tied, reach

from . import rewiring

ATTEMPTS = 100
"""This many random wirings are tried until the image can reach the readout."""
STRENGTH_ATTEMPTS = 20
"""This many random wirings are tried until the strengths that areas send can be kept."""
STRENGTH_TOLERANCE = 0.02
"""Largest fraction of all strength that may be sent by another area than before."""
LENGTH_CLASSES = 10
"""Number of distance classes, with equally many known pairs each."""
CITED = "null-model"
THRESHOLD = "which pathways are weaker than attention.minimum_weight, {:g}, and left out when compiled"
BROKEN_RULES = ("sln-against-hierarchy", "sln-against-direction", "weight-against-distance")
"""Rules of the checker for real anatomy, which null models need not follow."""


class NullError(ValueError):
    """This null model cannot be made of this connectome."""


@dataclass(frozen=True)
class Model:
    """A null model: its function, and the properties that it keeps exactly and destroys."""

    make: Callable[[Connectome, np.random.Generator], dict[str, Any]]
    kept: tuple[str, ...]
    destroyed: tuple[str, ...]
    broken: tuple[str, ...] = ()
    """More rules of the checker that the null model need not follow."""
    random: bool = True
    """Whether it draws random numbers whatever the connectome; otherwise `ignores_seed` makes one and looks."""
    strengths: bool = True
    """Whether strengths move or change, so that other pathways than before may be below the threshold."""


def null(connectome: Connectome, model: str, *, seed: int = 0) -> Connectome:
    """Return a null model of a connectome; its field ``null_model`` lists what is kept and what is destroyed.

    Areas, the input and its projections, horizontal connections, dynamics and readout are the same in every model.
    Projections that need grids of the same shape (one_to_one, matrix, patchy) and relays are not moved. The image can
    always reach the readout through some chain of projections: wirings in which it cannot are drawn again. The bounds
    of cost of the original are removed.

    Raises:
        NullError: an unknown model, a negative seed, or a connectome in which the model can change nothing.
    """
    if model not in MODELS:
        raise NullError(f"there is no null model {model!r}: one of {', '.join(MODELS)}")
    if seed < 0:
        raise NullError(f"the seed is {seed}, and must be at least 0")
    chosen = MODELS[model]
    update = chosen.make(connectome, np.random.default_rng([seed, *model.encode()]))
    threshold = connectome.attention.minimum_weight
    destroyed = (*chosen.destroyed, *((THRESHOLD.format(threshold),) if threshold > 0 and chosen.strengths else ()))
    record = NullModel(model=model, of=connectome.name, seed=seed, kept=chosen.kept, destroyed=destroyed)
    note = f"{model} null model of {connectome.name}, seed {seed}. The numbers are no measurements of these pairs."
    sources = {**connectome.sources, CITED: Source(note=note, status="assumed")}
    reason = f"a {model} null model: what these rules look for is destroyed on purpose"
    allowed = tuple(Allowance(rule=name, reason=reason) for name in (*BROKEN_RULES, *chosen.broken))
    pairs = {(p.origin, p.target) for p in update.get("projections", connectome.projections)}
    inherited = tuple(one for one in connectome.checker.allow if (ends := pair_of(one)) is None or ends in pairs)
    checker = Checker(allow=(*inherited, *allowed))
    return connectome.model_copy(
        update={
            **update,
            "checker": checker,
            "name": f"{connectome.name}-{model}-{seed}"[:200],
            "description": f"A {model} null model (seed {seed}) of {connectome.name}",
            "sources": sources,
            "null_model": record,
            "locations": type(connectome.locations)(),
        }
    )


def ignores_seed(connectome: Connectome, model: str) -> bool:
    """Whether every seed gives the same null model: `uniform` and `reversed` are not random, and `lattice` is only if
    the projections of its longest distance do not fill all pairs at that distance.

    Raises:
        NullError: there is no such null model of this connectome.
    """
    if MODELS[model].random:
        return False
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    MODELS[model].make(connectome, rng)
    return rng.bit_generator.state == before


def _movable(connectome: Connectome) -> np.ndarray:
    """Return the indices of projections that can connect any two areas, as int64 (movable,).

    Raises:
        NullError: there are fewer than two.
    """
    found = [
        i
        for i, p in enumerate(connectome.projections)
        if p.origin in connectome.areas and p.origin != p.target and p.mode != "relay" and not is_tied(p.topography)
    ]
    if len(found) < 2:
        raise NullError("fewer than two projections between areas can be moved: there is nothing to randomise")
    return np.array(found, np.int64)


def _all_movable(connectome: Connectome) -> np.ndarray:
    """Return the indices of projections between areas, as int64 (movable,), if all of them can be moved.

    Otherwise a moved projection could get the same ends as one that cannot be moved.

    Raises:
        NullError: some projections between areas cannot move.
    """
    found = _movable(connectome)
    movable = set(found.tolist())
    for i, p in enumerate(connectome.projections):
        if i not in movable and p.origin in connectome.areas:
            kind = p.mode if p.mode == "relay" else p.topography.type
            raise NullError(f"{p.origin} -> {p.target} cannot move ({kind}): this null model needs all of them to move")
    return found


def _distances(connectome: Connectome) -> dict[tuple[str, str], float]:
    """Return the known distances of pairs of areas, in both directions [mm]."""
    found: dict[tuple[str, str], float] = {}
    for p in connectome.projections:
        if p.distance_mm is not None:
            found.setdefault((p.target, p.origin), p.distance_mm)
            found[p.origin, p.target] = p.distance_mm
    return found


Wire = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""A function of the indices of projections, their origins and their targets (areas, numbered from 0), which returns
new origins and targets."""


def _rewired(
    connectome: Connectome, graph: AreaGraph, movable: np.ndarray, wire: Wire, *, free: bool
) -> dict[str, Any]:
    """Return the projections moved by ``wire``, driving and modulatory ones separately.

    ``free``: whether a projection may get another target; its strength is then no longer an FLNe.

    Raises:
        NullError: in no wiring that was tried can the image reach the readout, or none differs from the original.
    """
    modes = np.array([connectome.projections[i].mode for i in movable.tolist()])
    groups = [movable[modes == mode] for mode in np.unique(modes)]
    for _ in range(ATTEMPTS):
        drawn = replace(graph, origin=graph.origin.copy(), target=graph.target.copy())
        for chosen in groups:
            origin, target = wire(chosen, graph.origin[chosen] - 1, graph.target[chosen] - 1)
            drawn.origin[chosen], drawn.target[chosen] = origin + 1, target + 1
        if drawn.steps_from(connectome.input.name)[graph.node[connectome.readout.area]] >= 0:
            break
    else:
        raise NullError(f"the image reaches {connectome.readout.area} in none of {ATTEMPTS} random wirings")
    if not any(_differ(graph, drawn, chosen) for chosen in groups):
        raise NullError("no other wiring keeps these properties: nothing could be moved")
    known = _distances(connectome)
    changes: dict[int, dict[str, Any]] = {}
    for i in movable.tolist():
        pair = graph.names[drawn.origin[i]], graph.names[drawn.target[i]]
        changes[i] = {"origin": pair[0], "target": pair[1], "distance_mm": known.get(pair)}
        if free and (fln := connectome.projections[i].fln):
            changes[i] |= {"fln": None, "weight": fln}
    return _changed(connectome, changes)


def _changed(connectome: Connectome, changes: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Return the projections with new values of some fields, by number of the projection; these cite the null model."""
    found = list(connectome.projections)
    for i, change in changes.items():
        found[i] = found[i].model_copy(update={"source": (CITED,), **change})
    return {"projections": tuple(found)}


def _differ(before: AreaGraph, after: AreaGraph, chosen: np.ndarray) -> bool:
    """Whether some projections, with their strengths, connect other pairs than before."""
    columns = [np.stack([g.strength[chosen], g.origin[chosen], g.target[chosen]]) for g in (before, after)]
    one, other = (c[:, np.lexsort(c)] for c in columns)
    return not np.array_equal(one, other)


def degree(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Rewire; every area keeps the number of projections it sends, and the strengths and SLN of those it receives."""
    graph, movable = area_graph(connectome), _movable(connectome)
    stays = graph.origin > 0
    stays[movable] = False
    taken = np.stack([graph.origin[stays], graph.target[stays]], axis=1) - 1

    def wire(chosen: np.ndarray, origin: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return rewiring.keeping_degrees(origin, target, len(connectome.areas), rng, taken), target

    return _rewired(connectome, graph, movable, wire, free=False)


def strength_(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Rewire as `degree` does, so that every area also sends as much strength in all as before, or nearly.

    Raises:
        NullError: none of the wirings that were tried is that near.
    """
    graph, movable = area_graph(connectome), _movable(connectome)
    size = len(connectome.areas)
    stays = graph.origin > 0
    stays[movable] = False
    taken = np.stack([graph.origin[stays], graph.target[stays]], axis=1) - 1

    def wire(chosen: np.ndarray, origin: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        strengths = graph.strength[chosen]
        wanted = np.bincount(origin, strengths, size)
        nearest = math.inf
        for _ in range(STRENGTH_ATTEMPTS):
            drawn = rewiring.keeping_degrees(origin, target, size, rng, taken)
            found, apart = rewiring.keeping_strengths(drawn, target, strengths, wanted, rng)
            if apart <= STRENGTH_TOLERANCE:
                return found, target
            nearest = min(nearest, apart)
        raise NullError(
            f"in none of {STRENGTH_ATTEMPTS} random wirings does each area send as much as before to within "
            f"{100 * STRENGTH_TOLERANCE:g} % of all strength: in the nearest one {100 * nearest:.0f} % moved; `degree` "
            "does not keep this"
        )

    return _rewired(connectome, graph, movable, wire, free=False)


def random(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Move all projections to random pairs of areas."""

    def wire(chosen: np.ndarray, origin: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return rewiring.at_random(len(chosen), len(connectome.areas), rng)

    return _rewired(connectome, area_graph(connectome), _all_movable(connectome), wire, free=True)


def lattice(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Move all projections to areas that are close to each other in the hierarchy, the strongest to the closest."""
    graph, movable = area_graph(connectome), _all_movable(connectome)
    ladder = np.array([graph.node[name] - 1 for name in order(connectome)], np.int64)

    def wire(chosen: np.ndarray, origin: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rank = np.argsort(-graph.strength[chosen], kind="stable")
        new_origin, new_target = np.empty_like(origin), np.empty_like(target)
        new_origin[rank], new_target[rank] = rewiring.lattice(len(chosen), ladder, rng)
        return new_origin, new_target

    return _rewired(connectome, graph, movable, wire, free=True)


def distance(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Move each projection to a random pair of areas at a similar distance."""
    movable = _all_movable(connectome)
    own = {i: connectome.projections[i] for i in movable.tolist()}
    if without := [p for p in own.values() if p.distance_mm is None]:
        more = f", nor have {len(without) - 1} more" if len(without) > 1 else ""
        raise NullError(f"{without[0].origin} -> {without[0].target} has no distance_mm{more}")
    known = _distances(connectome)
    index = {name: i for i, name in enumerate(connectome.areas)}
    pairs = [(a, b) for a, b in known if a in index and b in index]
    known_pairs = np.array([(index[a], index[b]) for a, b in pairs], np.int64)
    length = np.array([known[pair] for pair in pairs])
    bounds = np.quantile(length, np.linspace(0, 1, LENGTH_CLASSES + 1)[1:-1])
    classes = np.searchsorted(bounds, length, side="right")

    def wire(chosen: np.ndarray, origin: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lengths = [known[own[i].origin, own[i].target] for i in chosen.tolist()]
        mine = np.searchsorted(bounds, lengths, side="right")
        return rewiring.keeping_lengths(origin, target, mine, known_pairs, classes, rng)

    return _rewired(connectome, area_graph(connectome), movable, wire, free=True)


def weights(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Shuffle the strengths among the projections."""
    movable = _movable(connectome).tolist()
    dealt = np.array([strength(connectome.projections[i]) for i in movable])
    if (dealt == dealt[0]).all():
        raise NullError("all projections between areas are equally strong: there is nothing to shuffle")
    dealt = dealt[rng.permutation(len(dealt))]
    new = [{"fln": None, "weight": one} if one else {"fln": 0.0, "weight": None} for one in dealt.tolist()]
    return _changed(connectome, dict(zip(movable, new, strict=True)))


def reversed_(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Reverse the hierarchy: feedforward projections leave and land in the layers of feedback, and the reverse.

    Raises:
        NullError: no area has layers.
    """
    if all(area.circuit is None for area in connectome.areas.values()):
        raise NullError("no area has a laminar circuit: direction and SLN change nothing that is compiled")
    rank = ranks(connectome)
    turned = {"feedforward": "feedback", "feedback": "feedforward", "lateral": "lateral"}
    changes: dict[int, dict[str, Any]] = {}
    for i in _movable(connectome).tolist():
        p = connectome.projections[i]
        changes[i] = {"source": (*p.source, CITED) if len(p.source) > 1 else (CITED,)}
        if p.sln is not None:
            changes[i]["sln"] = 1 - p.sln
        if p.sln is None or p.direction is not None:
            changes[i]["direction"] = turned[direction(p, connectome, rank)]
    return _changed(connectome, changes)


def laminar(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Shuffle the populations of each circuit, excitatory and inhibitory ones separately."""
    shuffled = {name: _shuffled(circuit, rng) for name, circuit in connectome.circuits.items()}
    changed = {name: circuit for name, circuit in shuffled.items() if circuit is not None}
    if not changed:
        raise NullError("no circuit has connection probabilities in YAML and two populations of one kind to exchange")
    return {"circuits": {**connectome.circuits, **changed}}


def _shuffled(circuit: Circuit, rng: np.random.Generator) -> Circuit | None:
    """Return the circuit with its populations shuffled; None if that is not possible."""
    written = circuit.connections
    if written is None or isinstance(written.probability, MatrixData):
        return None
    kinds = np.array([circuit.populations[n].kind for n in written.populations])
    if np.unique(kinds, return_counts=True)[1].max() < 2:
        return None
    before, unchanged = _conducted(circuit), np.arange(len(kinds))
    for _ in range(ATTEMPTS):
        order = unchanged.copy()
        for kind in ("excitatory", "inhibitory"):
            mine = np.flatnonzero(kinds == kind)
            order[mine] = rng.permutation(mine)
        found = _reordered(circuit, written, order)
        after = _conducted(found)
        conducts = all(after.get(name, math.inf) <= steps for name, steps in before.items())
        if conducts and (order != unchanged).any():
            return found
    return None


def _reordered(circuit: Circuit, written: Connections, order: np.ndarray) -> Circuit:
    """Return the circuit in which population *i* has the connections and cells of population ``order[i]``."""
    names = written.populations
    matrix = np.array(written.probability)[np.ix_(order, order)]
    probability = tuple(tuple(row) for row in matrix.tolist())
    cells = {name: circuit.populations[names[i]].cells for name, i in zip(names, order.tolist(), strict=True)}
    populations = {
        n: p.model_copy(update={"cells": cells[n], "source": (CITED,)}) for n, p in circuit.populations.items()
    }
    connections = written.model_copy(update={"probability": probability, "source": (CITED,)})
    return circuit.model_copy(update={"populations": populations, "connections": connections})


def _conducted(circuit: Circuit) -> dict[str, int]:
    """Return the sending populations that feedforward input reaches inside the column, and in how many steps."""
    node = {name: i for i, name in enumerate(circuit.populations)}
    ends = roles(circuit)
    excitatory = {name for name, p in circuit.populations.items() if p.kind == "excitatory"}
    pairs = [(node[a], node[b]) for b, a in in_degrees(circuit, None) if b in excitatory]
    origin, target = np.array(pairs, np.int64).reshape(-1, 2).T
    found = steps(origin, target, len(node), [node[name] for name in ends.feedforward])
    sending = {*ends.supragranular, *ends.infragranular}
    return {name: int(found[node[name]]) for name in sending if found[node[name]] >= 0}


def uniform(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Make all strengths equal: those of projections between areas, and those of all columns that a kernel reaches."""
    rank = ranks(connectome)
    movable = set(_movable(connectome).tolist())
    mean = float(np.mean([strength(connectome.projections[i]) for i in sorted(movable)]))
    changes: dict[int, dict[str, Any]] = {}
    for i, p in enumerate(connectome.projections):
        changes[i] = {"topography": _level(p.topography, f"the topography of {p.origin} -> {p.target}")}
        if i in movable and strength(p) != 0:
            changes[i] |= {"fln": None, "weight": mean}
            if p.sln is not None and 0 < p.sln < 1:
                changes[i] |= {"sln": 0.5, "direction": direction(p, connectome, rank)}
    lateral = {
        name: part.model_copy(update={"kernel": _level(part.kernel, "a lateral kernel"), "source": (CITED,)})
        for name, part in connectome.lateral.items()
    }
    return {**_changed(connectome, changes), "lateral": lateral}


def _level(kernel: Kernel, what: str) -> Kernel:
    """Return the kernel that reaches the same columns, each equally.

    Raises:
        NullError: a matrix.
    """
    match kernel:
        case Gaussian() | Exponential() | Patchy():
            return Disc(radius=reach(kernel))
        case All() | OneToOne() | Disc() | Retinotopic():
            return kernel
        case Matrix():
            raise NullError(f"{what} is a matrix, which cannot be levelled")
        case _:
            assert_never(kernel)


_COUNTS = "the areas, and how many projections they have in all"
_STRENGTHS = "the strengths, as a set"

MODELS: dict[str, Model] = {
    "degree": Model(
        degree,
        (_COUNTS, "how many projections each area sends", "the strengths and SLN of all that each area receives"),
        ("which area sends to which", "which of the areas that send to an area is strong"),
    ),
    "strength": Model(
        strength_,
        (
            _COUNTS,
            "how many projections each area sends, and how strongly in all, to within 2 % of all strength",
            "the strengths and SLN of all that each area receives",
        ),
        (
            "which area sends to which",
            "which of the areas that send to an area is strong, beyond what each sends in all",
        ),
    ),
    "random": Model(
        random, (_COUNTS, _STRENGTHS), ("which area sends to which", "how many projections each area sends or receives")
    ),
    "weights": Model(
        weights, ("which area sends to which", "SLN, distances and topographies", _STRENGTHS), ("which is strong",)
    ),
    "distance": Model(
        distance,
        (_COUNTS, "how many projections lie in each of ten classes of distance, and their strengths and SLN"),
        ("which area sends to which, beyond distance", "how many projections each area sends or receives"),
    ),
    "lattice": Model(
        lattice,
        (_COUNTS, _STRENGTHS),
        ("shortcuts: areas send to the areas next to them in the hierarchy only", "which area sends to which"),
        random=False,
    ),
    "reversed": Model(
        reversed_,
        ("which area sends to which, and how strongly", "levels, and the order of updates"),
        ("direction: the layers where projections leave and land (SLN becomes 1 - SLN)",),
        random=False,
        strengths=False,
    ),
    "laminar": Model(
        laminar,
        (
            "all projections",
            "the circuit as a graph, with its probabilities and cells",
            "roles, kinds and widths",
            "which sending populations feedforward input can reach",
        ),
        ("which layer has which place in the circuit",),
        broken=("unusual-inhibition", "unread-population"),
        strengths=False,
    ),
    "uniform": Model(
        uniform,
        (
            "which area sends to which",
            "which token may attend to which, before weak pathways are left out",
            "the sum of strengths between areas",
        ),
        (
            "differences of strength among projections between areas, and among the columns that a kernel reaches",
            "SLN between 0 and 1: it becomes 0.5",
        ),
        random=False,
    ),
}
"""Every null model, by name."""
