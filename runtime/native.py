"""The native kernels: the library of ``kernels/*.c``, and when it can compute instead of torch's own operations.

It is built when cortexc is installed, if there is a C compiler; wheels hold it. It computes in float32 on processors.
Whatever it does not do (other devices, float64, a model being exported or compiled, second derivatives) is computed by
torch's own operations.
"""

import ctypes
import functools
import importlib.util
import logging
from pathlib import Path

import torch
from torch import Tensor


@functools.cache
def native_code() -> ctypes.CDLL | None:
    """Return the native library, or None where it was not built or cannot be loaded; that is said once, in one line."""
    found = importlib.util.find_spec(f"{__package__}._kernels")
    try:
        if found is not None and found.origin is not None:
            ctypes.CDLL(_openmp(), ctypes.RTLD_GLOBAL)
            return ctypes.CDLL(found.origin)
        reason = "they were not built when cortexc was installed; with a C compiler, install it again"
    except OSError as error:
        reason = str(error)
    logging.getLogger("cortexc").warning("no native kernels, so models run several times slower: %s", reason)
    return None


def can_compute(tensor: Tensor) -> bool:
    """Return whether native code computes with this tensor: in float32 (or less), on a processor, eagerly."""
    return (
        tensor.device.type == "cpu"
        and tensor.dtype != torch.float64
        and not torch.compiler.is_compiling()
        and native_code() is not None
    )


def can_multiply(tensor: Tensor) -> bool:
    """Return whether native code computes matrix products with this tensor: where it computes, but not in autocast."""
    return can_compute(tensor) and matrix_product() is not None and not torch.is_autocast_enabled("cpu")


@functools.cache
def matrix_product() -> ctypes.c_void_p | None:
    """Return where torch's own matrix product in float32 (``sgemm`` of its BLAS) is; None if its library hides it."""
    libraries = Path(torch.__file__).parent / "lib"
    for library in sorted(libraries.glob("libtorch_cpu.*")):
        try:
            return ctypes.cast(ctypes.CDLL(str(library)).sgemm_, ctypes.c_void_p)
        except (AttributeError, OSError):
            continue
    return None


def _openmp() -> str:
    """Return the OpenMP library that torch has loaded, so that both share one set of threads; else the system's."""
    packages = Path(torch.__file__).parents[1]
    carried = [*packages.glob("torch/lib/libgomp*"), *packages.glob("torch.libs/libgomp*")]
    return str(carried[0]) if carried else "libgomp.so.1"
