"""The report: evidence, results, tables, plots and one page, from the runs of a plan alone."""

from __future__ import annotations

import csv
import dataclasses
import difflib
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
from numpy.typing import NDArray

from cortexc import replacement
from cortexc.connectome.io import encode
from cortexc.datasets import DATASETS
from cortexc.runtime.corruptions import sets
from cortexc.runtime.corruptions.catalogue import BENCHMARK, CORRUPTIONS
from cortexc.runtime.robustness import read_human
from cortexc.runtime.run import RunError

from . import evidence as records
from .arms import base_of, connectome_of
from .checker import votes_path
from .evidence import Evidence, Rollout
from .model import Experiment
from .planning import Schedule, made_otherwise
from .plots import Plot, plots
from .results import FAMILY, Results, points, results
from .rollout import rollouts

EVIDENCE, RESULTS, TABLE, CELLS, PAGE = "evidence.h5", "results.json", "table.csv", "cells.csv", "index.html"
LUMINANCE, EVEN = (0.2126, 0.7152, 0.0722), 0.179
"""Weights of red, green and blue, and the luminance with equal contrast to black and white (WCAG 2.2)."""
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Written:
    """A report on disk."""

    files: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class Card:
    """What the page shows of the spec of an arm."""

    name: str
    title: str
    spec: str
    diff: str
    kept: tuple[str, ...]
    destroyed: tuple[str, ...]


def write(plan: Schedule, out: Path, *, file: str, command: Sequence[str], published: Path | None = None) -> Written:
    """Write a report; files of an earlier one are replaced.

    Args:
        plan: whose runs they are.
        out: the folder.
        file: of the experiment, as it was named.
        command: the command line, for the page.
        published: evidence to use instead of that of the runs.

    Raises:
        RunError: runs are missing, or the folder cannot be written.
        DataError: the votes of people cannot be read.
    """
    if published is None:
        shown = dict.fromkeys((plan.experiment.baseline, plan.experiment.main))
        found = dataclasses.replace(records.gather(plan), rollouts=rollouts(plan, tuple(shown)))
    else:
        found = _of(plan, records.load(published))
    outcome = results(plan, found, _votes(plan.experiment, found))
    page = render(plan, outcome, plots(outcome), found.rollouts, file, command)
    try:
        out.mkdir(parents=True, exist_ok=True)
        records.save(found, out / EVIDENCE)
        replacement.write_json(out / RESULTS, dataclasses.asdict(outcome))
        for name, text in ((TABLE, table(outcome)), (CELLS, cell_table(outcome)), (PAGE, page)):
            replacement.write(out / name, text.encode())
    except OSError as error:
        raise RunError(f"cannot write the report to {out}: {error.strerror}") from None
    return Written((EVIDENCE, RESULTS, TABLE, CELLS, PAGE), summary(outcome))


