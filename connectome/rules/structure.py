"""Structure: every name is defined, and connected populations fit together."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..area_graph import area_graph
from ..diagnostics import Diagnostic, Rule, Span, SpecError, did_you_mean
from ..diagnostics.rule import Severity, rule
from ..hierarchy import depths, ranks
from ..io import tables
from ..laminar import SIMPLE, circuit_of, roles, width_of
from ..model import MAX_SIDE, Circuit, Connectome, Data, Kernel, Matrix, MatrixData, OneToOne, Population
from ..timing import delay_steps

Findings = Iterator[Diagnostic]
Path = tuple[str | int, ...]
"""Of a value in the spec."""
LARGEST_KNOWN: dict[str, tuple[float, str]] = {
    "width": (8192, "the widest published vision transformer has 6,144 channels"),
    "hidden": (32_768, "the widest published vision transformer has 24,576 hidden channels"),
    "expansion": (32, "transformers have 4 times as many hidden channels as channels"),
    "heads": (256, "the largest published vision transformer has 48 heads"),
    "key_width": (1024, "transformers have 64 to 128 channels per head"),
    "grid": (512, "an image of 512 pixels has so many columns if each of them sees one pixel"),
    "patch": (256, "published vision transformers have patches of at most 32 pixels"),
    "pool": (512, "a neighbourhood is a part of the image"),
    "channels": (1024, "colour images have 3 channels, and images of many wavelengths a few hundred"),
    "classes": (100_000, "all of ImageNet has 21,841 classes"),
    "cells": (2e10, "the human cortex has 1.6e10 neurons"),
    "surface_mm2": (250_000, "the human cortex has about 200,000 mm2"),
    **dict.fromkeys(("radius", "sigma", "length", "cutoff", "spacing"), (MAX_SIDE, "no grid is that long")),
}
"""For each key, a size that nothing known exceeds, and what is known: the widths of Dehghani et al. 2023, Scaling
vision transformers to 22 billion parameters; the neurons of Azevedo et al. 2009, doi 10.1002/cne.21974."""


@rule("S201", "dangling-area")
def dangling_area(connectome: Connectome, rule: Rule) -> Findings:
    """A projection, a lateral kernel or the readout names an area that the spec does not define.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V5, fln: 0.39, sln: 0.93, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    areas, relay = connectome.areas, connectome.input.name
    ends = dict.fromkeys((relay, *areas))

    def unknown(what: str, name: str, path: Path, known: Iterable[str] = areas, *, key: bool = False) -> Diagnostic:
        span = connectome.locations.span(path, key=key)
        return rule.at(span, f"{what} `{name}`, which is not an area", help=did_you_mean(name, known))

    for i, p in enumerate(connectome.projections):
        if p.origin not in ends:
            yield unknown("projection from", p.origin, ("projections", i, "from"), ends)
        if p.target == relay:
            message = f"projection to `{p.target}`, which is the input and receives nothing"
            hint = "take the projection out, or model the relay as an area"
            yield rule.at(connectome.span("projections", i, "to"), message, help=hint)
        elif p.target not in areas:
            yield unknown("projection to", p.target, ("projections", i, "to"))
    for name in connectome.lateral:
        if name not in areas:
            yield unknown("lateral connections of", name, ("lateral", name), key=True)
    if connectome.readout.area not in areas:
        yield unknown("readout from", connectome.readout.area, ("readout", "area"))


@rule("S202", "dangling-circuit")
def dangling_circuit(connectome: Connectome, rule: Rule) -> Findings:
    """An area names a circuit that the spec does not define.

    Bad:

    ```yaml
    areas: {V4: {circuit: granulr}}
    ```

    Good:

    ```yaml
    areas: {V4: {circuit: granular}}
    ```
    """
    for name, area in connectome.areas.items():
        if area.circuit is not None and area.circuit not in connectome.circuits:
            span = connectome.span("areas", name, "circuit")
            hint = did_you_mean(area.circuit, connectome.circuits) or "define it under `circuits:`"
            yield rule.at(span, f"`{name}` has the circuit `{area.circuit}`, which is not defined", help=hint)


