"""YAML as a tree of nodes that keep their locations.

The tree is built from parser events, one file at a time, so that every key and value has a line and a column,
a key written twice is reported and not lost, and hostile input (deep nesting, aliases that expand without bound,
endless lines) gives one clear finding. Scalars follow the YAML 1.2 core schema: an area called ``NO`` stays ``NO``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from ..diagnostics import Report, Span, SpecError, failed, reading
from . import hints

MAX_BYTES = 32 * 2**20
MAX_DEPTH = 64
MAX_NODES = 1_000_000
"""A value takes about half a kB while it is checked."""
MERGE = "<<"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TextInt(int):
    """An integer with the text it was written as (an area may be called ``08``)."""

    text: str


class TextFloat(float):
    """A float with the text it was written as."""

    text: str


@dataclass(frozen=True, slots=True)
class Scalar:
    """One decoded value and its location."""

    span: Span
    value: Any


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list and its location."""

    span: Span
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping, its location and the locations of its keys."""

    span: Span
    items: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Span] = field(default_factory=dict)


Node: TypeAlias = Scalar | Sequence | Mapping

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def decode(text: str) -> Any:
    """Return the value of a plain scalar under the YAML 1.2 core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text) and len(text) < 400:
        number = TextInt(text)
        number.text = text
        return number
    if _FLOAT.fullmatch(text):
        real = TextFloat(text)
        real.text = text
        return real
    if match := _INF.fullmatch(text):
        return -math.inf if match[1] == "-" else math.inf
    if text in {".nan", ".NaN", ".NAN"}:
        return math.nan
    return text


