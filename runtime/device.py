"""The device of a model, and the precision of training on it."""

import os
import platform

import torch

from .manifest import Machine, RunError


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


def has_bfloat16(device: torch.device) -> bool:
    """Return whether the device has instructions for bfloat16, so that autocast makes training faster."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = (getattr(torch.cpu, f"_is_{unit}_supported", None) for unit in ("avx512_bf16", "amx_tile"))
    return any(bool(found()) for found in supported if found is not None)


def describe(device: torch.device) -> Machine:
    """Describe the machine, for the manifest."""
    return Machine(
        platform=platform.platform(),
        processor=platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        bfloat16=has_bfloat16(device),
    )
