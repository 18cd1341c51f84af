"""Time the degree-preserving null model: arrays against networkx, and a spec of a million projections.

    python benchmarks/nulls.py [--projections 1000000]

networkx swaps edge by edge. Both sides are timed per swap that succeeded, on the same graph. The spec is timed from the
loaded connectome to its null model, as ``cortexc null`` makes it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import networkx as nx
import numpy as np

import connectome
from connectome.io import files, tables
from connectome.nulls import null, rewiring


def swapped(edges: int, nodes: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return seconds per edge that changed its source: ours, and of networkx."""
    source, target = rewiring.at_random(edges, nodes, rng)
    start = time.perf_counter()
    mixed = rewiring.keeping_degrees(source, target, nodes, rng)
    ours = (time.perf_counter() - start) / max(1, int((mixed != source).sum()))
    graph = nx.DiGraph(zip(source.tolist(), target.tolist(), strict=True))
    swaps = edges // 10
    start = time.perf_counter()
    nx.directed_edge_swap(graph, nswap=swaps, max_tries=swaps * 100, seed=1)
    return ours, (time.perf_counter() - start) / (3 * swaps)  # one of its swaps moves three edges


def whole(projections: int, folder: Path) -> tuple[float, float, float]:
    """Return seconds to read a spec, to make its null model, and to write that."""
    areas = min(20_000, max(100, projections // 50))
    rng = np.random.default_rng(0)
    source, target = rewiring.at_random(projections, areas, rng)
    names = [f"A{i}" for i in range(areas)]
    columns = {
        "from": [names[i] for i in source],
        "to": [names[i] for i in target],
        "weight": (rng.random(projections) + 0.01).tolist(),
    }
    tables.write_projections(folder / "large.h5", "projections", columns)
    listed = "\n".join(f"  {name}: {{grid: [1, 1]}}" for name in names)
    (folder / "large.yaml").write_text(
        f"cortexc: 1\nname: large\ninput: {{grid: [1, 1], patch: 32, width: 8}}\nareas:\n{listed}\nprojections:\n"
        "  - {from: LGN, to: A0}\n  - {file: large.h5, dataset: /projections}\n"
        "readout: {area: A1, classes: 10}\n"
    )
    times = [time.perf_counter()]
    spec, _ = files.read(folder / "large.yaml")
    times.append(time.perf_counter())
    found = null(spec, "degree", seed=1)
    times.append(time.perf_counter())
    connectome.dump(found, folder / "null.yaml")
    times.append(time.perf_counter())
    read, made, wrote = np.diff(times)
    return read, made, wrote


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--projections", type=int, default=1_000_000)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    for edges, nodes in ((2_000, 500), (20_000, 2_000)):
        ours, theirs = swapped(edges, nodes, rng)
        print(
            f"{edges:>9,} edges: {1e6 * ours:7.2f} us an edge, networkx {1e6 * theirs:9.2f} us: {theirs / ours:,.0f}x"
        )
    source, target = rewiring.at_random(1_000_000, 100_000, rng)
    start = time.perf_counter()
    rewiring.keeping_degrees(source, target, 100_000, rng)
    print(f"1,000,000 edges: rewired in {time.perf_counter() - start:.1f} s")
    with tempfile.TemporaryDirectory() as folder:
        read, made, wrote = whole(args.projections, Path(folder))
    print(
        f"a spec of {args.projections:,} projections: read in {read:.1f} s, null in {made:.1f} s, written in {wrote:.1f} s"
    )


if __name__ == "__main__":
    main()
