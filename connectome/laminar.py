"""The layers of a circuit: the roles that follow from them, and the connections between populations.

Where roles are not written down they follow from the layers. Feedforward axons land in L4, feedback avoids it, and
horizontal axons run in L2/3 (Felleman & Van Essen 1991, doi 10.1093/cercor/1.1.1-a; criteria restated by Vezoli et al.
2021, PMC8244994, Fig. 2A). Supragranular output leaves L2/3, infragranular output leaves L5 and L6 (Markov et al. 2014,
doi 10.1002/cne.23458).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .model import Area, Circuit, Connectome, MatrixData, Population

SUPRAGRANULAR = frozenset({"L1", "L2", "L3", "L2/3"})
INFRAGRANULAR = frozenset({"L5", "L6", "L5/6"})

SIMPLE = Circuit(populations={"E": Population()})
"""The circuit of an area without a circuit: one excitatory population."""


@dataclass(frozen=True)
class LaminarRoles:
    """The roles of a circuit, complete."""

    feedforward: tuple[str, ...]
    feedback: tuple[str, ...]
    lateral: tuple[str, ...]
    supragranular: tuple[str, ...]
    infragranular: tuple[str, ...]


def circuit_of(connectome: Connectome, area: Area) -> Circuit:
    """Return the circuit of an area."""
    return SIMPLE if area.circuit is None else connectome.circuits[area.circuit]


def roles(circuit: Circuit) -> LaminarRoles:
    """Return the roles of a circuit: as written, else by layer, else all excitatory populations."""
    excitatory = {n: p.layer for n, p in circuit.populations.items() if p.kind == "excitatory"}

    def in_layers(layers: frozenset[str]) -> tuple[str, ...]:
        return tuple(n for n, layer in excitatory.items() if layer in layers) or tuple(excitatory)

    written = circuit.roles
    return LaminarRoles(
        feedforward=written.feedforward or in_layers(frozenset({"L4"})),
        feedback=written.feedback or in_layers(SUPRAGRANULAR | INFRAGRANULAR),
        lateral=written.lateral or in_layers(frozenset({"L2", "L3", "L2/3"})),
        supragranular=written.supragranular or in_layers(SUPRAGRANULAR - {"L1"}),
        infragranular=written.infragranular or in_layers(INFRAGRANULAR),
    )


def width_of(connectome: Connectome, population: Population) -> int:
    """Return the channels of a population."""
    return population.width or connectome.input.width


def in_degrees(circuit: Circuit, probability: np.ndarray | None) -> dict[tuple[str, str], float]:
    """Return the mean number of synaptic partners, probability times cells, by (target, source).

    Without cells each population counts as one neuron; without connections all populations connect equally.
    Connections under the circuit's ``minimum_probability`` are left out.

    ``probability``: the circuit's matrix if it is in HDF5; the caller has read it.
    """
    names = list(circuit.populations)
    written = circuit.connections
    if written is None:
        return {(target, source): 1.0 for target in names for source in names}
    if isinstance(written.probability, MatrixData):
        if probability is None:
            raise ValueError("the circuit's connection probabilities are in HDF5: read them and pass them in")
        matrix = probability
    else:
        matrix = np.array(written.probability, dtype=np.float64)
    matrix = matrix if written.rows == "target" else matrix.T
    found: dict[tuple[str, str], float] = {}
    for i, target in enumerate(written.populations):
        for j, source in enumerate(written.populations):
            if matrix[i, j] > 0 and matrix[i, j] >= circuit.column.minimum_probability:
                found[target, source] = float(matrix[i, j]) * (circuit.populations[source].cells or 1.0)
    return found
