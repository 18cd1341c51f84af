"""Plan: which parameters exist, their shapes, scales and starting values. Only what an op reads is planned.

If no token has a choice between keys there is no query and no key. A bias of keys, or of a norm that is used for keys
only, shifts all logits of a token equally unless keys of several populations compete: only then is there a key bias. A
population that has no state yet has only a query bias as its query.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal, assert_never

from ..artifact import Attend, Embed, Emit, Init, Mix, Parameter, Population, Readout, Relay, Scale, Wiring
from ..ir import Graph

SPREAD = math.sqrt(1 / 3)
"""Standard deviation of a linear map's weights times the root of its number of inputs, as in torch.nn.Linear."""


def plan(graph: Graph) -> Graph:
    """Return the graph with its wirings and parameters."""
    planning = _Planning(graph)
    for op in graph.ops:
        match op:
            case Embed():
                planning.embed(op)
            case Emit():
                planning.emit(op)
            case Attend():
                planning.attend(op)
            case Readout():
                planning.readout(op)
            case Relay() | Mix():
                pass  # a relay has no parameters; those of the columns are planned together below
            case _:
                assert_never(op)
    wirings = _wirings(graph)
    for wiring in wirings:
        planning.column(wiring)
    return dataclasses.replace(graph, wirings=wirings, parameters=tuple(planning.found.values()))


