"""Unroll: sweeps and delays become a list of ops over (population, time), each value named and made once.

What a population sends is computed once for each of its states, however many pathways leave it; what depends on the
input only is therefore computed once for all sweeps. A population is silent until input reaches it: it has no state,
and ops that would read it leave it out. Ops whose result nothing reads are removed at the end.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal, TypeAlias, assert_never

import numpy as np

from cortexc.connectome.diagnostics import failed, lowering

from ..artifact import Attend, Connection, Embed, Emit, Mix, MixTarget, Op, Population, Readout, Relay, Source
from ..ir import Graph, Pathway

Mode: TypeAlias = Literal["driving", "modulatory"]
MODES: tuple[Mode, ...] = ("driving", "modulatory")
"""The modes of attention, in the order in which a population is updated."""


def unroll(graph: Graph) -> Graph:
    """Return the graph with its ops.

    Raises:
        SpecError: nothing of the input arrives at the readout within the sweeps.
    """
    ops = _Unrolling(graph).run()
    return dataclasses.replace(graph, ops=_live(_with_choices(ops, graph)))


class _Unrolling:
    """The state of one unrolling: the name of each population's current state, and of its state after each sweep."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ops: list[Op] = []
        self.emitted: dict[str, str] = {}
        self.now: dict[str, str] = {}
        self.after: list[dict[str, str]] = []
        self.into: dict[tuple[str, str], list[tuple[Pathway, int]]] = defaultdict(list)
        """The pathways by target and mode, each with how many sweeps before now the state is that it reads."""
        rank = {area: i for i, area in enumerate(graph.schedule.areas)}
        for pathway in graph.pathways:
            self.into[pathway.target, pathway.mode].append((pathway, _delay(pathway, graph, rank)))
        self.coupled: dict[str, list[str]] = defaultdict(list)
        for coupling in graph.couplings:
            self.coupled[coupling.target].append(coupling.source)
        self.members: dict[str, list[str]] = defaultdict(list)
        for name, population in graph.populations.items():
            self.members[population.area].append(name)

    def run(self) -> list[Op]:
        name = self.graph.input_name
        self.now[name] = f"{name}@0"
        self.ops.append(Embed(f"embed {name}", name, self.now[name]))
        self.after.append(dict(self.now))
        for sweep in range(1, self.graph.schedule.sweeps + 1):
            for area in self.graph.schedule.areas:
                self.update(area, sweep)
            self.after.append(dict(self.now))
        states = tuple((p, self.now[p]) for p in self.graph.readout if p in self.now)
        if not states:
            sweeps = self.graph.schedule.sweeps
            message = f"nothing of the input reaches the readout within {sweeps} {'sweep' if sweeps == 1 else 'sweeps'}"
            hint = "add projections on the way from the input, raise `dynamics.sweeps`, or lower `minimum_weight`"
            span = self.graph.readout_span
            raise failed(lowering.UNREACHED_READOUT, span, message, hint)
        return [*self.ops, Readout("readout", states)]

    def update(self, area: str, sweep: int) -> None:
        """Update one area: relays, driving attention, modulation, then the column."""
        members = self.members[area]
        for population in members:
            self.relay(population, sweep)
        before = dict(self.now)  # all populations of an area attend to each other as they were after the relays
        for mode in MODES:
            for population in members:
                self.attend(population, mode, sweep, before)
        self.mix(area, members, sweep)

    def incoming(self, population: str, mode: str, sweep: int, now: Mapping[str, str]) -> list[tuple[Pathway, str]]:
        """Return the pathways that carry input to a population in this sweep, and the state that each one reads."""
        found = []
        for pathway, delay in self.into[population, mode]:
            states = now if delay == 0 else self.after[sweep - delay] if delay <= sweep else {}
            if state := states.get(pathway.source):
                found.append((pathway, state))
        return found

    def relay(self, population: str, sweep: int) -> None:
        found = self.incoming(population, "relay", sweep, self.now)
        sources = tuple(Source(state, p.source, p.join, p.weight) for p, state in found)
        if sources:
            output = f"{population}@{sweep}.relayed"
            self.ops.append(Relay(f"relay {population}@{sweep}", population, self.now.get(population), sources, output))
            self.now[population] = output

    def attend(self, population: str, mode: Mode, sweep: int, before: Mapping[str, str]) -> None:
        found = self.incoming(population, mode, sweep, before)
        sources = tuple(Source(self.emission(p.source, state), p.source, p.join, p.weight) for p, state in found)
        state = self.now.get(population)
        if sources and (mode == "driving" or state):  # there is nothing to modulate in a silent population
            verb, done = {"driving": ("attend", "attended"), "modulatory": ("modulate", "modulated")}[mode]
            name, output = f"{verb} {population}@{sweep}", f"{population}@{sweep}.{done}"
            self.ops.append(Attend(name, population, mode, state, sources, output, choice=True))
            self.now[population] = output

    def emission(self, population: str, state: str) -> str:
        if state not in self.emitted:
            self.emitted[state] = f"{state}/sent"
            self.ops.append(Emit(f"emit {state}", population, state, self.emitted[state], keys=True))
        return self.emitted[state]

    def mix(self, area: str, members: list[str], sweep: int) -> None:
        kinds = {m: self.graph.populations[m].kind for m in members}
        states = {m: self.now[m] for m in members if m in self.now}
        driven = {m: tuple(s for s in self.coupled[m] if kinds[s] == "excitatory" and s in states) for m in members}
        firing = {m for m in members if kinds[m] == "inhibitory" and (driven[m] or m in states)}
        targets = []
        for m in members:
            if m in firing or (kinds[m] == "excitatory" and driven[m]):
                inhibitors = tuple(s for s in self.coupled[m] if s in firing)
                output = f"{m}@{sweep}.mixed" if kinds[m] == "excitatory" else ""
                targets.append(MixTarget(m, states.get(m), driven[m], inhibitors, output))
        if targets:
            self.ops.append(Mix(f"mix {area}@{sweep}", area, tuple(states.items()), tuple(targets)))
            self.now |= {t.population: t.output for t in targets if t.output}


