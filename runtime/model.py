"""From an artifact to a torch module. Read ``CorticalTransformer.forward`` from top to bottom.

Every op of the program becomes one step; what can be decided once is decided when the step is built. States are
(B, tokens, width); what a population sends is a pair of keys (B, H, tokens, D) and values (B, H, tokens, E).
"""

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortexc.compiler.artifact import Attend, Embed, Emit, Mix, Program, Readout, Relay

from .attention import FIXED, KERNELS, CopyKernel, Edges, PriorKernel
from .column import MixStep, layer_norm
from .relay import EmbedStep
from .weights import Weights


class Sent(NamedTuple):
    """What a population sends to all its targets: keys (B, H, tokens, D), where anybody needs them, and values."""

    keys: Tensor | None
    values: Tensor


class EmitStep(nn.Module):
    """Keys and values of one state, computed once however many pathways leave it."""

    def __init__(self, op: Emit, program: Program) -> None:
        super().__init__()
        self.op, self.heads = op, program.heads
        self.population = next(p for p in program.populations if p.name == op.population)

    def forward(self, state: Tensor, weights: Weights) -> Sent:
        """Return what a state (B, tokens, width) sends."""
        name = self.op.population
        normalized = self.population.values_from == "normalized"
        normal = layer_norm(state, weights, f"{name}.attention_norm") if self.op.keys or normalized else state
        keys = None
        if self.op.keys:
            keys = F.linear(normal, weights[f"{name}.key.weight"], weights.get(f"{name}.key.bias"))
            keys = _split(keys, self.heads)
        values = _split(self._values(normal if normalized else state, weights), self.heads)
        return Sent(keys, values)

    def _values(self, state: Tensor, weights: Weights) -> Tensor:
        name = self.op.population
        match self.population.values:
            case "one_to_one":
                return state
            case "dense":
                return F.linear(state, weights[f"{name}.value.weight"], weights[f"{name}.value.bias"])
            case "block":
                parts = _split(state, self.heads)  # (B, H, tokens, E)
                mapped = parts @ weights[f"{name}.value.weight"].transpose(-1, -2)
                return _join(mapped) + weights[f"{name}.value.bias"]


class RelayStep(nn.Module):
    """Adds to a state what relays bring: one-to-one in channels, spread over tokens by the connection."""

    def __init__(self, op: Relay, program: Program) -> None:
        super().__init__()
        self.op = op
        self.tokens = next(p.tokens for p in program.populations if p.name == op.population)
        self.straight: list[bool] = []
        for i, source in enumerate(op.sources):
            c = program.connections[source.connection]
            row = np.repeat(np.arange(c.shape[0]), np.diff(c.indptr))
            same = c.shape[0] == c.shape[1] == c.nonzeros and np.array_equal(row, c.indices) and source.weight == 1.0
            self.straight.append(bool(same))
            self.register_buffer(f"row{i}", torch.tensor(row), persistent=False)
            self.register_buffer(f"column{i}", torch.tensor(c.indices.astype(np.int64)), persistent=False)
            weight = torch.tensor(c.weight * source.weight, dtype=torch.float32)[:, None]
            self.register_buffer(f"weight{i}", weight, persistent=False)

    def forward(self, values: dict[str, Tensor]) -> Tensor:
        """Return the state (B, tokens, width) with the relayed input added."""
        state = values[self.op.state] if self.op.state else None
        for i, source in enumerate(self.op.sources):
            brought = values[source.value]
            if not self.straight[i]:
                row, column, weight = (getattr(self, f"{part}{i}") for part in ("row", "column", "weight"))
                spread = brought[:, column] * weight.to(brought.dtype)  # (B, connections, width)
                empty = brought.new_zeros(brought.shape[0], self.tokens, brought.shape[-1])
                brought = empty.index_add(1, row, spread)
            state = brought if state is None else state + brought
        assert state is not None
        return state


class AttendStep(nn.Module):
    """One joint softmax over all that a population receives; adds to its state, or multiplies it."""

    def __init__(self, op: Attend, program: Program) -> None:
        super().__init__()
        self.op, self.heads, self.scale = op, program.heads, 1 / math.sqrt(program.key_width)
        edges = Edges([(program.connections[s.connection], s.weight) for s in op.sources])
        self.population = next(p for p in program.populations if p.name == op.population)
        self.kernel = FIXED[op.kernel](edges) if op.kernel in FIXED else KERNELS[op.kernel](edges)

    def forward(
        self, state: Tensor | None, sent: list[Sent], weights: Weights, record: dict[str, Tensor] | None
    ) -> Tensor:
        """Return the new state (B, T, width)."""
        name = self.op.population
        value = torch.cat([s.values for s in sent], dim=2) if len(sent) > 1 else sent[0].values  # (B, H, S, E)
        if isinstance(self.kernel, CopyKernel | PriorKernel):
            received = self.kernel(value)
            if record is not None:
                record[self.op.name] = self.kernel.map(value.shape[0], self.heads)
        else:
            keys = [s.keys for s in sent if s.keys is not None]
            key = torch.cat(keys, dim=2) if len(keys) > 1 else keys[0]  # (B, H, S, D)
            query = self._query(state, key, weights)
            received = self.kernel(query, key, value)
            if record is not None:
                record[self.op.name] = self.kernel.weights(query, key)
        out = _join(received)  # (B, T, width of the values)
        if self.op.mode == "modulatory":
            assert state is not None
            return state * (1 + torch.tanh(weights[f"{name}.modulation.gain"] * out))
        if self.population.output == "dense":
            out = F.linear(out, weights[f"{name}.output.weight"], weights[f"{name}.output.bias"])
        return out if state is None else state + out

    def _query(self, state: Tensor | None, key: Tensor, weights: Weights) -> Tensor:
        """Return the queries (B, H, T, D), scaled; a silent population asks with its bias alone."""
        name = self.op.population
        bias = weights[f"{name}.query.bias"]
        if state is None:
            asked = bias.expand(key.shape[0], self.population.tokens, -1).to(key.dtype)
        else:
            normal = layer_norm(state, weights, f"{name}.attention_norm")
            asked = F.linear(normal, weights[f"{name}.query.weight"], bias)
        return _split(asked * self.scale, self.heads)


