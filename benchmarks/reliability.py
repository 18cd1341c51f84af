"""Kills commands, damages files and races processes, and counts what is stuck, silent or different afterwards.

    python benchmarks/reliability.py kills [--only train,corrupt]    SIGKILL before each file operation of each command
    python benchmarks/reliability.py random --times 50               SIGKILL of real processes at random times
    python benchmarks/reliability.py flips --times 20                one flipped bit, or a cut, in each kind of file
    python benchmarks/reliability.py races                           several processes at one folder

After each death the same command is given again: it must end as if nothing had happened. The work is done in --work.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Words = list[str]
TIMES = ("seconds", "images_per_s")
SPEC = """cortexc: 1
name: tiny
input: {name: LGN, grid: [8, 8], patch: 4, width: 16}
areas: {V1: {grid: [4, 4]}, V2: {grid: [2, 2]}}
projections: [{from: LGN, to: V1}, {from: V1, to: V2, weight: 0.7}, {from: V2, to: V1, weight: 0.3}]
attention: {heads: 2, key_width: 4}
dynamics: {sweeps: 1}
readout: {area: V2, classes: 10}
"""
EXPERIMENT = """cortexc_experiment: 1
name: kills
description: two tiny arms
data: {name: digits}
recipe: {epochs: 1, batch_size: 512}
seeds: [0]
baseline: a
headline: b
evaluation: {corruptions: extra, severities: [5], resamples: 1000}
arms:
  a: {title: A, spec: spec.yaml}
  b: {title: B, of: a, overrides: {attention: {heads: 1}}}
"""
CHANGING = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link")


def scenarios(folder: Path) -> dict[str, tuple[Words, Callable[[], object]]]:
    """Return the commands, by name, and what each needs in the folder before."""
    spec, run = folder / "spec.yaml", folder / "run"
    train = ["train", str(spec), "--data", "digits", "--batch-size", "512", "--epochs", "2", "--out", str(run)]
    stacked = ["--regenerate", "--jobs", "1", "--stacked", "--device", "cpu"]
    regenerate = ["--regenerate", "--corruptions", "brightness,contrast", "--severities", "5"]
    table, rows = (
        folder / "table.csv",
        "".join(f"A{i},A{j},{(i + 1) / (100 * (j + 2))},0.5\n" for i in range(10) for j in range(10) if i != j),
    )

    def given() -> None:
        spec.write_text(SPEC)
        (folder / "broken.yaml").write_text(SPEC.replace("sweeps", "sweps").replace("key_width", "key_widht"))
        table.write_text("source,target,FLNe,SLN\n" + rows)
        (folder / "experiment.yaml").write_text(EXPERIMENT)

    def trained() -> None:
        given()
        assert ended(train) == 0

    return {
        "compile": (["compile", str(spec), "-o", str(folder / "a.h5")], given),
        "import": (
            ["import", "table", str(folder / "table.csv"), "-o", str(folder / "i.yaml"), "--source", "x"],
            given,
        ),
        "null": (["null", "macaque-29", "--model", "degree", "-o", str(folder / "n.yaml")], given),
        "export": (["export", str(spec), "--to", "sonata", "-o", str(folder / "e_edges.h5")], given),
        "fix": (["check", "--fix", str(folder / "broken.yaml")], given),
        "train": (train, given),
        "evaluate": (["evaluate", str(run), *regenerate], trained),
        "corrupt": (
            ["data", "corrupt", "digits", "-o", str(folder / "C"), *regenerate[1:], "--workers", "1"],
            given,
        ),
        "experiment": (
            ["experiment", "run", str(folder / "experiment.yaml"), "--runs", str(folder / "runs"), *stacked],
            given,
        ),
    }


def warm_up() -> None:
    """Load all that commands load, so that forks need not."""
    import torch._dynamo

    from cortexc import compiler
    from cortexc.compiler import checker
    from cortexc.experiments import stacking, verification
    from cortexc.main import COMMANDS, _command
    from cortexc.runtime.data.dataset import load

    assert all((torch._dynamo, checker, stacking, verification))
    for name in COMMANDS:
        _command(name)
    load("digits", None)
    compiler.compile("vit-tiny")


def ended(words: Words, before: int = 0, log: Path | None = None) -> int:
    """Run a command in a fork; return its exit status, -9 if it was killed before its n-th change of a file."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        _run_and_exit(words, before, log)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run_and_exit(words: Words, before: int, log: Path | None) -> None:
    status, seen = 99, 0

    def die(event: str, given: tuple[Any, ...]) -> None:
        nonlocal seen
        opened = event == "open" and isinstance(given[0], str | bytes | Path) and given[2] & (os.O_WRONLY | os.O_RDWR)
        if (opened and not str(given[0]).startswith("/dev")) or event in CHANGING:
            seen += 1
            if seen == before:
                os.kill(os.getpid(), signal.SIGKILL)

    out = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    warnings.simplefilter("default")  # as in a process of its own, whatever the parent makes of warnings
    if before:
        sys.addaudithook(die)
    try:
        from cortexc.main import main

        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        status = main(words)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 2
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def state(folder: Path) -> dict[str, Any]:
    """Return what lies in a folder, in a form that can be compared: without times, locks and parts."""
    found: dict[str, Any] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in {".part", ".lock"}):
        name = str(path.relative_to(folder))
        match path.name:
            case ".lock" | "checkpoint-before.pt":
                continue
            case "checkpoint.pt":
                found[name] = _checkpoint(path)
            case "metrics.jsonl":
                lines = [json.loads(line) for line in path.read_text().splitlines()]
                found[name] = [{k: v for k, v in line.items() if k not in TIMES} for line in lines]
            case "manifest.json" if "recipe" in (read := json.loads(path.read_text())):
                found[name] = {k: read[k] for k in ("program", "recipe", "seeds", "data")}
            case _:
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _checkpoint(path: Path) -> dict[str, Any]:
    import torch

    read = torch.load(path, weights_only=True)
    return {k: _plain(v) for k, v in read.items() if k not in ("seconds", "metrics")}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


