"""The listing of a program, as text and as JSON, and the graph after a pass, as text."""

from __future__ import annotations

import json
from typing import Any, assert_never

from cortexc.connectome.model import Kernel

from .artifact import Attend, Embed, Emit, Mix, Op, Program, Readout, Relay
from .ir import Graph


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
    """Return the listing as text, one line per op."""
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


def graph_as_text(graph: Graph) -> str:
    """Return a graph as text: a heading for each kind of fact that it has, and below it a line for each fact.

    The text depends on the graph only, not on the machine. To see a spec become a program:
    ``compiler.run(spec, seed=0, observe=lambda name, graph: print(f"after {name}", graph_as_text(graph), sep="\\n"))``.
    """
    sections = {
        "populations": [
            f"{p.name}: {p.kind}, {_grid(p.grid)}, {p.width} wide" + (f", {p.hidden} hidden" if p.hidden else "")
            for p in graph.populations.values()
        ],
        "pathways": [
            f"{p.source} -> {p.target}: {p.mode}, weight {p.weight:.4g}, over {p.join}"
            + ("" if p.delay is None else f", delay {p.delay}")
            for p in graph.pathways
        ],
        "couplings": [f"{c.source} -> {c.target}: {c.share:.4g}" for c in graph.couplings],
        "schedule": [f"{graph.schedule.sweeps} x {', '.join(graph.schedule.areas)}, {graph.schedule.order}"],
        "readout": list(graph.readout),
        "joins": [
            f"{j.name}: {_grid(j.source_grid)} -> {_grid(j.target_grid)}, {_kernel(j.kernel)}"
            for j in graph.joins.values()
        ],
        "connections": [
            f"{c.name}: {c.shape[1]} -> {c.shape[0]} tokens, {c.nonzeros} pairs, at most {c.counts.max()} a target, "
            f"weights {c.weight.min(initial=1):.4g} to {c.weight.max(initial=0):.4g}"
            for c in graph.connections.values()
        ],
        "ops": [
            f"{op.name}: {', '.join(op.reads) or 'images'} -> {', '.join(op.writes) or 'logits'}{_detail(op)}"
            for op in graph.ops
        ],
        "wirings": [
            f"{w.population}: excited by {', '.join((*w.excitatory, *(('itself',) if w.own else ())))}"
            + (f"; inhibited by {', '.join(w.inhibitory)}" if w.inhibitory else "")
            for w in graph.wirings
        ],
        "parameters": [
            f"{p.name}: {'x'.join(map(str, p.shape))}, {p.scale}, "
            + " | ".join(f"{p.init.kind} {value:.4g}" for _, value in p.init.blocks)
            for p in graph.parameters
        ],
    }
    return "\n".join("\n  ".join([heading, *lines]) for heading, lines in sections.items() if lines)


def _grid(grid: tuple[int, int]) -> str:
    return f"{grid[0]}x{grid[1]}"


def _kernel(kernel: Kernel) -> str:
    return " ".join(f"{name} {value}" for name, value in kernel if value is not None).removeprefix("type ")


def _detail(op: Op) -> str:
    """Return the details of an op beyond the values that it reads and writes."""
    match op:
        case Emit():
            return ", with keys" if op.keys else ""
        case Attend():
            kernel = f", kernel {op.kernel}" if op.kernel else ""
            composed = f", else {op.composed}" if op.composed else ""
            return f", {'with' if op.choice else 'without'} a choice{kernel}{composed}"
        case Mix():
            return "".join(
                f"; {t.population} receives {', '.join(t.excitatory) or 'itself'}"
                + (f", divided by {', '.join(t.inhibitory)}" if t.inhibitory else "")
                for t in op.targets
            )
        case Embed() | Relay() | Readout():
            return ""
        case _:
            assert_never(op)
