"""Rules that can be checked only while a spec is compiled: the compiler's passes report them."""

from __future__ import annotations

from .rule import Rule

UNREACHED_READOUT = Rule(
    "G301",
    "unreached-readout",
    """The readout receives nothing of the image: no chain of projections leads from the input to it, or every chain
needs more sweeps (or steps) than the spec has.

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
