"""What a user can say about the data, and which format listens to what."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

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
    sln_column: str | None = None
    distance_column: str | None = None
    separator: str | None = None
    header: Literal["auto", "yes", "no"] = "auto"
    sheet: str | None = None
    where: tuple[str, ...] = ()
    """``COLUMN=VALUE``: the rows to take."""
    aggregate: Aggregate = "auto"
    """How several rows of one pair become one. ``cases`` is the mean over all injections into the target, where one
    that did not label the source counts as 0."""
    case_column: str | None = None
    """Which injection a row is of."""

    # matrices
    rows: Rows | None = None
    """What a row of a matrix is."""
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


_SPEC = frozenset({"name", "sources", "input", "input_to", "readout", "classes", "invalid"})
_COLUMNS = frozenset({"source_column", "target_column", "weight_column"})
_TEXT = frozenset({"separator", "header", "sheet", "where"})
_GROUPS = frozenset({"area_column", "layer_column", "type_column", "kind_column", "inhibitory", "strength"})

LISTENS: dict[str, frozenset[str]] = {
    "table": _SPEC | _COLUMNS | _TEXT | {"sln_column", "distance_column", "case_column", "aggregate"},
    "matrix": _SPEC | {"separator", "sheet", "rows", "variable", "labels", "sln", "distance"},
    "sonata": _SPEC | _GROUPS,
    "graphml": _SPEC | {"weight_column", "sln_column", "distance_column", "aggregate", "labels"},
    "neuroml": _SPEC | {"strength"},
    "synapses": _SPEC | _COLUMNS | _TEXT | _GROUPS | {"neurons", "id_column"},
}
"""Per format: the options that mean something to it."""


def unheard(options: Options, format: str) -> list[str]:
    """Return the options that were given and mean nothing to a format."""
    return [f.name for f in fields(Options) if f.name not in LISTENS[format] and getattr(options, f.name) != f.default]
