"""Anatomy: implausible or contradictory numbers. These rules run only if the structure of the spec is sound."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from ..diagnostics.rule import Diagnostic, Rule, Severity, rule
from ..hierarchy import fit, levels, logit, ranks
from ..laminar import INFRAGRANULAR, SUPRAGRANULAR
from ..model import All, Circuit, Connectome, MatrixData, Source
from ..topography import reach

Findings = Iterator[Diagnostic]

SUM_TOLERANCE = 0.01
"""FLNe of one injection sum to 0.9993 to 1.0015 in the table of Markov et al. 2014, doi 10.1093/cercor/bhs270."""
FEEDFORWARD, FEEDBACK = 0.65, 0.35
"""SLN above which a projection is feedforward beyond doubt, and below which it is feedback: Schmidt et al. 2018,
doi 10.1007/s00429-017-1554-4."""
EXPLAINED = 0.5
"""Least R2 at which levels fitted to the SLN are used. It is 0.9 for the ventral stream, and 0.2 for all 536
projections of the macaque table, many of which rest on few neurons."""
LEVEL_MARGIN = 0.02
"""Two areas count as level with each other if they differ by less than this fraction of the range of levels."""
SLN_NEEDED, SLN_OUTLIER, LEAST_CONTRADICTION = 8, 3.0, 1.5
"""Projections needed to estimate the scatter; an outlier is this many robust standard deviations of logit(SLN) away,
and at least so far."""
REVERSED, CHANCE = 0.5, 1.7
"""The correlation of SLN with levels is reversed below minus this, or, for n projections, below minus CHANCE / sqrt(n),
which is chance in one of twenty specs. It is 0.3 to 0.9 in the shipped specs."""
DECLARED = {"feedforward": 1.0, "lateral": 0.0, "feedback": -1.0}
"""The logit of SLN that counts for a declared direction: SLN of 0.73, 0.5 and 0.27."""
PROBABLE_EXCITATION, PROBABLE_INHIBITION = 0.25, 0.7
"""Largest published probability of a connection in a column, rounded up, among excitatory cells and where inhibitory
ones take part: 0.243 among excitatory cells (L4, Billeh et al. 2020, doi 10.1016/j.neuron.2020.01.040), 0.676 from
parvalbumin cells to L2/3 (Allen V1 model); the largest of Potjans & Diesmann 2014, doi 10.1093/cercor/bhs358, is
0.373."""
INHIBITORY_FRACTION = (0.05, 0.35)
"""Fraction of a layer's cells that is inhibitory: about 0.2 in Potjans & Diesmann 2014, 0.07 (L6) to 0.19 (L5) in mouse
V1 (Allen V1 model), to 0.25 elsewhere."""
LONGEST_MM = 200.0
"""No two areas of a human brain are further apart along the white matter [mm]."""
DISTANCE_OUTLIER = 3.5
"""Robust standard deviations of ln FLNe around the exponential distance rule. Distance explains a quarter of its
variance only (R2 = 0.25 over 536 projections), so most deviation is normal: Ercsey-Ravasz et al. 2013,
doi 10.1016/j.neuron.2013.07.036."""
DISTANCES_NEEDED = 8
FITTED = 1000
"""The distance rule is fitted to this many projections at most: the fit compares all pairs."""
LEAST_DECAY = 0.05
"""Half of the slowest decay of FLNe with distance that was proposed, 0.1 per mm for humans [1/mm]."""
LATERAL_MM = 8.0
"""The longest horizontal axons reach 8 mm, in TE; those of V1 reach 2 mm (Tanigawa et al. 2005, doi
10.1093/cercor/bhi065)."""


@rule("A401", "fln-over-one", Severity.WARNING)
def fln_over_one(connectome: Connectome, rule: Rule) -> Findings:
    """The FLNe into one area sum to more than 1. FLNe is the fraction of all labelled neurons outside the injected area
    that lies in one source area, so the FLNe of all sources of a target sum to 1 (Markov et al. 2014, doi
    10.1093/cercor/bhs270).

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V4, to: V2, fln: 0.51, sln: 0.25, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V4, to: V2, fln: 0.15, sln: 0.25, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    into = _fln_into(connectome)
    if _transposed(connectome, into):
        return
    for target, found in into.items():
        total = sum(fln for _, fln in found)
        if total > 1 + SUM_TOLERANCE:
            i, largest = max(found, key=lambda pair: pair[1])
            origin = connectome.projections[i].origin
            notes = [
                (connectome.span("projections", j, "fln"), f"{fln:g} from `{connectome.projections[j].origin}`")
                for j, fln in [pair for pair in found if pair[0] != i][:4]
            ]
            message = f"the FLNe into `{target}` sum to {total:.3f}, and {largest:g} of it comes from `{origin}`"
            hint = "FLNe are fractions of the target's input (Markov et al. 2014): check the table, or use `weight`"
            yield rule.at(connectome.span("projections", i, "fln"), message, help=hint, notes=notes)


