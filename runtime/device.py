"""The device of a model, and the precision of training on it."""

import functools
import platform
import time

import torch

from .manifest import Machine, RunError
from .resources import cores

FASTER = 0.8
"""Training takes bfloat16 where a product in it takes at most this fraction of the time in float32."""


def choose(name: str) -> torch.device:
    """Return the device that ``auto``, ``cpu`` or ``cuda`` means here.

    Raises:
        RunError: ``cuda`` is named and there is no CUDA device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise RunError("--device cuda, and torch sees no CUDA device here: use --device auto or cpu")
    return torch.device(name)


@functools.cache
def has_bfloat16(device: torch.device) -> bool:
    """Return whether bfloat16 makes training on a device faster. On a processor a matrix product is timed in both.

    Instructions for it are no proof: a processor with ``avx512_bf16`` and no AMX multiplies in it at half the speed of
    float32 (`benchmarks/precision.py`).
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = (getattr(torch.cpu, f"_is_{unit}_supported", None) for unit in ("avx512_bf16", "amx_tile"))
    if not any(bool(found()) for found in supported if found is not None):
        return False
    return product_seconds(torch.bfloat16) < FASTER * product_seconds(torch.float32)


def product_seconds(dtype: torch.dtype) -> float:
    """Return the shortest of a few times of a matrix product as a training step has it [s]."""
    states, weights = torch.ones(4096, 256, dtype=dtype), torch.ones(256, 256, dtype=dtype)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        states @ weights
        times.append(time.perf_counter() - start)
    return min(times)


def describe(device: torch.device) -> Machine:
    """Describe the machine, for the manifest."""
    return Machine(
        platform=platform.platform(),
        processor=platform.processor() or platform.machine(),
        cores=cores(),
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        bfloat16=has_bfloat16(device),
    )