class ReadoutStep(nn.Module):
    """From states (B, tokens, width) to logits (B, classes): norm, mean over tokens, linear map."""

    def __init__(self, op: Readout) -> None:
        super().__init__()
        self.op = op

    def forward(self, values: dict[str, Tensor], weights: Weights) -> Tensor:
        """Return the logits."""
        means = [
            layer_norm(values[state], weights, f"{name}.readout_norm").mean(dim=1) for name, state in self.op.states
        ]
        return F.linear(torch.cat(means, dim=-1), weights["readout.weight"], weights["readout.bias"])


class CorticalTransformer(nn.Module):
    """A compiled connectome as a torch module: images (B, C, H, W) in [0, 1] -> logits (B, classes)."""

    def __init__(self, program: Program, *, seed: int) -> None:
        """Make the weights and one step for each op."""
        super().__init__()
        self.program = program
        self.weights = Weights(program, seed)
        steps: list[nn.Module] = []
        for op in program.ops:
            match op:
                case Embed():
                    steps.append(EmbedStep(op, program))
                case Emit():
                    steps.append(EmitStep(op, program))
                case Relay():
                    steps.append(RelayStep(op, program))
                case Attend():
                    steps.append(AttendStep(op, program))
                case Mix():
                    steps.append(MixStep(op, program))
                case Readout():
                    steps.append(ReadoutStep(op))
        self.steps = nn.ModuleList(steps)

    def forward(self, images: Tensor, *, record: dict[str, Tensor] | None = None) -> Tensor:
        """Return the logits; ``record`` collects the attention of each op by name.

        Raises:
            ValueError: the images are not (B, channels, height, width) of the size that the program takes.
        """
        if images.ndim != 4 or images.shape[1:] != self.program.image_shape:
            wanted = ", ".join(map(str, self.program.image_shape))
            raise ValueError(f"images have the shape {tuple(images.shape)}, and (B, {wanted}) is expected")
        if not images.is_floating_point():
            raise ValueError(f"images are {images.dtype}; scale them to floating point in [0, 1]")
        states: dict[str, Tensor] = {}
        sent: dict[str, Sent] = {}
        for step in self.steps:
            match step:
                case EmbedStep():
                    states[step.op.output] = step(images, self.weights)
                case EmitStep():
                    sent[step.op.output] = step(states[step.op.state], self.weights)
                case RelayStep():
                    states[step.op.output] = step(states)
                case AttendStep():
                    state = states[step.op.state] if step.op.state else None
                    heard = [sent[s.value] for s in step.op.sources]
                    states[step.op.output] = step(state, heard, self.weights, record)
                case MixStep():
                    states |= step(states, self.weights)
                case ReadoutStep():
                    return step(states, self.weights)  # type: ignore[no-any-return]
        raise AssertionError("a program ends with its readout")


def build(program: Program, *, seed: int | None = None) -> CorticalTransformer:
    """Return the model of a program, with fresh weights from ``seed`` (the program's own where it is not given).

    Raises:
        TypeError: what is given is no program.
    """
    if not isinstance(program, Program):
        raise TypeError(f"build takes a Program (from compiler.compile or compiler.load), not {type(program).__name__}")
    return CorticalTransformer(program, seed=program.seed if seed is None else seed)


@torch.no_grad()
def attention_maps(model: CorticalTransformer, images: Tensor) -> dict[str, Tensor]:
    """Return the attention (B, heads, target tokens, source tokens) of each attention op, by the op's name.

    Sources are laid end to end in the order of the op's ``sources``. Rows sum to 1, or to 0 for a token without input;
    pairs that are not connected are exactly 0.
    """
    record: dict[str, Tensor] = {}
    model(images, record=record)
    return record


def _split(tensor: Tensor, heads: int) -> Tensor:
    """(B, tokens, heads * n) -> (B, heads, tokens, n)."""
    return tensor.reshape(*tensor.shape[:-1], heads, -1).transpose(1, 2)


def _join(tensor: Tensor) -> Tensor:
    """(B, heads, tokens, n) -> (B, tokens, heads * n)."""
    return tensor.transpose(1, 2).flatten(2)