@rule("A402", "fln-transposed", Severity.WARNING)
def fln_transposed(connectome: Connectome, rule: Rule) -> Findings:
    """The FLNe look as if rows and columns of the table had been swapped: those into some area sum to more than 1, but
    those out of no area do. Some published tables have the targets in rows, others in columns, so this is a common
    mistake.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V2, to: V1, fln: 0.7637, source: paper}
      - {from: V4, to: V1, fln: 0.0131, source: paper}
      - {from: V1, to: V2, fln: 0.7320, source: paper}
      - {from: V4, to: V2, fln: 0.3910, source: paper}
      - {from: V1, to: V4, fln: 0.1277, source: paper}
      - {from: V2, to: V4, fln: 0.1513, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.7637, source: paper}
      - {from: V1, to: V4, fln: 0.0131, source: paper}
      - {from: V2, to: V1, fln: 0.7320, source: paper}
      - {from: V2, to: V4, fln: 0.3910, source: paper}
      - {from: V4, to: V1, fln: 0.1277, source: paper}
      - {from: V4, to: V2, fln: 0.1513, source: paper}
    ```
    """
    into = _fln_into(connectome)
    if not _transposed(connectome, into):
        return
    sums = {target: sum(fln for _, fln in found) for target, found in into.items()}
    worst = max(sums, key=lambda name: sums[name])
    i, _ = max(into[worst], key=lambda pair: pair[1])
    message = (
        f"the FLNe into `{worst}` sum to {sums[worst]:.3f}, and those out of each area to less than 1: the table looks "
        "transposed"
    )
    hint = "swap `from` and `to` of all projections: FLNe is a fraction of the target's input (Markov et al. 2014)"
    yield rule.at(connectome.span("projections", i, "fln"), message, help=hint)


def _fln_into(connectome: Connectome) -> dict[str, list[tuple[int, float]]]:
    """Return, for each target, the index and the FLNe of each projection from an area that has an FLNe."""
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for i, p in enumerate(connectome.projections):
        if p.fln is not None and p.origin != connectome.input.name:
            found[p.target].append((i, p.fln))
    return found


def _transposed(connectome: Connectome, into: dict[str, list[tuple[int, float]]]) -> bool:
    """Whether the FLNe into some area sum to more than 1, but those out of no area: the ends may be swapped."""
    out: dict[str, float] = defaultdict(float)
    given = [pair for found in into.values() for pair in found]
    for i, fln in given:
        out[connectome.projections[i].origin] += fln
    largest = max((sum(fln for _, fln in found) for found in into.values()), default=0.0)
    limit = 1 + SUM_TOLERANCE
    return len(given) >= 6 and largest > limit and max(out.values()) <= limit


