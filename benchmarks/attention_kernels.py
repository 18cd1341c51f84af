"""The attention kernels against each other and against torch's masked attention, forward and backward.

    python benchmarks/attention_kernels.py [--plot FIGURE.png]

Every case is one mask with log weights: local, patchy, random, or skewed (one target has all sources). For each it
prints the time of `F.scaled_dot_product_attention` with the same float mask, of each kernel, and how many times faster
than it the native kernel is; then which kernel the compiler chooses, and how much slower than the fastest that is. All
sides of a case run in turn in the same process. The relative times in compiler/cost.py come from here.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cortexc.compiler import cost
from cortexc.compiler.artifact import COMPOSED as COMPOSED_NAMES
from cortexc.compiler.artifact import Connection
from cortexc.runtime import native
from cortexc.runtime.attention import COMPOSED, Edges, SparseKernel

TOKENS = (64, 256, 1024, 4096)
DENSITIES = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
WIDTHS = {
    "3 heads of 32": (3, 32, 32),
    "2 heads of 4, values of 48": (2, 4, 48),
    "1 head of 8, values of 96": (1, 8, 96),
}
LARGEST_COPY = 2**28
"""Kernels that copy a key and a value for each connection are left out where the copies are larger [bytes]."""


@dataclass(frozen=True)
class Case:
    """A mask, and the sizes of what attends through it."""

    name: str
    mask: np.ndarray
    heads: int
    key_width: int
    value_width: int
    batch: int


def local(tokens: int, density: float) -> np.ndarray:
    """Return a mask in which each column of a square sheet has the nearest ones."""
    side = round(tokens**0.5)
    at = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2)
    distance = np.abs(at[:, None] - at).astype(np.float32)
    distance = np.minimum(distance, side - distance)  # the sheet is closed, so that all rows are alike
    far = (distance**2).sum(axis=-1)
    return np.asarray(far <= np.sort(far[0])[max(0, round(density * tokens) - 1)])


def random(tokens: int, density: float) -> np.ndarray:
    """Return a mask with as many sources for every target, drawn at random."""
    rank = np.random.default_rng(0).random((tokens, tokens), dtype=np.float32).argsort(axis=1)
    return rank < max(1, round(density * tokens))


def patchy(tokens: int, density: float) -> np.ndarray:
    """Return a mask with half of the columns within a larger radius."""
    return np.asarray(local(tokens, min(1.0, 2 * density)) & random(tokens, 0.5))


def skewed(tokens: int, density: float) -> np.ndarray:
    """Return a random mask in which the first target has all sources."""
    mask = random(tokens, density)
    mask[0] = True
    return mask


MASKS: dict[str, Callable[[int, float], np.ndarray]] = {
    "local": local,
    "patchy": patchy,
    "random": random,
    "skewed": skewed,
}


def cases(widths: list[str], kinds: list[str], sizes: list[int]) -> Iterator[Case]:
    """Return all cases with these widths, kinds of masks and numbers of tokens."""
    for name in widths:
        for tokens in sizes:
            for kind in kinds:
                for density in DENSITIES:
                    if density * tokens >= 1:
                        title = f"{tokens} tokens, {kind} {100 * density:g} %, {name}"
                        yield Case(title, MASKS[kind](tokens, density), *WIDTHS[name], max(1, min(64, 8192 // tokens)))


def times(case: Case, repeats: int) -> dict[str, float]:
    """Return the shortest time of a forward and backward pass of each side [s], the sides taking turns."""
    rng = np.random.default_rng(0)
    counts = case.mask.sum(axis=1)
    indices = np.nonzero(case.mask)[1].astype(np.int32)
    weight = rng.uniform(0.1, 1, len(indices))
    connection = Connection("mask", case.mask.shape, np.concatenate([[0], np.cumsum(counts)]), indices, weight)
    edges = Edges([(connection, 1.0)])
    tokens, heads = len(case.mask), case.heads
    bias = torch.full(case.mask.shape, -torch.inf)
    bias[torch.tensor(edges.row), torch.tensor(edges.column)] = torch.tensor(edges.log_weight, dtype=torch.float32)

    def drawn(width: int) -> Tensor:
        return torch.randn(case.batch, tokens, heads, width).transpose(1, 2).requires_grad_()

    query, key, value = drawn(case.key_width), drawn(case.key_width), drawn(case.value_width)
    gradient = torch.randn(case.batch, tokens, heads, case.value_width).transpose(1, 2)
    each = 4 * case.batch * heads * (case.key_width + case.value_width)
    copied = {"dense": 0, "gather": tokens * int(counts.max()) * each, "edges": len(indices) * each}
    kernels = {name: COMPOSED[name](edges) for name in COMPOSED_NAMES if copied[name] < LARGEST_COPY}
    kernels["sparse"] = SparseKernel(edges, COMPOSED["edges"](edges))
    sides: dict[str, Callable[[], Tensor]] = {
        "torch": lambda: F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
    }
    sides |= {name: lambda module=module: module(query, [key], [value]) for name, module in kernels.items()}
    found: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(repeats + 1):
        for name, side in sides.items():
            start = time.perf_counter()
            side().backward(gradient)
            if repeat:
                found[name].append(time.perf_counter() - start)
    return {name: min(t) for name, t in found.items()}


def chosen(case: Case) -> str:
    """Return the kernel that the compiler chooses."""
    counts = case.mask.sum(axis=1)
    shape = cost.AttentionShape(
        *case.mask.shape,
        int(counts.sum()),
        int(counts.max()),
        case.heads,
        case.key_width,
        case.heads * case.value_width,
    )
    modelled = cost.attention_times(shape)
    return min(modelled, key=lambda kernel: (modelled[kernel], kernel))


def attainable() -> float:
    """Return the rate of a matrix product in this process [GFLOP/s]."""
    a = torch.randn(2048, 2048)
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        best = max(best, 2 * 2048**3 / (time.perf_counter() - start) / 1e9)
    return best


def plot(rows: list[tuple[Case, dict[str, float]]], path: Path) -> None:
    """Draw time against density, a panel for each number of tokens, for the first widths and kind of mask."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.4, 3.2), layout="constrained")
    sizes = sorted({len(case.mask) for case, _ in rows})
    for axes, tokens in zip(figure.subplots(1, len(sizes), squeeze=False)[0], sizes, strict=True):
        mine = [(case, t) for case, t in rows if len(case.mask) == tokens]
        for name in ("torch", *COMPOSED_NAMES, "sparse"):
            points = [(100 * case.mask.mean(), 1e3 * t[name] / case.batch) for case, t in mine if name in t]
            label = "torch, masked" if name == "torch" else name
            axes.plot(
                *zip(*points, strict=True),
                marker="o",
                markersize=3,
                linewidth=2 if name == "sparse" else 1,
                label=label,
            )
        axes.set(xscale="log", yscale="log", title=f"{tokens:,} tokens", xlabel="connected pairs [%]")
    figure.axes[0].set_ylabel("forward and backward [ms per image]")
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--widths", nargs="+", choices=WIDTHS, default=list(WIDTHS), metavar="NAME")
    parser.add_argument("--masks", nargs="+", choices=MASKS, default=list(MASKS), metavar="KIND")
    parser.add_argument("--tokens", nargs="+", type=int, choices=TOKENS, default=list(TOKENS))
    parser.add_argument("--plot", type=Path, help="draw the first widths and kind of mask")
    options = parser.parse_args()
    if native.native_code() is None:
        parser.error("the native library was not built")
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"matrix product: {attainable():.0f} GFLOP/s")
    names = ("torch", *COMPOSED_NAMES, "sparse")
    print(f"{'case':58}" + "".join(f"{name + ' ms':>11}" for name in names) + f"{'torch/sparse':>14}  chosen")
    rows: list[tuple[Case, dict[str, float]]] = []
    for case in cases(options.widths, options.masks, options.tokens):
        found = times(case, options.repeats)
        rows.append((case, found))
        cells = "".join(f"{1e3 * found[name]:11.2f}" if name in found else f"{'-':>11}" for name in names)
        choice = chosen(case)
        best = min(time for name, time in found.items() if name != "torch")
        slower = found[choice] / best - 1
        remark = f" ({100 * slower:.0f} % slower than the fastest)" if slower > 0.1 else ""
        print(f"{case.name:58}{cells}{found['torch'] / found['sparse']:14.1f}  {choice}{remark}", flush=True)
    if options.plot:
        first = [r for r in rows if r[0].name.endswith(f"{options.masks[0]}") or f", {options.masks[0]} " in r[0].name]
        plot([r for r in first if r[0].name.endswith(options.widths[0])], options.plot)


if __name__ == "__main__":
    main()
