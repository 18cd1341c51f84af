"""Resolve: from the spec to the graph. Names become populations, roles become pathways with laminar ends."""

from __future__ import annotations

import numpy as np

from cortexc.connectome.area_graph import strength
from cortexc.connectome.hierarchy import direction, order, ranks
from cortexc.connectome.io import tables
from cortexc.connectome.laminar import LaminarRoles, circuit_of, in_degrees, roles, width_of
from cortexc.connectome.model import Circuit, Connectome, MatrixData
from cortexc.connectome.timing import delay_steps

from ..artifact import InputSettings, Population
from ..ir import Coupling, Graph, Join, Pathway, Schedule


def resolve(connectome: Connectome, seed: int) -> Graph:
    """Return the graph of a sound connectome: populations, pathways, couplings, schedule; nothing connected yet."""
    receptors = connectome.input
    input_population = Population(
        name=receptors.name,
        area=receptors.name,
        kind="input",
        grid=receptors.grid,
        width=receptors.width,
        hidden=0,
        values=receptors.values,
        values_from=receptors.values_from,
        output="one_to_one",
        dale=False,
    )
    populations = {input_population.name: input_population}
    couplings: list[Coupling] = []
    laminar: dict[str, LaminarRoles] = {}
    shares: dict[str | None, list[tuple[str, str, float]]] = {}
    for area_name, area in connectome.areas.items():
        circuit = circuit_of(connectome, area)
        laminar[area_name] = roles(circuit)
        surround = circuit.column.surround
        for population_name, written in circuit.populations.items():
            full = f"{area_name}.{population_name}"
            width = width_of(connectome, written)
            expanded = written.hidden or max(1, round(circuit.column.expansion * width))
            populations[full] = Population(
                name=full,
                area=area_name,
                kind=written.kind,
                grid=area.grid,
                width=width,
                hidden=expanded if written.kind == "excitatory" else width,  # for inhibition these are the rates
                values=circuit.values,
                values_from=circuit.values_from,
                output=circuit.output,
                dale=circuit.column.dale,
                surround=surround.semi_saturation if surround else 0.0,
                shared=f"circuits.{area.circuit}.{population_name}" if circuit.shared else "",
            )
        if area.circuit not in shares:
            shares[area.circuit] = _within(circuit, _probability(connectome, area.circuit))
        couplings += [Coupling(f"{area_name}.{s}", f"{area_name}.{t}", share) for s, t, share in shares[area.circuit]]
    joins, pathways = _pathways(connectome, laminar)
    last = laminar[connectome.readout.area]
    read = connectome.readout.populations or tuple(dict.fromkeys((*last.supragranular, *last.infragranular)))
    control = receptors.gain_control
    return Graph(
        name=connectome.name,
        seed=seed,
        heads=connectome.attention.heads,
        key_width=connectome.attention.key_width,
        classes=connectome.readout.classes,
        minimum_weight=connectome.attention.minimum_weight,
        input=InputSettings(
            receptors.channels,
            receptors.patch,
            receptors.mean or (0.0,) * receptors.channels,
            receptors.std or (1.0,) * receptors.channels,
            receptors.point_spread or 0.0,
            control.type,
            control.pool,
            control.semi_saturation,
            receptors.positions,
            control.mean,
            control.spread,
        ),
        populations=populations,
        pathways=tuple(pathways),
        couplings=tuple(couplings),
        schedule=Schedule(connectome.dynamics.sweeps, connectome.dynamics.order, tuple(order(connectome))),
        readout=tuple(f"{connectome.readout.area}.{p}" for p in read),
        readout_span=connectome.span("readout"),
        joins=joins,
    )


def _probability(connectome: Connectome, circuit_name: str | None) -> np.ndarray | None:
    """Return a circuit's connection matrix if it is in HDF5, else None."""
    written = connectome.circuits[circuit_name].connections if circuit_name else None
    if written is None or not isinstance(written.probability, MatrixData):
        return None
    span = connectome.span("circuits", circuit_name or "", "connections", "probability", "file")
    matrix: np.ndarray = tables.read_matrix(written.probability.file, written.probability.dataset, span).toarray()
    return matrix


def _within(circuit: Circuit, probability: np.ndarray | None) -> list[tuple[str, str, float]]:
    """Return (source, target, fraction of the target's inputs of that kind) for all that is connected in a column."""
    degrees = in_degrees(circuit, probability)
    kind = {name: p.kind for name, p in circuit.populations.items()}
    totals: dict[tuple[str, str], float] = {}
    for (target, source), degree in degrees.items():
        totals[target, kind[source]] = totals.get((target, kind[source]), 0.0) + degree
    return [(source, target, degree / totals[target, kind[source]]) for (target, source), degree in degrees.items()]


def _pathways(connectome: Connectome, laminar: dict[str, LaminarRoles]) -> tuple[dict[str, Join], list[Pathway]]:
    grids = {connectome.input.name: connectome.input.grid} | {n: a.grid for n, a in connectome.areas.items()}
    joins: dict[str, Join] = {}
    pathways: list[Pathway] = []
    for area, lateral in connectome.lateral.items():
        span = connectome.span("lateral", area, "kernel")
        name = f"{area}~{area}"
        joins[name] = Join(name, grids[area], grids[area], lateral.kernel, span)
        senders = _shares(connectome, area, laminar[area].lateral)
        pathways += [
            Pathway(f"{area}.{s}", f"{area}.{t}", name, lateral.weight * share, "driving", None, True, span)
            for t in laminar[area].lateral
            for s, share in senders
        ]
    rank = ranks(connectome)
    for i, p in enumerate(connectome.projections):
        span = connectome.span("projections", i)
        name = f"{p.origin}->{p.target}" + ("" if p.mode == "driving" else f":{p.mode}")
        joins[name] = Join(
            name,
            grids[p.origin],
            grids[p.target],
            p.topography,
            connectome.span("projections", i, "topography"),
        )
        way = direction(p, connectome, rank)
        ends = laminar[p.target]
        landing = {
            "feedforward": ends.feedforward,
            "feedback": ends.feedback,
            "lateral": tuple(dict.fromkeys((*ends.feedforward, *ends.feedback))),
        }[way]
        delay = delay_steps(p, connectome.dynamics.step_ms)
        if p.origin == connectome.input.name:
            senders = [(connectome.input.name, 1.0)]
        else:
            sending = laminar[p.origin]
            upper = p.sln if p.sln is not None else {"feedforward": 1.0, "feedback": 0.0, "lateral": 0.5}[way]
            parts: dict[str, float] = {}
            for fraction, populations in ((upper, sending.supragranular), (1 - upper, sending.infragranular)):
                for sender, share in _shares(connectome, p.origin, populations):
                    parts[f"{p.origin}.{sender}"] = parts.get(f"{p.origin}.{sender}", 0.0) + fraction * share
            senders = [(sender, share) for sender, share in parts.items() if share > 0]
        pathways += [
            Pathway(sender, f"{p.target}.{t}", name, strength(p) * share, p.mode, delay, False, span)
            for t in landing
            for sender, share in senders
        ]
    return joins, pathways


def _shares(connectome: Connectome, area: str, populations: tuple[str, ...]) -> list[tuple[str, float]]:
    """Return the fraction of the output that each population sends: by cells if all have a number, else equal."""
    circuit = circuit_of(connectome, connectome.areas[area])
    cells = [circuit.populations[p].cells for p in populations]
    sizes = [c if c is not None and None not in cells else 1.0 for c in cells]
    return [(p, size / sum(sizes)) for p, size in zip(populations, sizes, strict=True)]
