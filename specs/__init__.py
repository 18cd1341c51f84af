"""The shipped specs: names, and where their files lie."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def names() -> list[str]:
    """Return the names of the shipped specs, sorted."""
    return sorted(p.stem for p in _HERE.glob("*.yaml"))


def circuits() -> list[str]:
    """Return the names of the shipped laminar circuits, as a spec refers to them."""
    return sorted(p.relative_to(_HERE).as_posix() for p in _HERE.glob("circuits/*.yaml"))


def kernels() -> list[str]:
    """Return the names of the shipped horizontal connections, which a spec lays over another one by ``extends``."""
    return sorted(p.relative_to(_HERE).as_posix() for p in _HERE.glob("kernels/*.yaml"))


def experiments() -> list[str]:
    """Return the names of the shipped experiments, sorted."""
    return sorted(p.stem for p in _HERE.glob("experiments/*.yaml"))


def path(name: str) -> Path:
    """Return the file of a shipped spec.

    Raises:
        KeyError: there is none of that name.
    """
    found = find(name)
    if found is None:
        raise KeyError(name)
    return found


def find(name: str) -> Path | None:
    """Return the shipped file that ``name`` means (``vit-tiny``, ``circuits/potjans-diesmann-2014.yaml``), or None."""
    for candidate in (_HERE / name, _HERE / f"{name}.yaml"):
        resolved = candidate.resolve()
        if resolved.is_file() and resolved.suffix in {".yaml", ".h5"} and resolved.is_relative_to(_HERE):
            return resolved
    return None
