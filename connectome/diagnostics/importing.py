"""Rules of importing: why a file of anatomy cannot become a spec, or what looks wrong in it."""

from __future__ import annotations

from .rule import Rule, Severity

UNREADABLE = Rule(
    "I601",
    "unreadable-anatomy",
    """The file is not what its name or the format says: another encoding, a binary file called `.csv`, a truncated
HDF5 file, XML that is not well-formed, a delimiter that was not recognised.

Bad:

```csv
from~to~weight
V1~V2~0.76
V2~V1~0.73
```

Good:

```csv
from,to,weight
V1,V2,0.76
V2,V1,0.73
```""",
)
BAD_TABLE = Rule(
    "I602",
    "bad-anatomy-table",
    """The table does not have the columns, rows or labels that it needs: a row of another length, a label that occurs
twice, no column that could be the source. Options such as `--source-column` say which column is which.

Bad:

```csv
from,to,to,weight
V1,V2,V2,0.76
V2,V1,V1,0.73
```

Good:

```csv
from,to,weight
V1,V2,0.76
V2,V1,0.73
```""",
)
BAD_VALUE = Rule(
    "I603",
    "bad-anatomy-value",
    """A weight that is missing, not a number, infinite or negative, a fraction outside of 0 to 1, or an identifier that
lost digits. With `--invalid drop` such rows are left out, counted and listed; without it nothing is imported.

Bad:

```csv
from,to,weight
V1,V2,0.76
V2,V1,nan
```

Good:

```csv
from,to,weight
V1,V2,0.76
V2,V1,0.73
```""",
)
UNKNOWN_NODE = Rule(
    "I604",
    "unknown-node",
    """An edge leads from or to something that the file does not list: a neuron without a row in the table of neurons, a
population that is not declared, a row without a name. With `--invalid drop` such edges are left out and counted.

Bad:

```csv
from,to,weight
V1,V2,0.76
,V1,0.73
```

Good:

```csv
from,to,weight
V1,V2,0.76
V2,V1,0.73
```""",
)
AMBIGUOUS = Rule(
    "I605",
    "ambiguous-anatomy",
    """The file can be read in more than one way, and a wrong guess could reverse every projection: it does not say
whether the rows of a matrix are sources or targets, or which of several matrices is meant, or two rows of one pair
contradict each other.

Bad:

```csv
from,to,weight,direction
V1,V2,0.76,feedforward
V1,V2,0.70,feedback
```

Good:

```csv
from,to,weight,direction
V1,V2,0.76,feedforward
V2,V1,0.70,feedback
```""",
)
ORIENTATION = Rule(
    "I606",
    "orientation-betrayed",
    """Source and target seem to be swapped: FLNe are fractions of the *target's* input, so they sum to at most 1 over
the projections into each area, but here they do so over the projections out of each area.

Bad:

```csv
from,to,fln
V2,V1,0.76
V4,V1,0.01
V1,V2,0.73
V4,V2,0.39
V1,V4,0.13
V2,V4,0.15
```

Good:

```csv
from,to,fln
V1,V2,0.76
V1,V4,0.01
V2,V1,0.73
V2,V4,0.39
V4,V1,0.13
V4,V2,0.15
```""",
    Severity.WARNING,
)

RULES: tuple[Rule, ...] = (UNREADABLE, BAD_TABLE, BAD_VALUE, UNKNOWN_NODE, AMBIGUOUS, ORIENTATION)
