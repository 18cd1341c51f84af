"""The attention kernels against each other, forward and backward, on local and skewed connections.

    python benchmarks/attention_kernels.py

Prints the time of each kernel, its ratio to the dense one, and the choice of the cost model. The relative times in
compiler/cost.py come from here.
"""

import argparse
import time

import numpy as np
import torch

from cortexc.compiler import cost
from cortexc.compiler.artifact import Connection
from cortexc.compiler.ir import Join
from cortexc.compiler.kernels import connect
from cortexc.connectome import Span
from cortexc.connectome.model import Disc
from cortexc.runtime.attention import KERNELS, Edges

HEADS, KEY_WIDTH, WIDTH = 2, 4, 96


def local(side: int, radius: float) -> Connection:
    """Connections of a sheet of side x side columns to itself, within a radius."""
    join = Join("local", (side, side), (side, side), Disc(radius=radius), Span("benchmark"))
    return connect(join, np.random.default_rng(0))


def skewed(tokens: int) -> Connection:
    """One target with all sources; the others have two."""
    rng = np.random.default_rng(0)
    counts = np.full(tokens, 2)
    counts[0] = tokens
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = np.concatenate([np.sort(rng.choice(tokens, n, replace=False)) for n in counts]).astype(np.int32)
    return Connection("skewed", (tokens, tokens), indptr, indices, np.repeat(1 / counts, counts))


def measure(kernel: str, connection: Connection, batch: int, repeats: int) -> float:
    """Return the median time of a forward and backward pass [s]."""
    module = KERNELS[kernel](Edges([(connection, 1.0)]))
    targets, sources = connection.shape
    query = torch.randn(batch, HEADS, targets, KEY_WIDTH, requires_grad=True)
    key = torch.randn(batch, HEADS, sources, KEY_WIDTH, requires_grad=True)
    value = torch.randn(batch, HEADS, sources, WIDTH // HEADS, requires_grad=True)
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        module(query, key, value).square().mean().backward()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cases = [(f"local {s}x{s}, radius {r:g}", local(s, r)) for s in (8, 16, 32) for r in (1.0, 2.5)]
    cases += [(f"skewed {n}", skewed(n)) for n in (256, 512)]
    print(
        f"{'case':26}{'nonzeros':>10}{'density':>9}  "
        + "".join(f"{k + ' ms':>11}{'ratio':>7}" for k in KERNELS)
        + "  chosen"
    )
    for name, c in cases:
        counts = np.diff(c.indptr)
        shape = cost.AttentionShape(*c.shape, c.nonzeros, int(counts.max()), HEADS, KEY_WIDTH, WIDTH)
        modelled = cost.attention_times(shape)
        found = {kernel: measure(kernel, c, options.batch, options.repeats) for kernel in KERNELS}
        cells = "".join(f"{1e3 * t:11.2f}{t / found['dense']:7.2f}" for t in found.values())
        chosen = min(modelled, key=lambda k: (modelled[k], k))
        density = c.nonzeros / (c.shape[0] * c.shape[1])
        remark = "" if found[chosen] < 1.2 * min(found.values()) else " (not the fastest)"
        print(f"{name:26}{c.nonzeros:10,}{density:9.3f}  {cells}  {chosen}{remark}")


if __name__ == "__main__":
    main()