@rule("S203", "dangling-population")
def dangling_population(connectome: Connectome, rule: Rule) -> Findings:
    """A role, a connection matrix or the readout names a population that the circuit does not have.

    Bad:

    ```yaml
    circuits: {granular: {roles: {feedforward: [L4e]}}}
    ```

    Good:

    ```yaml
    circuits: {granular: {roles: {feedforward: [L4E]}}}
    ```
    """
    for name, circuit in connectome.circuits.items():
        for path, members in _lists(circuit):
            what = f"role `{path[1]}`" if path[0] == "roles" else "the connection matrix"
            for i, population in enumerate(members):
                if population not in circuit.populations:
                    message = f"{what} names `{population}`, which is not a population of `{name}`"
                    hint = did_you_mean(population, circuit.populations)
                    yield rule.at(connectome.span("circuits", name, *path, i), message, help=hint)
    known = _readable(connectome)
    for i, population in enumerate(connectome.readout.populations or ()):
        if known is not None and population not in known:
            span = connectome.span("readout", "populations", i)
            message = f"the readout names `{population}`, which is not a population of `{connectome.readout.area}`"
            yield rule.at(span, message, help=did_you_mean(population, known))


def _lists(circuit: Circuit) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """Yield path and members of each list of populations in a circuit: those of its roles, then that of its matrix."""
    for role in type(circuit.roles).model_fields:
        if role != "source":
            yield ("roles", role), getattr(circuit.roles, role) or ()
    if circuit.connections:
        yield ("connections", "populations"), circuit.connections.populations


def _readable(connectome: Connectome) -> dict[str, Population] | None:
    """Return the populations of the readout area; None if the area or its circuit is not defined."""
    area = connectome.areas.get(connectome.readout.area)
    if area is None or (area.circuit is not None and area.circuit not in connectome.circuits):
        return None
    return circuit_of(connectome, area).populations


@rule("S204", "dangling-source")
def dangling_source(connectome: Connectome, rule: Rule) -> Findings:
    """A value cites a source that is not listed under ``sources`` (of the spec, or of the circuit).

    Bad:

    ```yaml
    input: {source: papre}
    ```

    Good:

    ```yaml
    input: {source: paper}
    ```
    """
    for path, names, known in _citations(connectome):
        for i, name in enumerate(names):
            if name not in known:
                span = connectome.span(*path, "source", i)
                hint = did_you_mean(name, known) or f"add `{name}: {{doi: ...}}` under `sources:`"
                yield rule.at(span, f"the source `{name}` is not listed under `sources`", help=hint)


def _citations(connectome: Connectome) -> Iterator[tuple[Path, tuple[str, ...], Iterable[str]]]:
    known = connectome.sources
    yield ("input",), connectome.input.source, known
    for name, area in connectome.areas.items():
        yield ("areas", name), area.source, known
    for name, lateral in connectome.lateral.items():
        yield ("lateral", name), lateral.source, known
    for i, p in enumerate(connectome.projections):
        yield ("projections", i), p.source, known
    for name, circuit in connectome.circuits.items():
        inner = {**known, **circuit.sources}
        yield ("circuits", name), circuit.source, inner
        yield ("circuits", name, "roles"), circuit.roles.source, inner
        if circuit.connections:
            yield ("circuits", name, "connections"), circuit.connections.source, inner
        for pop, population in circuit.populations.items():
            yield ("circuits", name, "populations", pop), population.source, inner


