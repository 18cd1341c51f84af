"""What the name of a column says: which end of an edge it holds, or which number, and in which unit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import numpy as np

from .report import ImportReport
from .scales import bare

SOURCE = (
    "source from pre presynaptic src origin sourcearea areasource sourceid preid prerootid preptrootid bodyidpre "
    "prebodyid sourcenode sourcenodeid presynapticneuron prename preneuron presyn sourcename sourceneuron idpre "
    "fromarea efferent node1 bodypre neuron1 typepre sourceregion sourcestructure sourceroi sourceacronym sourceabbrev "
    "sourcelabel sourceindex fromregion"
).split()
TARGET = (
    "target to post postsynaptic tgt dst destination dest targetarea areatarget targetid postid postrootid "
    "postptrootid bodyidpost postbodyid targetnode targetnodeid postsynapticneuron postname postneuron postsyn "
    "targetname targetneuron idpost toarea injected injectedarea injectionsite afferent node2 bodypost neuron2 "
    "typepost targetregion targetstructure targetroi targetacronym targetabbrev targetlabel targetindex toregion"
).split()
FLN = ("fln", "flne")
SYNAPSES = "syncount synapsecount synapses nsyn nsyns nsynapses numsynapses".split()
WEIGHT = (
    f"weight w strength synweight synapseweight {' '.join(SYNAPSES)} count counts number n value connectivity density "
    "nneurons neurons labelledneurons labeledneurons normalizedprojectionvolume normalizedprojectiondensity "
    "projectionvolume projectiondensity projectionenergy npv streamlines streamlinecount fibercount fibrecount"
).split()
COUNT = [*SYNAPSES, *"synapseweight weight count counts w n".split()]
"""Numbers of synapses, where the ends of an edge are neurons."""
NEURONS = "nneurons neurons labelledneurons labeledneurons ncells cells".split()
CASE = "case injection caseid injectionid experiment experimentid animal monkey subject".split()
LENGTHS = "distancemm distance dist length lengthmm wiringdistancemm distanceum distancecm".split()
MILLIMETRES = {"nm": 1e-6, "um": 1e-3, "micron": 1e-3, "microns": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1e3, "km": 1e6}
"""Of a unit that the name of a column may end with."""
_LENGTH = re.compile(rf"(?:wiring[^a-z]*)?(distance|(?:dist|length)(?=$|[^a-z]|(?:{'|'.join(MILLIMETRES)})(?![a-z])))")


def plain(name: str) -> str:
    """Return a name as it is compared: small letters and digits, ``preptrootid`` for ``Pre_pt root-ID``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def known(columns: Iterable[str], names: Iterable[str], but: Collection[str | None] = ()) -> list[str]:
    """Return the columns that have one of the names, the likeliest name first, without those in ``but``.

    What a name says of the scale does not matter: ``log10(weight)`` is a weight.

    >>> known(["To", "n", "FROM", "from"], ["from", "to"], but=["from"])
    ['FROM', 'To']
    """
    free = [(plain(bare(c)), c) for c in columns if c not in but]
    return [column for name in names for key, column in free if key == name]


def is_fln(column: str) -> bool:
    """Whether the name of a column says that it holds FLNe."""
    return plain(bare(column)).startswith(FLN)


def lengths(columns: Iterable[str]) -> list[str]:
    """Return the names of columns that are distances, as they are compared; the likeliest first."""
    found = [plain(name) for name in columns if _LENGTH.match(_spelled(name))]
    return sorted(found, key=lambda key: LENGTHS.index(key) if key in LENGTHS else len(LENGTHS))


def unit_of(column: str) -> str | None:
    """Return the unit of length that the name of a column has, or None.

    >>> unit_of("dist_um"), unit_of("Distance (mm)"), unit_of("lengthcm"), unit_of("distance")
    ('um', 'mm', 'cm', None)
    """
    words = re.findall(r"[a-z0-9]+", _LENGTH.sub(r"\1 ", _spelled(column)))
    return next((word for word in reversed(words) if word in MILLIMETRES), None)


def in_mm(values: np.ndarray, column: str, what: str, report: ImportReport) -> np.ndarray:
    """Return distances [mm], by the unit that their name has; ``what``: "a column" or "an attribute"."""
    unit = unit_of(column)
    if unit is None:
        report.guess(f"unit of `{column}`", "mm", "the name has no unit", f"{what} distance_um")
    elif unit != "mm":
        report.guess(f"unit of `{column}`", unit, "by the name", f"{what} distance_mm")
    return values * MILLIMETRES[unit or "mm"]


def _spelled(name: str) -> str:
    return name.strip().lower().replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
