"""Two trainings side by side against one alone, and the precision of products.

    python benchmarks/side_by_side.py [--spec SPEC] [--seconds S]

Each training runs in its own process, on the digits. First one alone, with one thread and with as many as are free;
then two at once that follow the free cores; then two at once with as many threads each as there are cores, which is
what torch takes by itself. The rate is that of the last half of the time.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

WORKER = """
import sys, tempfile, time
from pathlib import Path
from cortexc import compiler
from cortexc.runtime.manifest import Recipe
from cortexc.runtime.training import train

spec, seconds, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) or None
seen = []
def observe(at):
    seen.append((time.monotonic(), at.step))
    if seen[-1][0] - started > seconds:
        raise KeyboardInterrupt
program = compiler.compile(spec)
started = time.monotonic()
recipe = Recipe(epochs=10_000, learning_rate=1e-4, flip=False, padding=2)
try:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(program, data="digits", data_dir=None, out=out, recipe=recipe, threads=threads, observe=observe)
except KeyboardInterrupt:
    late = [(at, step) for at, step in seen if at - started >= seconds / 2]
    (begin, first), (end, last) = (late if len(late) > 1 else [(started, 0), seen[-1]])[:: max(1, len(late) - 1)][:2]
    print(128 * (last - first) / (end - begin))
"""


def rates(spec: str, seconds: float, threads: int, count: int) -> list[float]:
    """Return the images a second of each of some trainings at once; ``threads`` 0 follows the free cores."""
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    words = [sys.executable, "-c", WORKER, spec, str(seconds), str(threads)]
    with tempfile.TemporaryDirectory() as folder:
        running = [
            subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
            for _ in range(count)
        ]
        return [float(process.communicate()[0]) for process in running]


def main() -> None:
    """Run the four cases, and time products."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", default="macaque-multiscale")
    parser.add_argument("--seconds", type=float, default=20, help="of each case, longer where steps are long")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"{options.spec} on {cores} cores, load {os.getloadavg()[0]:.1f}; images a second")
    (one,) = rates(options.spec, options.seconds, 1, 1)
    print(f"alone, one thread:                  {one:8.1f}", flush=True)
    (alone,) = rates(options.spec, options.seconds, 0, 1)
    print(f"alone, following the free cores:    {alone:8.1f}", flush=True)
    both = rates(options.spec, options.seconds, 0, 2)
    print(f"two at once, following:             {both[0]:8.1f} {both[1]:8.1f}", flush=True)
    fixed = rates(options.spec, options.seconds, cores, 2)
    print(f"two at once, {cores} threads each:        {fixed[0]:8.1f} {fixed[1]:8.1f}")
    print(f"each of two takes {alone / 2 / min(both):.2f} times as long as with half the machine to itself")
    print(f"following is {min(both) / min(fixed):.1f} times as fast as all threads for each")
    import torch

    from cortexc.runtime.device import has_bfloat16, product_seconds

    time.sleep(1)
    single, half_precision = product_seconds(torch.float32), product_seconds(torch.bfloat16)
    print(
        f"a product in bfloat16 takes {half_precision / single:.2f} times as long as in float32: "
        f"training takes {'bfloat16' if has_bfloat16(torch.device('cpu')) else 'float32'}"
    )


if __name__ == "__main__":
    main()
