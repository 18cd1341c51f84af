"""Rules that hold while a spec is being read, before there is a connectome: the reader raises them."""

from __future__ import annotations

from .rule import Rule, Severity


def _rule(code: str, name: str, page: str) -> Rule:
    return Rule(code, name, Severity.ERROR, page)


SYNTAX = _rule(
    "S101",
    "yaml-syntax",
    """The file is not well-formed YAML, is empty, or is not UTF-8 text.

The place is where the parser gave up; the cause (an unclosed bracket or quote, a tab, an indentation that does not
match) often lies just before it.""",
)
DUPLICATE_KEY = _rule(
    "S102",
    "duplicate-key",
    """A mapping has the same key twice. Most YAML readers keep the last one in silence, and the first is lost.

Bad:   areas: {V1: {grid: [8, 8]}, V1: {grid: [4, 4]}}
Good:  areas: {V1: {grid: [8, 8]}, V2: {grid: [4, 4]}}""",
)
UNKNOWN_KEY = _rule(
    "S103",
    "unknown-key",
    """A key that the language does not have at this place, most often a misspelling. It is never ignored.

Bad:   projections: [{from: V1, to: V2, flne: 0.76}]
Good:  projections: [{from: V1, to: V2, fln: 0.76}]""",
)
MISSING_KEY = _rule(
    "S104",
    "missing-key",
    """A key without which the value has no meaning is absent.

Bad:   readout: {classes: 10}
Good:  readout: {area: TEO, classes: 10}""",
)
WRONG_TYPE = _rule(
    "S105",
    "wrong-type",
    """A value of another type than the key takes: text for a number, a list for a mapping.

Bad:   areas: {V1: {grid: 8}}
Good:  areas: {V1: {grid: [8, 8]}}""",
)
OUT_OF_RANGE = _rule(
    "S106",
    "value-out-of-range",
    """A value of the right type that the key cannot take: a negative or infinite weight, NaN, a fraction over 1, an
unknown word where only a few are possible, an unknown version of the language.

Bad:   projections: [{from: V1, to: V2, sln: 1.7}]
Good:  projections: [{from: V1, to: V2, sln: 0.74}]""",
)
WRONG_UNIT = _rule(
    "S107",
    "wrong-unit",
    """A quantity whose unit is unknown or of another dimension than the key takes.

Bad:   projections: [{from: V1, to: V2, distance_mm: 9.3 ms}]
Good:  projections: [{from: V1, to: V2, distance_mm: 9.3 mm}]""",
)
CIRCULAR = _rule(
    "S108",
    "circular-reference",
    """A file extends or includes itself, directly or by way of others. The notes show the way round.""",
)
MISSING_FILE = _rule(
    "S109",
    "missing-file",
    """A file that the spec names cannot be read. Paths are taken from the folder of the file that names them; a name
that is not found there is looked up among the shipped specs.""",
)
UNREADABLE_HDF5 = _rule(
    "S110",
    "unreadable-hdf5",
    """An HDF5 file is truncated or corrupt, or lacks the dataset that the spec names, or links out of itself.""",
)
BAD_TABLE = _rule(
    "S111",
    "bad-table",
    """A table in HDF5 has columns that the language does not know, lacks those that it needs, has columns of unequal
length, or holds a value that a projection cannot take (the row is named). No row is ever dropped.""",
)
HOSTILE = _rule(
    "S112",
    "out-of-bounds",
    """The file is larger, deeper or, by its aliases, longer than any spec needs to be; reading it would cost memory
without bound. Large tables belong into HDF5.""",
)
BAD_REFERENCE = _rule(
    "S113",
    "bad-reference",
    """A `file:` or `extends:` reference is not of a form the reader knows: a YAML file, or an HDF5 file with a
`dataset`.

Bad:   projections: [{file: macaque.h5}]
Good:  projections: [{file: macaque.h5, dataset: /projections}]""",
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
)
