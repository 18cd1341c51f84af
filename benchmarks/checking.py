"""Checking large connectomes: time and memory at three sizes, and whether they grow with the projections.

    python benchmarks/checking.py [--sizes 10000 30000 100000]

Writes specs of 1,000 areas (or fewer) with their projections in an HDF5 table, and checks each in a process of its own,
trial compilation included.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

CODE = """
import resource, sys, time
from cortexc.compiler.checker import check
start = time.perf_counter()
report = check(sys.argv[1])
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(report.errors))
"""


def write(folder: Path, areas: int, projections: int) -> Path:
    """Write a spec: a random graph with an SLN that fits its levels, FLNe that sum to 1, and a distance each."""
    rng = np.random.default_rng(0)
    pairs = rng.choice(areas * (areas - 1), projections, replace=False)
    source, target = pairs // (areas - 1), pairs % (areas - 1)
    target = target + (target >= source)
    strength = rng.lognormal(0, 2, projections)
    fln = strength / np.bincount(target, strength, areas)[target]
    rise = (target - source) / areas
    sln = np.clip(1 / (1 + np.exp(-6 * rise)) + rng.normal(0, 0.05, projections), 0.01, 0.99)
    names = np.array([f"A{i}" for i in range(areas)], dtype=h5py.string_dtype())
    path = folder / f"large-{projections}.yaml"
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        table = file.create_group("projections")
        table["from"], table["to"] = names[source], names[target]
        table["fln"], table["sln"] = fln, sln
        table["distance_mm"] = np.clip(rng.normal(30, 10, projections), 1, 100)
    listed = "\n".join(f"  A{i}: {{grid: [2, 2], level: {i}}}" for i in range(areas))
    path.write_text(
        "cortexc: 1\nname: large\ninput: {name: LGN, grid: [2, 2], patch: 16, width: 8}\n"
        f"areas:\n{listed}\nprojections:\n  - {{from: LGN, to: A0}}\n"
        f"  - {{file: {path.with_suffix('.h5').name}, dataset: /projections}}\n"
        f"readout: {{area: A{areas - 1}, classes: 10}}\n"
    )
    return path


def main() -> None:
    """Check all sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000], help="projections")
    parser.add_argument("--areas", type=int, default=1000)
    options = parser.parse_args()
    print(f"{'projections':>12}{'s':>9}{'us each':>10}{'MB':>8}  errors")
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            path = write(Path(folder), options.areas, size)
            done = subprocess.run([sys.executable, "-c", CODE, str(path)], check=True, capture_output=True, text=True)
            seconds, megabytes, errors = done.stdout.split()
            each = 1e6 * float(seconds) / size
            print(f"{size:12,}{float(seconds):9.2f}{each:10.1f}{float(megabytes):8.0f}  {errors}", flush=True)


if __name__ == "__main__":
    main()
