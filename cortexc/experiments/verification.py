"""Whether a report follows from its evidence."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cortexc.connectome.diagnostics import SpecError
from cortexc.digests import check
from cortexc.runtime.run import RunError
from cortexc.runtime.verification import Verified, looked_at

from . import evidence as records
from .checker import load
from .planning import made_otherwise, schedule
from .reporting import CELLS, EVIDENCE, RESULTS, TABLE, cell_table, table
from .results import Results, results

TOLERANCE = 1e-6
"""Largest difference between a number of a report and the same one computed again."""


def verify_report(folder: Path) -> Iterator[Verified]:
    """Yield what is found out about each file of a report, from its evidence, and about the runs behind it.

    Raises:
        RunError: the evidence cannot be read.
    """
    path = folder / EVIDENCE
    found = records.load(path)
    yield looked_at(path, lambda: f"{len(found.runs)} runs of {found.experiment}")
    try:
        plan = schedule(load(found.experiment), found.plan, folder)
    except (RunError, SpecError) as error:
        yield Verified("unknown", "experiment", str(error))
        return
    tasks = {(task.arm, task.seed, task.reference): task for task in plan.tasks}
    changed = [
        f"{run.arm} {run.seed} has another {other[0][0]}{other[0][1]}"
        for run in found.runs
        if (task := tasks.get((run.arm, run.seed, run.reference)))
        and (other := made_otherwise(task, run.about.spec, run.about.recipe))
    ]
    yield Verified("differs" if changed else "ok", f"experiment {found.experiment}", "; ".join(changed))
    again = results(plan, found)
    yield looked_at(folder / RESULTS, lambda: _numbers(folder / RESULTS, again))
    for name, text in ((TABLE, table(again)), (CELLS, cell_table(again))):
        yield looked_at(folder / name, partial(_same_text, folder / name, text))


def _numbers(path: Path, again: Results) -> str:
    check(path)
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise RunError("it is not JSON; write the report again") from None
    where = _difference(written, json.loads(json.dumps(dataclasses.asdict(again))))
    if where:
        raise RunError(f"`{where}` does not follow from {EVIDENCE}; write the report again")
    return f"every number follows from {EVIDENCE}"


def _same_text(path: Path, text: str) -> str:
    if path.read_bytes() != text.encode():
        raise RunError(f"it does not follow from {EVIDENCE}; write the report again")
    return f"follows from {EVIDENCE}"


def _difference(written: Any, again: Any) -> str:
    """Return the address of the first value that differs, of those that both have; empty if none does."""
    if isinstance(written, dict) and isinstance(again, dict):
        pairs = [(key, written[key], again[key]) for key in written if key in again]
    elif isinstance(written, list) and isinstance(again, list) and len(written) == len(again):
        pairs = [(str(i), one, other) for i, (one, other) in enumerate(zip(written, again, strict=True))]
    elif isinstance(written, float) and isinstance(again, float | int):
        return "" if math.isclose(written, again, rel_tol=TOLERANCE, abs_tol=TOLERANCE) else "."
    else:
        return "" if written == again else "."
    for key, one, other in pairs:
        if deeper := _difference(one, other):
            return key if deeper == "." else f"{key}.{deeper}"
    return ""
