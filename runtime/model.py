"""From an artifact to a torch module. Read ``CorticalTransformer.forward`` from top to bottom.

Every op of the program becomes one step; whatever does not depend on the images is computed when the step is built.
States are (B, tokens, width); what a population sends is a pair of keys (B, H, tokens, D) and values (B, H, tokens, E).
"""

import math
from typing import NamedTuple, assert_never

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortexc.compiler.artifact import Attend, Embed, Emit, Mix, Op, Program, Readout, Relay

from .arguments import require, require_images, require_unit_range
from .attention import CopyKernel, Edges, PriorKernel, kernel_of
from .column import MixStep, layer_norm
from .projection import projected
from .relay import EmbedStep
from .weights import HEAD, Weights, key_of, with_classes


class Sent(NamedTuple):
    """What a population sends to all its targets: values, and keys (B, H, tokens, D) if an attention op needs them."""

    keys: Tensor | None
    values: Tensor


class EmitStep(nn.Module):
    """Keys and values of one state, computed once for all pathways that leave it."""

    def __init__(self, op: Emit, program: Program) -> None:
        super().__init__()
        self.op, self.heads = op, program.heads
        self.population = program.by_name[op.population]

    def forward(self, state: Tensor, weights: Weights) -> Sent:
        """Return what a state (B, tokens, width) sends."""
        name, norm = self.op.population, f"{self.op.population}.attention_norm"
        normalized = self.population.values_from == "normalized"
        mapped = ["key"] if self.op.keys else []
        mapped += ["value"] if normalized and self.population.values == "dense" else []
        maps = [(weights[f"{name}.{m}.weight"], weights.get(f"{name}.{m}.bias")) for m in mapped]
        found = projected(state, weights[f"{norm}.gain"], weights.get(f"{norm}.bias"), maps) if maps else ()
        sent = {m: _split(x, self.heads) for m, x in zip(mapped, found, strict=True)}
        if "value" not in sent:
            source = layer_norm(state, weights, norm) if normalized else state
            sent["value"] = _split(self._values(source, weights), self.heads)
        return Sent(sent.get("key"), sent["value"])

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
    """Adds relayed input to a state: one-to-one in channels, distributed over tokens by the connection."""

    def __init__(self, op: Relay, program: Program) -> None:
        super().__init__()
        self.op = op
        self.tokens = program.by_name[op.population].tokens
        self.straight: list[bool] = []
        for i, source in enumerate(op.sources):
            c = program.connections[source.connection]
            self.straight.append(c.is_identity and source.weight == 1.0)
            self.register_buffer(f"row{i}", torch.tensor(c.rows), persistent=False)
            self.register_buffer(f"column{i}", torch.tensor(c.indices.astype(np.int64)), persistent=False)
            weight = torch.tensor(c.weight * source.weight, dtype=torch.float32)[:, None]
            self.register_buffer(f"weight{i}", weight, persistent=False)

    def forward(self, values: dict[str, Tensor]) -> Tensor:
        """Return the state (B, tokens, width) with the relayed input added."""
        state = values[self.op.state] if self.op.state else None
        for i, source in enumerate(self.op.sources):
            relayed = values[source.value]
            if not self.straight[i]:
                row, column, weight = (getattr(self, f"{part}{i}") for part in ("row", "column", "weight"))
                spread = relayed[:, column] * weight.to(relayed.dtype)  # (B, connections, width)
                empty = relayed.new_zeros(relayed.shape[0], self.tokens, relayed.shape[-1])
                relayed = empty.index_add(1, row, spread)
            state = relayed if state is None else state + relayed
        assert state is not None
        return state


class AttendStep(nn.Module):
    """One joint softmax over all inputs of a population; the result is added to its state, or multiplies it."""

    def __init__(self, op: Attend, program: Program) -> None:
        super().__init__()
        self.op, self.heads, self.scale = op, program.heads, 1 / math.sqrt(program.key_width)
        edges = Edges([(program.connections[s.connection], s.weight) for s in op.sources])
        self.population = program.by_name[op.population]
        self.kernel = kernel_of(op, edges)

    def forward(
        self, state: Tensor | None, sent: list[Sent], weights: Weights, record: dict[str, Tensor] | None
    ) -> Tensor:
        """Return the new state (B, T, width)."""
        name = self.op.population
        values = [s.values for s in sent]
        if isinstance(self.kernel, CopyKernel | PriorKernel):
            received = self.kernel(values)
            if record is not None:
                record[self.op.name] = self.kernel.map(values[0].shape[0], self.heads)
        else:
            keys = [s.keys for s in sent if s.keys is not None]
            query = self._query(state, keys[0], weights)
            received = self.kernel(query, keys, values)
            if record is not None:
                record[self.op.name] = self.kernel.weights(query, keys)
        out = _join(received)  # (B, T, width of the values)
        if self.op.mode == "modulatory":
            assert state is not None
            return state * (1 + torch.tanh(weights[f"{name}.modulation.gain"] * out))
        if self.population.output == "dense":
            out = F.linear(out, weights[f"{name}.output.weight"], weights[f"{name}.output.bias"])
        return out if state is None else state + out

    def _query(self, state: Tensor | None, key: Tensor, weights: Weights) -> Tensor:
        """Return the queries (B, H, T, D), scaled; those of a population without a state are the bias alone."""
        name = self.op.population
        bias = weights[f"{name}.query.bias"]
        if state is None:
            query = bias.expand(key.shape[0], self.population.tokens, -1).to(key.dtype)
        else:
            gain, shift = (weights.get(f"{name}.attention_norm.{part}") for part in ("gain", "bias"))
            assert gain is not None
            (query,) = projected(state, gain, shift, [(weights[f"{name}.query.weight"], bias)])
        return _split(query * self.scale, self.heads)


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


