"""The listing: a program as people and as programs read it."""

from __future__ import annotations

import json
from typing import Any

from .artifact import Attend, Program


def as_dict(program: Program) -> dict[str, Any]:
    """Return the listing as plain data."""
    ops = []
    for op, cost in zip(program.ops, program.costs, strict=True):
        entry: dict[str, Any] = {
            "name": op.name,
            "kind": op.kind,
            "tokens": cost.tokens,
            "nonzeros": cost.nonzeros,
            "density": cost.density,
            "kernel": op.kernel if isinstance(op, Attend) else None,
            "parameters": cost.parameters,
            "flops": cost.flops,
        }
        if isinstance(op, Attend):
            entry["mode"] = op.mode
            entry["sources"] = [
                {"population": s.population, "connection": s.connection, "weight": s.weight} for s in op.sources
            ]
        ops.append(entry)
    return {
        "name": program.name,
        "seed": program.seed,
        "content_hash": program.content_hash(),
        "image": list(program.image_shape),
        "classes": program.classes,
        "parameters": program.parameter_counts,
        "flops_per_image": program.flops_per_image,
        "pipeline": program.pipeline,
        "ops": ops,
    }


def as_json(program: Program) -> str:
    """Return the listing as JSON."""
    return json.dumps(as_dict(program), indent=2)


def as_text(program: Program) -> str:
    """Return the listing as text, one line an op."""
    lines = [program.summary, ""]
    rows = [("op", "tokens", "nonzeros", "density", "kernel", "parameters", "FLOPs")]
    for op, cost in zip(program.ops, program.costs, strict=True):
        sparse = (f"{cost.nonzeros:,}", f"{cost.density:.3f}") if cost.nonzeros else ("", "")
        kernel = op.kernel if isinstance(op, Attend) else ""
        rows.append((op.name, f"{cost.tokens:,}", *sparse, kernel, f"{cost.parameters:,}", f"{cost.flops:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
