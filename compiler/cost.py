"""The cost of a program: parameters and FLOPs of each op, and the expected time of each attention kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

from .artifact import Attend, Cost, Embed, Emit, Kernel, Mix, Op, Readout, Relay
from .ir import Graph

SURROUND_MACS = 4
"""Multiply-accumulates of instance normalisation for each hidden channel of a token."""


@dataclass(frozen=True)
class AttentionShape:
    """The sizes that the time of an attention op depends on, for one image."""

    targets: int
    sources: int
    """Tokens of all sources together."""
    nonzeros: int
    longest_row: int
    heads: int
    key_width: int
    width: int
    """Channels of the values, all heads together."""


# Relative time of one multiply-accumulate: matrix products run near the processor's peak while the attention of all
# pairs stays in its cache; gathered rows are bound by memory, and scattered sums more so. Native code does only what
# connections need. Fitted to benchmarks/attention_kernels.py on a two-core CPU.
DENSE, UNCACHED_DENSE, GATHER, EDGES, SPARSE = 1.0, 1.7, 40.0, 60.0, 1.9
CACHED_PAIRS = 2**18
"""Pairs of tokens whose attention stays in the cache."""


def attention_times(shape: AttentionShape) -> dict[Kernel, float]:
    """Return the modelled time of each kernel, in dense multiply-accumulates per image."""
    channels = shape.heads * shape.key_width + shape.width
    softmax = 8 * shape.heads  # exponentials and sums, per pair
    pairs = shape.targets * shape.sources
    return {
        "dense": (DENSE if pairs <= CACHED_PAIRS else UNCACHED_DENSE) * pairs * (channels + softmax),
        "gather": GATHER * shape.targets * shape.longest_row * (channels + softmax),
        "edges": EDGES * shape.nonzeros * (channels + softmax),
        "sparse": SPARSE * shape.nonzeros * (channels + softmax),
    }


def costs(graph: Graph) -> tuple[Cost, ...]:
    """Return the cost of each op, in order."""
    sizes = {p.name: p.size for p in graph.parameters}
    return tuple(_cost(op, graph, sizes) for op in graph.ops)


def _cost(op: Op, graph: Graph, sizes: dict[str, int]) -> Cost:
    populations = graph.populations
    inner = graph.heads * graph.key_width

    def read(*names: str) -> int:
        return sum(sizes.get(n, 0) for n in names)

    def norm(name: str) -> tuple[str, str]:
        return f"{name}.gain", f"{name}.bias"

    nonzeros, density, macs = 0, 0.0, 0
    match op:
        case Embed():
            p = populations[op.population]
            tokens = p.tokens
            pixels = tokens * graph.input.channels * graph.input.patch**2
            optics = 2 * (2 * math.ceil(3 * graph.input.point_spread) + 1) if graph.input.point_spread else 0
            macs = pixels * (p.width + optics)
            parameters = read(f"{p.name}.patch.weight", f"{p.name}.patch.bias", f"{p.name}.position")
        case Emit():
            p = populations[op.population]
            tokens = p.tokens
            values = sizes.get(f"{p.name}.value.weight", 0)
            macs = tokens * ((inner * p.width if op.keys else 0) + values)
            parameters = read(f"{p.name}.value.weight", f"{p.name}.value.bias")
            if op.keys or p.values_from == "normalized":
                parameters += read(*norm(f"{p.name}.attention_norm"))
            if op.keys:
                parameters += read(f"{p.name}.key.weight", f"{p.name}.key.bias")
        case Relay() | Attend():
            p = populations[op.population]
            tokens = p.tokens
            connections = [graph.connections[s.connection] for s in op.sources]
            nonzeros = sum(c.nonzeros for c in connections)
            density = nonzeros / sum(math.prod(c.shape) for c in connections)
            received = populations[op.sources[0].population].width
            macs, parameters = nonzeros * received, 0
            if isinstance(op, Attend):
                if op.choice:
                    macs += nonzeros * inner + (tokens * inner * p.width if op.state else 0)
                    parameters += read(f"{p.name}.query.bias")
                    parameters += read(f"{p.name}.query.weight", *norm(f"{p.name}.attention_norm")) if op.state else 0
                if op.mode == "modulatory":
                    parameters += read(f"{p.name}.modulation.gain")
                elif p.output == "dense":
                    macs += tokens * p.width * received
                    parameters += read(f"{p.name}.output.weight", f"{p.name}.output.bias")
        case Mix():
            tokens = populations[op.populations[0]].tokens
            parameters = sum(read(*norm(f"{populations[s].column}.column_norm")) for s, _ in op.states)
            for t in op.targets:
                p = populations[t.population]
                widths = [populations[s].width for s in (*t.excitatory, *t.inhibitory)]
                out = p.width * p.hidden if t.output else 0
                surround = SURROUND_MACS * p.hidden if t.surround else 0
                macs += tokens * (p.hidden * sum(widths) + out + surround)
                parameters += p.hidden * sum(widths) + out + read(f"{p.column}.column.input.bias")
                parameters += read(f"{p.column}.column.output.bias") if t.output else 0
        case Readout():
            tokens = populations[op.populations[0]].tokens
            macs = sizes["readout.weight"]
            parameters = read("readout.weight", "readout.bias")
            parameters += sum(read(*norm(f"{name}.readout_norm")) for name in op.populations)
        case _:
            assert_never(op)
    return Cost(op.name, tokens, nonzeros, density, 2 * macs, parameters)
