"""One training step, alone and stacked: an eager step, the step as a CUDA graph, and S seeds as one batched model.

    python benchmarks/stacked_step.py [--device cuda] [--specs vit-tiny macaque-multiscale] [--seeds 1 3 8]

Prints, for each spec, the time of a step of batch 128 (median of device events, of the clock on a CPU), images a second
over all seeds, the ratio to the eager step of one seed, and the largest relative difference between the parameters that
one seed has after nine steps alone and stacked, both in full float32.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import cortexc
from cortexc.runtime.data.dataset import ImageSet
from cortexc.runtime.device import choose, describe
from cortexc.runtime.exposure import Exposure
from cortexc.runtime.run import Run
from cortexc.runtime.stacked import Stack
from cortexc.runtime.training import Recipe, Training

BATCH, IMAGES = 128, 1280


def images() -> ImageSet:
    """Return random images: the time of a step does not depend on them."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (IMAGES, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return ImageSet(pixels.numpy(), torch.randint(0, 10, (IMAGES,), generator=generator).numpy())


def median_ms(step: Callable[[], None], device: torch.device, repeats: int) -> float:
    """Return the median time of a step [ms]."""
    times = []
    for _ in range(repeats):
        if device.type == "cuda":
            before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            before.record()
            step()
            after.record()
            torch.cuda.synchronize()
            times.append(before.elapsed_time(after))
        else:
            began = time.perf_counter()
            step()
            times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def alone(program: cortexc.Program, data: ImageSet, device: torch.device, folder: Path) -> Training:
    """Return the training of seed 0 by itself."""
    recipe = Recipe(epochs=100, batch_size=BATCH)
    return Training(Run(folder), cortexc.build(program, seed=0), Exposure(data, 0), recipe, device, None)


def stacked(program: cortexc.Program, data: ImageSet, device: torch.device, folder: Path, seeds: int) -> Stack:
    """Return the training of some seeds as one batched model."""
    recipes = [Recipe(epochs=100, batch_size=BATCH, seed=s) for s in range(seeds)]
    made = [Run(folder) for _ in recipes]
    pixels, labels = torch.tensor(data.images, device=device), torch.tensor(data.labels, device=device)
    return Stack(made, program, recipes, pixels, labels)


def difference(program: cortexc.Program, data: ImageSet, device: torch.device, folder: Path) -> float:
    """Return the largest difference of a parameter after nine steps, relative to the largest one of its tensor."""
    one, many = alone(program, data, device, folder), stacked(program, data, device, folder, 2)
    one.bfloat16 = False
    one.expose(0)
    order = torch.randperm(IMAGES, generator=cortexc.runtime.weights.seeded(0, 0))
    many.load_epoch(0, 0)
    for _ in range(9):
        one.one_step(0, order)
        many.compute()
    worst = 0.0
    for name, parameter in one.model.weights.parameters_by_name().items():
        gap = (parameter.detach() - many.model.views[name][0]).abs().max() / parameter.detach().abs().max().clamp_min(
            1e-3
        )
        worst = max(worst, float(gap))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--specs", nargs="+", default=["vit-tiny", "macaque-multiscale"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 3, 8])
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    device = choose(args.device)
    data = images()
    print(f"torch {torch.__version__}, {describe(device)}, batch {BATCH}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for spec in args.specs:
            program = cortexc.compile(spec)
            worst = difference(program, data, device, folder)
            print(f"{spec}: largest difference of a parameter, alone and stacked: {worst:.1e}")
            one = alone(program, data, device, folder)
            one.expose(0)
            order = torch.arange(IMAGES)
            for _ in range(3):
                one.step = 0
                one.one_step(0, order)

            def eager(one: Training = one, order: torch.Tensor = order) -> None:
                one.step = 0
                one.one_step(0, order)

            base = median_ms(eager, device, args.repeats)
            print(f"  {'eager, 1 seed':24} {base:8.2f} ms  {BATCH / base * 1000:10,.0f} images/s")
            for seeds in args.seeds:
                stack = stacked(program, data, device, folder, seeds)
                stack.load_epoch(0, 0)
                stack.capture()

                def step(stack: Stack = stack) -> None:
                    stack.step_in_epoch.zero_()
                    stack.launch()

                for _ in range(3):
                    step()
                took = median_ms(step, device, args.repeats)
                kind = "graph" if stack.stream is not None else "op by op"
                rate = seeds * BATCH / took * 1000
                print(
                    f"  {f'{kind}, {seeds} seeds':24} {took:8.2f} ms  {rate:10,.0f} images/s  "
                    f"{rate / (BATCH / base * 1000):6.2f} x eager"
                )
                del stack


if __name__ == "__main__":
    main()
