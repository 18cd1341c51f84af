"""The typed IR: an immutable graph; each pass returns a new one with more facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cortexc.connectome.diagnostics import Span
from cortexc.connectome.model import Kernel

from .artifact import Connection, InputSettings, Op, Parameter, Population, Wiring


@dataclass(frozen=True)
class Join:
    """Two grids and the kernel between them, from which a connection is made."""

    name: str
    source_grid: tuple[int, int]
    target_grid: tuple[int, int]
    kernel: Kernel
    span: Span


@dataclass(frozen=True)
class Pathway:
    """Axons from one population to another: those of a projection that leave one layer, or horizontal axons."""

    source: str
    target: str
    join: str
    weight: float
    """Scale of FLNe: fln * sln from supragranular senders, fln * (1 - sln) from infragranular ones."""
    mode: str
    delay: int | None
    """[steps]; None if the schedule decides."""
    lateral: bool
    span: Span


@dataclass(frozen=True)
class Coupling:
    """A connection between two populations of one column."""

    source: str
    target: str
    share: float
    """Fraction of the target's in-degree from sources of this kind (excitatory or inhibitory)."""


@dataclass(frozen=True)
class Schedule:
    """In which order areas are updated, and how often."""

    sweeps: int
    order: str
    areas: tuple[str, ...]
    """The areas from low to high in the hierarchy."""


@dataclass(frozen=True, eq=False)
class Graph:
    """A connectome on its way to a program. Fields below the line are filled by the passes."""

    name: str
    seed: int
    heads: int
    key_width: int
    classes: int
    minimum_weight: float
    input: InputSettings
    populations: Mapping[str, Population]
    pathways: tuple[Pathway, ...]
    couplings: tuple[Coupling, ...]
    schedule: Schedule
    readout: tuple[str, ...]
    readout_span: Span
    joins: Mapping[str, Join]
    # ---
    connections: Mapping[str, Connection] = field(default_factory=dict)
    ops: tuple[Op, ...] = ()
    wirings: tuple[Wiring, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    @property
    def input_name(self) -> str:
        """Name of the input population."""
        return next(iter(self.populations))
