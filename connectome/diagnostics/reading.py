"""Rules that are checked while a spec is read, before there is a connectome: the reader reports them."""

from __future__ import annotations

from .rule import Rule, Severity

SYNTAX = Rule(
    "S101",
    "yaml-syntax",
    """The file is not well-formed YAML, is empty, or is not UTF-8 text.

The location is where the parser stopped; the cause (an unclosed bracket or quote, a tab, an indentation that does
not match) is often just before it.

Bad:

```yaml
areas: {V1: {grid: [8, 8}}
```

Good:

```yaml
areas: {V1: {grid: [8, 8]}}
```""",
)
DUPLICATE_KEY = Rule(
    "S102",
    "duplicate-key",
    """A mapping has the same key twice. Most YAML readers silently keep the last one only.

Bad:

```yaml
areas: {V1: {grid: [8, 8]}, V1: {grid: [4, 4]}}
```

Good:

```yaml
areas: {V1: {grid: [8, 8]}, V2: {grid: [8, 8]}}
```""",
)
UNKNOWN_KEY = Rule(
    "S103",
    "unknown-key",
    """A key that the language does not have at this location, most often a misspelling. Unknown keys are never ignored.

Bad:

```yaml
dynamics: {sweps: 3}
```

Good:

```yaml
dynamics: {sweeps: 3}
```""",
)
MISSING_KEY = Rule(
    "S104",
    "missing-key",
    """A required key is missing.

Bad:

```yaml
lateral: {V1: {kernel: {type: exponential}, source: paper}}
```

Good:

```yaml
lateral: {V1: {kernel: {type: exponential, length: 1.0}, source: paper}}
```""",
)
WRONG_TYPE = Rule(
    "S105",
    "wrong-type",
    """A value has the wrong type: text instead of a number, a list instead of a mapping.

Bad:

```yaml
areas: {V1: {grid: 8}}
```

Good:

```yaml
areas: {V1: {grid: [8, 8]}}
```""",
)
OUT_OF_RANGE = Rule(
    "S106",
    "value-out-of-range",
    """A value of the right type that the key cannot take: a negative or infinite weight, NaN, a fraction over 1, an
unknown word where only a few are possible, an unknown version of the language.

Bad:

```yaml
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, fln: 0.76, sln: 1.74, source: paper}
  - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
```

Good:

```yaml
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
  - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
```""",
)
WRONG_UNIT = Rule(
    "S107",
    "wrong-unit",
    """A quantity has an unknown unit, or a unit of the wrong dimension.

Bad:

```yaml
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, fln: 0.76, sln: 0.74, distance_mm: 9.3 ms, source: paper}
  - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
```

Good:

```yaml
projections:
  - {from: LGN, to: V1}
  - {from: V1, to: V2, fln: 0.76, sln: 0.74, distance_mm: 9.3 mm, source: paper}
  - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
```""",
)
CIRCULAR = Rule(
    "S108",
    "circular-reference",
    """A file extends or includes itself, directly or by way of others. The notes show the chain of references.

Bad:

```yaml
extends: example.yaml  # this very file
```

Good:

```yaml
extends: base.yaml
```""",
)
MISSING_FILE = Rule(
    "S109",
    "missing-file",
    """A file that the spec names cannot be read. Paths are taken from the folder of the file that names them; a name
that is not found there is looked up among the shipped specs.

Bad:

```yaml
circuits: {other: {file: circuits/potjans-1914.yaml}}
```

Good:

```yaml
circuits: {other: {file: circuits/potjans-diesmann-2014.yaml}}
```""",
)
UNREADABLE_HDF5 = Rule(
    "S110",
    "unreadable-hdf5",
    """An HDF5 file is truncated or corrupt, or lacks the dataset that the spec names, or links out of itself.

Bad:

```yaml
projections:
  - {from: LGN, to: V1}
  - {file: truncated.h5, dataset: /projections}
```

Good:

```yaml
projections:
  - {from: LGN, to: V1}
  - {file: macaque.h5, dataset: /projections}
```""",
)
BAD_TABLE = Rule(
    "S111",
    "bad-table",
    """A table in HDF5 has unknown columns, lacks columns that it needs, has columns of unequal
length, or holds a value that a projection cannot take (the row is named). No row is ever dropped.

Bad:

```yaml
projections:
  - {from: LGN, to: V1}
  - {file: macaque.h5, dataset: /with_a_column_flne}
```

Good:

```yaml
projections:
  - {from: LGN, to: V1}
  - {file: macaque.h5, dataset: /projections}
```""",
)
HOSTILE = Rule(
    "S112",
    "out-of-bounds",
    """The file is larger or more deeply nested than any spec needs to be, or its aliases expand to too many values;
reading it could exhaust the memory. Put large tables into HDF5.

Bad:

```yaml
areas: {V1: {grid:
  [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
  8
  ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}
```

Good:

```yaml
areas: {V1: {grid: [8, 8]}}
```""",
)
BAD_REFERENCE = Rule(
    "S113",
    "bad-reference",
    """A `file:` or `extends:` reference must name a YAML file, or an HDF5 file with a `dataset`. The YAML file is
a spec or a part of one: an artifact holds the texts that its spec was read from, so no other file is read.

Bad:

```yaml
projections:
  - {from: LGN, to: V1}
  - {file: macaque.h5}
```

Good:

```yaml
projections:
  - {from: LGN, to: V1}
  - {file: macaque.h5, dataset: /projections}
```""",
)
OUTSIDE = Rule(
    "S114",
    "outside-file",
    """A spec reads a file that is not in its own folder, nor below it, nor shipped. This is shown because a spec by
somebody else may name any file of your machine, and an artifact holds the texts that its spec was read from.

Bad:

```yaml
extends: ../theirs.yaml
```

Good:

```yaml
extends: base.yaml
```""",
    Severity.INFO,
)

RULES: tuple[Rule, ...] = (
    SYNTAX,
    DUPLICATE_KEY,
    UNKNOWN_KEY,
    MISSING_KEY,
    WRONG_TYPE,
    OUT_OF_RANGE,
    WRONG_UNIT,
    CIRCULAR,
    MISSING_FILE,
    UNREADABLE_HDF5,
    BAD_TABLE,
    HOSTILE,
    BAD_REFERENCE,
    OUTSIDE,
)
