"""The command line: one module per command, loaded when the command is used."""

from __future__ import annotations

import argparse
import importlib
import io
import keyword
import os
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

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
    "fit": "write a spec that fits your images: their size, channels and classes",
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
    said = _open_streams()
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
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            status: int = _command(args.command).run(args)
        if said:
            print(said, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        status = 0
    except Exception as error:
        message = _explained(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        status = 2
    return _flushed(status)


def _open_streams() -> str:
    """Make printing possible where a stream is closed, or cannot show every character; return what is to be said of it.

    A closed one is opened on nothing: else the next file that is opened would get its number, and what is printed.
    """
    closed = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None]
    while closed and (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    for name in closed:
        setattr(sys, name, open(os.devnull, "w" if name != "stdin" else "r", encoding="utf-8"))  # noqa: PTH123
    if closed:
        os.close(opened)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return "standard output is closed, so what would have been printed is lost" if "stdout" in closed else ""


def _flushed(status: int) -> int:
    """Return the exit status after all that was printed has gone out; 2 if it could not."""
    try:
        sys.stdout.flush()
    except OSError as error:
        if isinstance(sys.stdout, io.TextIOWrapper):  # else Python would try again when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return status
        print(f"error: standard output: {error.strerror}", file=sys.stderr)
        return 2
    return status


def _show_warning(message: Warning | str, category: type[Warning], *where: object, **options: object) -> None:
    """Print a warning to the user without the line of code that it comes from."""
    print(_printable(f"warning: {message}"), file=sys.stderr)


def _printable(text: str) -> str:
    """Return a message without what could steer the terminal, if a file or its name holds such."""
    from cortexc.connectome.diagnostics.render import printable

    return printable(text)


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
    if isinstance(error, OSError) and (error.filename or error.errno):
        unnamed = f"error: {error.strerror} (standard output, or a file that the system did not name)"
        return _printable(f"error: {error.filename}: {error.strerror}") if error.filename else unnamed
    if isinstance(error, UnicodeEncodeError):
        named = error.object.encode("utf-8", "backslashreplace").decode()
        return f"error: a name or a text is not UTF-8: {named[:200]}"
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
            return _printable(f"error: {error}")
    return None
