"""From evidence to results: every number of the tables, plots and page, and whether each claim holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortexc.runtime.corruptions.published import HARD_CELLS
from cortexc.runtime.measures import (
    ALL_CELLS,
    AT_5,
    AT_5_WITHOUT_FROST,
    EXTRA_CELLS,
    LEVELS,
    WITHOUT_FROST,
    by_corruption,
    fifths,
    severity_curve,
    uncertain,
    worst_case,
)
from cortexc.runtime.predictions import CLEAN

from .evidence import Answers, Evidence
from .model import Experiment
from .planning import Schedule
from .scrutiny import Scrutiny, can_be_scrutinised, consistencies, counts_for_scrutiny, scrutiny
from .statistics import Counts, Interval, Resampled, effective_robustness, holm, resample

CONSISTENCY_RESAMPLES = 2000
"""At most this many resamples for the intervals of error consistency."""
TENFOLD = 10
"""How many times fewer attention parameters the claim requires."""


@dataclass(frozen=True)
class Measure:
    """A measure. All were fixed before the runs."""

    code: str
    name: str
    about: str


CLEAN_ACCURACY = Measure("clean", "Clean accuracy", "on the test images as they are")
MEAN = Measure("mean", "Mean of 15 x 5", "mean accuracy over the 15 corruptions at all 5 severities")
MEAN_14 = Measure("mean14", "Mean of 14 x 5", "the same without frost, of which a regenerated set has a drawn one")
D1 = Measure("D1", "Severity 5", "mean accuracy over the 15 corruptions at severity 5")
D1_14 = Measure("severity5-14", "Severity 5 of 14", "D1 without frost")
D2 = Measure(
    "D2", "15 hard cells", "mean accuracy over the 15 cells that are hardest for a public WRN-28-10 (RobustBench)"
)
OWN = Measure(
    "own",
    "Baseline's 15 hard cells",
    "mean accuracy over the 15 cells that are hardest for reference runs of the baseline, which are of other seeds",
)
D3 = Measure(
    "D3",
    "Hardest tenth",
    "accuracy on the tenth of all answers that is hardest for the reference runs. What is hard for one kind of model "
    "is less so for any other kind: arms unlike the references gain here by that alone",
)
D4 = Measure("D4", "Worst case", "fraction of the images that are right under all 15 corruptions at severity 5")
D5 = Measure(
    "D5", "Human-uncertain", "severity 5, on the tenth of the images about which people disagree most (CIFAR-10H)"
)
EXTRAS = Measure(
    "extra", "Mean of 4 x 5", "mean accuracy over the 4 extra corruptions: for choices, and no part of the claim"
)
CELLS = {
    CLEAN_ACCURACY: (CLEAN,),
    MEAN: ALL_CELLS,
    MEAN_14: WITHOUT_FROST,
    D1: AT_5,
    D1_14: AT_5_WITHOUT_FROST,
    D2: HARD_CELLS,
    OWN: ALL_CELLS,
    D3: ALL_CELLS,
    D4: AT_5,
    D5: AT_5,
    EXTRAS: EXTRA_CELLS,
}
"""Measure -> the cells that it needs."""
MEASURES = tuple(CELLS)
FAMILY = (D1, D2, D4, D5)
"""The measures whose p values Holm's method corrects together, in each comparison. D3 is not one of them: what is hard
for the references is easier for any arm that is unlike them."""


@dataclass(frozen=True)
class ArmResult:
    """The results of one arm."""

    name: str
    title: str
    seeds: tuple[int, ...]
    parameters: dict[str, int]
    """Mean over its runs, which have different numbers only in an ensemble of null models."""
    flops: float
    """Of one image; mean over its runs."""
    epochs: int
    seconds_per_epoch: float
    """Mean over its runs, on the machine where they were made."""
    measures: dict[str, Interval]
    """By code."""
    by_seed: dict[str, tuple[float, ...]]
    curve: dict[int, float]
    """Severity -> mean accuracy over the 15."""
    cells: dict[str, dict[int, float]]
    """Corruption -> severity -> accuracy."""
    difficulty: tuple[float, ...]
    """Accuracy in the fifths of all answers, the easiest first; empty without references."""
    effective: Interval | None
    """Effective robustness: accuracy over 15 x 5 minus that of a dense model with the same clean accuracy."""


@dataclass(frozen=True)
class Difference:
    """How much more accurate an arm is than another, in one measure."""

    measure: str
    interval: Interval
    corrected: float | None
    """p after Holm's correction; None outside its family."""

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``no difference shown``; by the corrected p if there is one."""
        found, p = self.interval, self.corrected
        apart = found.low > 0 or found.high < 0
        if not apart or (p is not None and p >= 0.05):
            return "no difference shown"
        return "better" if found.value > 0 else "worse"


@dataclass(frozen=True)
class ComparisonResult:
    """One arm against another."""

    arm: str
    to: str
    parameters_ratio: float
    """How many times fewer attention parameters the arm has."""
    differences: tuple[Difference, ...]
    scrutiny: Scrutiny | None
    """None if the evidence has not all corruptions at severity 5."""

    def of(self, measure: Measure) -> Difference | None:
        """Return the difference in a measure, if it was measured."""
        return next((d for d in self.differences if d.measure == measure.code), None)


@dataclass(frozen=True)
class Claim:
    """One statement of the claim, and whether the results support it."""

    text: str
    found: str
    holds: bool | None
    """None if it was not measured."""


@dataclass(frozen=True)
class Results:
    """Everything that the report shows."""

    experiment: str
    description: str
    plan: str
    baseline: str
    headline: str
    level: float
    resamples: int
    freedom: int
    """Degrees of freedom of the seed effect; 0 if the intervals are over images alone."""
    line: int
    """Number of models in the line that effective robustness is measured from."""
    measures: tuple[Measure, ...]
    arms: tuple[ArmResult, ...]
    comparisons: tuple[ComparisonResult, ...]
    finding: str
    """What was found, in a sentence; empty if nothing was compared at severity 5."""
    claims: tuple[Claim, ...]
    references: tuple[dict[str, Any], ...]
    data: dict[str, Any]
    provenance: dict[str, Any]

    def arm(self, name: str) -> ArmResult:
        """Return the results of an arm."""
        return next(arm for arm in self.arms if arm.name == name)


def results(plan: Schedule, evidence: Evidence, human: NDArray[np.float64] | None = None) -> Results:
    """Return all results.

    Args:
        plan: whose runs they are.
        evidence: their answers.
        human: (image, class), votes of people; see `runtime.robustness.read_human`.
    """
    experiment, settings = plan.experiment, plan.experiment.evaluation
    selected = {m: images for m in MEASURES if (images := _selected(m, evidence, human, experiment)) is not None}
    measures = tuple(selected)
    counts = {(arm, m.code): _counts(m, selected[m], evidence, evidence.of(arm)) for arm in plan.arms for m in measures}
    family = {  # no arm has an @
        f"{run.arm}@{'reference' if run.reference else 'run'}-{run.seed}": run
        for reference in (False, True)
        for run in evidence.of(experiment.baseline, reference=reference)
    }
    for name, run in family.items():
        for m in (CLEAN_ACCURACY, MEAN):
            if m in selected:
                counts[name, m.code] = _counts(m, selected[m], evidence, (run,))
    if looked_at := can_be_scrutinised(evidence):
        more = {arm: counts_for_scrutiny(evidence, evidence.of(arm)) for arm in plan.arms}
        counts |= {(arm, code): found for arm, by_code in more.items() for code, found in by_code.items()}
    ensembles = [arm for arm in plan.arms if experiment.is_ensemble(arm)]
    found = resample(counts, resamples=settings.resamples, ensembles=ensembles)
    arms = tuple(_arm(arm, plan, evidence, measures, counts, found, tuple(family)) for arm in plan.arms)
    by_name = {arm.name: arm for arm in arms}
    pairs = _pairs(plan)
    looks: dict[tuple[str, str], Scrutiny] = {}
    if looked_at:
        same = consistencies(
            evidence, pairs, resamples=min(settings.resamples, CONSISTENCY_RESAMPLES), level=settings.level
        )
        looks = {pair: scrutiny(*pair, found, same[pair], settings.level) for pair in pairs}
    comparisons = tuple(_comparison(pair, by_name, measures, found, looks.get(pair), settings.level) for pair in pairs)
    return Results(
        experiment=experiment.name,
        description=experiment.description or "",
        plan=plan.plan,
        baseline=experiment.baseline,
        headline=experiment.main,
        level=settings.level,
        resamples=settings.resamples,
        freedom=found.freedom,
        line=len(family),
        measures=measures,
        arms=arms,
        comparisons=comparisons,
        finding=_finding(experiment, by_name, comparisons),
        claims=_claims(experiment, by_name, comparisons),
        references=tuple(
            {"arm": r.arm, "seed": r.seed, "epochs": r.about.recipe.epochs} for r in evidence.runs if r.reference
        ),
        data=evidence.data,
        provenance=_provenance(evidence),
    )


def _pairs(plan: Schedule) -> list[tuple[str, str]]:
    """Return which arms are compared: each with the baseline, variants with their arm, and those that the file adds."""
    experiment = plan.experiment
    pairs = [(arm, experiment.baseline) for arm in plan.arms if arm != experiment.baseline]
    pairs += [(of, arm) for arm in plan.arms if (of := experiment.arms[arm].of) is not None and of in plan.arms]
    pairs += [(c.arm, c.to) for c in experiment.comparisons if c.arm in plan.arms and c.to in plan.arms]
    return list(dict.fromkeys(p for p in pairs if p[0] != p[1]))


def _selected(
    measure: Measure, evidence: Evidence, human: NDArray[np.float64] | None, experiment: Experiment
) -> NDArray[np.bool_] | None:
    """Return (cell, image), the answers that a measure counts; None if cells, references or votes are missing."""
    cells = CELLS[measure]
    if not set(cells) <= set(evidence.cells):
        return None
    if measure is D3:
        return None if evidence.difficulty is None else evidence.difficulty == LEVELS - 1
    if measure is OWN:
        references = evidence.of(experiment.baseline, reference=True)
        return _hardest(references, evidence) if references else None
    if measure is D5:
        return None if human is None else np.tile(uncertain(human), (len(cells), 1))
    return np.ones((len(cells), len(evidence.labels)), bool)


def _hardest(references: Sequence[Answers], evidence: Evidence) -> NDArray[np.bool_]:
    """Return (benchmark cell, image), true in the 15 cells in which reference runs are least accurate."""
    accuracy = np.mean([evidence.correct(run, ALL_CELLS).mean(axis=1) for run in references], axis=0)
    hard = np.zeros((len(ALL_CELLS), len(evidence.labels)), bool)
    hard[np.argsort(accuracy, kind="stable")[: len(HARD_CELLS)]] = True
    return hard


def _counts(measure: Measure, selected: NDArray[np.bool_], evidence: Evidence, runs: Sequence[Answers]) -> Counts:
    right = np.stack([evidence.correct(run, CELLS[measure]) for run in runs])  # (seed, cell, image)
    if measure is D4:
        return Counts(worst_case(right).astype(float), np.ones(selected.shape[1]))
    return Counts((right & selected).sum(axis=1).astype(float), selected.sum(axis=0).astype(float))


def _arm(
    name: str,
    plan: Schedule,
    evidence: Evidence,
    measures: Sequence[Measure],
    counts: dict[tuple[str, str], Counts],
    found: Resampled,
    family: Sequence[str],
) -> ArmResult:
    runs = evidence.of(name)
    level = plan.experiment.evaluation.level
    accuracy = {c: float(np.mean([evidence.correct(run, (c,)).mean() for run in runs])) for c in evidence.cells}
    difficulty: tuple[float, ...] = ()
    if evidence.difficulty is not None:
        difficulty = fifths(np.stack([evidence.correct(run, ALL_CELLS) for run in runs]), evidence.difficulty)
    codes = {m.code for m in measures}
    effective = None
    if {"clean", "mean"} <= codes:
        effective = effective_robustness(found, family, name, clean="clean", corrupted="mean", level=level)
    about = runs[0].about
    seconds = [epoch.seconds for run in runs for epoch in run.about.epochs]
    return ArmResult(
        name=name,
        title=plan.experiment.arms[name].title or name,
        seeds=tuple(run.seed for run in runs),
        parameters={
            key: round(float(np.mean([run.about.parameters[key] for run in runs]))) for key in about.parameters
        },
        flops=float(np.mean([run.about.flops_per_image for run in runs])),
        epochs=about.recipe.epochs,
        seconds_per_epoch=float(np.mean(seconds)) if seconds else 0.0,
        measures={m.code: found.of(name, m.code, level=level) for m in measures},
        by_seed={m.code: tuple(map(float, counts[name, m.code].accuracy)) for m in measures},
        curve=severity_curve(accuracy),
        cells=by_corruption(accuracy),
        difficulty=difficulty,
        effective=effective,
    )


def _comparison(
    pair: tuple[str, str],
    arms: dict[str, ArmResult],
    measures: Sequence[Measure],
    found: Resampled,
    looked: Scrutiny | None,
    level: float,
) -> ComparisonResult:
    arm, to = pair
    intervals = {m.code: found.difference(arm, to, m.code, level=level) for m in measures}
    tested = [m.code for m in measures if m in FAMILY]
    corrected = dict(zip(tested, holm([intervals[code].p for code in tested]), strict=True))
    differences = tuple(Difference(code, value, corrected.get(code)) for code, value in intervals.items())
    ratio = arms[to].parameters["attention"] / max(1, arms[arm].parameters["attention"])
    return ComparisonResult(arm, to, ratio, differences, looked)


def _main(experiment: Experiment, comparisons: Sequence[ComparisonResult]) -> ComparisonResult | None:
    return next((c for c in comparisons if (c.arm, c.to) == (experiment.main, experiment.baseline)), None)


def _finding(experiment: Experiment, arms: dict[str, ArmResult], comparisons: Sequence[ComparisonResult]) -> str:
    """Return what was found about the headline arm and the baseline, in a sentence."""
    main = _main(experiment, comparisons)
    found = None if main is None else main.of(D1)
    if main is None or found is None or main.scrutiny is None:
        return ""
    most = max(main.scrutiny.of_corruption, key=lambda name: main.scrutiny.of_corruption[name].value)  # type: ignore[union-attr]
    words = {"better": "is more accurate than", "worse": "is less accurate than"}
    relation = words.get(found.verdict, "is not shown to differ from")
    return (
        f"{arms[main.arm].title} {relation} {arms[main.to].title} at severity 5: {points(found.interval)}. Less the "
        f"difference on clean images it is {points(main.scrutiny.beyond_clean)}, and without "
        f"{most.replace('_', ' ')}, where it gains most, {points(main.scrutiny.without[most].beyond_clean)}."
    )


def _claims(
    experiment: Experiment, arms: dict[str, ArmResult], comparisons: Sequence[ComparisonResult]
) -> tuple[Claim, ...]:
    """Return the statements of the claim about the headline arm and the baseline."""
    main = _main(experiment, comparisons)
    if main is None:
        return ()
    margin = experiment.evaluation.margin
    ratio = main.parameters_ratio
    arm, to = arms[main.arm], arms[main.to]
    sizes = (
        f"{ratio:.1f} times fewer ({arm.parameters['attention']:,} of {to.parameters['attention']:,}); of all "
        f"parameters it has {arm.parameters['total']:,} of {to.parameters['total']:,}, and it takes "
        f"{arm.flops / 1e6:.1f} of {to.flops / 1e6:.1f} MFLOPs an image"
    )
    claims = [Claim(f"at least {TENFOLD} times fewer attention parameters", sizes, ratio >= TENFOLD)]
    clean = main.of(CLEAN_ACCURACY)
    if clean is not None:
        text = f"clean accuracy no lower, with a margin of {100 * margin:.1f} points"
        claims.append(Claim(text, points(clean.interval), clean.interval.low > -margin))
    for measure in (D1, D2):
        found = main.of(measure)
        text = f"{measure.code} ({measure.name.lower()}) better, with an interval that excludes zero"
        measured = ("not measured", None) if found is None else (points(found.interval), found.interval.low > 0)
        claims.append(Claim(text, *measured))
    return tuple(claims)


def points(found: Interval) -> str:
    """Return a difference in percentage points, with its interval."""
    return f"{100 * found.value:+.2f} points [{100 * found.low:+.2f}, {100 * found.high:+.2f}]"


def _provenance(evidence: Evidence) -> dict[str, Any]:
    """Return recipes, versions, machines and precisions of the runs, without duplicates."""
    records = [run.about.model_dump(mode="json") for run in evidence.runs]

    def distinct(key: str) -> list[Any]:
        found: list[Any] = []
        for about in records:
            if about[key] is not None and about[key] not in found:
                found.append(about[key])
        return found

    return {
        "runs": [
            {"arm": r.arm, "seed": r.seed, "reference": r.reference}
            | {"parameters": r.about.parameters["total"], "flops": r.about.flops_per_image}
            | {"spec": r.about.spec, "started": r.about.started}
            for r in evidence.runs
        ],
        "recipes": distinct("recipe"),
        "versions": distinct("versions"),
        "machines": distinct("machine"),
        "precisions": distinct("precision"),
    }
