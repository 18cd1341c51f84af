"""From connectome to program: the passes in order, each verified."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

from cortexc import specs
from cortexc.connectome.checker import examine
from cortexc.connectome.diagnostics import SpecError
from cortexc.connectome.io import encode
from cortexc.connectome.model import Connectome

from . import cost
from .artifact import Program
from .ir import Graph
from .passes.choose import choose
from .passes.connect import connect
from .passes.plan import plan
from .passes.prune import prune
from .passes.resolve import resolve
from .passes.unroll import unroll
from .verifier import verify

Pass = Callable[[Graph], Graph]
Observer = Callable[[str, Graph], None]

PASSES: tuple[tuple[str, Pass], ...] = (
    ("connect", connect),
    ("prune", prune),
    ("unroll", unroll),
    ("plan", plan),
    ("choose", choose),
)
"""The passes after ``resolve``, in order."""


def run(spec: Connectome, *, seed: int, observe: Observer | None = None) -> Graph:
    """Return the graph after all passes; ``observe`` is called after each pass.

    Raises:
        SpecError: the spec cannot be compiled.
    """
    graph = resolve(spec, seed)
    for name, transform in (("resolve", None), *PASSES):
        graph = transform(graph) if transform else graph
        verify(graph)
        if observe:
            observe(name, graph)
    return graph


def compile(spec: Connectome | str | os.PathLike[str], *, seed: int = 0, observe: Observer | None = None) -> Program:
    """Compile a connectome (or the spec at a path, or a shipped one by name).

    ``seed`` decides random kernels. The same spec and seed give the same program, byte for byte.

    Raises:
        SpecError: the spec has errors, or cannot be compiled; the report has their locations.
        ValueError: the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"a seed is a whole number from 0, and this one is {seed}")
    sound, report = examine(spec)
    if sound is None or report.errors:
        raise SpecError(report)
    return emit(run(sound, seed=seed, observe=observe), sound)


def emit(graph: Graph, spec: Connectome) -> Program:
    """Return the program of a graph after all passes."""
    texts = {_short(path, spec.locations.texts): text for path, text in spec.locations.texts.items()}
    main = Path(next(iter(spec.locations.texts), "spec.yaml"))
    return Program(
        name=graph.name,
        seed=graph.seed,
        heads=graph.heads,
        key_width=graph.key_width,
        classes=graph.classes,
        input=graph.input,
        populations=tuple(graph.populations.values()),
        connections=dict(graph.connections),
        wirings=graph.wirings,
        parameters=graph.parameters,
        ops=graph.ops,
        costs=cost.costs(graph),
        spec=encode.as_yaml(encode.resolved(spec, main.parent.resolve())),
        texts=texts,
        versions={n: metadata.version(n) for n in ("numpy", "scipy", "h5py", "pydantic", "networkx")}
        | {"python": ".".join(map(str, sys.version_info[:3])), "cortexc": metadata.version("cortexc")},
        pipeline=",".join(("resolve", *(name for name, _ in PASSES))),
    )


def _short(path: str, paths: Iterable[str]) -> str:
    """Return a path without the folders above the spec, so that a program does not depend on them."""
    shipped = Path(specs.__file__).resolve().parent
    if Path(path).resolve().is_relative_to(shipped):
        return f"specs:{Path(path).resolve().relative_to(shipped).as_posix()}"
    own = [Path(p).resolve() for p in paths if not Path(p).resolve().is_relative_to(shipped)]
    folder = os.path.commonpath([p.parent for p in own])
    return Path(os.path.relpath(Path(path).resolve(), folder)).as_posix()
