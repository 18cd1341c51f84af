"""Rules that show only when a sound spec is compiled: the compiler's passes raise them."""

from __future__ import annotations

from .rule import Rule, Severity

UNREACHED_READOUT = Rule(
    "G301",
    "unreached-readout",
    Severity.ERROR,
    """Nothing of the image arrives at the readout: no chain of projections leads there from the input, or the chain is
longer than the sweeps (or steps) that the spec allows.

Bad:   projections: [{from: LGN, to: V1}], readout: {area: V4, classes: 10}
Good:  projections: [{from: LGN, to: V1}, {from: V1, to: V4}], readout: {area: V4, classes: 10}""",
)
TOO_MANY_CONNECTIONS = Rule(
    "C501",
    "too-many-connections",
    Severity.ERROR,
    """A kernel would connect more pairs of tokens than fit into memory. All-to-all grows with the square of the grid.

Bad:   lateral: {V1: {kernel: {type: all}}} on a grid of [1024, 1024]
Good:  lateral: {V1: {kernel: {type: disc, radius: 4}}}""",
)

RULES: tuple[Rule, ...] = (UNREACHED_READOUT, TOO_MANY_CONNECTIONS)
