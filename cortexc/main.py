"""The command line: one module per command, loaded when the command is used."""

from __future__ import annotations

import argparse
import importlib
import keyword
import os
import re
import sys
from collections.abc import Sequence
from types import ModuleType

_PART = re.compile(r"(^|/)\.([^/]+?)\.part")
"""The name of a file while it is written."""
COMMANDS = {
    "check": "find what is wrong with a spec before a GPU-hour is spent",
    "explain": "explain a finding's code",
    "compile": "compile a spec to an artifact",
    "inspect": "list what a spec or an artifact compiles to",
    "import": "turn anatomy in a file (table, matrix, SONATA, GraphML, NeuroML) into a spec",
    "export": "write the graph of a spec, or the model, for other programs",
    "plot": "draw a spec, or what it compiles to",
    "null": "write a null model of a spec: a control that keeps some properties exactly",
    "schema": "print the JSON Schema of the language, for editors",
    "specs": "list the shipped specs",
    "data": "fetch, verify or corrupt the images to train and test on",
    "train": "train a spec or an artifact",
    "evaluate": "evaluate a trained run",
    "verify": "check that the files of a run or a report are whole, and follow from each other",
    "experiment": "train and test the arms of an experiment, and report their differences with intervals",
    "demo": "compile, train and evaluate a small example in a few minutes",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 clean, 1 findings, 2 could not run."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="cortexc", description="A compiler from connectomes to cortical transformers."
    )
    parser.add_argument("--version", action="version", version=_version() if "--version" in words else "")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((w for w in words if not w.startswith("-")), None)
    for name, text in COMMANDS.items():
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == asked:
            _command(name).configure(added)
    args = parser.parse_args(words)
    try:
        status: int = _command(args.command).run(args)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        message = _explained(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        return 2


def _command(name: str) -> ModuleType:
    """Return the module of a command; an underscore follows names that are Python keywords, as ``import_``."""
    return importlib.import_module(f".commands.{name}{'_' if keyword.iskeyword(name) else ''}", __package__)


def _version() -> str:
    from importlib import metadata

    return f"cortexc {metadata.version('cortexc')}"


def _explained(error: Exception) -> str | None:
    """Return the message for a mistake that the user can fix, or None for an error in cortexc."""
    from cortexc.connectome.diagnostics.error import SpecError

    if isinstance(error, SpecError):
        from cortexc.connectome.diagnostics import render

        return render.as_text(error.report, colour=sys.stderr.isatty()) + f"\n\n{render.summary(error.report)}"
    if isinstance(error, MemoryError):
        return "error: not enough memory: use smaller grids, kernels of less reach, or a larger machine"
    if isinstance(error, OSError) and error.filename:
        name = _PART.sub(r"\1\2", str(error.filename))
        return f"error: {name}: {error.strerror}"
    known = (
        ("cortexc.usage", "UsageError"),
        ("cortexc.anatomy.nulls.models", "NullError"),
        ("cortexc.figures.style", "FigureError"),
        ("cortexc.compiler.artifact", "ArtifactError"),
        ("cortexc.runtime.run", "RunError"),
        ("cortexc.runtime.exporting", "ExportError"),
        ("cortexc.runtime.data.dataset", "DataError"),
        ("cortexc.runtime.corruptions.catalogue", "CorruptionError"),
    )
    for module, name in known:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return f"error: {error}"
    return None
