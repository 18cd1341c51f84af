"""The column of an area in native code, a tile of tokens at a time: ``kernels/column.c`` as a torch function.

It computes what ``MixStep.composed`` computes. The drive of every population is kept for the backward pass; all else is
computed again there, while the tile is in cache. Second derivatives are left to ``composed``.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from cortexc.compiler.artifact import Mix, MixTarget, Population, Program

from .native import matrix_product, native_code

TILE = 256
"""Tokens that are computed together, so that all they need stays in cache."""

Composed: TypeAlias = Callable[..., tuple[Tensor, ...]]
"""The same function of states and parameters, in torch's own operations."""


class _Source(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("width", "at", "first", "reading")),
        *((name, ctypes.c_void_p) for name in ("state", "gain", "bias", "d_state", "d_gain", "d_bias")),
    ]


class _Target(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("inhibitory", "hidden", "width", "at", "rate_at", "own", "state")),
        *((name, ctypes.c_int64) for name in ("input_width", "inhibition_width", "surround")),
        ("semi_saturation", ctypes.c_float),
        *((name, ctypes.c_void_p) for name in ("columns", "inhibition_columns")),
        *((name, ctypes.c_void_p) for name in ("input", "input_bias", "inhibition", "output", "output_bias")),
        *((name, ctypes.c_void_p) for name in ("d_input", "d_input_bias", "d_inhibition", "d_output", "d_output_bias")),
        *((name, ctypes.c_void_p) for name in ("next", "d_next")),
    ]


class _Column(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("rows", "tokens", "tile", "threads", "sources", "targets")),
        *((name, ctypes.c_int64) for name in ("normal_width", "drive_width", "inhibitory_width", "excitatory_width")),
        *((name, ctypes.c_int64) for name in ("packed_width", "rectified")),
        *((name, ctypes.c_void_p) for name in ("product", "drive", "source", "target")),
    ]


