"""Cost: whether the model exceeds the bounds that the spec sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from cortexc.connectome.diagnostics.rule import Diagnostic, Rule, Severity, rule
from cortexc.connectome.model import Bounds

from .. import cost
from ..artifact import Attend, Embed, Emit, Mix, Op, Readout, Relay
from ..ir import Graph
from .stages import Stages

Findings = Iterator[Diagnostic]


@rule("C502", "over-bounds", Severity.ERROR)
def over_bounds(stages: Stages, rule: Rule) -> Findings:
    """The model is larger than a bound that the spec sets under `checker.bounds`: parameters, parameters of attention,
    FLOPs, memory of a training step, density of the densest attention, or length of the unrolled program.

    Bad:

    ```yaml
    checker: {bounds: {attention_parameters: 100}}
    ```

    Good:

    ```yaml
    checker: {bounds: {attention_parameters: 100000, parameters: 1000000, flops: 1.0e+9, activation_mb: 1000}}
    ```
    """
    bounds = stages.connectome.checker.bounds
    found = measured(stages.final, bounds.batch)
    words = {
        "attention_parameters": "parameters of attention",
        "parameters": "parameters",
        "flops": "FLOPs for an image",
        "activation_mb": f"MB of states for {bounds.batch} images",
        "density": "of all pairs in the densest attention",
        "ops": "ops",
    }
    for name, what in words.items():
        limit = getattr(bounds, name)
        if limit is not None and found[name] > limit:
            message = f"{_number(found[name])} {what}, and at most {_number(limit)} are allowed"
            hint = "`cortexc inspect` lists what each op costs; change the spec, or raise the bound"
            yield rule.at(stages.connectome.span("checker", "bounds", name), message, help=hint)


def measured(graph: Graph, batch: int) -> dict[str, float]:
    """Return the quantities that `Bounds` can limit, by the names of its fields."""
    assert set(Bounds.model_fields) == {*_NAMES, "batch"}
    costs = cost.costs(graph)
    attention = [c for op, c in zip(graph.ops, costs, strict=True) if isinstance(op, Attend)]
    return {
        "attention_parameters": sum(p.size for p in graph.parameters if p.scale == "attention"),
        "parameters": sum(p.size for p in graph.parameters),
        "flops": sum(c.flops for c in costs),
        "activation_mb": 4e-6 * batch * sum(_kept(op, graph) for op in graph.ops),
        "density": max((c.density for c in attention), default=0.0),
        "ops": len(graph.ops),
    }


_NAMES = ("attention_parameters", "parameters", "flops", "activation_mb", "density", "ops")


def _kept(op: Op, graph: Graph) -> int:
    """Return how many numbers an op keeps for the backward pass, for one image: states, attention, hidden channels."""
    populations = graph.populations
    match op:
        case Attend() | Relay():
            target = populations[op.population]
            pairs = sum(graph.connections[s.connection].nonzeros for s in op.sources)
            return target.tokens * target.width + (graph.heads * pairs if isinstance(op, Attend) else 0)
        case Mix():
            targets = [populations[t.population] for t in op.targets]
            return sum(p.tokens * (p.width + 2 * p.hidden) for p in targets)
        case Embed():
            return populations[op.population].tokens * populations[op.population].width
        case Emit() | Readout():
            return 0
        case _:
            assert_never(op)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if value < 1e6 else f"{value:,.0f}"


RULES: tuple[Rule, ...] = (over_bounds,)
