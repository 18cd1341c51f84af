"""The slow reference: a program interpreted in NumPy float64, one token at a time, straight from the artifact.

It shares no code with the fast path; the tests hold the two against each other. Shapes carry no batch: one image in,
its logits out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortexc.compiler.artifact import Attend, Embed, Emit, Mix, MixTarget, Population, Program, Readout, Relay

Array = NDArray[np.float64]


@dataclass
class Interpretation:
    """What one image becomes."""

    logits: Array
    """(classes,)"""
    attention: dict[str, Array] = field(default_factory=dict)
    """By op: (heads, target tokens, source tokens), sources laid end to end."""


def interpret(program: Program, weights: Mapping[str, NDArray[Any]], image: NDArray[Any]) -> Interpretation:
    """Return the logits and the attention of one image (C, H, W) in [0, 1], given the weights by name."""
    return _Interpreter(program, {name: np.asarray(w, np.float64) for name, w in weights.items()}).run(
        np.asarray(image, np.float64)
    )


class _Interpreter:
    def __init__(self, program: Program, weights: dict[str, Array]) -> None:
        self.program, self.w = program, weights
        self.populations = {p.name: p for p in program.populations}
        self.wirings = {w.population: w for w in program.wirings}
        self.states: dict[str, Array] = {}
        self.sent: dict[str, tuple[Array | None, Array]] = {}
        self.attention: dict[str, Array] = {}

    def run(self, image: Array) -> Interpretation:
        for op in self.program.ops:
            match op:
                case Embed():
                    self.states[op.output] = self.embed(op, image)
                case Emit():
                    self.sent[op.output] = self.emit(op)
                case Relay():
                    self.states[op.output] = self.relay(op)
                case Attend():
                    self.states[op.output] = self.attend(op)
                case Mix():
                    self.states |= self.mix(op)
                case Readout():
                    return Interpretation(self.read(op), self.attention)
        raise AssertionError("a program ends with its readout")

    def norm(self, x: Array, name: str) -> Array:
        out = np.empty_like(x)
        bias = self.w.get(f"{name}.bias", np.zeros(1))
        for i, token in enumerate(x):
            centred = token - token.mean()
            out[i] = centred / math.sqrt((centred**2).mean() + 1e-5) * self.w[f"{name}.gain"] + bias
        return out

    def embed(self, op: Embed, image: Array) -> Array:
        s, p = self.program.input, self.populations[op.population]
        image = np.stack([(c - m) / d for c, m, d in zip(image, s.mean, s.std, strict=True)])
        if s.point_spread:
            image = self.optics(image)
        if s.gain_control != "none":
            image = self.gain(image)
        tokens = np.empty((p.tokens, p.width))
        for i in range(p.grid[0]):
            for j in range(p.grid[1]):
                patch = image[:, i * s.patch : (i + 1) * s.patch, j * s.patch : (j + 1) * s.patch]
                for c in range(p.width):
                    value = (self.w[f"{p.name}.patch.weight"][c] * patch).sum() + self.w[f"{p.name}.patch.bias"][c]
                    tokens[i * p.grid[1] + j, c] = value
        return tokens + self.w[f"{p.name}.position"] if s.positions else tokens

    def optics(self, image: Array) -> Array:
        deviation, out = self.program.input.point_spread, np.empty_like(image)
        reach, (height, width) = math.ceil(3 * deviation), image.shape[1:]
        for i in range(height):
            for j in range(width):
                total, seen = 0.0, np.zeros(len(image))
                for y in range(max(0, i - reach), min(height, i + reach + 1)):
                    for x in range(max(0, j - reach), min(width, j + reach + 1)):
                        weight = math.exp(-((y - i) ** 2 + (x - j) ** 2) / (2 * deviation**2))
                        total, seen = total + weight, seen + weight * image[:, y, x]
                out[:, i, j] = seen / total
        return out

    def gain(self, image: Array) -> Array:
        s = self.program.input
        channels, height, width = image.shape
        reach, out = s.pool // 2 if s.gain_control == "local" else max(height, width), np.empty_like(image)
        for i in range(height):
            for j in range(width):
                near = image[:, max(0, i - reach) : i + reach + 1, max(0, j - reach) : j + reach + 1]
                for c in range(channels):
                    centred = np.stack([n - (n if s.gain_mean == "channel" else near).mean() for n in near])
                    seen = centred[c] if s.gain_spread == "channel" else centred
                    mean = (near[c] if s.gain_mean == "channel" else near).mean()
                    out[c, i, j] = (image[c, i, j] - mean) / (math.sqrt((seen**2).mean() + 1e-12) + s.semi_saturation)
        return out

    def emit(self, op: Emit) -> tuple[Array | None, Array]:
        p, x = self.populations[op.population], self.states[op.state]
        keys = None
        if op.keys:
            keys = self.norm(x, f"{p.name}.attention_norm") @ self.w[f"{p.name}.key.weight"].T
            keys = keys + self.w.get(f"{p.name}.key.bias", np.zeros(1))
        v = self.norm(x, f"{p.name}.attention_norm") if p.values_from == "normalized" else x
        if p.values == "dense":
            v = v @ self.w[f"{p.name}.value.weight"].T + self.w[f"{p.name}.value.bias"]
        elif p.values == "block":
            part = p.width // self.program.heads
            blocks = [
                v[:, h * part : (h + 1) * part] @ self.w[f"{p.name}.value.weight"][h].T
                for h in range(self.program.heads)
            ]
            v = np.concatenate(blocks, axis=1) + self.w[f"{p.name}.value.bias"]
        return keys, v

    def relay(self, op: Relay) -> Array:
        p = self.populations[op.population]
        x = self.states[op.state].copy() if op.state else np.zeros((p.tokens, p.width))
        for source in op.sources:
            c = self.program.connections[source.connection]
            for i in range(p.tokens):
                for e in range(c.indptr[i], c.indptr[i + 1]):
                    x[i] += source.weight * c.weight[e] * self.states[source.value][c.indices[e]]
        return x

    def attend(self, op: Attend) -> Array:
        p, heads, d = self.populations[op.population], self.program.heads, self.program.key_width
        connections = [self.program.connections[s.connection] for s in op.sources]
        offsets = np.cumsum([0, *(c.shape[1] for c in connections)])
        value_width = self.sent[op.sources[0].value][1].shape[1]
        part = value_width // heads
        out = np.zeros((p.tokens, value_width))
        maps = np.zeros((heads, p.tokens, int(offsets[-1])))
        x = self.states[op.state] if op.state else None
        normal = self.norm(x, f"{p.name}.attention_norm") if x is not None and op.choice else None
        for i in range(p.tokens):
            for h in range(heads):
                q = np.zeros(d)
                if op.choice:
                    q = self.w[f"{p.name}.query.bias"][h * d : (h + 1) * d].copy()
                    if normal is not None:
                        q += self.w[f"{p.name}.query.weight"][h * d : (h + 1) * d] @ normal[i]
                logits, values, places = [], [], []
                for source, c, offset in zip(op.sources, connections, offsets, strict=False):
                    keys, sent = self.sent[source.value]
                    for e in range(c.indptr[i], c.indptr[i + 1]):
                        j = int(c.indices[e])
                        match = 0.0
                        if op.choice:
                            assert keys is not None
                            match = float(q @ keys[j, h * d : (h + 1) * d]) / math.sqrt(d)
                        logits.append(match + math.log(source.weight * c.weight[e]))
                        values.append(sent[j, h * part : (h + 1) * part])
                        places.append(int(offset) + j)
                if not logits:
                    continue
                raised = np.exp(np.array(logits) - max(logits))
                for a, v, place in zip(raised / raised.sum(), values, places, strict=True):
                    out[i, h * part : (h + 1) * part] += a * v
                    maps[h, i, place] += a
        self.attention[op.name] = maps
        if op.mode == "modulatory":
            assert x is not None
            modulated: Array = x * (1 + np.tanh(self.w[f"{p.name}.modulation.gain"] * out))
            return modulated
        if p.output == "dense":
            out = out @ self.w[f"{p.name}.output.weight"].T + self.w[f"{p.name}.output.bias"]
        return out if x is None else x + out

    def mix(self, op: Mix) -> dict[str, Array]:
        present = dict(op.states)
        normal = {n: self.norm(self.states[s], f"{self.column(n)}.column_norm") for n, s in present.items()}
        dale = self.populations[op.targets[0].population].dale
        if dale:
            normal = {n: np.maximum(z, 0) for n, z in normal.items()}
        raw: dict[str, Array] = {}
        for t in op.targets:
            if self.populations[t.population].kind == "inhibitory":
                drive = self.drive(t, normal, dale)
                raw[t.population] = np.logaddexp(0, drive if t.state is None else drive + normal[t.population])
        rates = {t.population: self.inhibit(raw[t.population], t, raw) for t in op.targets if t.population in raw}
        new: dict[str, Array] = {}
        for t in op.targets:
            if t.population in raw:
                continue
            drive = self.drive(t, normal, dale)
            active = drive * 0.5 * (1 + np.vectorize(math.erf)(drive / math.sqrt(2)))
            hidden = self.inhibit(active, t, rates)
            if t.surround:
                for channel in range(hidden.shape[1]):
                    here = hidden[:, channel] - hidden[:, channel].mean()
                    spread = math.sqrt((here**2).mean() + 1e-12)
                    hidden[:, channel] = here / (spread + self.populations[t.population].surround)
            name = f"{self.column(t.population)}.column.output"
            change = hidden @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]
            new[t.output] = change if t.state is None else self.states[t.state] + change
        return new

    def column(self, population: str) -> str:
        """Return under which name the column weights of a population are: its own, or one that areas share."""
        return self.populations[population].shared or population

    def block(self, target: Population, parameter: str, sources: tuple[str, ...], source: str) -> Array:
        """Return the weight block from one source: its columns among all that the target's weight has."""
        at = 0
        for name in sources:
            width = self.populations[name].width
            if name == source:
                return self.w[f"{self.column(target.name)}.column.{parameter}.weight"][:, at : at + width]
            at += width
        raise KeyError(source)

    def drive(self, t: MixTarget, normal: dict[str, Array], dale: bool) -> Array:
        p, wiring = self.populations[t.population], self.wirings[t.population]
        total = np.zeros((p.tokens, p.hidden))
        for source in t.excitatory:
            weight = self.block(p, "input", wiring.excitatory, source)
            total += normal[source] @ (np.abs(weight) if dale else weight).T
        return total + self.w[f"{self.column(p.name)}.column.input.bias"] if t.excitatory else total

    def inhibit(self, drive: Array, t: MixTarget, rates: dict[str, Array]) -> Array:
        p, wiring = self.populations[t.population], self.wirings[t.population]
        total = np.ones_like(drive)
        for source in t.inhibitory:
            weight = self.block(p, "inhibition", wiring.inhibitory, source)
            total += rates[source] @ np.logaddexp(0, weight).T
        return drive / total

    def read(self, op: Readout) -> Array:
        means = [self.norm(self.states[s], f"{n}.readout_norm").mean(axis=0) for n, s in op.states]
        logits: Array = self.w["readout.weight"] @ np.concatenate(means) + self.w["readout.bias"]
        return logits
