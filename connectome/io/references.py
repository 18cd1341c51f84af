"""References between files (``extends`` and ``file:``) are followed; every value keeps its location."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from cortexc import specs

from ..diagnostics import Report, Span, failed, nearest, reading
from ..model import KERNEL_TYPES
from . import yaml_tree
from .decode import known_keys
from .yaml_tree import MAX_NODES, Mapping, Node, Scalar, Sequence

YAML_SUFFIXES = (".yaml", ".yml")
HDF5_SUFFIXES = (".h5", ".hdf5")
TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".parquet", ".feather")

Place = tuple[str | int, ...]
"""Where in a spec a value stands: the keys and indices that lead to it."""


@dataclass
class Reader:
    """Reads a spec and all that it refers to; collects the texts and the findings on the way."""

    report: Report
    texts: dict[str, str] = field(default_factory=dict)
    chain: list[tuple[Path, Span]] = field(default_factory=list)
    trees: dict[tuple[Path, Place], tuple[Node, int]] = field(default_factory=dict)
    """What was read already, and how many values it has: a file that is named twice is read once."""
    values: int = 0
    home: Path = Path()
    """The folder of the file that reading began with: what is neither in it nor shipped is read from elsewhere."""

    def read(self, path: Path, shown: str, span: Span | None = None, at: Place = ()) -> Node:
        """Return the tree of a file with its references followed; ``at``: where in the spec it stands.

        Raises:
            SpecError: a file is missing or unreadable, is no spec, or refers to itself; or all are too large together.
        """
        absolute = path.resolve()
        if not self.chain:
            self.home = absolute.parent
        if any(absolute == seen for seen, _ in self.chain):
            way = [(link, f"`{seen.name}` is read from here") for seen, link in self.chain[1:]]
            message = f"`{shown}` is already being read: the references form a cycle"
            raise failed(reading.CIRCULAR, span or shown, message, "take one of the references out", way)
        if (absolute, at) not in self.trees:
            self.chain.append((absolute, span or Span(shown)))
            tree, text = yaml_tree.parse(path, shown, self.report)
            if span is not None:
                self._check_part(tree, absolute, shown, span, at)
            self.texts[shown] = text
            tree = self.follow(tree, path, shown, at, root=True)
            self.chain.pop()
            self.trees[absolute, at] = tree, yaml_tree.size(tree)
        tree, values = self.trees[absolute, at]
        self.values += values
        if self.values > MAX_NODES:
            message = f"the files of this spec amount to more than {MAX_NODES:,} values"
            raise failed(reading.HOSTILE, span or shown, message, "name each file once; put large tables into HDF5")
        return tree

    def _check_part(self, tree: Node, path: Path, shown: str, span: Span, at: Place) -> None:
        """Refuse a file that is no part of a spec: all of it would be copied into what is compiled from the spec."""
        known = known_keys(at)
        if isinstance(tree, Mapping) and known:
            strange = [key for key in tree.items if key not in known and key != "file"]
            wrong = bool(strange) and (len(strange) == len(tree.items) or self._outside(path))
        else:
            strange = []
            children = tree.items.values() if isinstance(tree, Mapping) else getattr(tree, "items", [tree])
            wrong = any(isinstance(child, Scalar) and isinstance(child.value, str) for child in children)
        if wrong:
            holds = f"the unknown key `{strange[0][:60]}`" if strange else "text"
            message = f"`{shown}` is no spec, and no part of one that could stand here: it holds {holds}"
            raise failed(reading.BAD_REFERENCE, span, message, "name a spec, or a part of one")

    def _outside(self, path: Path) -> bool:
        """Return whether a file is neither in the folder of the spec that is read, or below it, nor shipped."""
        return not any(path.is_relative_to(folder) for folder in (self.home, Path(specs.__file__).resolve().parent))

    def follow(self, node: Node, path: Path, shown: str, at: Place = (), *, root: bool = False) -> Node:
        """Return ``node`` with every reference below it replaced by the content that it names."""
        if isinstance(node, Sequence):
            entries: list[Node] = []
            for i, item in enumerate(node.items):
                entry = self.follow(item, path, shown, (*at, i))
                if isinstance(entry, Sequence) and isinstance(item, Mapping):
                    entries.extend(entry.items)  # a list that an entry `file:` of a list names is inserted there
                else:
                    entries.append(entry)
            return Sequence(node.span, entries)
        if not isinstance(node, Mapping):
            return node
        if not self.chain:
            self.home = path.resolve().parent
        own = Mapping(node.span, dict(node.items), dict(node.keys))
        bases: list[Node] = []
        if "extends" in own.items and root:
            bases += [self._read_named(name, path, shown, at) for name in self._names(own.items.pop("extends"))]
        named = own.items.get("file")
        if isinstance(named, Scalar) and isinstance(named.value, str):
            suffix = Path(named.value).suffix.lower()
            if suffix in YAML_SUFFIXES:
                own.items.pop("file")
                included = self._read_named(named, path, shown, at)
                if isinstance(included, Sequence):
                    if own.items:
                        message = f"`{named.value}` is a list, and nothing can be added to it here"
                        raise failed(reading.BAD_REFERENCE, named.span, message)
                    return included
                bases.append(included)
            elif suffix in HDF5_SUFFIXES:
                self._check_dataset(own, named)
                table = self._locate(named.value, path, shown)[0].resolve()
                self._show(table, named.span)
                own.items["file"] = Scalar(named.span, table.as_posix())
            else:
                message = f"the name `{named.value}` ends neither as YAML nor as HDF5"
                hint = f"use one of {', '.join(YAML_SUFFIXES + HDF5_SUFFIXES)}"
                if suffix in TABLE_SUFFIXES:
                    message = f"`{named.value}` is a table, and a spec reads tables from HDF5 only"
                    hint = f"`cortexc import table {named.value} -o SPEC.yaml` makes a spec of it"
                raise failed(reading.BAD_REFERENCE, named.span, message, hint)
        elif isinstance(named, Scalar):
            raise failed(reading.BAD_REFERENCE, named.span, "`file` takes the path of a file", "write it as text")
        items = {key: self.follow(value, path, shown, (*at, key)) for key, value in own.items.items()}
        followed: Node = Mapping(own.span, items, own.keys)
        return reduce(merge, [*bases, followed])

    def _check_dataset(self, own: Mapping, named: Scalar) -> None:
        dataset = own.items.get("dataset")
        if not (isinstance(dataset, Scalar) and isinstance(dataset.value, str)):
            message = f"`{named.value}` is named without a `dataset` inside it"
            hint = "add `dataset: /name/of/the/dataset`"
            raise failed(reading.BAD_REFERENCE, named.span, message, hint)

    def _names(self, node: Node) -> list[Scalar]:
        listed = node.items if isinstance(node, Sequence) else [node]
        for item in listed:
            if not (isinstance(item, Scalar) and isinstance(item.value, str)):
                message = "`extends` takes the path of a spec, or a list of paths"
                raise failed(reading.WRONG_TYPE, item.span, message)
        return [item for item in listed if isinstance(item, Scalar)]

    def _read_named(self, named: Scalar, path: Path, shown: str, at: Place) -> Node:
        """Return the tree of a file that another one names; of an entry of a list, the file may hold several."""
        found, found_shown = self._locate(named.value, path, shown)
        if not found.is_file():
            near = nearest(named.value, _readable(found.parent, Path(named.value).parent))
            hint = f"did you mean `{near}`?" if near else "paths start at this file's folder"
            fixes = [(named.span, near)] if near else []
            raise failed(reading.MISSING_FILE, named.span, f"there is no file `{found_shown}`", hint, fixes=fixes)
        self._show(found.resolve(), named.span)
        return self.read(found, found_shown, named.span, at)

    def _show(self, path: Path, span: Span) -> None:
        """Report a file that is read from elsewhere: a spec that somebody sent may name any file of this machine."""
        if self._outside(path):
            message = f"`{path}` is read, which is outside of the folder of the spec"
            self.report.add(reading.OUTSIDE.at(span, message, help="see what it is before you share what you compile"))

    def _locate(self, name: str, path: Path, shown: str) -> tuple[Path, str]:
        """Return the file that ``name`` means in the file ``path``: beside it, or else among the shipped specs."""
        beside = path.parent / name
        own = beside.is_file() or Path(name).is_absolute()
        if not own and (shipped := specs.find(name)) is not None:
            return shipped, str(shipped)
        return beside, os.path.normpath(Path(shown).parent / name)


def _readable(folder: Path, written: Path) -> list[str]:
    """Return what could be named: the shipped specs and their parts, and the YAML files of a folder, as ``written``."""
    beside = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    beside = [(written / name).as_posix() for name in beside if Path(name).suffix in YAML_SUFFIXES]
    return [*specs.names(), *specs.circuits(), *specs.kernels(), *beside]


def merge(base: Node, over: Node) -> Node:
    """Return ``over`` laid over ``base``: mappings merge key by key, anything else is replaced, null removes a key.

    A kernel or topography of another ``type`` replaces the whole mapping, since the keys of the first do not apply
    to the second.
    """
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    replaced = _type(base) in KERNEL_TYPES and _type(over) not in (_type(base), None)
    items, keys = ({}, {}) if replaced else (dict(base.items), dict(base.keys))
    for key, node in over.items.items():
        if isinstance(node, Scalar) and node.value is None and key in base.items:
            items.pop(key, None)
            continue
        items[key] = merge(items[key], node) if key in items else node
        keys[key] = over.keys[key]
    return Mapping(over.span, items, keys)


def _type(node: Mapping) -> Any:
    """Return the ``type`` of a mapping, where it is a plain value."""
    found = node.items.get("type")
    return found.value if isinstance(found, Scalar) else None