@rule("A403", "sln-against-hierarchy", Severity.WARNING)
def sln_against_hierarchy(connectome: Connectome, rule: Rule) -> Findings:
    """The SLN of a projection is that of feedforward, but its target is at a lower level than its origin, or the
    reverse. Most axons up the hierarchy come from supragranular cells, most axons down from infragranular ones (Markov
    et al. 2014, doi 10.1002/cne.23458). If the spec declares no levels, they are fitted to all SLN.

    Bad:

    ```yaml
    areas: {V1: {level: 0}, V2: {level: 1}, V4: {level: 2}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.12, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```

    Good:

    ```yaml
    areas: {V1: {level: 0}, V2: {level: 1}, V4: {level: 2}}
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    declared = all(a.level is not None for a in connectome.areas.values())
    if _upside_down(connectome) is not None:
        return
    if declared:
        level = levels(connectome)
    else:
        fitted = fit(connectome)
        if fitted.explained is None or fitted.explained < EXPLAINED:
            return
        level = fitted.levels
    for i in _contradictions(connectome, level):
        p = connectome.projections[i]
        up = level[p.target] - level[p.origin]
        meant = "feedforward" if (p.sln or 0) > FEEDFORWARD else "feedback"
        how = "declared" if declared else "fitted to all SLN"
        message = (
            f"an SLN of {p.sln:g} is {meant}, and `{p.target}` lies {'above' if up > 0 else 'below'} `{p.origin}` "
            f"({level[p.target]:.3g} and {level[p.origin]:.3g}, {how})"
        )
        notes = [(connectome.span("areas", p.target, "level"), "the level of the target")] if declared else []
        hint = (
            f"a projection {'up' if up > 0 else 'down'} has an SLN {'over' if up > 0 else 'under'} 0.5: check the "
            f"number, {'the levels, ' if declared else ''}and whether `from` and `to` are swapped"
        )
        yield rule.at(connectome.span("projections", i, "sln"), message, help=hint, notes=notes)


def _contradictions(connectome: Connectome, level: dict[str, float]) -> list[int]:
    """Return the projections whose SLN contradicts the levels of their ends, more than is usual in the spec.

    Published SLN scatter widely around the best levels, and a tenth of them is on the wrong side. So with eight
    projections or more, only outliers of the fit of logit(SLN) to the difference in level are returned.
    """
    known = [
        (i, p.sln, level[p.target] - level[p.origin])
        for i, p in enumerate(connectome.projections)
        if p.sln is not None and p.origin in level and p.target in level
    ]
    if not known:
        return []
    sln, rise = np.array([x[1] for x in known]), np.array([x[2] for x in known])
    height = logit(sln)
    margin = LEVEL_MARGIN * (max(level.values()) - min(level.values()))
    wrong = ((sln > FEEDFORWARD) & (rise < -margin)) | ((sln < FEEDBACK) & (rise > margin))
    if len(known) >= SLN_NEEDED:
        slope = max(float(np.median(height[rise != 0] / rise[rise != 0])) if (rise != 0).any() else 0.0, 0.0)
        residual = np.abs(height - slope * rise)
        wrong &= (sln > 0) & (sln < 1)  # 0 and 1 mostly rest on few neurons: sln-of-few-neurons reports them
        wrong &= residual > max(SLN_OUTLIER * 1.4826 * float(np.median(residual)), LEAST_CONTRADICTION)
    return [known[k][0] for k in np.flatnonzero(wrong)]


@rule("A416", "upside-down", Severity.WARNING)
def upside_down(connectome: Connectome, rule: Rule) -> Findings:
    """The SLN and directions of all projections together turn the hierarchy upside down: those that lead away from the
    input, or up the declared levels, have the SLN of feedback, and the others that of feedforward. The SLN may be
    infragranular fractions, or `from` and `to` may be swapped throughout.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.26, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.07, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    found = _upside_down(connectome)
    if found is not None:
        wrong, count = found
        p = connectome.projections[wrong[0]]
        what = f"an SLN of {p.sln:g}" if p.sln is not None else f"the direction {p.direction}"
        given = all(a.level is not None for a in connectome.areas.values())
        message = (
            f"the hierarchy is upside down: {len(wrong)} of {count} projections contradict "
            f"{'the levels' if given else 'the way from the input'}, as {what} from `{p.origin}` to `{p.target}`"
        )
        hint = (
            "check whether SLN counts supragranular neurons, whether `from` and `to` are swapped throughout, and "
            f"{'the levels' if given else f'where `{connectome.input.name}` enters'}"
        )
        key = "sln" if p.sln is not None else "direction"
        yield rule.at(connectome.span("projections", wrong[0], key), message, help=hint)


