"""Time the degree-preserving null model: arrays against networkx, and a spec of a million projections.

    python benchmarks/nulls.py [--projections 1000000]

networkx swaps edge by edge; both sides start from the same graph. The spec is timed from file to file.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import networkx as nx
import numpy as np

from cortexc import connectome
from cortexc.anatomy.nulls import null, rewiring
from cortexc.connectome.io import files, tables


def mixed(edges: int, nodes: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return seconds to mix a graph: ours, and of networkx until each edge has moved ten times in the mean."""
    source, target = rewiring.at_random(edges, nodes, rng)
    start = time.perf_counter()
    rewiring.keeping_degrees(source, target, nodes, rng)
    ours = time.perf_counter() - start
    graph = nx.DiGraph(zip(source.tolist(), target.tolist(), strict=True))
    swaps = 10 * edges // 3  # one of its swaps moves three edges
    start = time.perf_counter()
    nx.directed_edge_swap(graph, nswap=swaps, max_tries=swaps * 100, seed=1)
    return ours, time.perf_counter() - start


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
    for edges, nodes in ((536, 29), (20_000, 2_000), (200_000, 20_000)):
        ours, theirs = mixed(edges, nodes, rng)
        print(f"{edges:>9,} edges mixed in {ours:.2f} s, by networkx in {theirs:.2f} s: {theirs / ours:.1f}x")
    source, target = rewiring.at_random(1_000_000, 100_000, rng)
    start = time.perf_counter()
    rewiring.keeping_degrees(source, target, 100_000, rng)
    print(f"1,000,000 edges: rewired in {time.perf_counter() - start:.1f} s")
    with tempfile.TemporaryDirectory() as folder:
        read, made, wrote = whole(args.projections, Path(folder))
    print(f"{args.projections:,} projections: read {read:.1f} s, null model {made:.1f} s, written {wrote:.1f} s")


if __name__ == "__main__":
    main()
