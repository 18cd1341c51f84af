"""From a command's argument SPEC|X.h5 to a program: a spec is compiled, an artifact is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

from cortexc import compiler
from cortexc.compiler.artifact import ArtifactError, Program
from cortexc.connectome.checker import examine
from cortexc.connectome.diagnostics import SpecError, render


def program_of(name: str, seed: int | None) -> Program:
    """Return the program of a spec (path or shipped name) or of an artifact.

    Raises:
        SpecError: the spec has errors.
        ArtifactError: the artifact cannot be read, or a seed is given for one.
    """
    if Path(name).suffix.lower() not in {".h5", ".hdf5"}:
        return compile_spec(name, seed or 0)
    if seed is not None:
        raise ArtifactError(f"{name}: an artifact has its seed already; give --seed with a spec")
    return compiler.load(name)


def compile_spec(name: str, seed: int) -> Program:
    """Compile a spec and show its findings that are not errors.

    Raises:
        SpecError: the spec has errors.
        ArtifactError: the seed is negative.
    """
    if seed < 0:
        raise ArtifactError(f"the seed is {seed}, and must be at least 0")
    spec, report = examine(name)
    if spec is None or report.errors:
        raise SpecError(report)
    if len(report):
        print(render.as_text(report, colour=sys.stderr.isatty()), file=sys.stderr)
    return compiler.compile(spec, seed=seed)
