"""Results as tables for a terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cortexc.datasets import known

if TYPE_CHECKING:
    from cortexc.runtime.evaluation import Evaluation
    from cortexc.runtime.manifest import Manifest
    from cortexc.runtime.robustness import Robustness

GOOD, POOR = 0.75, 0.5
"""Accuracies from which a cell is green, and below which it is red."""
SURVIVAL_AT = (3, 5)
"""Severities for which accuracy by image is shown."""


def evaluation_table(found: Evaluation, manifest: Manifest) -> str:
    """Return the model, its accuracy on the clean test images, and its accuracy by class."""
    counts = manifest.parameters
    rows = [
        ("model", manifest.name),
        ("parameters", f"{counts['total']:,}"),
        ("  of attention", f"{counts['attention']:,}"),
        ("data", f"{manifest.data.name}, {found.images:,} test images"),
        ("training", f"{manifest.recipe.epochs} epochs" + ("" if found.finished else ", not finished")),
        ("accuracy", f"{100 * found.accuracy:.2f} %"),
        ("cross entropy", f"{found.loss:.4f} nats"),
        *((f"  {name}", f"{100 * accuracy:.1f} %") for name, accuracy in found.per_class.items()),
    ]
    return _aligned(rows)


def print_evaluation(found: Evaluation, manifest: Manifest) -> None:
    """Print the whole evaluation to stdout; with colour on a terminal."""
    from cortexc.runtime.corruptions.sets import has_drawn_frost

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(Text(evaluation_table(found, manifest)))
    if found.robustness is None:
        return
    if found.set is not None:
        console.print(Text(f"\n{set_name(found, manifest)}, accuracy [%]"))
        for block in _cells(found.robustness):
            console.print(block)
        if found.robustness.severity_curve and has_drawn_frost(found.set):
            note = "frost (5 of the 75 cells) is drawn, and not that of the official set: the mean of 14 leaves it out"
            console.print(Text(note, style="yellow"))
    if summary := _summary(found.robustness):
        console.print(Text("\n" + _aligned(summary)))
    if found.robustness.seen:
        console.print(Text("* seen in training: not a test of robustness to the unknown", style="yellow"))


def set_name(found: Evaluation, manifest: Manifest) -> str:
    """Return what the corrupted images are, in words: official, regenerated or foreign."""
    from cortexc.runtime.corruptions.sets import describe

    assert found.set is not None
    return describe(found.set, known(manifest.data.name).corrupted)


def evaluation_json(found: Evaluation) -> str:
    """Return the whole evaluation as JSON."""
    return json.dumps(dataclasses.asdict(found), indent=2)


def evaluation_csv(found: Evaluation) -> str:
    """Return the evaluation as CSV: one line for each cell, the clean images first."""
    from cortexc.runtime.corruptions.catalogue import CORRUPTIONS

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("corruption", "severity", "group", "benchmark", "seen_in_training", "images", "accuracy", "set"))
    writer.writerow(("clean", 0, "", "", "", found.images, f"{found.accuracy:.6f}", ""))
    if found.robustness is not None and found.set is not None:
        for name, by_severity in found.robustness.accuracy.items():
            about = CORRUPTIONS[name]
            seen = str(name in found.robustness.seen).lower()
            for severity, accuracy in by_severity.items():
                row = (name, severity, about.group, str(about.benchmark).lower(), seen, found.robustness.images)
                writer.writerow((*row, f"{accuracy:.6f}", found.set["kind"]))
    return file.getvalue()


def _cells(found: Robustness) -> Iterator[Table | Text]:
    """Yield the tables of all cells: the benchmark, then the four extra corruptions."""
    from cortexc.runtime.corruptions.catalogue import CORRUPTIONS

    severities = sorted({severity for by_severity in found.accuracy.values() for severity in by_severity})
    width = max(len(name + _mark(name, found)) for name in found.accuracy)
    extra = [name for name in found.accuracy if not CORRUPTIONS[name].benchmark]
    benchmark = [name for name in found.accuracy if name not in extra]
    for names in filter(None, (benchmark, extra)):
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=names is benchmark or not benchmark)
        table.add_column("group", min_width=len("digital"))
        table.add_column("corruption", min_width=width)
        for severity in severities:
            table.add_column(str(severity), justify="right", min_width=5)
        table.add_column("mean", justify="right", min_width=5)
        last = ""
        for name in names:
            group = "extra" if names is extra else CORRUPTIONS[name].group
            values = [found.accuracy[name][severity] for severity in severities]
            cells = map(_coloured, [*values, sum(values) / len(values)])
            table.add_row(group if group != last else "", name + _mark(name, found), *cells)
            last = group
        if names is benchmark and found.severity_curve:
            curves = {"mean of 15": found.severity_curve, "14, no frost": found.severity_curve_without_frost}
            for row, curve in curves.items():
                values = [curve[severity] for severity in severities]
                table.add_row("", row, *map(_coloured, [*values, sum(values) / len(values)]), style="bold")
        if names is extra and benchmark:
            yield Text("")
        yield table


def _mark(name: str, found: Robustness) -> str:
    return " *" if name in found.seen else ""


def _coloured(accuracy: float) -> Text:
    style = "green" if accuracy >= GOOD else "red" if accuracy < POOR else "yellow"
    return Text(f"{100 * accuracy:.1f}", style=style)


def _summary(found: Robustness) -> list[tuple[str, str]]:
    """Return the measures as pairs of name and value; those of missing cells are left out."""

    def percent(value: float) -> str:
        return f"{100 * value:.2f} %"

    rows: list[tuple[str, str]] = []
    single = {
        "mean error, 15 x 5, not normalised": found.mean_error,
        "  without frost, 14 x 5": found.mean_error_without_frost,
        "  of corruptions not seen in training": found.unseen_mean_error,
        "relative gap: mean error - clean error": found.relative_gap,
        "mCE, relative to AlexNet": found.mce,
    }
    rows += [(name, percent(value)) for name, value in single.items() if value is not None]
    rows += [(f"accuracy, {group}", percent(value)) for group, value in found.groups.items()]
    if found.severity_5 is not None:
        rows.append(("accuracy, severity 5", percent(found.severity_5)))
        rows.append(("  without frost", percent(found.severity_curve_without_frost[5])))
    if found.hard_cells is not None:
        rows.append(("accuracy, 15 hard cells", percent(found.hard_cells)))
    for severity in SURVIVAL_AT:
        if (survival := found.survival.get(severity)) is not None:
            rows.append((f"right under all 15, severity {severity}", percent(survival.worst_case)))
            survived = f"{percent(survival.survived)}; the unlucky tenth {percent(survival.unlucky)} or less"
            rows.append(("  corruptions survived", survived))
    if found.difficulty is not None:
        runs = f"{len(found.difficulty.references)} reference runs"
        fifths = ", ".join(f"{100 * value:.1f}" for value in found.difficulty.quintiles)
        rows.append((f"fifths by difficulty for {runs}", f"{fifths} %"))
        rows.append(("  hardest tenth", percent(found.difficulty.hardest_tenth)))
    for one in found.human:
        more = "" if one.severity_5 is None else f", severity 5 {percent(one.severity_5)}"
        rows.append((f"{one.name} ({one.images:,})", f"clean {percent(one.clean)}{more}"))
    if found.extra_error is not None:
        rows.append(("mean error, the 4 extra x 5, apart", percent(found.extra_error)))
    return rows


def _aligned(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)