@rule("S205", "duplicate")
def duplicate(connectome: Connectome, rule: Rule) -> Findings:
    """Two different things have the same name, or a projection or a population of a list is written twice.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V1, to: V2, fln: 0.10, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.86, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    if connectome.input.name in connectome.areas:
        span = connectome.locations.span(("areas", connectome.input.name), key=True)
        message = f"the area `{connectome.input.name}` has the name of the input"
        yield rule.at(span, message, help="rename one of them", notes=[(connectome.span("input"), "the input")])
    seen: dict[tuple[str, str, str], int] = {}
    for i, p in enumerate(connectome.projections):
        key = (p.origin, p.target, p.mode)
        if key in seen:
            first = connectome.span("projections", seen[key])
            message = f"a second {p.mode} projection from `{p.origin}` to `{p.target}`"
            hint = "merge the two into one"
            yield rule.at(connectome.span("projections", i), message, help=hint, notes=[(first, "the first")])
        seen.setdefault(key, i)
        if p.origin == p.target:
            message = f"a projection from `{p.origin}` to itself"
            hint = f"write it as a lateral kernel: `lateral: {{{p.origin}: {{kernel: ...}}}}`"
            yield rule.at(connectome.span("projections", i), message, help=hint)
    lists: list[tuple[Path, tuple[str, ...]]] = [
        (("circuits", name, *path), members)
        for name, circuit in connectome.circuits.items()
        for path, members in _lists(circuit)
    ]
    for path, members in (*lists, (("readout", "populations"), connectome.readout.populations or ())):
        listed: set[str] = set()
        for i, member in enumerate(members):
            if member in listed:
                yield rule.at(connectome.span(*path, i), f"`{member}` is listed twice", help="list it once")
            listed.add(member)


@rule("S206", "grid-mismatch")
def grid_mismatch(connectome: Connectome, rule: Rule) -> Findings:
    """Two grids do not fit: a one-to-one kernel connects grids of different shapes, or an explicit matrix does not have
    the tokens of the two grids as its rows and columns.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, topography: {type: one_to_one}, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, topography: {type: retinotopic, radius: 1.0}, source: paper}
    ```
    """
    grids = {connectome.input.name: connectome.input.grid} | {n: a.grid for n, a in connectome.areas.items()}
    for path, origin, target, mode, kernel in _joins(connectome):
        if origin not in grids or target not in grids:
            continue
        path = (*path, "kernel" if mode == "lateral" else "topography")
        a, b = grids[origin], grids[target]
        if isinstance(kernel, OneToOne) and a != b:
            message = f"one-to-one from `{origin}` ({a[0]}x{a[1]}) to `{target}` ({b[0]}x{b[1]})"
            hint = "use `{type: retinotopic, radius: 0.5}`, which connects corresponding positions of unequal grids"
            yield rule.at(connectome.span(*path), message, help=hint)
        if isinstance(kernel, Matrix):
            span = connectome.span(*path, "file")
            try:
                shape = tables.matrix_shape(kernel.file, kernel.dataset, span)
            except SpecError as error:
                yield from error.report
                continue
            wanted = (b[0] * b[1], a[0] * a[1])
            wanted = wanted if kernel.rows == "target" else wanted[::-1]
            if shape != wanted:
                message = f"the matrix is {shape[0]} x {shape[1]}, but {wanted[0]} x {wanted[1]} is needed"
                hint = f"rows are the tokens of the {kernel.rows}; change `rows` if it is the other way round"
                yield rule.at(span, message, help=hint)


def _joins(connectome: Connectome) -> Iterator[tuple[Path, str, str, str, Kernel]]:
    """Yield path, origin, target, mode and kernel of all projections, then of all horizontal connections."""
    for i, p in enumerate(connectome.projections):
        yield ("projections", i), p.origin, p.target, p.mode, p.topography
    for name, lateral in connectome.lateral.items():
        yield ("lateral", name), name, name, "lateral", lateral.kernel


@rule("S207", "width-mismatch")
def width_mismatch(connectome: Connectome, rule: Rule) -> Findings:
    """Populations that are connected have different widths although values pass one-to-one between them, or a width is
    not a multiple of the number of heads.

    Bad:

    ```yaml
    input: {width: 18}
    attention: {heads: 4}
    ```

    Good:

    ```yaml
    input: {width: 20}
    attention: {heads: 4}
    ```
    """
    ends = _ends(connectome)
    yield from _indivisible(connectome, ends, rule)
    received: dict[tuple[str, str], tuple[Path, int]] = {}
    for path, origin, target, mode, _ in _joins(connectome):
        if origin not in ends or target not in ends or target == connectome.input.name:
            continue
        sending, receiving = ends[origin], ends[target]
        senders, receivers = sending.senders, receiving.receivers
        if mode == "lateral":
            senders = receivers = receiving.lateral
        dense = receiving.dense and mode in ("driving", "lateral")
        sent = {s: sending.widths[s] for s in senders if s in sending.widths}
        taken = {r: receiving.widths[r] for r in receivers if r in receiving.widths}
        unequal = [(s, r) for s in sent for r in taken if sent[s] != taken[r]]
        if unequal and not dense:
            s, r = unequal[0]
            message = f"`{origin}.{s}` sends {sent[s]} channels to `{target}.{r}`, which has {taken[r]}"
            hint = "give both the same `width`, or set `output: dense` in the target's circuit"
            yield rule.at(connectome.span(*path), message, help=hint)
        elif len(set(sent.values())) > 1:
            listed = ", ".join(f"`{n}` {w}" for n, w in sent.items())
            message = f"the populations of `{origin}` that project have unequal widths: {listed}"
            yield rule.at(connectome.span(*path), message, help="give them the same `width`")
        elif dense and sent:
            name, width = next(iter(sent.items()))
            for r in taken:
                first, other = received.setdefault((target, r), (path, width))
                if other != width:
                    message = (
                        f"`{origin}.{name}` sends {width} channels to `{target}.{r}`, which already receives {other}"
                    )
                    notes = [(connectome.span(*first), f"{other} channels come from here")]
                    hint = "give all populations that drive one population the same `width`: they share one attention"
                    yield rule.at(connectome.span(*path), message, help=hint, notes=notes)
                    break


@dataclass(frozen=True)
class _End:
    """The populations that projections connect to, at the input or at each area of one circuit."""

    circuit: str | None
    """Name of the circuit; None for the input, and for areas without a circuit."""
    widths: dict[str, int]
    """Channels of each population."""
    senders: tuple[str, ...]
    """The populations whose axons leave; inhibitory ones are reported by role-mismatch."""
    receivers: tuple[str, ...] = ()
    """The populations that axons from other areas reach."""
    lateral: tuple[str, ...] = ()
    """The populations that horizontal axons connect."""
    dense: bool = False
    """Whether a learned map follows the attention."""


def _ends(connectome: Connectome) -> dict[str, _End]:
    """Return the input, and each area whose circuit is defined, as possible ends of projections."""
    named = ((None, SIMPLE), *connectome.circuits.items())
    known = {name: _end(connectome, name, circuit) for name, circuit in named}
    relay = {connectome.input.name: _End(None, {"relay": connectome.input.width}, ("relay",))}
    return relay | {name: known[area.circuit] for name, area in connectome.areas.items() if area.circuit in known}


def _end(connectome: Connectome, name: str | None, circuit: Circuit) -> _End:
    found = roles(circuit)
    kinds = {n: p.kind for n, p in circuit.populations.items()}
    leaving = dict.fromkeys((*found.supragranular, *found.infragranular, *found.lateral))
    return _End(
        circuit=name,
        widths={n: width_of(connectome, p) for n, p in circuit.populations.items()},
        senders=tuple(n for n in leaving if kinds.get(n) == "excitatory"),
        receivers=tuple(dict.fromkeys((*found.feedforward, *found.feedback))),
        lateral=found.lateral,
        dense=circuit.output == "dense",
    )


def _indivisible(connectome: Connectome, ends: dict[str, _End], rule: Rule) -> Findings:
    """Yield one finding for each written width that is not a multiple of the number of heads."""
    heads, seen = connectome.attention.heads, set()
    for end in {id(end): end for end in ends.values()}.values():
        for population in dict.fromkeys((*end.senders, *end.receivers)):
            if population not in end.widths:
                continue  # reported by dangling-population
            width, span = end.widths[population], connectome.span("input", "width")
            if end.circuit is not None and connectome.circuits[end.circuit].populations[population].width is not None:
                span = connectome.span("circuits", end.circuit, "populations", population, "width")
            if span in seen:
                continue
            if width % heads:
                seen.add(span)
                message = f"the width {width} is not a multiple of {heads} heads"
                yield rule.at(span, message, help="change the width or `attention.heads`")
            elif width == 1:
                seen.add(span)
                message = "a width of one channel, which is always zero after normalisation"
                yield rule.at(span, message, help="use two or more")


@rule("S208", "matrix-mismatch")
def matrix_mismatch(connectome: Connectome, rule: Rule) -> Findings:
    """A circuit's connection matrix is not square over the populations it lists, or leaves a population out.

    Bad:

    ```yaml
    circuits:
      granular: {connections: {rows: target, populations: [L23E, L4E, L4I], probability: [
        [0.10, 0.04, 0.08], [0.01, 0.05, 0.14], [0.07, 0.08, 0.16]]}}
    ```

    Good:

    ```yaml
    circuits:
      granular: {connections: {rows: target, populations: [L23E, L4E, L4I, L5E], probability: [
        [0.10, 0.04, 0.08, 0.03], [0.01, 0.05, 0.14, 0.01], [0.07, 0.08, 0.16, 0.01], [0.10, 0.05, 0.01, 0.08]]}}
    ```
    """
    for name, circuit in connectome.circuits.items():
        written, path = circuit.connections, ("circuits", name, "connections")
        if written is None:
            continue
        size = len(written.populations)
        if left_out := [p for p in circuit.populations if p not in written.populations]:
            message = f"the connection matrix leaves out the population `{left_out[0]}`"
            yield rule.at(connectome.span(*path, "populations"), message, help="list every population of the circuit")
            continue
        if isinstance(written.probability, MatrixData):
            span = connectome.span(*path, "probability", "file")
            try:
                matrix = tables.read_matrix(written.probability.file, written.probability.dataset, span)
            except SpecError as error:
                yield from error.report
                continue
            if matrix.shape != (size, size):
                message = f"the matrix is {matrix.shape[0]} x {matrix.shape[1]}, but {size} populations are listed"
                yield rule.at(span, message, help="one row and one column for each population")
            elif matrix.nnz and matrix.data.max() > 1:
                message = f"the matrix holds {matrix.data.max()}, and a probability is at most 1"
                yield rule.at(span, message, help="divide what is in percent by 100")
            continue
        if len(written.probability) != size:
            message = f"the matrix has {len(written.probability)} rows, not {size}"
            yield rule.at(connectome.span(*path, "probability"), message, help="one row for each population")
        for i, row in enumerate(written.probability):
            if len(row) != size:
                message = f"row {i + 1} of the matrix has {len(row)} values, not {size}"
                yield rule.at(connectome.span(*path, "probability", i), message, help="one for each population")


@rule("S209", "role-mismatch")
def role_mismatch(connectome: Connectome, rule: Rule) -> Findings:
    """A role is given to a population that cannot have it: only excitatory populations send axons out of a column or
    horizontally. A circuit needs at least one of them.

    Bad:

    ```yaml
    circuits: {granular: {roles: {supragranular: [L4I]}}}
    ```

    Good:

    ```yaml
    circuits: {granular: {roles: {supragranular: [L23E]}}}
    ```
    """
    for name, circuit in connectome.circuits.items():
        excitatory = [n for n, p in circuit.populations.items() if p.kind == "excitatory"]
        if not excitatory:
            span = connectome.span("circuits", name, "populations")
            yield rule.at(span, f"`{name}` has no excitatory population", help="set `kind: excitatory` on one")
            continue
        for role in ("lateral", "supragranular", "infragranular"):
            for i, population in enumerate(getattr(circuit.roles, role) or ()):
                if population in circuit.populations and population not in excitatory:
                    span = connectome.span("circuits", name, "roles", role, i)
                    message = f"the inhibitory population `{population}` has the role `{role}`"
                    listed = ", ".join(f"`{e}`" for e in excitatory)
                    hint = f"long axons leave excitatory populations: name one of these: {listed}"
                    yield rule.at(span, message, help=hint)
    known = _readable(connectome) or {}
    for i, population in enumerate(connectome.readout.populations or ()):
        if population in known and known[population].kind == "inhibitory":
            span = connectome.span("readout", "populations", i)
            message = f"the readout names the inhibitory population `{population}`"
            yield rule.at(span, message, help="name an excitatory one")


@rule("S210", "delay-mismatch")
def delay_mismatch(connectome: Connectome, rule: Rule) -> Findings:
    """A delay does not fit the schedule: it is zero although all areas are updated at once, or although the target is
    updated before the origin; or it is in milliseconds and not a whole number of steps, or `step_ms` is missing.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: V2, to: V1, fln: 0.73, sln: 0.42, delay: 0, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
      - {from: V2, to: V1, fln: 0.73, sln: 0.42, delay: 1, source: paper}
    ```
    """
    rank = ranks(connectome)
    step = connectome.dynamics.step_ms
    for i, p in enumerate(connectome.projections):
        if p.delay_ms is not None:
            span = connectome.span("projections", i, "delay_ms")
            if p.delay is not None:
                hint = "keep one of `delay` and `delay_ms`"
                yield rule.at(span, "a delay in steps and one in milliseconds", help=hint)
            if step is None:
                hint = "add `step_ms` to `dynamics`, or give `delay` in steps"
                yield rule.at(span, "a delay in milliseconds, but no length of a step", help=hint)
            elif abs(p.delay_ms / step - round(p.delay_ms / step)) > 1e-6:
                message = f"a delay of {p.delay_ms:g} ms is {p.delay_ms / step:g} steps of {step:g} ms"
                yield rule.at(span, message, help="use a multiple of `dynamics.step_ms`")
        if delay_steps(p, step) != 0 or p.origin not in rank or p.target not in rank:
            continue
        span = connectome.span("projections", i, "delay" if p.delay is not None else "delay_ms")
        if connectome.dynamics.order == "synchronous":
            message = f"no delay from `{p.origin}` to `{p.target}`, and all areas step at once"
            yield rule.at(span, message, help="a synchronous step reads the previous step: use `delay: 1` or more")
        elif rank[p.origin] >= rank[p.target]:
            message = f"no delay from `{p.origin}` to `{p.target}`, which is updated first"
            yield rule.at(span, message, help="use `delay: 1` or more for projections from higher areas")


@rule("S211", "without-effect")
def without_effect(connectome: Connectome, rule: Rule) -> Findings:
    """A value has no effect, or contradicts another one so that one of the two would be ignored.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, weight: 2, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    for i, p in enumerate(connectome.projections):
        if p.fln is not None and p.weight is not None:
            span = connectome.span("projections", i, "weight")
            yield rule.at(span, "a projection with both `fln` and `weight`", help="keep one: both are its strength")
        if p.origin == connectome.input.name and p.sln is not None:
            span = connectome.span("projections", i, "sln")
            yield rule.at(span, "an SLN of the input, which has no layers", help="take `sln` out")
        if p.fln == 0:
            span = connectome.span("projections", i, "fln")
            yield rule.at(span, "a projection of FLNe 0 carries nothing", help="take the projection out")
    for name, circuit in connectome.circuits.items():
        for population, written in circuit.populations.items():
            if written.kind == "inhibitory" and written.hidden is not None:
                span = connectome.span("circuits", name, "populations", population, "hidden")
                message = f"`{population}` is inhibitory, and has no hidden channels"
                yield rule.at(span, message, help="take `hidden` out")
    declared = [n for n, a in connectome.areas.items() if a.level is not None]
    if declared and len(declared) < len(connectome.areas):
        other = next(n for n, a in connectome.areas.items() if a.level is None)
        message = f"`{declared[0]}` has a level, and `{other}` has none"
        hint = "give every area a level, or none: levels then follow from the projections"
        fixes = list(_missing_levels(connectome, declared))
        yield rule.at(connectome.span("areas", declared[0], "level"), message, help=hint, fixes=fixes)
    control = connectome.input.gain_control
    if control.type == "local" and control.pool % 2 == 0:
        span = connectome.span("input", "gain_control", "pool")
        yield rule.at(span, f"a pool of {control.pool} pixels has no central pixel", help="use an odd number")
    for key in ("mean", "spread"):
        if control.type == "none" and getattr(control, key) == "channel":
            span = connectome.span("input", "gain_control", key)
            message = f"`{key}: channel` without a gain control"
            yield rule.at(span, message, help=f"give `type: global` or `type: local`, or take `{key}` out")
    for field in ("mean", "std"):
        values = getattr(connectome.input, field)
        if values is not None and len(values) != connectome.input.channels:
            message = f"`{field}` has {len(values)} values for {connectome.input.channels} channels"
            yield rule.at(connectome.span("input", field), message, help="one value for each channel")


