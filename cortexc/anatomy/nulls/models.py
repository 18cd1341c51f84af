"""The null models: from a connectome to one that shares something with it, exactly, and nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexc.connectome.allowances import pair_of
from cortexc.connectome.hierarchy import direction, order
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
    Projection,
    Retinotopic,
    Source,
)

from . import rewiring

ATTEMPTS = 100
"""Random wirings that are tried until the image can reach the readout."""
LENGTH_CLASSES = 10
"""Classes of distance, of as many known pairs each."""
CITED = "null-model"
THRESHOLD = "which pathways are weaker than attention.minimum_weight, {:g}, and left out when compiled"
BROKEN_RULES = ("sln-against-hierarchy", "sln-against-direction", "weight-against-distance")
"""Rules of the checker that hold of anatomy, and of no null model."""


class NullError(ValueError):
    """A null model does not exist for this connectome."""


@dataclass(frozen=True)
class Model:
    """A null model: what it does, and what of a connectome it keeps exactly."""

    make: Callable[[Connectome, np.random.Generator], dict[str, Any]]
    kept: tuple[str, ...]
    destroyed: tuple[str, ...]
    broken: tuple[str, ...] = ()
    """More rules of the checker that do not hold of it."""
    strengths: bool = True
    """Whether strengths move or change, so that other pathways than before may lie under the threshold."""


def null(connectome: Connectome, model: str, *, seed: int = 0) -> Connectome:
    """Return a null model of a connectome; ``null_model`` of it says what was kept and what was destroyed.

    Areas, the input and its projections, horizontal connections, dynamics and readout stay in every model. Projections
    that need grids of the same shape (one_to_one, matrix, patchy) and relays stay where they are. Wherever projections
    move, the image can still reach the readout by some chain of them: wirings where it cannot are drawn again. Bounds
    of cost are those of the original, and are left behind.

    Raises:
        NullError: an unknown model, a negative seed, or nothing that it could change.
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
            "origins": type(connectome.origins)(),
        }
    )


def ignores_seed(connectome: Connectome, model: str) -> bool:
    """Whether every seed gives the same null model: `uniform` and `reversed` draw nothing, and `lattice` only where the
    last step of its ladder is not full.

    Raises:
        NullError: there is no such null model of this connectome.
    """
    if model not in ("lattice", "reversed", "uniform"):
        return False
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    MODELS[model].make(connectome, rng)
    return rng.bit_generator.state == before


def _movable(connectome: Connectome) -> list[int]:
    """Return the projections that can run between any two areas.

    Raises:
        NullError: there are fewer than two.
    """
    fixed = (OneToOne, Matrix, Patchy)
    found = [
        i
        for i, p in enumerate(connectome.projections)
        if p.origin in connectome.areas
        and p.origin != p.target
        and p.mode != "relay"
        and not isinstance(p.topography, fixed)
    ]
    if len(found) < 2:
        raise NullError("fewer than two projections between areas can be moved: there is nothing to randomise")
    return found


def _ends(connectome: Connectome, chosen: list[int]) -> tuple[list[str], np.ndarray, np.ndarray]:
    names = list(connectome.areas)
    index = {name: i for i, name in enumerate(names)}
    source = np.array([index[connectome.projections[i].origin] for i in chosen], np.int64)
    target = np.array([index[connectome.projections[i].target] for i in chosen], np.int64)
    return names, source, target


def _strength(p: Projection) -> float | None:
    return p.fln if p.fln is not None else p.weight


def _distances(connectome: Connectome) -> dict[tuple[str, str], float]:
    """Return the known distances of pairs, both ways [mm]."""
    found: dict[tuple[str, str], float] = {}
    for p in connectome.projections:
        if p.distance_mm is not None:
            found.setdefault((p.target, p.origin), p.distance_mm)
            found[p.origin, p.target] = p.distance_mm
    return found


def _reaches(connectome: Connectome, projections: tuple[Projection, ...]) -> bool:
    """Whether some chain of projections leads from the input to the readout."""
    leaving: dict[str, list[str]] = {}
    for p in projections:
        leaving.setdefault(p.origin, []).append(p.target)
    seen, waiting = {connectome.input.name}, [connectome.input.name]
    while waiting:
        for target in leaving.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return connectome.readout.area in seen


