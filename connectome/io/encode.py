"""From a connectome to YAML in the style of hand-written specs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from cortexc.replacement import replacing

from ..model import Connectome, Projection
from . import tables
from .yaml_tree import decode

MOST_INLINE = 500
"""More projections than this are written as an HDF5 table."""


class _Dumper(yaml.SafeDumper):
    """Writes small mappings and lists of scalars on one line."""

    def represent_data(self, data: Any) -> Any:
        node = super().represent_data(data)
        if isinstance(node, yaml.CollectionNode):
            node.flow_style = _is_flat(data)
        return node

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _is_flat(data: Any) -> bool:
    values = list(data.values()) if isinstance(data, dict) else list(data)
    nested = [v for v in values if isinstance(v, dict | list | tuple) and len(v) > 0]
    if not nested:
        return True
    return isinstance(data, dict) and len(str(data)) < 220 and all(_is_flat(v) for v in nested)


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(float(value))
    if "e" in text and "." not in text:  # YAML 1.1 readers take 1e-09 for text
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    quoted = "'" if not isinstance(decode(value), str) else None
    if not value.isprintable():  # line ends and control characters survive only as escapes
        quoted = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=quoted)


_Dumper.add_representer(float, _float)
_Dumper.add_representer(str, _text)


def as_dict(connectome: Connectome) -> dict[str, Any]:
    """Return a spec as plain data, without values that are the default."""
    data: dict[str, Any] = connectome.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for entry in _mappings(data):
        if isinstance(source := entry.get("source"), list) and len(source) == 1:
            entry["source"] = source[0]
    return data


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all mappings inside plain data, and the data themselves if they are one."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _mappings(inner)


def _with_tags(connectome: Connectome, data: dict[str, Any]) -> dict[str, Any]:
    """Put back the ``type`` of kernels, which is the default of its class but identifies the kernel."""
    for entry, projection in zip(data.get("projections", ()), connectome.projections, strict=False):
        if "topography" in entry:
            entry["topography"] = {"type": projection.topography.type, **entry["topography"]}
    for name, entry in data.get("lateral", {}).items():
        if "kernel" in entry:
            entry["kernel"] = {"type": connectome.lateral[name].kernel.type, **entry["kernel"]}
    return {"cortexc": 1, **data}


def resolved(connectome: Connectome, folder: Path) -> dict[str, Any]:
    """Return a spec as plain data that can be loaded again from ``folder``."""
    data = _with_tags(connectome, as_dict(connectome))
    for entry in _mappings(data):
        if isinstance(entry.get("file"), str) and "dataset" in entry:
            entry["file"] = Path(os.path.relpath(entry["file"], folder)).as_posix()
    return data


def as_yaml(data: Any) -> str:
    """Return plain data as YAML text."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def written(connectome: Connectome, path: Path) -> tuple[Path, ...]:
    """Return the files that a spec is written to: itself and, where it has many projections, their table beside it."""
    tabular = len(connectome.projections) > MOST_INLINE and _is_tabular(connectome.projections)
    return (path, path.with_suffix(".h5")) if tabular else (path,)


def write(connectome: Connectome, path: Path, head: Sequence[str] = ()) -> None:
    """Write a spec under a comment and, where it has many projections, their table beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tabular = len(written(connectome, path)) > 1
    inline = connectome.model_copy(update={"projections": connectome.projections[:1]}) if tabular else connectome
    data = resolved(inline, path.parent.resolve())
    table = path.with_suffix(".h5")
    if tabular:
        common = {"topography": data["projections"][0]["topography"]} if "topography" in data["projections"][0] else {}
        data["projections"] = [{"file": table.name, "dataset": "/projections", **common}]
    comment = "".join(f"# {line}\n" for line in head)
    with replacing(*((table, path) if tabular else (path,))) as (*beside, part):
        for one in beside:
            tables.write_projections(one, "projections", columns(connectome.projections))
        part.write_text(comment + as_yaml(data), encoding="utf-8")


def _is_tabular(projections: tuple[Projection, ...]) -> bool:
    first = projections[0].topography
    return all(p.topography == first and len(p.source) <= 1 for p in projections)


def columns(projections: Sequence[Projection], *, sources: bool = True) -> dict[str, list[Any]]:
    """Return projections as the columns of a table; fields that no projection has are left out."""
    found: dict[str, list[Any]] = {
        "from": [p.origin for p in projections],
        "to": [p.target for p in projections],
        "mode": [p.mode for p in projections],
        "source": [p.source[0] if p.source and sources else None for p in projections],
        "direction": [p.direction for p in projections],
    }
    for name in tables.NUMBER_COLUMNS:
        found[name] = [getattr(p, name) for p in projections]
    return {n: v for n, v in found.items() if any(x is not None for x in v)}