def _step(op: Op, program: Program) -> nn.Module:
    match op:
        case Embed():
            return EmbedStep(op, program)
        case Emit():
            return EmitStep(op, program)
        case Relay():
            return RelayStep(op, program)
        case Attend():
            return AttendStep(op, program)
        case Mix():
            return MixStep(op, program)
        case Readout():
            return ReadoutStep(op)
        case _:
            assert_never(op)


class CorticalTransformer(nn.Module):
    """A compiled connectome as a torch module: images (B, C, H, W) in [0, 1] -> logits (B, classes).

    ``steps`` has a module for each op by its name, with ``:`` for the dot, which torch does not allow there: a hook on
    ``model.steps["attend V1:L23E@2"]`` sees the state of layer 2/3 of V1 after it has attended in the second sweep.
    """

    def __init__(self, program: Program, *, seed: int) -> None:
        """Make the weights and one step for each op."""
        super().__init__()
        self.program = program
        self.weights = Weights(program, seed)
        self.steps = nn.ModuleDict({key_of(op.name): _step(op, program) for op in program.ops})

    def num_parameters(self) -> dict[str, int]:
        """Return the number of learnable values by scale (attention, column, embedding, readout), and in ``total``."""
        return self.program.parameter_counts

    def reset_classifier(self, classes: int, *, seed: int | None = None) -> None:
        """Give the model a fresh head for another number of classes; all other weights stay as they are.

        Args:
            classes: of the logits.
            seed: of the weights of the head; None for that of the program.

        Raises:
            ValueError: there are fewer than two classes.
        """
        if classes < 2:
            raise ValueError(f"classes is {classes}; expected at least 2")
        self.program = with_classes(self.program, classes)
        self.weights.reset(self.program, HEAD, self.program.seed if seed is None else seed)

    def __repr__(self) -> str:
        """Return what it is, and for each area and sweep which populations it updates, a line each."""
        lines = [f"{type(self).__name__} of {self.program.summary}"]
        for (area, sweep), ops in self.program.updates.items():
            done: dict[str, list[str]] = {}
            for op in ops:
                names = (value.partition("@")[0].removeprefix(f"{area}.") for value in op.writes)
                done.setdefault(op.name.partition(" ")[0], []).extend(names)
            lines.append(
                f"  {area}@{sweep}: " + "; ".join(f"{verb} {', '.join(names)}" for verb, names in done.items())
            )
        return "\n".join([*lines, f"  readout: {', '.join(self.program.ops[-1].reads)}"])

    def forward(
        self, images: Tensor, *, record: dict[str, Tensor] | None = None, states: dict[str, Tensor] | None = None
    ) -> Tensor:
        """Return the logits; ``record`` collects the attention of each op by name, ``states`` the value of each state.

        Raises:
            TypeError: the images are no tensor.
            ValueError: they are not (B, channels, height, width) of the size that the program takes.
        """
        images = require_images(images, self.program.image_shape)
        states = {} if states is None else states
        sent: dict[str, Sent] = {}
        for op, step in zip(self.program.ops, self.steps.values(), strict=True):
            match op:
                case Embed():
                    states[op.output] = step(images, self.weights)
                case Emit():
                    sent[op.output] = step(states[op.state], self.weights)
                case Relay():
                    states[op.output] = step(states)
                case Attend():
                    state = states[op.state] if op.state else None
                    states[op.output] = step(state, [sent[s.value] for s in op.sources], self.weights, record)
                case Mix():
                    states |= step(states, self.weights)
                case Readout():
                    logits: Tensor = step(states, self.weights)
                    return logits
                case _:
                    assert_never(op)
        raise AssertionError("a program ends with its readout")


def build(program: Program, *, seed: int | None = None) -> CorticalTransformer:
    """Return the model of a program, with fresh weights from ``seed`` (default: that of the program).

    Raises:
        TypeError: what is given is no program.
    """
    require(program, Program, "the program")
    return CorticalTransformer(program, seed=program.seed if seed is None else seed)


@torch.no_grad()
def attention_maps(model: CorticalTransformer, images: Tensor) -> dict[str, Tensor]:
    """Return the attention (B, heads, target tokens, source tokens) of each attention op, by the op's name.

    Sources are laid end to end in the order of the op's ``sources``. Rows sum to 1, or to 0 for a token without input;
    pairs that are not connected are exactly 0.

    Raises:
        TypeError: what is given is no model, or the images are no tensor.
        ValueError: the images do not fit, or are not in [0, 1].
    """
    require(model, CorticalTransformer, "the model")
    require_unit_range(require_images(images, model.program.image_shape))
    record: dict[str, Tensor] = {}
    model(images, record=record)
    return record


def _split(tensor: Tensor, heads: int) -> Tensor:
    """(B, tokens, heads * n) -> (B, heads, tokens, n)."""
    return tensor.reshape(*tensor.shape[:-1], heads, tensor.shape[-1] // heads).transpose(1, 2)


def _join(tensor: Tensor) -> Tensor:
    """(B, heads, tokens, n) -> (B, tokens, heads * n)."""
    return tensor.transpose(1, 2).flatten(2)