def _delay(pathway: Pathway, graph: Graph, rank: Mapping[str, int]) -> int:
    """Return how many sweeps ago the state is that a pathway reads: its delay, or else by the order of updates."""
    if pathway.delay is not None:
        return pathway.delay
    if pathway.source == graph.input_name:
        return 0  # the image does not change
    if graph.schedule.order == "synchronous":
        return 1
    source, target = (rank[graph.populations[p].area] for p in (pathway.source, pathway.target))
    return 0 if pathway.lateral or source < target else 1


def _with_choices(ops: list[Op], graph: Graph) -> list[Op]:
    """Return the ops with ``choice`` of each attention set: whether any token has two keys that can differ.

    Also set is ``surround`` of each target of a mixing: whether it is normalised, and its columns can differ.

    Keys of one population differ if its tokens do. Tokens of the input differ, and those of an area too, unless
    all-to-all projections give every token the same input.
    """
    varied: set[str] = set()  # states and emissions whose tokens can differ
    found: list[Op] = []
    for op in ops:
        match op:
            case Embed():
                varied.add(op.output)
            case Emit():
                if op.state in varied:
                    varied.add(op.output)
            case Relay() | Attend():
                wired = [(graph.connections[s.connection], s.value in varied) for s in op.sources]
                if op.state in varied or any(_rows_vary(c, varies) for c, varies in wired):
                    varied.add(op.output)
                if isinstance(op, Attend):
                    op = dataclasses.replace(op, choice=_has_choice(op, wired))
            case Mix():
                op = _with_surrounds(op, varied, graph.populations)
            case Readout():
                pass
            case _:
                assert_never(op)
        found.append(op)
    return found


