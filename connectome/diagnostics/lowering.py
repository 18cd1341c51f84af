"""Rules that show only when a sound spec is compiled: the compiler's passes raise them."""

from __future__ import annotations

from .rule import Rule, Severity

UNREACHED_READOUT = Rule(
    "G301",
    "unreached-readout",
    Severity.ERROR,
    """Nothing of the image arrives at the readout: no chain of projections leads there from the input, or the chain is
longer than the sweeps (or steps) that the spec allows.

Bad:

```yaml
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
readout: {area: V4, classes: 10}
```

Good:

```yaml
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
  - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
readout: {area: V4, classes: 10}
```""",
)
TOO_MANY_CONNECTIONS = Rule(
    "C501",
    "too-many-connections",
    Severity.ERROR,
    """A kernel would connect more pairs of tokens than fit into memory. All-to-all grows with the square of the grid.

Bad:

```yaml
areas: {V1: {grid: [256, 256]}}
lateral: {V1: {kernel: {type: all}, source: paper}}
```

Good:

```yaml
areas: {V1: {grid: [256, 256]}}
lateral: {V1: {kernel: {type: disc, radius: 2}, source: paper}}
```""",
)

RULES: tuple[Rule, ...] = (UNREACHED_READOUT, TOO_MANY_CONNECTIONS)
