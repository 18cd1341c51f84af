"""The parameters of a program as tensors: made from the plan, seeded by name, looked up by name."""

import math
import zlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from cortexc.compiler.artifact import ArtifactError, Attend, Parameter, Program

HEAD: Final = ("readout.weight", "readout.bias")
"""The parameters whose first axis has the classes."""
MARK: Final = "_extra_state"
"""The last part of the key under which torch keeps what is no parameter: here the anatomy."""


class Weights(nn.Module):
    """All learnable tensors of a model, under the names that the artifact lists.

    A state dict of them has the anatomy too, as 32 bytes, so that weights of another connectome are refused even where
    all names and shapes agree.
    """

    def __init__(self, program: Program, seed: int) -> None:
        """Make every parameter of the plan; each has its own random stream, so that names alone decide values."""
        super().__init__()
        self.anatomy = anatomy_of(program)
        self.names = tuple(p.name for p in program.parameters)
        for parameter in program.parameters:
            self.register_parameter(key_of(parameter.name), nn.Parameter(_initial(parameter, seed)))

        self.register_load_state_dict_pre_hook(_add_missing_anatomy)  # type: ignore[no-untyped-call]

    def reset(self, program: Program, names: Collection[str], seed: int) -> None:
        """Make some parameters anew, as a program plans them, where the old ones were."""
        for parameter in program.parameters:
            if parameter.name in names:
                fresh = _initial(parameter, seed).to(self[parameter.name])
                self.register_parameter(key_of(parameter.name), nn.Parameter(fresh))

    def get_extra_state(self) -> Tensor:
        """Return the anatomy, for a state dict: the 32 bytes (uint8) of its hash."""
        return torch.tensor(list(bytes.fromhex(self.anatomy)), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Compare the anatomy of a state dict with the own.

        Raises:
            RuntimeError: it is another one.
        """
        if (found := bytes(state.tolist()).hex()) != self.anatomy:
            raise RuntimeError(
                f"these are the weights of another connectome: its anatomy is {found[:12]}, and that of this model is "
                f"{self.anatomy[:12]}. Build the model from their own program; to load them all the same, remove "
                f"`weights.{MARK}` from the state dict"
            )

    def __getitem__(self, name: str) -> Tensor:
        """Return a parameter by its name in the artifact.

        Raises:
            ArtifactError: there is none.
        """
        found = self._parameters.get(key_of(name))
        if found is None:
            raise ArtifactError(f"the artifact reads a parameter {name}, and lists none of that name; compile it again")
        return found

    def parameters_by_name(self) -> dict[str, nn.Parameter]:
        """Return all parameters by their names in the artifact."""
        return {name: parameter for name in self.names if (parameter := self._parameters[key_of(name)]) is not None}

    def get(self, name: str) -> Tensor | None:
        """Return a parameter, or None if the plan has none of that name."""
        return self._parameters.get(key_of(name))


def _add_missing_anatomy(module: Weights, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Let a state dict without an anatomy, such as one of an earlier version, be loaded."""
    state.setdefault(prefix + MARK, module.get_extra_state())


def tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the parameters of a state dict, without the anatomy."""
    return {name: value for name, value in state.items() if name.rpartition(".")[2] != MARK}


def anatomy_of(program: Program) -> str:
    """Return the hash (hex) of what gives weights their meaning: the program without name, seed, head, mean and std.

    Programs that differ in nothing else, nor in which kernels compute their attention, can take each other's weights.
    """
    ops = tuple(replace(op, kernel="", composed="") if isinstance(op, Attend) else op for op in program.ops)
    bare = replace(
        program,
        name="",
        seed=0,
        classes=0,
        input=replace(program.input, mean=(), std=()),
        parameters=tuple(p for p in program.parameters if p.name not in HEAD),
        ops=ops,
        costs=(),
        pipeline="",
    )
    return bare.content_hash().removeprefix("sha256:")


def with_classes(program: Program, classes: int) -> Program:
    """Return a program whose head has another number of classes; its spec stays as it was written."""
    parameters = []
    for parameter in program.parameters:
        if parameter.name in HEAD:
            shape = (classes, *parameter.shape[1:])
            blocks = parameter.init.blocks if len(shape) > 1 else ((classes, parameter.init.blocks[0][1]),)
            parameter = replace(parameter, shape=shape, init=replace(parameter.init, blocks=blocks))
        parameters.append(parameter)
    width = next(p.shape[1] for p in parameters if p.name == HEAD[0])
    more = classes - program.classes
    *costs, last = program.costs
    last = replace(last, flops=last.flops + 2 * more * width, parameters=last.parameters + more * (width + 1))
    return replace(program, classes=classes, parameters=tuple(parameters), costs=(*costs, last))


def seeded(*numbers: int) -> torch.Generator:
    """Return a generator on the CPU whose stream depends on all the numbers.

    Torch's own seeding drops all but the lowest 32 bits, so the numbers are mixed into as many first.
    """
    return torch.Generator().manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def key_of(name: str) -> str:
    """Return what torch calls the parameter or the op of a name: it keeps the dot for itself."""
    return name.replace(".", ":")


def _initial(parameter: Parameter, seed: int) -> Tensor:
    generator = seeded(seed, zlib.crc32(parameter.name.encode()))
    blocks = []
    for width, value in parameter.init.blocks:
        shape = (*parameter.shape[:-1], width)
        if parameter.init.kind == "normal":
            blocks.append(torch.randn(shape, generator=generator) * value)
        else:
            blocks.append(torch.full(shape, float(value)))
    tensor = torch.cat(blocks, dim=-1)
    assert math.prod(tensor.shape) == parameter.size
    return tensor
