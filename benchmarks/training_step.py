"""A training step, an evaluation and their memory: native code against torch's own operations, in one process.

    python benchmarks/training_step.py [--specs vit-tiny macaque-multiscale] [--batch 128] [--repeats 15] [--threads 1]

Both sides have the same weights, data and optimiser: forward pass, cross entropy, backward pass, gradients clipped, and
AdamW. They take turns, and the smallest time of each counts, because other work can only make a step slower; with one
thread it is the time of the processor. ``vit-tiny`` also has torch's own encoder layers as a side, with the same
weights. The rate of a large matrix product in the same process says what the machine attains; peak memory is that of a
process of its own for each side (on Linux).
"""

import argparse
import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import cortexc
from cortexc.runtime import native
from cortexc.runtime.optim import adamw
from cortexc.runtime.vit import to_vit


@contextlib.contextmanager
def only_torch() -> Iterator[None]:
    """Let torch's own operations compute everything."""
    native_code = native.native_code
    native.native_code = lambda: None  # type: ignore[assignment]
    try:
        yield
    finally:
        native.native_code = native_code


def stepping(model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], None]:
    """Return one training step."""
    made = model if isinstance(model, cortexc.CorticalTransformer) else None
    optimiser = adamw(made, learning_rate=1e-4, weight_decay=0.05) if made else None
    optimiser = optimiser or torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(model(images), labels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

    return step


def testing(model: nn.Module, images: Tensor) -> Callable[[], None]:
    """Return one forward pass of an evaluation."""

    @torch.inference_mode()
    def test() -> None:
        model(images)

    return test


def smallest_ms(sides: dict[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """Return the smallest time of each side [ms]; they take turns."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    found = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats + 1):
        for name, run in sides.items():
            with only_torch() if name == "torch's operations" else contextlib.nullcontext():
                began = clock()
                run()
                found[name] = min(found[name], 1000 * (clock() - began))
    return found


def peak(spec: str, batch: int, side: str) -> float:
    """Return the peak memory of some training steps beyond that of the process before [MB]."""
    words = [sys.executable, __file__, "--peak", side, "--specs", spec, "--batch", str(batch), "--threads", "1"]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def print_peak(spec: str, batch: int, side: str) -> None:
    """Print the peak memory of some steps, for ``peak``."""
    images, labels = torch.rand(batch, 3, 32, 32), torch.randint(10, (batch,))
    step = stepping(cortexc.build(cortexc.compile(spec)), images, labels)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    with only_torch() if side == "torch" else contextlib.nullcontext():
        for _ in range(3):
            step()
    print(resident("VmHWM") - before)


def resident(which: str) -> float:
    """Return the memory of this process now (``VmRSS``) or at most (``VmHWM``) [MB]."""
    found = re.search(rf"{which}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def rate() -> float:
    """Return the rate of a large matrix product in float32 [GFLOP/s]."""
    a, b = torch.rand(8192, 288), torch.rand(288, 248)
    found = torch.empty(8192, 248)

    def product() -> None:
        torch.mm(a, b, out=found)

    return 2 * a.numel() * b.shape[1] / smallest_ms({"product": product}, 20)["product"] / 1e6


def main() -> None:
    """Print all ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--specs", nargs="+", default=["vit-tiny", "macaque-multiscale", "macaque-dorsal"])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peak", choices=["native", "torch"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.peak:
        return print_peak(args.specs[0], args.batch, args.peak)
    if native.native_code() is None:
        parser.error("the native library was not built")
    attained = f"a product attains {rate():.0f} GFLOP/s"
    print(f"torch {torch.__version__}, {args.threads} thread(s), batch {args.batch}; {attained}")
    for spec in args.specs:
        program = cortexc.compile(spec)
        images, labels = torch.rand(args.batch, *program.image_shape), torch.randint(program.classes, (args.batch,))
        models: dict[str, nn.Module] = {n: cortexc.build(program) for n in ("native", "torch's operations")}
        if spec == "vit-tiny":
            models["torch's encoder layers"] = to_vit(cortexc.build(program))
        gflop = program.flops_per_image * args.batch / 1e9
        print(f"\n{spec}: {program.parameter_counts['total']:,} parameters, {gflop:.1f} GFLOP forward")
        steps = {n: stepping(m, images, labels) for n, m in models.items()}
        tests = {n: testing(m.eval(), images) for n, m in models.items()}
        for what, sides in (("training step", steps), ("evaluation", tests)):
            for model in models.values():
                model.train(what == "training step")
            times = smallest_ms(sides, args.repeats)
            for name, found in times.items():
                flops = gflop * (3 if what == "training step" else 1) / found * 1000
                print(f"  {what:14s} {name:24s} {found:8.1f} ms  {flops:5.1f} GFLOP/s  x {found / times['native']:.2f}")
        memory = {side: peak(spec, args.batch, side) for side in ("native", "torch")}
        print(f"  peak memory    native {memory['native']:.0f} MB, torch's {memory['torch']:.0f} MB", end=": ")
        print(f"{memory['native'] / memory['torch']:.2f}")
    return None


if __name__ == "__main__":
    main()