def summary(found: Results) -> str:
    """Return the arms and the claim as text."""
    codes = [m.code for m in found.measures]
    rows = [["arm", "attention", "total", "MFLOPs", *codes]]
    for arm in found.arms:
        counts = [f"{arm.parameters['attention']:,}", f"{arm.parameters['total']:,}", f"{arm.flops / 1e6:.1f}"]
        rows.append([arm.title, *counts, *(f"{100 * arm.measures[code].value:.2f}" for code in codes)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    lines.append("")
    if found.finding:
        lines.append(found.finding)
    if found.freedom == 0:
        lines.append("one seed: intervals are over images alone and do not include the seed effect")
    words = {True: "holds", False: "does not hold", None: "not measured"}
    lines += [f"{words[claim.holds]}: {claim.text}: {claim.found}" for claim in found.claims]
    return "\n".join(lines)


def table(found: Results) -> str:
    """Return one line for each arm and measure, as CSV."""
    rows: list[Sequence[object]] = ["arm seeds attention_parameters parameters flops measure value low high".split()]
    for arm in found.arms:
        head = (arm.name, len(arm.seeds), arm.parameters["attention"], arm.parameters["total"], f"{arm.flops:.0f}")
        for code, at in arm.measures.items():
            rows.append((*head, code, f"{at.value:.6f}", f"{at.low:.6f}", f"{at.high:.6f}"))
    return _csv(rows)


def cell_table(found: Results) -> str:
    """Return one line for each arm, corruption and severity, as CSV."""
    rows: list[Sequence[object]] = [("arm", "corruption", "severity", "accuracy")]
    for arm in found.arms:
        for corruption, by_severity in arm.cells.items():
            rows += [(arm.name, corruption, s, f"{v:.6f}") for s, v in by_severity.items()]
    return _csv(rows)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def render(
    plan: Schedule,
    found: Results,
    drawn: Sequence[Plot],
    attention: Sequence[Rollout],
    file: str,
    command: Sequence[str],
) -> str:
    """Return the page: one self-contained HTML file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"percent": _percent, "points": points, "thousands": lambda n: f"{n:,}", "shade": _shade}
    corruptions = [c for c in CORRUPTIONS if all(c in arm.cells for arm in found.arms)]
    return environment.get_template("page.html").render(
        found=found,
        plots=drawn,
        rollouts=attention,
        cards=[_card(plan.experiment, arm.name, arm.title) for arm in found.arms],
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        corruptions=corruptions,
        groups={c: CORRUPTIONS[c].group if c in BENCHMARK else "extra" for c in corruptions},
        family=[m.code for m in FAMILY if m in found.measures],
        seeds=_counted([len(arm.seeds) for arm in found.arms], "seed"),
        epochs=_counted([arm.epochs for arm in found.arms], "epoch"),
        set_name=_set_name(found),
        drawn_frost=sets.has_drawn_frost(found.data["set"]),
        file=shlex.quote(file),
        command=shlex.join(command),
        titles={arm.name: arm.title for arm in found.arms},
        ensembles=[arm.title for arm in found.arms if plan.experiment.is_ensemble(arm.name)],
        settings=plan.experiment.evaluation,
        needs_folder=DATASETS[plan.experiment.data.name].needs_folder,
    )


def _of(plan: Schedule, found: Evidence) -> Evidence:
    """Return the evidence after checking that it belongs to a plan.

    Raises:
        RunError: it belongs to another one.
    """
    if (found.experiment, found.plan) != (plan.experiment.name, plan.plan):
        raise RunError(
            f"the evidence is of the plan `{found.plan}` of {found.experiment}, and not of `{plan.plan}` of "
            f"{plan.experiment.name}"
        )
    runs = {(run.arm, run.seed, run.reference): run for run in found.runs}
    for task in plan.tasks:
        run = runs.pop((task.arm, task.seed, task.reference), None)
        other = [] if run is None else made_otherwise(task, run.about.spec, run.about.recipe)
        if run is None or other:
            what = f"another {''.join(other[0])}" if other else "no such run"
            raise RunError(f"the evidence is not of the experiment as it is now: {task.name}: {what}")
    if runs:
        arm, seed, _ = next(iter(runs))
        raise RunError(f"the evidence has a run that the plan does not have: {arm}, seed {seed}")
    return found


def _votes(experiment: Experiment, found: Evidence) -> NDArray[np.float64] | None:
    """Return the human votes, or None if the experiment names no file of them."""
    if experiment.evaluation.human is None:
        return None
    classes = DATASETS[experiment.data.name].classes
    return read_human(votes_path(experiment), found.labels.astype(np.int64), classes)


def _card(experiment: Experiment, name: str, title: str) -> Card:
    """Return how an arm's spec differs from the spec that it is based on."""
    arm = experiment.arms[name]
    mine, base = connectome_of(experiment, name)[0], base_of(experiment, name)
    before, after = (
        encode.as_yaml(encode.resolved(c.model_copy(update={"null_model": None}), HERE)).splitlines()
        for c in (base, mine)
    )
    lines = difflib.unified_diff(before, after, base.name, name, n=1, lineterm="")
    basis = f"a variant of `{arm.of}`" if arm.of is not None else f"the spec `{arm.spec}`"
    record = mine.null_model
    kept, destroyed = ((), ()) if record is None else (record.kept, record.destroyed)
    return Card(name, title, basis, "\n".join(lines), kept, destroyed)


def _set_name(found: Results) -> str:
    if found.data["set"] is None:
        return "no corrupted images"
    return sets.describe(found.data["set"], DATASETS[found.data["name"]].corrupted)


def _counted(numbers: Sequence[int], what: str) -> str:
    """Return the range of numbers, and what they count."""
    low, high = min(numbers), max(numbers)
    return f"{low}{f' to {high}' if high > low else ''} {what}{'s' if high > 1 else ''}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _shade(value: float) -> str:
    """Return the colours of a cell of the heat map: darker is less accurate, as in cividis; text stays readable."""
    from matplotlib import colormaps

    red, green, blue, _ = colormaps["cividis"](min(1.0, max(0.0, value)))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    light = float(np.dot(linear, LUMINANCE)) > EVEN  # black ink then has more contrast than white
    colour = "#" + "".join(f"{round(255 * c):02x}" for c in (red, green, blue))
    return f"background:{colour};color:{'#000' if light else '#fff'}"
