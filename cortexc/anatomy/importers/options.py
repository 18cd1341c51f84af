"""What a user can say about the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .scales import Scale

Rows = Literal["source", "target"]
Aggregate = Literal["auto", "sum", "mean", "cases", "median", "max", "error"]
Strength = Literal["synapses", "connections", "weight", "neurons"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of an import. What is None is guessed, and the guess is in the report."""

    # the spec
    name: str | None = None
    sources: tuple[str, ...] = ()
    """DOIs, addresses or citations of the data."""
    input: str | None = None
    """The area of the data that is the relay of the image, such as LGd."""
    input_to: str | None = None
    readout: str | None = None
    classes: int = 10
    invalid: Literal["error", "drop"] = "error"
    """What to do with rows that cannot be right."""

    # tables
    source_column: str | None = None
    target_column: str | None = None
    weight_column: str | None = None
    fln_column: str | None = None
    """A column of FLNe, whatever it is called."""
    sln_column: str | None = None
    distance_column: str | None = None
    separator: str | None = None
    header: Literal["auto", "yes", "no"] = "auto"
    sheet: str | None = None
    decimal: str = "."
    """The mark before the fraction of a number: a point or a comma."""
    thousands: str = ""
    """The mark between groups of three digits."""
    skip_rows: int = 0
    """Lines before the table, such as its title."""
    scale: Scale | None = None
    """How strengths are written: in percent (SLN too), or as logarithms. The names of columns may say it."""
    where: tuple[str, ...] = ()
    """``COLUMN=VALUE``: the rows to take; several values of one column are alternatives."""
    aggregate: Aggregate = "auto"
    """How several rows of one pair become one. ``cases`` is the mean over all injections into the target, where one
    that did not label the source counts as 0."""
    negative: Literal["error", "absolute", "drop"] = "error"
    """What to do with negative strengths: take their size, or leave them out. The language has no negative ones."""
    case_column: str | None = None
    """Which injection a row is of."""

    # matrices
    rows: Rows | None = None
    """What a row of a matrix is."""
    symmetric: bool = False
    """Whether connections are undirected: one half of a matrix stands for both, a row of a table counts both ways."""
    variable: str | None = None
    """Of a .mat or .npz file, or dataset of an HDF5 file."""
    labels: str | None = None
    """A variable of the file, or a file with one name a line."""
    sln: str | None = None
    """A second matrix of the same form: a variable of the file, or a file."""
    distance: str | None = None
    """A third one [mm]."""

    # neurons
    neurons: str | None = None
    """The table of neurons."""
    id_column: str | None = None
    area_column: str | None = None
    layer_column: str | None = None
    type_column: str | None = None
    kind_column: str | None = None
    """Excitatory or inhibitory, or the transmitter."""
    inhibitory: tuple[str, ...] = ()
    """Values of that column, or types, that mean inhibitory."""
    strength: Strength = "synapses"
    """What the strength of a projection is: summed synapses, connected pairs, summed weight, or the fraction of the
    target's extrinsic presynaptic neurons (which is what FLNe measures)."""


SPEC = frozenset({"name", "sources", "input", "input_to", "readout", "classes", "invalid"})
COLUMNS = frozenset({"source_column", "target_column", "weight_column"})
FURTHER = frozenset({"sln_column", "distance_column", "aggregate", "negative"})
CELLS = frozenset({"separator", "header", "sheet", "decimal", "thousands", "skip_rows"})
TEXT = CELLS | {"where"}
MATRIX = frozenset({"negative", "rows", "symmetric", "variable", "labels", "sln", "distance"})
GROUPS = frozenset({"area_column", "layer_column", "type_column", "kind_column", "inhibitory", "strength"})
"""Options that several formats listen to: on the spec, columns, text, matrices, and groups of neurons."""