def _span(path: str, start: Any, end: Any) -> Span:
    return Span(path, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


class _Composer:
    """Builds the tree of one document from its events, without recursion."""

    def __init__(self, path: str, report: Report) -> None:
        self.path, self.report = path, report
        self.anchors: dict[str, Node] = {}
        self.stack: list[tuple[Mapping | Sequence, str | None]] = []
        self.sizes: dict[int, int] = {}
        self.root: Node | None = None

    def open(self, node: Mapping | Sequence, anchor: str | None) -> None:
        if len(self.stack) >= MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} deep"
            raise failed(reading.HOSTILE, node.span, message, "write it flatter")
        self.stack.append((node, None))
        if anchor:
            self.anchors[anchor] = node

    def close(self, end: Any) -> None:
        node, _ = self.stack.pop()
        if isinstance(node, Mapping) and MERGE in node.items:
            _merge(node)
        span = node.span
        whole = Span(span.path, span.line, span.column, end.line + 1, end.column + 1)
        object.__setattr__(node, "span", whole)
        children = node.items if isinstance(node, Sequence) else list(node.items.values())
        self.sizes[id(node)] = size = 1 + sum(self.sizes.get(id(c), 1) for c in children)
        if size > MAX_NODES:
            message = f"the aliases of this value expand to more than {MAX_NODES:,} values"
            raise failed(reading.HOSTILE, whole, message, "put large tables into HDF5")
        self.add(node)

    def add(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        parent, key = self.stack[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        if key is not None:
            parent.items[key] = node
            self.stack[-1] = (parent, None)
            if isinstance(node, Scalar) and node.value is None:
                self.mend(parent, key)
            return
        if not isinstance(node, Scalar):
            raise failed(reading.SYNTAX, node.span, "a key is a list or a mapping", "write a plain word as the key")
        name = _key_text(node)
        if name == MERGE:
            message = "`<<` is a merge key, which is not part of YAML 1.2"
            hint = "write the keys out here; `extends` and `file:` take over what another file says"
            self.report.add(reading.UNKNOWN_KEY.at(node.span, message, help=hint))
        elif name in parent.items:
            notes = [(parent.keys[name], "first written here")]
            message = f"the key `{name}` is written twice"
            self.report.add(reading.DUPLICATE_KEY.at(node.span, message, help="keep one of the two", notes=notes))
        parent.keys[name] = node.span
        self.stack[-1] = (parent, name)

    def mend(self, parent: Mapping, key: str) -> None:
        """Report an entry without a value that a decimal comma or a missing space made, and give it what was meant."""
        at, backwards = parent.keys[key], reversed(parent.items)
        if next(backwards) != key:
            return
        before = next(backwards, "")
        number = parent.items.get(before)
        if key.isdecimal() and isinstance(number, Scalar) and isinstance(number.value, TextInt):
            start = number.span
            if (start.line, start.end_column + 1) == (at.line, at.column):
                written = f"{number.value.text},{key}"
                span = Span(self.path, at.line, start.column, at.line, at.end_column)
                hint, instead = hints.meant("number", written, before)
                message = f"`{before}` is `{written}`, and a comma ends an entry"
                fixes = [(span, instead)] if instead else []
                self.report.add(reading.WRONG_TYPE.at(span, message, help=hint, fixes=fixes))
                parent.items[before] = Scalar(span, decode(written.replace(",", ".")))
                del parent.items[key], parent.keys[key]
        elif (pair := hints.SPACELESS.fullmatch(key)) and pair[1] not in parent.items:
            message, instead = f"a space is missing after the colon of `{pair[1]}`", f"{pair[1]}: {pair[2]}"
            fixes = [(at, instead)] if at.line == at.end_line else []
            self.report.add(reading.UNKNOWN_KEY.at(at, message, help=f"write `{instead}`", fixes=fixes))
            parent.items[pair[1]], parent.keys[pair[1]] = Scalar(at, decode(pair[2])), at
            del parent.items[key], parent.keys[key]

    def alias(self, name: str, span: Span) -> None:
        if name not in self.anchors:
            raise failed(reading.SYNTAX, span, f"the alias `*{name}` has no anchor `&{name}` above it")
        node = self.anchors[name]
        if any(node is open_node for open_node, _ in self.stack):
            raise failed(reading.HOSTILE, span, f"the alias `*{name}` contains itself")
        self.add(node)


def _merge(node: Mapping) -> None:
    """Give a mapping what its merge key means, so that nothing else is reported of it."""
    merged = node.items.pop(MERGE)
    del node.keys[MERGE]
    for given in merged.items if isinstance(merged, Sequence) else [merged]:
        if isinstance(given, Mapping):
            node.items.update((name, value) for name, value in given.items.items() if name not in node.items)
            node.keys.update((name, span) for name, span in given.keys.items() if name not in node.keys)


def _key_text(node: Scalar) -> str:
    if isinstance(node.value, TextInt | TextFloat):
        return node.value.text
    return {None: "null", True: "true", False: "false"}.get(node.value, str(node.value))


def _events(text: str, path: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _refused(text, path, error) from None
    except yaml.YAMLError as error:  # control characters
        problem = str(error).splitlines()[0]
        offset = getattr(error, "position", 0) or 0
        line = text.count("\n", 0, offset) + 1
        span = Span(path, line, 1, line, 2)
        raise failed(reading.SYNTAX, span, f"not valid YAML: {problem}") from None


def _refused(text: str, path: str, error: yaml.MarkedYAMLError) -> SpecError:
    """Return what is wrong with YAML that the parser refuses, in the words of the mistake if it is a common one."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or error.context or "not YAML"
    lines = [*text.splitlines(), ""]
    if "\t" in _indent(lines[line - 1])[: column + 1]:
        span = Span(path, line, 1, line, len(_indent(lines[line - 1])) + 1)
        message = "a tab indents this line, and YAML is indented by spaces"
        return failed(reading.SYNTAX, span, message, "use spaces", fixes=_untabbed(lines, path))
    notes, places = [], [(line - 1, len(_indent(lines[line - 1])))]
    if error.context_mark and error.context and error.context_mark is not mark:
        start = error.context_mark
        notes = [(Span(path, start.line + 1, start.column + 1, start.line + 1, start.column + 2), error.context)]
        places.append((start.line, start.column))
    for row, at in places:
        if found := hints.SPACELESS.match(lines[row], at):
            span = Span(path, row + 1, found.start() + 1, row + 1, found.end() + 1)
            gap = Span(path, row + 1, found.end(1) + 2, row + 1, found.end(1) + 2)
            message, hint = f"a space is missing after the colon of `{found[1]}`", f"write `{found[1]}: {found[2]}`"
            return failed(reading.SYNTAX, span, message, hint, fixes=[(gap, " ")])
    span = Span(path, line, column, line, column + 1)
    hint = "check the indentation, brackets and quotes here and just before"
    return failed(reading.SYNTAX, span, f"not valid YAML: {problem}", hint, notes)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _untabbed(lines: list[str], path: str) -> Iterator[tuple[Span, str]]:
    """Yield the fixes that replace each tab of an indentation by one step of the file's own indentation."""
    indents = [_indent(line) for line in lines]
    step = min((len(indent) for indent in indents if indent and "\t" not in indent), default=2)
    for i, indent in enumerate(indents, 1):
        if "\t" in indent:
            yield Span(path, i, 1, i, len(indent) + 1), indent.replace("\t", " " * step)


def parse(path: Path, shown: str, report: Report) -> tuple[Node, str]:
    """Read one YAML file; return its tree and its text. Duplicate keys go to ``report``.

    Raises:
        SpecError: the file is missing, not text, not YAML, empty, or hostile.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            message = f"the file is larger than {MAX_BYTES // 2**20} MiB"
            raise failed(reading.HOSTILE, shown, message, "put large tables into HDF5")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        span = Span(shown, line, 1, line, 2)
        raise failed(reading.SYNTAX, span, "the file is not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        message = f"cannot read `{shown}`: {reason[0].lower()}{reason[1:]}"
        raise failed(reading.MISSING_FILE, shown, message, "check the path") from None
    return compose(text, shown, report), text


def compose(text: str, shown: str, report: Report) -> Node:
    """Return the tree of YAML ``text``; ``shown`` is the file name in locations."""
    composer = _Composer(shown, report)
    documents = 0
    for event in _events(text, shown):
        span = _span(shown, event.start_mark, event.end_mark)
        match event:
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise failed(reading.SYNTAX, span, "a second document starts here", "keep one spec per file")
            case yaml.MappingStartEvent():
                composer.open(Mapping(span), event.anchor)
            case yaml.SequenceStartEvent():
                composer.open(Sequence(span), event.anchor)
            case yaml.ScalarEvent():
                node = Scalar(span, decode(event.value) if event.implicit[0] else event.value)
                if event.anchor:
                    composer.anchors[event.anchor] = node
                composer.add(node)
            case yaml.AliasEvent():
                composer.alias(event.anchor or "", span)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                composer.close(event.end_mark)
    if composer.root is None or (isinstance(composer.root, Scalar) and composer.root.value is None):
        raise failed(reading.SYNTAX, shown, "the file is empty", "start with `cortexc: 1`")
    return composer.root


def size(node: Node) -> int:
    """Return how many values a tree has, with those that stand in several places counted at each."""
    if isinstance(node, Scalar):
        return 1
    return 1 + sum(size(item) for item in (node.items.values() if isinstance(node, Mapping) else node.items))


def plain(node: Node) -> Any:
    """Return the tree as plain dicts, lists and scalars."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(item) for key, item in node.items.items()}