def _upside_down(connectome: Connectome) -> tuple[list[int], int] | None:
    """Return the projections whose SLN or direction contradicts the order of areas, and how many could have done so.

    None unless SLN and order are reversed on the whole, or in a null model, which may have shuffled them.
    """
    level = levels(connectome)
    known: list[tuple[int, float, float]] = []
    for i, p in enumerate(connectome.projections):
        rise = level.get(p.target, 0.0) - level.get(p.origin, 0.0)
        if rise and p.origin in level and p.target in level and (p.sln is not None or p.direction is not None):
            known.append((i, float(logit(p.sln)) if p.sln is not None else DECLARED[p.direction or "lateral"], rise))
    if len(known) < 2 or connectome.null_model is not None:
        return None
    height, rise_of = np.array([k[1] for k in known]), np.array([k[2] for k in known])
    scale = float(np.linalg.norm(height) * np.linalg.norm(rise_of))
    if scale == 0 or float(height @ rise_of) / scale >= -min(REVERSED, CHANCE / math.sqrt(len(known))):
        return None
    wrong = [known[k][0] for k in np.flatnonzero(height * rise_of < 0)]
    return (wrong, len(known)) if 2 * len(wrong) > len(known) else None


@rule("A404", "sln-against-direction", Severity.WARNING)
def sln_against_direction(connectome: Connectome, rule: Rule) -> Findings:
    """A projection is declared feedforward, but its SLN is that of feedback, or the reverse.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, sln: 0.74, direction: feedback, source: paper}
      - {from: V2, to: V4, sln: 0.93, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, sln: 0.74, direction: feedforward, source: paper}
      - {from: V2, to: V4, sln: 0.93, source: paper}
    ```
    """
    for i, p in enumerate(connectome.projections):
        if p.sln is None or p.direction not in ("feedforward", "feedback"):
            continue
        if p.sln < FEEDBACK if p.direction == "feedforward" else p.sln > FEEDFORWARD:
            notes = [(connectome.span("projections", i, "sln"), "the SLN")]
            message = f"`direction` is {p.direction}, and an SLN of {p.sln:g} is not"
            hint = "over 0.65 is feedforward, under 0.35 feedback (Schmidt et al. 2018): keep `sln` or `direction`"
            yield rule.at(connectome.span("projections", i, "direction"), message, help=hint, notes=notes)