def _rows_vary(connection: Connection, varies: bool) -> bool:
    """Return whether the target tokens can receive different inputs; ``varies``: whether the source tokens differ."""
    counts = connection.counts
    if not varies:  # non-empty rows all sum to 1, so tokens differ only if some row is empty
        return len(set(counts > 0)) > 1
    if len(set(counts)) > 1:
        return True
    facts = [f.reshape(len(counts), -1) for f in (connection.indices, connection.weight)]  # (targets, sources of each)
    return any(bool(np.any(f != f[:1])) for f in facts)


def _has_choice(op: Attend, wired: list[tuple[Connection, bool]]) -> bool:
    """Return whether a token has two keys that can differ: of two tokens that differ, or of two populations."""
    counts = np.stack([c.counts for c, _ in wired])  # (sources, tokens)
    several = counts.sum(axis=0) > 1
    if not several.any():
        return False
    if any(varies for _, varies in wired):
        return True
    values = [s.value for s in op.sources]
    reached = np.stack([counts[[v == value for v in values]].sum(axis=0) > 0 for value in dict.fromkeys(values)])
    return bool((reached.sum(axis=0) > 1).any())


def _with_surrounds(op: Mix, varied: set[str], populations: Mapping[str, Population]) -> Mix:
    """Return a mixing with ``surround`` of each target set; adds to ``varied`` the outputs whose tokens can differ."""
    own = {t.population for t in op.targets if t.state in varied}
    driven = _driven(op, varied)
    varied.update(t.output for t in op.targets if t.output and t.population in own | driven)
    normalised = {t.population for t in op.targets if t.output and populations[t.population].surround} & driven
    targets = tuple(dataclasses.replace(t, surround=t.population in normalised) for t in op.targets)
    return dataclasses.replace(op, targets=targets)


def _driven(op: Mix, varied: set[str]) -> set[str]:
    """Return the populations whose drive, or inhibition, can differ between columns."""
    states = {population for population, state in op.states if state in varied}
    inhibitory = {name for t in op.targets for name in t.inhibitory}
    own = {t.population for t in op.targets if t.state in varied and t.population in inhibitory}
    reached = {t.population for t in op.targets if states.intersection(t.excitatory)} | own
    for _ in op.targets:  # inhibition of inhibition may lead over several populations
        reached |= {t.population for t in op.targets if reached.intersection(t.inhibitory)}
    return reached


def _live(ops: list[Op]) -> tuple[Op, ...]:
    """Return the ops that the readout depends on, without unneeded targets of mixings and without unneeded keys."""
    needed: set[str] = set()
    keyed: set[str] = set()
    kept: list[Op] = []
    for op in reversed(ops):
        if isinstance(op, Mix):
            op = _live_mix(op, needed)
        elif isinstance(op, Emit):
            op = dataclasses.replace(op, keys=op.output in keyed)
        if not isinstance(op, Readout) and needed.isdisjoint(op.writes):
            continue
        needed.update(op.reads)
        if isinstance(op, Attend) and op.choice:
            keyed.update(s.value for s in op.sources)
        kept.append(op)
    return tuple(reversed(kept))


def _live_mix(op: Mix, needed: set[str]) -> Mix:
    """Return a mixing reduced to what the needed states depend on.

    An inhibitory population is inhibited by rates before inhibition, so what inhibits its inhibitors does not matter.
    """
    by_name = {t.population: t for t in op.targets}
    wanted = {t.population for t in op.targets if t.output in needed}
    inhibited = wanted | {i for t in wanted for i in by_name[t].inhibitory}
    alive = inhibited | {i for t in inhibited for i in by_name[t].inhibitory}
    kept = [t if t.population in inhibited else dataclasses.replace(t, inhibitory=()) for t in op.targets]
    targets = tuple(t for t in kept if t.population in alive)
    read = {s for t in targets for s in t.excitatory} | {t.population for t in targets if not t.output}
    return dataclasses.replace(op, targets=targets, states=tuple((p, s) for p, s in op.states if p in read))
