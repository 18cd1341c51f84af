"""The parameters of a program as tensors: made from the plan, seeded by name, looked up by name."""

import math
import zlib

import numpy as np
import torch
from torch import Tensor, nn

from cortexc.compiler.artifact import ArtifactError, Parameter, Program


class Weights(nn.Module):
    """All learnable tensors of a model, under the names that the artifact lists."""

    def __init__(self, program: Program, seed: int) -> None:
        """Make every parameter of the plan; each has its own random stream, so that names alone decide values."""
        super().__init__()
        self.names = tuple(p.name for p in program.parameters)
        for parameter in program.parameters:
            self.register_parameter(key_of(parameter.name), nn.Parameter(_initial(parameter, seed)))

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
