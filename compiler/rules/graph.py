"""The graph: what the input does not reach, what nothing reads, and what arrives too late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import assert_never

import numpy as np

from cortexc.connectome.diagnostics.rule import Diagnostic, Rule, Severity, rule
from cortexc.connectome.timing import delay_steps

from ..artifact import Attend, Embed, Emit, Mix, Readout, Relay
from .stages import Stages

Findings = Iterator[Diagnostic]

COMPONENTS_SHOWN = 10
"""This many separate components are named; the others are counted."""


@rule("G302", "unreached-area", Severity.WARNING)
def unreached_area(stages: Stages, rule: Rule) -> Findings:
    """The image cannot reach an area: no chain of projections leads to it from the input. Its projections carry
    nothing, and are dropped.

    Bad:

    ```yaml
    areas: {MT: {grid: [4, 4], circuit: granular}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: MT, to: V4, fln: 0.08, sln: 0.46, source: paper}
    ```

    Good:

    ```yaml
    areas: {MT: {grid: [4, 4], circuit: granular}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: V2, to: MT, fln: 0.12, sln: 0.94, source: paper}
      - {from: MT, to: V4, fln: 0.08, sln: 0.46, source: paper}
    ```
    """
    connectome = stages.connectome
    component = stages.areas.components()
    steps = stages.areas.steps_from(connectome.input.name)
    for i in np.flatnonzero((steps < 0) & (component == component[0])).tolist():
        name = stages.areas.names[i]
        span = connectome.locations.span(("areas", name), key=True)
        message = f"nothing of the image reaches `{name}`: no projections lead there from `{connectome.input.name}`"
        yield rule.at(span, message, help="add a projection to it, or take it out")


@rule("G303", "unread-area", Severity.WARNING)
def unread_area(stages: Stages, rule: Rule) -> Findings:
    """The activity of an area never reaches the readout: no chain of projections leads there, or not within the sweeps
    (or steps) of the spec. The model has no parameters for this area.

    Bad:

    ```yaml
    areas: {MT: {grid: [4, 4], circuit: granular}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: V2, to: MT, fln: 0.12, sln: 0.94, source: paper}
    ```

    Good:

    ```yaml
    areas: {MT: {grid: [4, 4], circuit: granular}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: V2, to: MT, fln: 0.12, sln: 0.94, source: paper}
      - {from: MT, to: V4, fln: 0.08, sln: 0.46, source: paper}
    ```
    """
    connectome = stages.connectome
    readout = connectome.readout.area
    reached = stages.areas.steps_from(connectome.input.name) >= 0
    read = stages.areas.steps_to(readout) >= 0
    areas = {p.name: p.area for p in stages.connected.populations.values()}
    alive = {areas[op.population] for op in stages.final.ops if isinstance(op, Relay | Attend)}
    alive |= {op.area for op in stages.final.ops if isinstance(op, Mix)}
    for i, name in enumerate(stages.areas.names[1:], 1):
        if not reached[i] or name == readout:
            continue
        span = connectome.locations.span(("areas", name), key=True)
        message = f"nothing of `{name}` reaches the readout in `{readout}`"
        if not read[i]:
            yield rule.at(span, message, help="add a projection from it, or take it out")
        elif name not in alive:
            unit = "sweep" if connectome.dynamics.order == "hierarchical" else "step"
            count = connectome.dynamics.sweeps
            message += f" within {count} {unit}{'s' if count > 1 else ''}"
            notes = [(connectome.span("dynamics", "sweeps"), f"the {unit}s")]
            yield rule.at(span, message, help="raise `dynamics.sweeps`, or take it out", notes=notes)


@rule("G304", "nothing-connected", Severity.WARNING)
def nothing_connected(stages: Stages, rule: Rule) -> Findings:
    """A projection, or the horizontal axons of an area, have no effect: their kernel connects no pair of columns, or
    they are weaker than `attention.minimum_weight`, and dropped.

    Bad:

    ```yaml
    attention: {minimum_weight: 0.1}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: V1, to: V4, fln: 0.013, sln: 0.98, source: paper}
    ```

    Good:

    ```yaml
    attention: {minimum_weight: 0.001}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: V1, to: V4, fln: 0.013, sln: 0.98, source: paper}
    ```
    """
    graph = stages.connected
    strongest: dict[object, float] = defaultdict(float)
    for pathway in graph.pathways:
        strongest[pathway.span] = max(strongest[pathway.span], pathway.weight)
    reported = set()
    for pathway in graph.pathways:
        if pathway.span in reported:
            continue
        if not graph.connections[pathway.join].nonzeros:
            reported.add(pathway.span)
            kernel = graph.joins[pathway.join].kernel
            message = f"`{kernel.type}` connects no column of `{pathway.source}` to one of `{pathway.target}`"
            yield rule.at(graph.joins[pathway.join].span, message, help="widen its radius or length")
        elif strongest[pathway.span] < graph.minimum_weight:
            reported.add(pathway.span)
            most, area = strongest[pathway.span], graph.populations[pathway.source].area
            message = f"weaker than {graph.minimum_weight:g}, and therefore dropped: at most {most:.3g} from one layer"
            message += f" of `{area}`"
            notes = [(stages.connectome.span("attention", "minimum_weight"), "the threshold")]
            hint = "lower `attention.minimum_weight`, or take the projection out"
            yield rule.at(pathway.span, message, help=hint, notes=notes)


@rule("G305", "columns-without-input", Severity.WARNING)
def columns_without_input(stages: Stages, rule: Rule) -> Findings:
    """Some columns of an area get no input from any other area: the topographies leave gaps, for example with a small
    radius between grids whose sizes have no whole ratio. The image reaches these columns through horizontal axons only.

    Bad:

    ```yaml
    areas: {V2: {grid: [8, 8]}, V4: {grid: [5, 5]}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, topography: {type: retinotopic, radius: 0.2}, source: paper}
    ```

    Good:

    ```yaml
    areas: {V2: {grid: [8, 8]}, V4: {grid: [5, 5]}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, topography: {type: retinotopic, radius: 1.0}, source: paper}
    ```
    """
    graph = stages.connected
    incoming = defaultdict(list)
    for pathway in graph.pathways:
        if not pathway.lateral and pathway.mode != "modulatory" and pathway.weight >= graph.minimum_weight:
            incoming[graph.populations[pathway.target].area].append(pathway)
    for area, pathways in incoming.items():
        rows, columns = graph.populations[pathways[0].target].grid
        reached = np.zeros(rows * columns, bool)
        for join in {p.join for p in pathways}:
            reached |= np.diff(graph.connections[join].indptr) > 0
        missing = int((~reached).sum())
        if missing and reached.any():
            first = int(np.flatnonzero(~reached)[0])
            strongest = max(pathways, key=lambda p: p.weight)
            where = f"the first in row {first // columns}, column {first % columns}"
            message = f"{missing} of {len(reached)} columns of `{area}` get no input, {where}"
            hint = "widen the topography of a projection to it: a radius of 1 leaves no gaps"
            yield rule.at(graph.joins[strongest.join].span, message, help=hint)


@rule("G306", "delay-overrun", Severity.WARNING)
def delay_overrun(stages: Stages, rule: Rule) -> Findings:
    """A delay is as long as the whole run or longer, so nothing arrives.

    Bad:

    ```yaml
    dynamics: {sweeps: 2}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: V2, to: V1, fln: 0.73, sln: 0.42, delay: 5, source: paper}
    ```

    Good:

    ```yaml
    dynamics: {sweeps: 2}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: V2, to: V1, fln: 0.73, sln: 0.42, delay: 1, source: paper}
    ```
    """
    connectome = stages.connectome
    sweeps = connectome.dynamics.sweeps
    for i, p in enumerate(connectome.projections):
        delay = delay_steps(p, connectome.dynamics.step_ms)
        if delay is not None and delay >= sweeps and p.origin != connectome.input.name:
            message = f"a delay of {delay} steps, but the run has {sweeps}: nothing arrives"
            notes = [(connectome.span("dynamics", "sweeps"), "the steps of the run")]
            hint = f"raise `dynamics.sweeps` over {delay}, or shorten the delay"
            span = connectome.span("projections", i, "delay" if p.delay is not None else "delay_ms")
            yield rule.at(span, message, help=hint, notes=notes)


@rule("G307", "separate-parts", Severity.WARNING)
def separate_parts(stages: Stages, rule: Rule) -> Findings:
    """No projection connects some areas to the rest. A name may be misspelt in a table, or a projection is missing.

    Bad:

    ```yaml
    areas: {A1: {grid: [4, 4], circuit: granular}, A2: {grid: [4, 4], circuit: granular}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: A1, to: A2, fln: 0.50, sln: 0.80, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    connectome = stages.connectome
    components: dict[int, list[str]] = defaultdict(list)
    for name, component in zip(stages.areas.names, stages.areas.components().tolist(), strict=True):
        components[component].append(name)
    apart = list(components.values())[1:]  # the first one has the input
    for number, members in enumerate(apart[:COMPONENTS_SHOWN], 1):
        more = f" and {len(members) - 5} more" if members[5:] else ""
        shown = ", ".join(f"`{name}`" for name in members[:5]) + more
        span = connectome.locations.span(("areas", members[0]), key=True)
        what = "is" if len(members) == 1 else "are"
        message = f"{shown} {what} not connected to the input by any projection"
        if number == COMPONENTS_SHOWN < len(apart):
            message += f"; nor are {len(apart) - number:,} more groups of areas"
        yield rule.at(span, message, help="add the projection that is missing, or take these areas out")


@rule("G308", "unread-population", Severity.WARNING)
def unread_population(stages: Stages, rule: Rule) -> Findings:
    """Nothing reads a population, in any area of its circuit: no axon leaves it, and no population of the column
    receives input from it. It has no parameters, and can be left out.

    Bad:

    ```yaml
    circuits:
      granular:
        populations: {L5E: {layer: L5}}
        roles: {supragranular: [L23E], infragranular: [L23E], feedback: [L23E], lateral: [L23E]}
        connections: {rows: target, populations: [L23E, L4E, L4I, L5E], probability: [
          [0.10, 0.04, 0.08, 0.00], [0.01, 0.05, 0.14, 0.00], [0.07, 0.08, 0.16, 0.00], [0.10, 0.05, 0.01, 0.08]]}
    ```

    Good:

    ```yaml
    circuits:
      granular:
        populations: {L5E: {layer: L5}}
        roles: {supragranular: [L23E], infragranular: [L23E], feedback: [L23E], lateral: [L23E]}
        connections: {rows: target, populations: [L23E, L4E, L4I, L5E], probability: [
          [0.10, 0.04, 0.08, 0.03], [0.01, 0.05, 0.14, 0.01], [0.07, 0.08, 0.16, 0.01], [0.10, 0.05, 0.01, 0.08]]}
    ```
    """
    connectome = stages.connectome
    live: set[str] = set()
    mixed: set[str] = set()
    for op in stages.final.ops:
        match op:
            case Attend() | Relay() | Emit():
                live.add(op.population)
            case Mix():
                mixed.add(op.area)
                live.update(name for name, _ in op.states)
                live.update(t.population for t in op.targets)
            case Readout():
                live.update(name for name, _ in op.states)
            case Embed():
                pass
            case _:
                assert_never(op)
    users: dict[str | None, list[str]] = defaultdict(list)
    for area, written in connectome.areas.items():
        if area in mixed:
            users[written.circuit].append(area)
    for name, circuit in connectome.circuits.items():
        for population in circuit.populations:
            if users[name] and not any(f"{area}.{population}" in live for area in users[name]):
                span = connectome.locations.span(("circuits", name, "populations", population), key=True)
                message = f"nothing reads `{population}` of `{name}`, neither its own column nor another area"
                hint = "give it a role or a connection, or take it out"
                yield rule.at(span, message, help=hint)


RULES: tuple[Rule, ...] = (
    unreached_area,
    unread_area,
    nothing_connected,
    columns_without_input,
    delay_overrun,
    separate_parts,
    unread_population,
)
