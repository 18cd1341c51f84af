"""The column: populations update each other through the blocks that their circuit connects.

    inhibitory   r_p = softplus(sum_s W_ps z_s + b_p) / (1 + sum_i D_pi r_i)
    excitatory   x_p <- x_p + U_p [ h_p ] + c_p          h_p = gelu(sum_s W_ps z_s + b_p) / (1 + sum_i D_pi r_i)

With a surround, each channel of h is then (h - mean) / (std + semi-saturation), with mean and std over the columns of
the area: instance normalisation without learned gain and bias. z is the normalised state, s runs over excitatory and
i over inhibitory sources, D = softplus(...) is positive. The inhibition of an inhibitory population uses rates before
inhibition. Under Dale's law W is not negative and z is rectified.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortexc.compiler.artifact import Mix, MixTarget, Program

from .native import can_multiply
from .tiled_column import Layout, tiled_column
from .weights import Weights


def layer_norm(state: Tensor, weights: Weights | Mapping[str, Tensor], name: str) -> Tensor:
    """Return the state (..., width), normalised, with the learned gain of ``name`` and, if there is one, its bias."""
    gain = weights[f"{name}.gain"]
    return F.layer_norm(state, gain.shape, gain, weights.get(f"{name}.bias"))


def surrounded(hidden: Tensor, semi_saturation: float) -> Tensor:
    """Return hidden channels (B, tokens, hidden) after instance normalisation over the columns of the area.

    From each channel its mean over the tokens is subtracted, and it is divided by its standard deviation plus
    ``semi_saturation``; there is no learned gain and bias.
    """
    centred = hidden - hidden.mean(dim=1, keepdim=True)
    spread = (centred.square().mean(dim=1, keepdim=True) + 1e-12).sqrt()
    return centred / (spread + semi_saturation)


class MixStep(nn.Module):
    """One update of the columns of an area."""

    def __init__(self, op: Mix, program: Program) -> None:
        super().__init__()
        self.op = op
        self.layout = Layout(op, program)
        populations = program.by_name
        wirings = {w.population: w for w in program.wirings}
        self.dale = populations[op.targets[0].population].dale
        width = {name: p.width for name, p in populations.items()}
        self.column = {name: p.column for name, p in populations.items()}
        self.semi_saturation = {t.population: populations[t.population].surround for t in op.targets}
        self.inhibitory = [t for t in op.targets if populations[t.population].kind == "inhibitory"]
        self.excitatory = [t for t in op.targets if populations[t.population].kind == "excitatory"]
        self.slices = {
            t.population: (
                _slices(wirings[t.population].excitatory, t.excitatory, width),
                _slices(wirings[t.population].inhibitory, t.inhibitory, width),
            )
            for t in op.targets
        }

    def forward(self, values: dict[str, Tensor], weights: Weights) -> dict[str, Tensor]:
        """Return the new states (B, tokens, width) by name, from the states in ``values``."""
        if not can_multiply(values[self.layout.states[0]]):
            return self.composed(values, weights)
        tensors = [*(values[s] for s in self.layout.states), *(weights[p] for p in self.layout.parameters)]
        return dict(zip(self.layout.outputs, tiled_column(self.layout, self._of_all, tensors), strict=True))

    def _of_all(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip([*self.layout.states, *self.layout.parameters], tensors, strict=True))
        new = self.composed(given, given)
        return tuple(new[name] for name in self.layout.outputs)

    def composed(self, values: Mapping[str, Tensor], weights: Weights | Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the same in torch's own operations."""
        normal = {p: layer_norm(values[state], weights, f"{self.column[p]}.column_norm") for p, state in self.op.states}
        if self.dale:
            normal = {p: z.relu() for p, z in normal.items()}
        raw = {t.population: F.softplus(self._drive(t, normal, weights)) for t in self.inhibitory}
        rates = {t.population: self._inhibit(raw[t.population], t, raw, weights) for t in self.inhibitory}
        new: dict[str, Tensor] = {}
        for target in self.excitatory:
            name = f"{self.column[target.population]}.column.output"
            hidden = self._inhibit(F.gelu(self._drive(target, normal, weights)), target, rates, weights)
            if target.surround:
                hidden = surrounded(hidden, self.semi_saturation[target.population])
            change = F.linear(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"])  # (B, tokens, width)
            new[target.output] = change if target.state is None else values[target.state] + change
        return new

    def _drive(self, target: MixTarget, normal: dict[str, Tensor], weights: Weights | Mapping[str, Tensor]) -> Tensor:
        """Return the excitatory input (B, tokens, hidden) of a population."""
        name = target.population
        own = normal.get(name) if target.state is not None and not target.output else None
        if not target.excitatory:
            assert own is not None
            return own
        learned = f"{self.column[name]}.column.input"
        weight = _selected(weights[f"{learned}.weight"], self.slices[name][0])
        weight = weight.abs() if self.dale else weight
        sources = torch.cat([normal[s] for s in target.excitatory], dim=-1)  # (B, tokens, sum of widths)
        drive = F.linear(sources, weight, weights[f"{learned}.bias"])
        return drive if own is None else drive + own

    def _inhibit(
        self, drive: Tensor, target: MixTarget, rates: dict[str, Tensor], weights: Weights | Mapping[str, Tensor]
    ) -> Tensor:
        """Return the drive, divided by 1 plus the weighted rates of the inhibitory sources."""
        if not target.inhibitory:
            return drive
        name = target.population
        weight = F.softplus(_selected(weights[f"{self.column[name]}.column.inhibition.weight"], self.slices[name][1]))
        sources = torch.cat([rates[s] for s in target.inhibitory], dim=-1)  # (B, tokens, sum of widths)
        return drive / (1 + F.linear(sources, weight))


def _slices(all_sources: tuple[str, ...], present: tuple[str, ...], width: dict[str, int]) -> list[slice] | None:
    """Return the columns of a weight that belong to the present sources, or None if all sources are present."""
    if all_sources == present:
        return None
    starts, at = {}, 0
    for source in all_sources:
        starts[source] = slice(at, at + width[source])
        at += width[source]
    return [starts[s] for s in present]


def _selected(weight: Tensor, slices: list[slice] | None) -> Tensor:
    if slices is None:
        return weight
    return torch.cat([weight[:, s] for s in slices], dim=1)