class _Planning:
    """Collects parameters by name; ops that use the same name share one parameter."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.found: dict[str, Parameter] = {}
        self.inner = graph.heads * graph.key_width
        column = {name: p.column for name, p in graph.populations.items()}
        self.shares = {(column[c.target], column[c.source]): c.share for c in graph.couplings}

    def add(
        self,
        name: str,
        shape: tuple[int, ...],
        scale: Scale,
        *blocks: tuple[int, float],
        kind: Literal["normal", "constant"],
    ) -> None:
        assert sum(width for width, _ in blocks) == shape[-1]
        self.found.setdefault(name, Parameter(name, shape, scale, Init(kind, blocks)))

    def constant(self, name: str, shape: tuple[int, ...], scale: Scale, value: float = 0.0) -> None:
        self.add(name, shape, scale, (shape[-1], value), kind="constant")

    def linear(self, name: str, shape: tuple[int, ...], scale: Scale) -> None:
        self.add(name, shape, scale, (shape[-1], SPREAD / math.sqrt(shape[-1])), kind="normal")

    def norm(self, name: str, width: int, scale: Scale) -> None:
        self.constant(f"{name}.gain", (width,), scale, 1.0)
        self.constant(f"{name}.bias", (width,), scale)

    def embed(self, op: Embed) -> None:
        population = self.graph.populations[op.population]
        settings = self.graph.input
        patch = (population.width, settings.channels, settings.patch, settings.patch)
        spread = SPREAD / math.sqrt(math.prod(patch[1:]))
        self.add(f"{population.name}.patch.weight", patch, "embedding", (settings.patch, spread), kind="normal")
        self.constant(f"{population.name}.patch.bias", (population.width,), "embedding")
        if settings.positions:
            shape = population.tokens, population.width
            self.add(f"{population.name}.position", shape, "embedding", (population.width, 0.02), kind="normal")

    def emit(self, op: Emit) -> None:
        population = self.graph.populations[op.population]
        name, width = population.name, population.width
        if population.values_from == "normalized":
            self.norm(f"{name}.attention_norm", width, "attention")
        if op.keys:
            self.constant(f"{name}.attention_norm.gain", (width,), "attention", 1.0)
            self.linear(f"{name}.key.weight", (self.inner, width), "attention")
        if population.values == "dense":
            self.linear(f"{name}.value.weight", (width, width), "attention")
        if population.values == "block":
            per_head = width // self.graph.heads
            self.linear(f"{name}.value.weight", (self.graph.heads, per_head, per_head), "attention")
        if population.values != "one_to_one":
            self.constant(f"{name}.value.bias", (width,), "attention")

    def attend(self, op: Attend) -> None:
        population = self.graph.populations[op.population]
        name, width = population.name, population.width
        if op.choice:
            self.constant(f"{name}.query.bias", (self.inner,), "attention")
            if op.state is not None:
                self.norm(f"{name}.attention_norm", width, "attention")
                self.linear(f"{name}.query.weight", (self.inner, width), "attention")
            senders = dict.fromkeys(s.population for s in op.sources)
            if len(senders) > 1:
                for sender in senders:
                    self.constant(f"{sender}.key.bias", (self.inner,), "attention")
        if op.mode == "modulatory":
            self.constant(f"{name}.modulation.gain", (width,), "attention", 0.5)
        elif population.output == "dense":
            received = self.graph.populations[op.sources[0].population].width
            self.linear(f"{name}.output.weight", (width, received), "attention")
            self.constant(f"{name}.output.bias", (width,), "attention")

    def column(self, wiring: Wiring) -> None:
        population = self.graph.populations[wiring.population]
        name, hidden = population.column, population.hidden
        excitatory, inhibitory = (
            [self.graph.populations[s] for s in names] for names in (wiring.excitatory, wiring.inhibitory)
        )
        for source in excitatory:
            self.norm(f"{source.column}.column_norm", source.width, "column")
        if wiring.own:
            self.norm(f"{name}.column_norm", population.width, "column")
        if excitatory:
            blocks = [self._block(name, s, of=excitatory) for s in excitatory]
            shape = hidden, sum(width for width, _ in blocks)
            self.add(f"{name}.column.input.weight", shape, "column", *blocks, kind="normal")
            self.constant(f"{name}.column.input.bias", (hidden,), "column")
        if inhibitory:
            # inhibition starts at the anatomical fraction of each source; softplus keeps the weight positive
            blocks = [(s.width, math.log(math.expm1(self.shares[name, s.column] / s.width))) for s in inhibitory]
            shape = hidden, sum(width for width, _ in blocks)
            self.add(f"{name}.column.inhibition.weight", shape, "column", *blocks, kind="constant")
        if population.kind == "excitatory":
            self.linear(f"{name}.column.output.weight", (population.width, hidden), "column")
            self.constant(f"{name}.column.output.bias", (population.width,), "column")

    def _block(self, target: str, source: Population, *, of: Sequence[Population]) -> tuple[int, float]:
        """Return width and standard deviation of each weight block; variances are proportional to in-degrees."""
        share = self.shares[target, source.column] / sum(self.shares[target, s.column] for s in of)
        return source.width, SPREAD * math.sqrt(share / source.width)

    def readout(self, op: Readout) -> None:
        read = [self.graph.populations[name] for name in op.populations]
        for population in read:
            self.norm(f"{population.name}.readout_norm", population.width, "readout")
        self.linear("readout.weight", (self.graph.classes, sum(p.width for p in read)), "readout")
        self.constant("readout.bias", (self.graph.classes,), "readout")


def _wirings(graph: Graph) -> tuple[Wiring, ...]:
    """Return, for each population that a column update computes, the sources that any update reads.

    Populations that share their column weights have the sources that any of them reads, each in its own area.
    """
    populations = graph.populations
    targets = [t for op in graph.ops if isinstance(op, Mix) for t in op.targets]
    read: dict[str, set[str]] = {populations[t.population].column: set() for t in targets}
    for target in targets:
        sources = (*target.excitatory, *target.inhibitory)
        read[populations[target.population].column].update(populations[s].column for s in sources)
    own = {t.population for t in targets if t.state and populations[t.population].kind == "inhibitory"}
    own_columns = {populations[name].column for name in own}
    computed = {t.population for t in targets}
    members: dict[str, list[Population]] = {}
    for p in populations.values():
        members.setdefault(p.area, []).append(p)
    found = []
    for name in (n for n in populations if n in computed):
        p = populations[name]
        inside = [q for q in members[p.area] if q.column in read[p.column]]
        excitatory, inhibitory = (
            tuple(q.name for q in inside if q.kind == kind) for kind in ("excitatory", "inhibitory")
        )
        found.append(Wiring(name, excitatory, inhibitory, p.column in own_columns))
    return tuple(found)
