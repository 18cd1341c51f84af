"""Null models that are fair controls: they compile to another network than the original, of its size on request."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, assert_never

import numpy as np

from cortexc.anatomy.nulls import MODELS, NullError, ignores_seed, null
from cortexc.compiler import cost, pipeline
from cortexc.compiler.artifact import Attend, Embed, Emit, Mix, Op, Readout, Relay
from cortexc.compiler.ir import Graph
from cortexc.connectome.diagnostics import SpecError
from cortexc.connectome.model import Connectome

Size: TypeAlias = Literal["parameters", "flops", "depth"]
SIZES: tuple[Size, ...] = ("parameters", "flops", "depth")
WITHIN, DRAWS = 0.02, 1000
REFUSALS = 10
"""If this many first seeds give no null model, none is assumed to exist."""


@dataclass(frozen=True)
class Drawn:
    """A null model, its seed, and how many seeds were tried."""

    connectome: Connectome
    seed: int
    draws: int
    """How many seeds were tried for it, its own included."""


def sizes(graph: Graph) -> dict[Size, float]:
    """Return the size of a compiled network: learnable values, FLOPs for one image, and `depth`."""
    flops = sum(c.flops for c in cost.costs(graph))
    return {"parameters": sum(p.size for p in graph.parameters), "flops": flops, "depth": depth(graph.ops)}


def depth(ops: tuple[Op, ...]) -> int:
    """Return how many attention and mix ops the longest path from the image to the logits passes, sweeps unrolled."""
    passed: dict[str | None, int] = {None: 0}
    for op in ops:
        match op:
            case Embed():
                passed[op.output] = 0
            case Emit():
                passed[op.output] = passed[op.state]
            case Relay():
                passed[op.output] = max(passed[op.state], *(passed[s.value] for s in op.sources))
            case Attend():
                passed[op.output] = 1 + max(passed[op.state], *(passed[s.value] for s in op.sources))
            case Mix():
                deepest = 1 + max(passed[state] for _, state in op.states)
                passed |= {target.output: deepest for target in op.targets}
            case Readout():
                return max(passed[state] for _, state in op.states)
            case _:
                assert_never(op)
    raise AssertionError("a network ends with its readout")


def drawn(
    connectome: Connectome,
    model: str,
    *,
    seed: int = 0,
    match: tuple[Size, ...] = (),
    within: float = WITHIN,
    draws: int = 1,
) -> Iterator[Drawn]:
    """Yield null models of a connectome that compile to another network than it, with seeds from ``seed`` upwards.

    Args:
        connectome: the original.
        model: one of `cortexc.anatomy.nulls.MODELS`.
        seed: the first one that is tried.
        match: sizes that must be those of the original.
        within: by which fraction of the original they may differ.
        draws: how many seeds are tried for each null model.

    Raises:
        NullError: no null model is a control; the message says why.
        SpecError: the original cannot be compiled, and sizes are to be matched.
    """
    if model not in MODELS or seed < 0:
        null(connectome, model, seed=seed)  # raises, and says what is wrong
    original = _compiled(connectome)
    if original is None and match:
        pipeline.compile(connectome)  # raises, and says why not
    alone = draws == 1 and not match
    chance = not ignores_seed(connectome, model)
    first, nearest, refused = seed, (math.inf, ""), 0
    for number in itertools.count(seed):
        try:
            found = null(connectome, model, seed=number)
            off, fault = _fault(connectome, original, found, match)
        except NullError as error:
            refused += 1
            if alone or refused == number - seed + 1 == REFUSALS:
                raise
            off, fault = math.inf, f"does not exist: {error}"
        tried = number - first + 1
        if off <= within or (alone and fault == UNCOMPILED):
            yield Drawn(found, number, tried)
            first, nearest = number + 1, (math.inf, "")
            continue
        if alone:
            hope = "another seed may be one" if chance else "every seed gives the same"
            raise NullError(f"the {model} null model of seed {number} {fault}, and is no control: {hope}")
        nearest = min(nearest, (off, f"seed {number} {fault}")) if nearest[1] else (off, f"seed {number} {fault}")
        if tried == draws or not chance:
            labels = " and ".join(LABELS[size] for size in match)
            which = f"has the {labels} of {connectome.name} within {100 * within:g} %" if match else "is a control"
            seeds = f"seeds {first} to {number} were drawn" if chance else "every seed gives the same"
            raise NullError(f"no {model} null model {which}: {seeds}, and the nearest is {nearest[1]}")


UNCOMPILED = "cannot be compiled"
LABELS: dict[Size, str] = {"parameters": "parameters", "flops": "FLOPs", "depth": "depth"}


def _fault(
    connectome: Connectome, original: Graph | None, found: Connectome, match: tuple[Size, ...]
) -> tuple[float, str]:
    """Return by which fraction a null model is off its original's sizes, and the fault in words, empty for none."""
    graph = _compiled(found)
    if graph is None:
        return math.inf, UNCOMPILED
    if original is None:
        return 0.0, ""
    if same_network(graph, original):
        return math.inf, f"compiles to the same network as {connectome.name} itself"
    has, aim = sizes(graph), sizes(original)
    shares = {size: has[size] / aim[size] for size in match}
    off = max((abs(share - 1) for share in shares.values()), default=0.0)
    return off, "with " + ", ".join(f"{100 * share:.1f} % of the {LABELS[size]}" for size, share in shares.items())


def same_network(one: Graph, other: Graph) -> bool:
    """Whether two compiled graphs are the same network: the same ops on the same populations over the same connections.

    The name of the graph, the order of ops and of their sources, and the last digits of weights are ignored.
    """
    if _plain(one) != _plain(other):
        return False
    used = {s.connection for op in one.ops if isinstance(op, Attend | Relay) for s in op.sources}
    pairs = [(one.connections[name], other.connections[name]) for name in used]
    return all(
        a.shape == b.shape
        and np.array_equal(a.indptr, b.indptr)
        and np.array_equal(a.indices, b.indices)
        and np.allclose(a.weight, b.weight, rtol=1e-9, atol=0)
        for a, b in pairs
    )


def _plain(graph: Graph) -> tuple[Any, ...]:
    """Return the parts of a graph that `same_network` compares, without the connections."""
    ops: list[Op] = []
    for op in graph.ops:
        if isinstance(op, Attend | Relay):
            sources = [dataclasses.replace(s, weight=float(f"{s.weight:.9g}")) for s in op.sources]
            op = dataclasses.replace(
                op, sources=tuple(sorted(sources, key=lambda s: (s.value, s.connection, s.weight)))
            )
        ops.append(op)
    of_all = graph.heads, graph.key_width, graph.classes, graph.input, dict(graph.populations)
    return *of_all, frozenset(ops), frozenset(graph.wirings), frozenset(graph.parameters)


def _compiled(connectome: Connectome) -> Graph | None:
    """Return the graph of a connectome after all passes; None if it cannot be compiled."""
    try:
        return pipeline.run(connectome, seed=0)
    except SpecError:
        return None