@rule("A405", "sln-of-few-neurons", Severity.INFO)
def sln_of_few_neurons(connectome: Connectome, rule: Rule) -> Findings:
    """An SLN of exactly 0 or 1; reported once for all. It rarely means pure feedback or feedforward, but mostly that
    few neurons were counted: 65 of the 536 SLN of Markov et al. 2014 (doi 10.1002/cne.23458) are 0, with a median of 6
    labelled neurons.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 1, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    relay = connectome.input.name
    extreme = [i for i, p in enumerate(connectome.projections) if p.sln in (0.0, 1.0) and p.origin != relay]
    if extreme:
        first = connectome.projections[extreme[0]]
        message = f"an SLN of exactly {first.sln:g} from `{first.origin}` to `{first.target}`"
        if len(extreme) > 1:
            message += f", and {len(extreme) - 1} more of 0 or 1"
        hint = "look up how many neurons it rests on; under ten, leave `sln` out and give a `direction`"
        yield rule.at(connectome.span("projections", extreme[0], "sln"), message, help=hint)


@rule("A406", "feedforward-misses-l4", Severity.WARNING)
def feedforward_misses_l4(connectome: Connectome, rule: Rule) -> Findings:
    """Feedforward axons land outside layer 4, in a circuit that has one. They end in L4 in 99 % of the reports
    (Felleman & Van Essen 1991, doi 10.1093/cercor/1.1.1-a; CoCoMac).

    Bad:

    ```yaml
    circuits: {granular: {roles: {feedforward: [L5E]}}}
    ```

    Good:

    ```yaml
    circuits: {granular: {roles: {feedforward: [L4E]}}}
    ```
    """
    for name, circuit in connectome.circuits.items():
        granular = [n for n, p in circuit.populations.items() if p.layer == "L4" and p.kind == "excitatory"]
        landing = circuit.roles.feedforward or ()
        if granular and landing and not set(granular) & set(landing):
            span = connectome.span("circuits", name, "roles", "feedforward", 0)
            layer = circuit.populations[landing[0]].layer
            where = f"`{landing[0]}`, in {layer}" if layer else f"`{landing[0]}`"
            message = f"feedforward axons land on {where}, and `{name}` has a layer 4"
            hint = f"they end in L4 (Felleman & Van Essen 1991): add `{granular[0]}`"
            yield rule.at(span, message, help=hint)


@rule("A407", "feedback-in-l4", Severity.WARNING)
def feedback_in_l4(connectome: Connectome, rule: Rule) -> Findings:
    """Feedback lands in layer 4, which it avoids (Felleman & Van Essen 1991, doi 10.1093/cercor/1.1.1-a).

    Bad:

    ```yaml
    circuits: {granular: {roles: {feedback: [L23E, L4E]}}}
    ```

    Good:

    ```yaml
    circuits: {granular: {roles: {feedback: [L23E, L5E]}}}
    ```
    """
    for name, circuit in connectome.circuits.items():
        other = [n for n, p in circuit.populations.items() if p.layer in SUPRAGRANULAR | INFRAGRANULAR]
        for i, population in enumerate(circuit.roles.feedback or ()):
            if circuit.populations[population].layer == "L4" and other:
                message = f"feedback lands on `{population}`, in L4"
                hint = "it ends in L1, L2/3, L5 and L6, and avoids L4 (Felleman & Van Essen 1991)"
                yield rule.at(connectome.span("circuits", name, "roles", "feedback", i), message, help=hint)


@rule("A408", "improbable-connection", Severity.WARNING)
def improbable_connection(connectome: Connectome, rule: Rule) -> Findings:
    """A probability of connection inside a column that is larger than any published one: over 0.25 among excitatory
    cells, over 0.7 where inhibitory ones take part. The matrix may be in percent, or transposed.

    Bad:

    ```yaml
    circuits:
      granular: {connections: {rows: target, populations: [L23E, L4E, L4I, L5E], probability: [
        [0.10, 0.84, 0.08, 0.03], [0.01, 0.05, 0.14, 0.01], [0.07, 0.08, 0.16, 0.01], [0.10, 0.05, 0.01, 0.08]]}}
    ```

    Good:

    ```yaml
    circuits:
      granular: {connections: {rows: target, populations: [L23E, L4E, L4I, L5E], probability: [
        [0.10, 0.04, 0.08, 0.03], [0.01, 0.05, 0.14, 0.01], [0.07, 0.08, 0.16, 0.01], [0.10, 0.05, 0.01, 0.08]]}}
    ```
    """
    for name, circuit in connectome.circuits.items():
        written = circuit.connections
        if written is None or isinstance(written.probability, MatrixData) or _of_rates(circuit):
            continue
        for i, row in enumerate(written.probability):
            for j, probability in enumerate(row):
                ends = (j, i) if written.rows == "target" else (i, j)
                origin, target = (written.populations[end] for end in ends)
                excitatory = all(circuit.populations[n].kind == "excitatory" for n in (origin, target))
                limit = PROBABLE_EXCITATION if excitatory else PROBABLE_INHIBITION
                if probability > limit:
                    span = connectome.span("circuits", name, "connections", "probability", i, j)
                    message = f"`{origin}` connects to `{target}` with a probability of {probability:g}"
                    hint = f"no published one is over {limit:g}; check the units, and whether `rows` is right"
                    yield rule.at(span, message, help=hint)


def _of_rates(circuit: Circuit) -> bool:
    """Whether the populations are rate units of one "cell" each: counts and probabilities then have no meaning."""
    return len(circuit.populations) > 1 and all(p.cells == 1 for p in circuit.populations.values())


@rule("A409", "unusual-inhibition", Severity.WARNING)
def unusual_inhibition(connectome: Connectome, rule: Rule) -> Findings:
    """The fraction of inhibitory cells in a layer is unusual: published ones are 7 to 25 %, and 20 % in Potjans &
    Diesmann 2014 (doi 10.1093/cercor/bhs358). Rows may be swapped, or a population may have the wrong `kind`.

    Bad:

    ```yaml
    circuits: {granular: {populations: {L4E: {cells: 5479}, L4I: {cells: 21915}}}}
    ```

    Good:

    ```yaml
    circuits: {granular: {populations: {L4E: {cells: 21915}, L4I: {cells: 5479}}}}
    ```
    """
    for name, circuit in connectome.circuits.items():
        if _of_rates(circuit):
            continue
        layers: dict[str | None, list[str]] = defaultdict(list)
        for population, written in circuit.populations.items():
            if written.cells is not None:
                layers[written.layer].append(population)
        for layer, members in layers.items():
            cells = {n: circuit.populations[n].cells or 0.0 for n in members}
            inhibitory = [n for n in members if circuit.populations[n].kind == "inhibitory"]
            if not inhibitory or len(inhibitory) == len(members):
                continue
            fraction = sum(cells[n] for n in inhibitory) / sum(cells.values())
            if not INHIBITORY_FRACTION[0] <= fraction <= INHIBITORY_FRACTION[1]:
                span = connectome.span("circuits", name, "populations", inhibitory[0], "cells")
                where = f"in {layer} of `{name}`" if layer else f"in `{name}`"
                message = f"{100 * fraction:.0f} % of the cells {where} are inhibitory"
                yield rule.at(span, message, help="expected 5 to 35 %, 20 % in most tables: check `cells` and `kind`")


_INHIBITORY_NAME = re.compile(
    r"(?:^|[\d/_ -])I$|[_-](?:PV|SST|VIP|inh)$"
    r"|^(?:PV|SST|VIP|Pvalb|Htr3a|Sncg|Lamp5|basket|chandelier|Martinotti|inh\w*)$",
    re.IGNORECASE,
)


@rule("A410", "kind-against-name", Severity.WARNING)
def kind_against_name(connectome: Connectome, rule: Rule) -> Findings:
    """A population has the name of an inhibitory one, but its `kind` is excitatory, which is the default: `kind` may
    have been forgotten. The population would then excite other cells.

    Bad:

    ```yaml
    circuits: {granular: {populations: {L5I: {layer: L5}}}}
    ```

    Good:

    ```yaml
    circuits: {granular: {populations: {L5I: {layer: L5, kind: inhibitory}}}}
    ```
    """
    for name, circuit in connectome.circuits.items():
        for population, written in circuit.populations.items():
            if written.kind == "excitatory" and _INHIBITORY_NAME.search(population):
                span = connectome.locations.span(("circuits", name, "populations", population), key=True)
                message = f"`{population}` has the name of an inhibitory population, but is excitatory"
                yield rule.at(span, message, help="add `kind: inhibitory`, or rename it")


@rule("A411", "weight-against-distance", Severity.WARNING)
def weight_against_distance(connectome: Connectome, rule: Rule) -> Findings:
    """A projection is far stronger or weaker than expected from its length. FLNe falls exponentially with distance, in
    the macaque by 0.15 to 0.19 per mm (Ercsey-Ravasz et al. 2013, doi 10.1016/j.neuron.2013.07.036). The rule is fitted
    to the projections of the spec if there are eight or more, and only extreme outliers are reported, since distance
    explains a quarter of the variance. A distance longer than any brain is reported too: its unit may be wrong.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, distance_mm: 9300, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, distance_mm: 9.4, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, distance_mm: 9.3, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, distance_mm: 9.4, source: paper}
    ```
    """
    known: list[int] = []
    for i, p in enumerate(connectome.projections):
        if p.distance_mm is None:
            continue
        if p.distance_mm > LONGEST_MM or (p.distance_mm == 0 and p.origin != p.target):
            what = "longer than any brain" if p.distance_mm else "between two areas"
            message = f"a distance of {p.distance_mm:g} mm, {what}"
            yield rule.at(connectome.span("projections", i, "distance_mm"), message, help="check its unit")
        elif p.fln:
            known.append(i)
    if len(known) < DISTANCES_NEEDED:
        return
    from scipy.stats import theilslopes

    distance = np.array([connectome.projections[i].distance_mm for i in known], float)
    strength = np.log([connectome.projections[i].fln or 1.0 for i in known])
    if np.ptp(distance) == 0:
        return
    some = np.linspace(0, len(known) - 1, min(len(known), FITTED)).astype(int)
    slope = min(float(theilslopes(strength[some], distance[some]).slope), -LEAST_DECAY)
    start = float(np.median(strength - slope * distance))
    residual = strength - (start + slope * distance)
    spread = 1.4826 * float(np.median(np.abs(residual - np.median(residual))))
    for i, away in zip(known, residual - np.median(residual), strict=True):
        if spread > 0 and abs(away) > max(DISTANCE_OUTLIER * spread, np.log(100)):
            p = connectome.projections[i]
            expected = float(np.exp(np.log(p.fln or 1.0) - away))
            factor = f"{np.exp(abs(away)):.0f}" if abs(away) < np.log(1e4) else "over 10,000"
            message = (
                f"FLNe {p.fln:g} over {p.distance_mm:g} mm from `{p.origin}` to `{p.target}`: {factor} times "
                f"{'more' if away > 0 else 'less'} than the distance rule of this spec gives, {expected:.2g}"
            )
            notes = [(connectome.span("projections", i, "distance_mm"), "the distance")]
            hint = "check both numbers; the rule is FLNe ~ exp(-lambda d) (Ercsey-Ravasz et al. 2013)"
            yield rule.at(connectome.span("projections", i, "fln"), message, help=hint, notes=notes)


@rule("A412", "lateral-too-far", Severity.WARNING)
def lateral_too_far(connectome: Connectome, rule: Rule) -> Findings:
    """Horizontal axons reach further than any published ones: 8 mm in TE, 2 mm in V1 (Tanigawa et al. 2005, doi
    10.1093/cercor/bhi065). Only areas with a `surface_mm2` are checked: all columns of an area have the same share of
    it.

    Bad:

    ```yaml
    areas: {V1: {surface_mm2: 1485}}
    lateral: {V1: {kernel: {type: exponential, length: 1.0, cutoff: 3.0}, source: paper}}
    ```

    Good:

    ```yaml
    areas: {V1: {surface_mm2: 1485}}
    lateral: {V1: {kernel: {type: exponential, length: 0.5, cutoff: 1.5}, source: paper}}
    ```
    """
    for name, lateral in connectome.lateral.items():
        area = connectome.areas[name]
        if area.surface_mm2 is None:
            continue
        column = float(np.sqrt(area.surface_mm2 / (area.grid[0] * area.grid[1])))
        far = max(area.grid) - 1.0 if isinstance(lateral.kernel, All) else reach(lateral.kernel)
        if LATERAL_MM < far * column < math.inf:
            message = f"horizontal axons of `{name}` reach {far * column:.1f} mm: {far:g} columns of {column:.1f} mm"
            hint = "the longest published ones reach 8 mm, in TE (Tanigawa et al. 2005): shorten the kernel"
            yield rule.at(connectome.span("lateral", name, "kernel"), message, help=hint)


@rule("A413", "finer-above", Severity.WARNING)
def finer_above(connectome: Connectome, rule: Rule) -> Findings:
    """A higher area has a finer grid than a lower one that drives it. Receptive fields grow along the hierarchy, V1
    to V4 by four to seven times (Desimone & Schein 1987, J Neurophysiol 57:835), so grids become coarser.

    Bad:

    ```yaml
    areas: {V4: {grid: [16, 16]}}
    ```

    Good:

    ```yaml
    areas: {V4: {grid: [4, 4]}}
    ```
    """
    rank = ranks(connectome)
    reported: set[str] = set()
    for p in connectome.projections:
        if p.origin not in rank or p.target in reported:
            continue
        up = p.sln > 0.5 if p.sln is not None else rank[p.origin] < rank[p.target]
        lower, higher = connectome.areas[p.origin].grid, connectome.areas[p.target].grid
        if up and rank[p.origin] < rank[p.target] and higher[0] * higher[1] > lower[0] * lower[1]:
            reported.add(p.target)
            message = (
                f"`{p.target}` has a grid of {higher[0]} x {higher[1]}, finer than {lower[0]} x {lower[1]} of "
                f"`{p.origin}`, which drives it from below"
            )
            notes = [(connectome.span("areas", p.origin, "grid"), f"the grid of `{p.origin}`")]
            hint = "receptive fields grow along the hierarchy: make this grid as coarse as the lower one, or coarser"
            yield rule.at(connectome.span("areas", p.target, "grid"), message, help=hint, notes=notes)


@rule("A414", "number-without-source", Severity.INFO)
def number_without_source(connectome: Connectome, rule: Rule) -> Findings:
    """Measured numbers (FLNe, SLN, distances or probabilities) without a source; reported once, at the first.

    Bad:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```

    Good:

    ```yaml
    projections:
      - {from: LGN, to: V1}
      - {from: V1, to: V2, fln: 0.76, sln: 0.74, source: paper}
      - {from: V2, to: V4, fln: 0.39, sln: 0.93, source: paper}
    ```
    """
    missing: list[tuple[str | int, ...]] = []
    measured = 0
    for i, p in enumerate(connectome.projections):
        given = [key for key in ("fln", "sln", "distance_mm") if getattr(p, key) is not None]
        measured += bool(given)
        if given and not p.source:
            missing.append(("projections", i, given[0]))
    for name, circuit in connectome.circuits.items():
        if circuit.connections is not None:
            measured += 1
            if not (circuit.connections.source or circuit.source):
                missing.append(("circuits", name, "connections"))
    if missing:
        message = f"{len(missing)} of {measured} tables and projections with measured numbers have no source"
        hint = "list the source under `sources`, and cite it: `source: markov2014`"
        yield rule.at(connectome.span(*missing[0]), message, help=hint)


@rule("A415", "source-without-identifier", Severity.WARNING)
def source_without_identifier(connectome: Connectome, rule: Rule) -> Findings:
    """A source of measured or derived numbers cannot be looked up: it has no DOI, no URL and no citation. Assumed
    numbers need none of these; mark them with `status: assumed`.

    Bad:

    ```yaml
    sources: {tracer: {note: the table of the supplement}}
    ```

    Good:

    ```yaml
    sources: {tracer: {doi: 10.1093/cercor/bhs270, note: the table of the supplement}}
    ```
    """
    for path, name, source in _sources(connectome):
        if source.status != "assumed" and not (source.doi or source.url or source.citation):
            span = connectome.locations.span((*path, name), key=True)
            message = f"the source `{name}` has no DOI, no URL and no citation, and its numbers are {source.status}"
            yield rule.at(span, message, help="add one of the three, or `status: assumed`")


@rule("A417", "bad-doi", Severity.WARNING)
def bad_doi(connectome: Connectome, rule: Rule) -> Findings:
    """What stands under `doi` is no DOI: a web address, or another text. A DOI begins with `10.`, a number and a slash.

    Bad:

    ```yaml
    sources: {paper: {doi: https://doi.org/10.1093/cercor/bhs270}}
    ```

    Good:

    ```yaml
    sources: {paper: {doi: 10.1093/cercor/bhs270}}
    ```
    """
    for path, name, source in _sources(connectome):
        if source.doi is None or _DOI.fullmatch(source.doi):
            continue
        span = connectome.span(*path, name, "doi")
        if found := _DOI.search(source.doi):
            hint, fixes = f"write the DOI alone: `{found[0]}`", [(span, found[0])]
        elif source.doi.startswith(("http://", "https://")):
            key = connectome.locations.span((*path, name, "doi"), key=True)
            hint, fixes = "write it under `url`", [] if source.url else [(key, "url")]
        else:
            hint, fixes = "a DOI looks like `10.1093/cercor/bhs270`; write a paper under `citation`", []
        yield rule.at(span, f"`{source.doi}` is no DOI", help=hint, fixes=fixes)


_DOI = re.compile(r"10\.\d[\d.]*/\S*[^\s.,;]")


def _sources(connectome: Connectome) -> Iterator[tuple[tuple[str, ...], str, Source]]:
    """Yield path, name and content of each source: those of the spec, then those of its circuits."""
    for name, source in connectome.sources.items():
        yield ("sources",), name, source
    for circuit_name, circuit in connectome.circuits.items():
        for name, source in circuit.sources.items():
            yield ("circuits", circuit_name, "sources"), name, source


RULES: tuple[Rule, ...] = (
    fln_over_one,
    fln_transposed,
    sln_against_hierarchy,
    sln_against_direction,
    sln_of_few_neurons,
    feedforward_misses_l4,
    feedback_in_l4,
    improbable_connection,
    unusual_inhibition,
    kind_against_name,
    weight_against_distance,
    lateral_too_far,
    finer_above,
    number_without_source,
    source_without_identifier,
    upside_down,
    bad_doi,
)
