"""Regenerating CIFAR-10-C: vectorised blocks on all processors against a loop over the images, the same algorithms.

    python -m benchmarks.corruptions --data-dir DIR [--images 1000]
    python -m benchmarks.corruptions                                 # on the digits: no data needed

Both sides make the same pixels, corruption by corruption, in one process; it prints the time of each at five
severities, and what the whole set of 19 x 5 x 10,000 images takes at that rate.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from cortexc.runtime import data
from cortexc.runtime.corruptions import ice
from cortexc.runtime.corruptions.catalogue import CORRUPTIONS, SEVERITIES, Cell
from cortexc.runtime.corruptions.generation import Source, blocks
from cortexc.runtime.corruptions.streams import streams
from cortexc.runtime.corruptions.writing import channels_last
from tests.reference import corruptions as reference

WHOLE = 10_000


def loop(images: np.ndarray, cell: Cell) -> np.ndarray:
    """Corrupt image after image."""
    about = CORRUPTIONS[cell.corruption]
    more = {"sheets": ice.drawn()} if cell.corruption == "frost" else {}
    result = np.empty_like(images)
    for index, image in enumerate(images):
        random = streams(0, *cell, [index])[0] if about.stochastic else None
        constants = about.constants[cell.severity - 1]
        result[index] = reference.corrupt(cell.corruption, image, random, constants, **more)
    return result


def main() -> None:
    """Run all corruptions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder with CIFAR-10; without it, the digits are used")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--workers", type=int, help="threads of the fast side (default: one a processor)")
    options = parser.parse_args()
    dataset = data.load("digits" if options.data_dir is None else "cifar10", options.data_dir)
    images = channels_last(dataset.test.images[: options.images])
    scale = WHOLE / len(images)
    list(blocks(images[:100], [Cell(name, 1) for name in CORRUPTIONS], Source()))  # loads the libraries
    print(f"{dataset.name}, {len(images)} images x 5 severities; seconds for {WHOLE:,} images x 5")
    print(f"{'corruption':20}{'blocks s':>10}{'loop s':>10}{'ratio':>8}  differing")
    totals = np.zeros(2)
    for name in CORRUPTIONS:
        cells = [Cell(name, severity) for severity in SEVERITIES]
        start = time.perf_counter()
        fast = np.concatenate([b for _, _, b in blocks(images, cells, Source(), workers=options.workers)])
        middle = time.perf_counter()
        slow = np.concatenate([loop(images, cell) for cell in cells])
        times = scale * np.array([middle - start, time.perf_counter() - middle])
        totals += times
        differing = (fast != slow).mean()
        print(f"{name:20}{times[0]:10.2f}{times[1]:10.2f}{times[1] / times[0]:8.1f}  {differing:.1e}", flush=True)
    print(f"{'all 19':20}{totals[0]:10.2f}{totals[1]:10.2f}{totals[1] / totals[0]:8.1f}")


if __name__ == "__main__":
    main()