def _missing_levels(connectome: Connectome, declared: list[str]) -> Iterator[tuple[Span, str]]:
    """Yield fixes for areas without a level: from their depth below the input, on the scale of the declared levels."""
    if len(area_graph(connectome).origin) < len(connectome.projections):
        return  # an area in a projection is misspelt: the depths may be wrong
    depth = depths(connectome)
    known = np.array([(depth[n], connectome.areas[n].level) for n in declared], float)
    slope = float(np.polyfit(known[:, 0], known[:, 1], 1)[0]) if np.ptp(known[:, 0]) > 0 else 1.0
    start = float((known[:, 1] - slope * known[:, 0]).mean())
    for name, area in connectome.areas.items():
        first = connectome.locations.first_key(("areas", name))
        if area.level is None and first is not None:
            span, flow = first
            text = f"level: {round(start + slope * depth[name], 4):g}"
            yield span, f"{text}, " if flow else f"{text}\n{' ' * (span.column - 1)}"


@rule("S213", "similar-names", Severity.WARNING)
def similar_names(connectome: Connectome, rule: Rule) -> Findings:
    """Two names differ in case, spaces or invisible characters only, or a name begins or ends with a space. They are
    different names, but may be meant as one.

    Bad:

    ```yaml
    areas: {v1: {grid: [4, 4], circuit: granular}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: v1, fln: 0.12, sln: 0.93, source: paper}
      - {from: v1, to: V4, fln: 0.12, sln: 0.93, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```

    Good:

    ```yaml
    areas: {V3: {grid: [4, 4], circuit: granular}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V3, fln: 0.12, sln: 0.93, source: paper}
      - {from: V3, to: V4, fln: 0.12, sln: 0.93, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    spaces: list[tuple[str, Path, Iterable[str]]] = [
        ("area", ("areas",), connectome.areas),
        ("circuit", ("circuits",), connectome.circuits),
        ("source", ("sources",), connectome.sources),
    ]
    for name, circuit in connectome.circuits.items():
        spaces.append(("population", ("circuits", name, "populations"), circuit.populations))
        spaces.append(("source", ("circuits", name, "sources"), circuit.sources))
    relay = connectome.input.name
    for what, path, names in spaces:
        first = {_squeezed(relay): relay} if what == "area" else {}
        for name in names:
            other = first.setdefault(_squeezed(name), name)
            span = connectome.locations.span((*path, name), key=True)
            if other != name:
                message = f"the {what} `{name}` has almost the name of `{other}`"
                there = ("input", "name") if what == "area" and other == relay else (*path, other)
                notes = [(connectome.locations.span(there, key=there[-1] == other), f"`{other}`")]
                hint = "they differ in case or spaces only: use one name, or two that nobody confuses"
                yield rule.at(span, message, help=hint, notes=notes)
            elif name != name.strip():
                yield rule.at(span, f"the name `{name}` begins or ends with a space", help="take the space out")


def _squeezed(name: str) -> str:
    """Return a name without what readers overlook: case, spaces, invisible characters and widths of characters."""
    seen = (c for c in unicodedata.normalize("NFKC", name) if not c.isspace() and unicodedata.category(c) != "Cf")
    return "".join(seen).casefold()


@rule("S214", "absurd-size", Severity.WARNING)
def absurd_size(connectome: Connectome, rule: Rule) -> Findings:
    """A size is far larger than any known one: a width, a grid, a number of cells, the reach of a kernel. A digit may
    be too many, or the unit may be another one.

    Bad:

    ```yaml
    input: {width: 60000}
    ```

    Good:

    ```yaml
    input: {width: 64}
    ```
    """
    for path, value in _numbers(connectome, ()):
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        limit, known = LARGEST_KNOWN.get(key, (None, ""))
        if limit is not None and value > limit:
            shown = f"{value:,}" if isinstance(value, int) else f"{value:g}"
            hint = "check the number; if it is meant, accept this finding under `checker.allow`"
            yield rule.at(connectome.span(*path), f"`{key}` is {shown}, and {known}", help=hint)


def _numbers(value: object, path: Path) -> Iterator[tuple[Path, int | float]]:
    """Yield path and value of each number that was given."""
    match value:
        case Data():
            for name in value.model_fields_set - {"locations", "checker", "null_model"}:
                yield from _numbers(getattr(value, name), (*path, name))
        case dict():
            for name, inner in value.items():
                yield from _numbers(inner, (*path, name))
        case tuple():
            for i, inner in enumerate(value):
                yield from _numbers(inner, (*path, i))
        case int() | float():
            yield path, value


RULES: tuple[Rule, ...] = (
    dangling_area,
    dangling_circuit,
    dangling_population,
    dangling_source,
    duplicate,
    grid_mismatch,
    width_mismatch,
    matrix_mismatch,
    role_mismatch,
    delay_mismatch,
    without_effect,
    similar_names,
    absurd_size,
)