def parts(folder: Path) -> list[Path]:
    """Return the files that a dead process left half-written."""
    return list(folder.rglob("*.part"))


def fresh(folder: Path, prepare: Callable[[], object]) -> None:
    """Empty a folder, and put into it what a command needs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    prepare()


def kills(name: str, work: Path, moments: Iterable[int] = range(1, 1000)) -> Counter[str]:
    """Kill a command before its first change of a file, its second and so on; go on each time, and compare the ends."""
    folder, kept, found = work / name, work / f"{name}-kept", Counter[str]()
    words, prepare = scenarios(folder)[name]
    fresh(folder, prepare)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder, kept)
    status = ended(words)
    wanted = state(folder)
    for number in moments:
        fresh(folder, lambda: shutil.copytree(kept, folder, dirs_exist_ok=True))
        if ended(words, before=number) != -signal.SIGKILL:
            break
        found["kills"] += 1
        log = work / f"{name}.log"
        if (again := ended(words, log=log)) != status:
            found["stuck"] += 1
            print(f"{name} {number}: status {again}, expected {status}: {log.read_text()[-300:]}")
        elif state(folder) != wanted:
            found["different end"] += 1
            print(f"{name} {number}: {[k for k, v in wanted.items() if state(folder).get(k) != v]}")
        found["left parts"] += bool(parts(folder))
    return found


def killed_at_random(name: str, work: Path, times: int, rng: random.Random) -> Counter[str]:
    """Kill a command and all its processes at a random time, again and again until it ends by itself."""
    folder, found = work / name, Counter[str]()
    words, prepare = scenarios(folder)[name]
    command = [sys.executable, "-m", "cortexc", *words]
    fresh(folder, prepare)
    began = time.monotonic()
    status = subprocess.run(command, capture_output=True, check=False).returncode
    whole, wanted = time.monotonic() - began, state(folder)
    while found["kills"] < times:
        fresh(folder, prepare)
        for _ in range(8):
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(whole * (0.5 + 0.6 * rng.random()))  # the first half is imports
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            found["kills"] += 1
        last = subprocess.run(command, capture_output=True, text=True, check=False)
        found["stuck"] += last.returncode != status and "there already" not in last.stderr
        found["different end"] += state(folder) != wanted
        found["left parts"] += bool(parts(folder))
    return found


def damages(content: bytes, times: int, rng: random.Random) -> Iterator[bytes]:
    """Yield a file with one flipped bit, then cut, emptied, with zeros at its end, and with more at its end."""
    for _ in range(times):
        at = rng.randrange(len(content))
        yield content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
    half = len(content) // 2
    yield from (b"", content[:1], content[:half], content[:-1], content[:half] + bytes(len(content) - half))
    yield content + b"\0more"


def flips(work: Path, times: int, rng: random.Random) -> dict[str, Counter[str]]:
    """Damage each file of a run, in its middle and at its end, and resume, evaluate or verify it."""
    folder = work / "flips"
    words, prepare = scenarios(folder)["train"]
    fresh(folder, prepare)
    assert ended(words) == 0
    whole, half = work / "whole", work / "half"
    for kept in (whole, half):
        shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder, whole)
    assert ended(["evaluate", str(whole / "run")]) == 0
    shutil.copytree(folder, half)
    (half / "run" / "checkpoint-before.pt").rename(half / "run" / "checkpoint.pt")
    first = (half / "run" / "metrics.jsonl").read_text().splitlines(keepends=True)[0]
    (half / "run" / "metrics.jsonl").write_text(first)
    wanted = state(whole)
    jobs = [(half, name, "resume") for name in ("checkpoint.pt", "metrics.jsonl", "manifest.json", "program.h5")]
    of_tests = ("checkpoint.pt", "manifest.json", "program.h5", "predictions.h5", "evaluation.json")
    jobs += [(whole, name, "evaluate") for name in of_tests]
    jobs += [(whole, name, "verify") for name in (*of_tests, "metrics.jsonl")]
    found: dict[str, Counter[str]] = {}
    for source, name, verb in jobs:
        tally = found[f"{verb} {name}"] = Counter()
        run = folder / "run"
        command = {"resume": ["train", "--resume"], "evaluate": ["evaluate"], "verify": ["verify"]}[verb]
        for bad in damages((source / "run" / name).read_bytes(), times, rng):
            fresh(folder, lambda source=source: shutil.copytree(source, folder, dirs_exist_ok=True))  # type: ignore[misc]
            (run / name).write_bytes(bad)
            log = work / "flips.log"
            status = ended([*command, str(run)], log=log)
            ends = {k: v for k, v in state_or_nothing(folder).items() if k in wanted and k in _ends(verb)}
            if "Traceback" in log.read_text(errors="replace"):
                tally["traceback"] += 1
                print(f"{verb} {name}: {log.read_text(errors='replace')[-400:]}")
            elif status:
                tally["refused"] += 1
            elif ends == {k: wanted[k] for k in _ends(verb)}:
                tally["same end"] += 1
            else:
                tally["silent"] += 1
                print(f"{verb} {name}: silent")
        print(f"{verb} {name}", dict(tally), flush=True)
    return found


def state_or_nothing(folder: Path) -> dict[str, Any]:
    """Return the state of a folder; nothing where a file in it cannot be read."""
    try:
        return state(folder)
    except Exception:  # torch and json raise many kinds
        return {}


def _ends(verb: str) -> tuple[str, ...]:
    if verb == "resume":
        return ("run/checkpoint.pt", "run/metrics.jsonl")
    return ("run/predictions.h5", "run/evaluation.json") if verb == "evaluate" else tuple[str, ...]()


def races(name: str, work: Path, count: int) -> Counter[str]:
    """Start a command several times at once; each must end as one alone does, or name who holds the lock."""
    folder, found = work / name, Counter[str]()
    words, prepare = scenarios(folder)[name]
    fresh(folder, prepare)
    ended(words)
    wanted = state(folder)
    fresh(folder, prepare)
    command = [sys.executable, "-m", "cortexc", *words]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(count)
    ]
    for process in started:
        said = process.communicate()[0]
        kind = "ended" if not process.returncode else "named the holder" if "another process" in said else "failed"
        found[kind] += 1
        if kind == "failed":
            print(f"{name}: {said[-400:]}")
    found["different end"] += state(folder) != wanted
    return found


def main() -> None:
    """Try one of the four, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills", "random", "flips", "races"))
    parser.add_argument("--work", type=Path, default=Path("/tmp/cortexc-reliability"))
    parser.add_argument("--only", help="scenarios, with commas")
    parser.add_argument("--times", type=int, default=20)
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warm_up()
    args.work.mkdir(parents=True, exist_ok=True)
    rng, total = random.Random(0), Counter[str]()
    if args.what == "flips":
        for tally in flips(args.work, args.times, rng).values():
            total += tally
    else:
        racing = ("compile", "train", "evaluate", "corrupt")
        for name in args.only.split(",") if args.only else racing if args.what == "races" else scenarios(args.work):
            match args.what:
                case "kills":
                    found = kills(name, args.work)
                case "random":
                    found = killed_at_random(name, args.work, args.times, rng)
                case _:
                    found = races(name, args.work, 8 if name == "corrupt" else 4)
            print(name, dict(found), flush=True)
            total += found
    print("all", dict(total))


if __name__ == "__main__":
    main()