class Layout:
    """Where everything lies in the memory of one mixing: its states, its parameters, and the channels of the drive.

    Attributes:
        states: the names of the states that it reads.
        parameters: the parameters that it reads, by name: whether a source or a target has it, which one, and what
            native code calls it.
        outputs: the widths of the states that it makes, by name.
        tokens: the tokens of the area.
        drive_width: the hidden channels of all targets.
    """

    def __init__(self, op: Mix, program: Program) -> None:
        """Lay out one mixing of a program."""
        population, targets = program.by_name, _arranged(op)
        widths = [population[t.population].hidden for t in targets]
        starts = [0, *itertools.accumulate(widths)]
        self.tokens, self.drive_width = population[targets[0].population].tokens, starts[-1]
        self.rectified = population[targets[0].population].dale
        self.states = tuple(state for _, state in op.states)
        self.outputs = {t.output: population[t.population].width for t in targets if t.output}
        known = {p.name for p in program.parameters}
        self.parameters: dict[str, tuple[str, int, str]] = {}
        self._sources: list[dict[str, int]] = []
        self._targets: list[dict[str, Any]] = []
        self._columns: list[tuple[np.ndarray, np.ndarray]] = []
        self.normal_width = 0
        for i, (name, _) in enumerate(op.states):
            readers = [n for n, t in enumerate(targets) if name in t.excitatory]
            first, end = (starts[readers[0]], starts[readers[-1] + 1]) if readers else (0, 0)
            width = population[name].width
            self._sources.append({"width": width, "at": self.normal_width, "first": first, "reading": end - first})
            self.normal_width += width
            norm = {f"{population[name].column}.column_norm.{part}": ("source", i, part) for part in ("gain", "bias")}
            self.parameters |= {n: place for n, place in norm.items() if n in known}
        self.rates = {"inhibitory": 0, "excitatory": 0}
        for i, target in enumerate(targets):
            self._place(i, target, op, targets, starts[i], program)
        whole = any(t.surround for t in targets)  # a surround needs whole images
        self.tile = max(1, TILE // self.tokens) * self.tokens if whole else TILE

    def _place(
        self, i: int, target: MixTarget, op: Mix, targets: Sequence[MixTarget], at: int, program: Program
    ) -> None:
        """Add one target."""
        population, name = program.by_name, target.population
        wiring = next(w for w in program.wirings if w.population == name)
        own = next((n for n, (p, _) in enumerate(op.states) if p == name), -1) if target.state else -1
        kind, hidden = population[name].kind, population[name].hidden
        self._targets.append(
            {
                "inhibitory": kind == "inhibitory",
                "hidden": hidden,
                "width": population[name].width,
                "at": at,
                "rate_at": self.rates[kind],
                "own": -1 if target.output else own,
                "state": own if target.output else -1,
                "input_width": sum(population[s].width for s in wiring.excitatory),
                "inhibition_width": sum(population[s].width for s in wiring.inhibitory),
                "surround": target.surround,
                "semi_saturation": population[name].surround,
            }
        )
        self.rates[kind] += hidden
        read = _columns(wiring.excitatory, [p if p in target.excitatory else "" for p, _ in op.states], population)
        inhibiting = [t.population if t.population in target.inhibitory else "" for t in targets]
        self._columns.append((read, _columns(wiring.inhibitory, inhibiting, population)))
        has = {
            "input.weight": bool(target.excitatory),
            "input.bias": bool(target.excitatory),
            "inhibition.weight": bool(target.inhibitory),
            "output.weight": bool(target.output),
            "output.bias": bool(target.output),
        }
        for part in (part for part, present in has.items() if present):
            field = part.removesuffix(".weight").replace(".", "_")
            self.parameters[f"{population[name].column}.column.{part}"] = ("target", i, field)

    def call(
        self,
        function: str,
        tensors: Sequence[Tensor],
        drive: Tensor | None,
        gradients: Sequence[Tensor] = (),
        **of_outputs: Sequence[Tensor],
    ) -> None:
        """Call native code.

        Args:
            function: ``forward`` or ``backward``.
            tensors: the states (B, tokens, width), then the parameters.
            drive: (B, tokens, hidden of all), or None if it need not be kept.
            gradients: where the gradients of ``tensors`` go.
            of_outputs: ``next``, where the new states go, or ``d_next``, their gradients.

        Raises:
            MemoryError: memory is short.
        """
        sources = (_Source * len(self._sources))(*(_Source(**s) for s in self._sources))
        targets = (_Target * len(self._targets))(*(_Target(**t) for t in self._targets))
        for target, (columns, inhibition) in zip(targets, self._columns, strict=True):
            target.columns, target.inhibition_columns = columns.ctypes.data, inhibition.ctypes.data
        places = [*(("source", i, "state") for i in range(len(sources))), *self.parameters.values()]
        for prefix, given in (("", tensors), ("d_", gradients)):
            for (kind, i, field), tensor in zip(places, given, strict=bool(given)):
                setattr(sources[i] if kind == "source" else targets[i], prefix + field, tensor.data_ptr())
        excitatory = [target for target in targets if not target.inhibitory]
        for field, states in of_outputs.items():
            for target, state in zip(excitatory, states, strict=True):
                setattr(target, field, state.data_ptr())
        column = _Column(
            rows=len(tensors[0]) * self.tokens,
            tokens=self.tokens,
            tile=self.tile,
            threads=torch.get_num_threads(),
            sources=len(sources),
            targets=len(targets),
            normal_width=self.normal_width,
            drive_width=self.drive_width,
            inhibitory_width=self.rates["inhibitory"],
            excitatory_width=self.rates["excitatory"],
            packed_width=sum(s["reading"] * s["width"] for s in self._sources),
            rectified=self.rectified,
            product=matrix_product(),
            drive=None if drive is None else drive.data_ptr(),
            source=ctypes.addressof(sources),
            target=ctypes.addressof(targets),
        )
        library = native_code()
        assert library is not None
        if getattr(library, f"column_{function}")(ctypes.byref(column)):
            raise MemoryError


class TiledColumn(torch.autograd.Function):
    """The new states of an area (B, tokens, width), and the drive (B, tokens, hidden of all) for the backward pass."""

    @staticmethod
    def forward(layout: Layout, composed: Composed, differentiated: bool, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Take the states (B, tokens, width), then the parameters, in the order of the layout."""
        batch = len(tensors[0])
        new = [torch.empty(batch, layout.tokens, width) for width in layout.outputs.values()]
        drive = torch.empty(batch, layout.tokens, layout.drive_width if differentiated else 0)
        layout.call("forward", tensors, drive if differentiated else None, next=new)
        return *new, drive

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep what the backward pass needs."""
        ctx.layout, ctx.composed, _, *tensors = inputs
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(output[-1])
        ctx.save_for_backward(output[-1], *tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the gradients of states and parameters."""
        drive, *tensors = ctx.saved_tensors
        widths = ctx.layout.outputs.values()
        received = tuple(
            drive.new_zeros(*drive.shape[:2], width) if g is None else g.contiguous()
            for width, g in zip(widths, gradients[:-1], strict=True)
        )
        if torch.is_grad_enabled():  # this gradient may be differentiated
            return None, None, None, *torch.func.vjp(ctx.composed, *tensors)[1](received)
        states = len(ctx.layout.states)
        found = [torch.empty_like(t) if i < states else torch.zeros_like(t) for i, t in enumerate(tensors)]
        ctx.layout.call("backward", tensors, drive, found, d_next=received)
        return None, None, None, *found

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Leave a batch of models to torch's own operations."""
        _, composed, _, *tensors = inputs
        new = torch.vmap(composed, in_dims[3:])(*tensors)
        return (*new, new[0].new_empty(info.batch_size, 0)), (0,) * (len(new) + 1)


def tiled_column(layout: Layout, composed: Composed, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the new states (B, tokens, width), in the order of the layout's outputs, from states and parameters."""
    given = [t.float().contiguous() for t in tensors]
    differentiated = torch.is_grad_enabled() and any(t.requires_grad for t in given)
    found: tuple[Tensor, ...] = TiledColumn.apply(layout, composed, differentiated, *given)  # type: ignore[no-untyped-call]
    return found[:-1]


def _columns(all_sources: Sequence[str], present: Sequence[str], population: Mapping[str, Population]) -> np.ndarray:
    """Return where the weights of each present source begin among those of all (int64); -1 for one that is not."""
    starts = itertools.accumulate((population[s].width for s in all_sources), initial=0)
    start = dict(zip(all_sources, starts, strict=False))
    return np.array([start.get(name, -1) for name in present], np.int64)


def _arranged(op: Mix) -> list[MixTarget]:
    """Return the targets in an order in which those of each source lie together, as far as that can be."""
    groups: dict[tuple[str, ...], list[MixTarget]] = {}
    for target in op.targets:
        groups.setdefault(target.excitatory, []).append(target)

    def gaps(order: Sequence[tuple[str, ...]]) -> int:
        reading = [[i for i, sources in enumerate(order) if name in sources] for name, _ in op.states]
        return sum(r[-1] - r[0] + 1 - len(r) for r in reading if r)

    orders = itertools.permutations(groups) if len(groups) <= 6 else [tuple(groups)]
    return [target for sources in min(orders, key=gaps) for target in groups[sources]]