Wire = Callable[[list[int], np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""From projections (their places, sources and targets) to new sources and targets."""


def _rewired(connectome: Connectome, rng: np.random.Generator, wire: Wire, *, free: bool) -> dict[str, Any]:
    """Return the projections moved by ``wire``, driving and modulatory ones apart.

    With ``free`` strengths may leave their targets, and are no FLNe then.

    Raises:
        NullError: no wiring that was tried lets the image reach the readout, or none differs.
    """
    movable = _movable(connectome)
    modes = sorted({connectome.projections[i].mode for i in movable})
    parts = [[i for i in movable if connectome.projections[i].mode == mode] for mode in modes]
    known = _distances(connectome)
    size = len(connectome.areas)
    for _ in range(ATTEMPTS):
        found = list(connectome.projections)
        moved = False
        for chosen in parts:
            names, source, target = _ends(connectome, chosen)
            new_source, new_target = wire(chosen, source, target, rng)
            strengths = np.array([np.nan if (s := _strength(found[i])) is None else s for i in chosen])
            moved |= _differ(source * size + target, new_source * size + new_target, strengths)
            for i, a, b in zip(chosen, new_source.tolist(), new_target.tolist(), strict=True):
                pair = names[a], names[b]
                change = {"origin": pair[0], "target": pair[1], "distance_mm": known.get(pair), "source": (CITED,)}
                fln = found[i].fln
                if free and fln:
                    change |= {"fln": None, "weight": fln}
                found[i] = found[i].model_copy(update=change)
        if _reaches(connectome, tuple(found)):
            if not moved:
                raise NullError("the wiring has no other form that keeps this: nothing could be moved")
            return {"projections": tuple(found)}
    raise NullError(f"in none of {ATTEMPTS} random wirings the image reaches {connectome.readout.area}")


def _differ(before: np.ndarray, after: np.ndarray, strengths: np.ndarray) -> bool:
    """Whether pairs (int64 [projections]) with their strengths are another set than before."""
    orders = [np.lexsort((strengths, pairs)) for pairs in (before, after)]
    same = np.array_equal(before[orders[0]], after[orders[1]])
    return not (same and np.array_equal(strengths[orders[0]], strengths[orders[1]], equal_nan=True))


def degree(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Rewire so that every area keeps how many projections it sends, and all that it receives but the senders."""
    size = len(connectome.areas)
    movable = set(_movable(connectome))
    rest = [i for i, p in enumerate(connectome.projections) if i not in movable and p.origin in connectome.areas]
    _, from_, to = _ends(connectome, rest)
    taken = np.stack([from_, to], axis=1)

    def wire(
        chosen: list[int], source: np.ndarray, target: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        return rewiring.keeping_degrees(source, target, size, rng, taken), target

    return _rewired(connectome, rng, wire, free=False)


def random(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Put as many projections between random pairs of areas."""
    _all_move(connectome)
    size = len(connectome.areas)

    def wire(
        chosen: list[int], source: np.ndarray, target: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        return rewiring.at_random(len(source), size, rng)

    return _rewired(connectome, rng, wire, free=True)


def lattice(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Put as many projections between areas that are next to each other in the hierarchy, the strongest nearest."""
    _all_move(connectome)
    index = {name: i for i, name in enumerate(connectome.areas)}
    ladder = np.array([index[name] for name in order(connectome)], np.int64)

    def wire(
        chosen: list[int], source: np.ndarray, target: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        strengths = [1.0 if (s := _strength(connectome.projections[i])) is None else s for i in chosen]
        rank = np.argsort(-np.array(strengths), kind="stable")
        new_source, new_target = np.empty_like(source), np.empty_like(target)
        new_source[rank], new_target[rank] = rewiring.lattice(len(source), ladder, rng)
        return new_source, new_target

    return _rewired(connectome, rng, wire, free=True)


def distance(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Move each projection to a random pair of areas that are about as far from each other."""
    _all_move(connectome)
    known = _distances(connectome)
    without = [i for i in _movable(connectome) if connectome.projections[i].distance_mm is None]
    if without:
        p = connectome.projections[without[0]]
        more = f", nor have {len(without) - 1} more" if len(without) > 1 else ""
        raise NullError(f"{p.origin} -> {p.target} has no distance_mm{more}")
    index = {name: i for i, name in enumerate(connectome.areas)}
    pairs = [(a, b) for a, b in known if a in index and b in index]
    places = np.array([(index[a], index[b]) for a, b in pairs], np.int64)
    length = np.array([known[pair] for pair in pairs])
    bounds = np.quantile(length, np.linspace(0, 1, LENGTH_CLASSES + 1)[1:-1])
    classes = np.searchsorted(bounds, length, side="right")

    def wire(
        chosen: list[int], source: np.ndarray, target: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        own = [connectome.projections[i] for i in chosen]
        mine = np.searchsorted(bounds, [known[p.origin, p.target] for p in own], side="right")
        return rewiring.keeping_lengths(source, target, mine, places, classes, rng)

    return _rewired(connectome, rng, wire, free=True)


def _all_move(connectome: Connectome) -> None:
    """Refuse to mix projections that stay with ones that move: two of one pair could come out.

    Raises:
        NullError: some projections between areas cannot move.
    """
    movable = set(_movable(connectome))
    for i, p in enumerate(connectome.projections):
        if i not in movable and p.origin in connectome.areas:
            kind = p.mode if p.mode == "relay" else p.topography.type
            raise NullError(f"{p.origin} -> {p.target} cannot move ({kind}): this null model needs all of them to move")


def weights(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Deal the strengths out anew among the projections."""
    chosen = _movable(connectome)
    given = [_strength(connectome.projections[i]) for i in chosen]
    if len(set(given)) < 2:
        raise NullError("all projections between areas are equally strong: there is nothing to shuffle")
    found = list(connectome.projections)
    for k, i in zip(rng.permutation(len(chosen)).tolist(), chosen, strict=True):
        strength = given[k]
        change = {"fln": 0.0, "weight": None} if strength == 0 else {"fln": None, "weight": strength}
        found[i] = found[i].model_copy(update={**change, "source": (CITED,)})
    return {"projections": tuple(found)}


def reversed_(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Turn the hierarchy round: what was feedforward leaves and lands as feedback, and the reverse."""
    rank = {name: i for i, name in enumerate(order(connectome))}
    turned = {"feedforward": "feedback", "feedback": "feedforward", "lateral": "lateral"}
    found = list(connectome.projections)
    for i in _movable(connectome):
        p = found[i]
        change: dict[str, Any] = {"source": (*p.source, CITED) if len(p.source) > 1 else (CITED,)}
        if p.sln is not None:
            change["sln"] = 1 - p.sln
        if p.sln is None or p.direction is not None:
            change["direction"] = turned[direction(p, connectome, rank)]
        found[i] = p.model_copy(update=change)
    return {"projections": tuple(found)}


def laminar(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Shuffle which population has which place in its circuit, excitatory and inhibitory ones apart."""
    circuits = dict(connectome.circuits)
    changed = False
    for name, circuit in connectome.circuits.items():
        shuffled = _shuffled(circuit, rng)
        if shuffled is not None:
            circuits[name], changed = shuffled, True
    if not changed:
        raise NullError("no circuit has connection probabilities in YAML and two populations of one kind to exchange")
    return {"circuits": circuits}


def _shuffled(circuit: Circuit, rng: np.random.Generator) -> Circuit | None:
    written = circuit.connections
    if written is None or isinstance(written.probability, MatrixData):
        return None
    names = list(written.populations)
    kinds = np.array([circuit.populations[n].kind for n in names])
    if max((kinds == kind).sum() for kind in set(kinds.tolist())) < 2:
        return None
    for _ in range(ATTEMPTS):
        place = np.arange(len(names))
        for kind in ("excitatory", "inhibitory"):
            mine = np.flatnonzero(kinds == kind)
            place[mine] = rng.permutation(mine)
        found = _placed(circuit, written, place)
        after = _conducted(found)
        conducts = all(after.get(name, ATTEMPTS) <= steps for name, steps in _conducted(circuit).items())
        if (place != np.arange(len(names))).any() and conducts:
            return found
    return None


def _placed(circuit: Circuit, written: Connections, place: np.ndarray) -> Circuit:
    """Return the circuit in which population *i* has the connections and cells that ``place[i]`` had."""
    names = list(written.populations)
    matrix = np.array(written.probability)[np.ix_(place, place)]
    probability = tuple(tuple(float(v) for v in row) for row in matrix)
    cells = {names[i]: circuit.populations[names[int(place[i])]].cells for i in range(len(names))}
    populations = {
        n: p.model_copy(update={"cells": cells[n], "source": (CITED,)}) for n, p in circuit.populations.items()
    }
    connections = written.model_copy(update={"probability": probability, "source": (CITED,)})
    return circuit.model_copy(update={"populations": populations, "connections": connections})


def _conducted(circuit: Circuit) -> dict[str, int]:
    """Return the sending populations that feedforward input reaches inside the column, and in how many steps."""
    listening: dict[str, list[str]] = {}
    for target, source in in_degrees(circuit, None):
        listening.setdefault(source, []).append(target)
    ends = roles(circuit)
    seen = dict.fromkeys(ends.feedforward, 0)
    waiting = deque(seen)
    while waiting:
        source = waiting.popleft()
        for target in listening.get(source, ()):
            if target not in seen and circuit.populations[target].kind == "excitatory":
                seen[target] = seen[source] + 1
                waiting.append(target)
    return {name: steps for name, steps in seen.items() if name in {*ends.supragranular, *ends.infragranular}}


def uniform(connectome: Connectome, rng: np.random.Generator) -> dict[str, Any]:
    """Make all strengths equal: of projections between areas, and of the columns that a kernel reaches."""
    chosen = _movable(connectome)
    rank = {name: i for i, name in enumerate(order(connectome))}
    mean = float(np.mean([1.0 if (s := _strength(connectome.projections[i])) is None else s for i in chosen]))
    movable = set(chosen)
    found = list(connectome.projections)
    for i, p in enumerate(connectome.projections):
        if p.topography.type == "matrix":
            raise NullError(f"the topography of {p.origin} -> {p.target} is a matrix, which cannot be levelled")
        change: dict[str, Any] = {"topography": _level(p.topography), "source": (CITED,)}
        if i in movable and _strength(p) != 0:
            change |= {"fln": None, "weight": mean}
            if p.sln is not None and 0 < p.sln < 1:
                change |= {"sln": 0.5, "direction": direction(p, connectome, rank)}
        found[i] = p.model_copy(update=change)
    lateral = {
        name: part.model_copy(update={"kernel": _level(part.kernel), "source": (CITED,)})
        for name, part in connectome.lateral.items()
    }
    return {"projections": tuple(found), "lateral": lateral}


def _level(kernel: Kernel) -> Kernel:
    """Return the kernel that reaches the same columns, each equally.

    Raises:
        NullError: a matrix.
    """
    match kernel:
        case Gaussian():
            return Disc(radius=kernel.cutoff or 3 * kernel.sigma)
        case Exponential() | Patchy():
            return Disc(radius=kernel.cutoff or 3 * kernel.length)
        case All() | OneToOne() | Disc() | Retinotopic():
            return kernel
        case Matrix():
            raise NullError("a lateral kernel is a matrix, which cannot be levelled")


_COUNTS = "the areas, and how many projections they have in all"
_STRENGTHS = "the strengths, as a set"

MODELS: dict[str, Model] = {
    "degree": Model(
        degree,
        (_COUNTS, "how many projections each area sends", "the strengths and SLN of all that each area receives"),
        ("which area sends to which", "which of the areas that send to an area is strong"),
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
    ),
    "reversed": Model(
        reversed_,
        ("which area sends to which, and how strongly", "levels, and the order of updates"),
        ("direction: the layers where projections leave and land (SLN becomes 1 - SLN)",),
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
    ),
}
"""Every null model, by name."""
