"""From a tree of nodes to a validated connectome; pydantic's errors become findings with locations."""

from __future__ import annotations

import itertools
import types
import typing
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ..diagnostics import Diagnostic, Report, Span, SpecError, did_you_mean, nearest, reading
from ..diagnostics.rule import MOST
from ..locations import Locations, step_into
from ..model import Connectome
from . import hints, tables
from .yaml_tree import Mapping, Node, Scalar, Sequence, plain

T = TypeVar("T", bound=BaseModel)
_RANGE = frozenset(
    "greater_than greater_than_equal less_than less_than_equal literal_error finite_number union_tag_invalid tiny "
    "string_too_short string_too_long string_pattern_mismatch too_short too_long value_error".split()
)
"""Pydantic's error types for a value that has the right type but is not allowed."""


def decode(tree: Node, texts: dict[str, str], report: Report) -> Connectome:
    """Return the connectome that ``tree`` describes.

    Raises:
        SpecError: with every finding, when there is an error.
    """
    if not isinstance(tree, Mapping):
        report.add(reading.WRONG_TYPE.at(tree.span, "a spec is a mapping", help="start with `cortexc: 1`"))
        raise SpecError(report)
    other = next((key for key in tree.keys if key.startswith("cortexc_")), None)
    if other is not None and "cortexc" not in tree.keys:
        message = f"`{other}` belongs to another kind of file, and a spec is expected"
        hint = "a spec starts with `cortexc: 1`; check the name of the file"
        report.add(reading.WRONG_TYPE.at(tree.keys[other], message, help=hint))
        raise SpecError(report)
    report.extend(_empty(tree, ()))
    return validated(Connectome, _expand_tables(tree), texts, report)


def _empty(node: Node, path: tuple[str | int, ...]) -> Iterator[Diagnostic]:
    """Yield a finding for each optional key that is empty: its default may not be meant. Others are reported anyway."""
    if not isinstance(node, Mapping | Sequence):
        return
    for key, value in node.items.items() if isinstance(node, Mapping) else enumerate(node.items):
        if isinstance(value, Scalar) and value.value is None and _optional(path, key):
            hint = "write its value, or take the key out"
            if path[:1] == ("projections",) and key in ("fln", "weight"):
                hint += "; a projection without `fln` and `weight` has the strength 1"
            yield reading.WRONG_TYPE.at(value.span, f"`{key}` is empty", help=hint)
        yield from _empty(value, (*path, key))


def _optional(path: tuple[str | int, ...], key: str | int) -> bool:
    field = _fields(path, Connectome).get(str(key))
    return field is not None and types.NoneType in _options(field.annotation)


def validated(kind: type[T], tree: Mapping, texts: dict[str, str], report: Report) -> T:
    """Return the model of type ``kind`` that ``tree`` describes; its field ``locations`` keeps where values are
    written.

    Raises:
        SpecError: with every finding, when there is an error.
    """
    values = {key: _values(node) for key, node in tree.items.items()}
    locations = Locations(tree, texts)
    if "locations" in values:
        report.add(_unknown_key(locations, ("locations",), tree.keys["locations"], kind))
        del values["locations"]
    try:
        found = kind.model_validate({**values, "locations": locations})
    except ValidationError as error:
        report.extend(_findings(error, locations, kind))
        raise SpecError(report) from None
    if report.errors:
        raise SpecError(report)
    return found


def _values(node: Any) -> Any:
    match node:
        case tables.Row():
            return node.values
        case Sequence() if any(isinstance(item, tables.Row) for item in node.items):
            return [_values(item) for item in node.items]
        case _:
            return plain(node)


def _expand_tables(tree: Mapping) -> Mapping:
    """Return the tree with every table that ``projections`` names replaced by its rows."""
    projections = tree.items.get("projections")
    if isinstance(projections, Mapping) and "file" in projections.items:
        projections = Sequence(projections.span, [projections])
    if not isinstance(projections, Sequence):
        return tree
    items: list[Any] = []
    for item in projections.items:
        named = item.items.get("file") if isinstance(item, Mapping) else None
        if not isinstance(named, Scalar):
            items.append(item)
            continue
        assert isinstance(item, Mapping)
        path, dataset = plain(named), plain(item.items["dataset"])
        common = {k: plain(v) for k, v in item.items.items() if k not in ("file", "dataset")}
        for row in tables.read_rows(path, path, dataset, named.span):
            items.append(tables.Row(row.span, common | row.values))
    return Mapping(tree.span, tree.items | {"projections": Sequence(projections.span, items)}, tree.keys)


def _findings(error: ValidationError, locations: Locations, root: type[BaseModel]) -> Iterator[Diagnostic]:
    """Yield a finding for each error of pydantic.

    A missing key next to a misspelt one is reported once; so is a list that is too short without its bad entries.
    """
    problems = list(_first(error.errors(include_url=False)))
    inside = {problem["loc"][:-1] for problem in problems}
    misspelt = {
        (*problem["loc"][:-1], nearest(str(problem["loc"][-1]), known_keys(problem["loc"][:-1], root)))
        for problem in problems
        if problem["type"] == "extra_forbidden"
    }
    for problem in problems:
        again = problem["type"] == "missing" and problem["loc"] in misspelt
        again |= problem["type"] == "too_short" and problem["loc"] in inside
        if not again:
            yield _finding(problem, locations, root)


def _first(problems: Iterable[Any]) -> Iterator[Any]:
    """Yield the problems without those that are the same as more than a report keeps."""
    counts: Counter[str] = Counter()
    for problem in problems:
        counts[problem["type"]] += 1
        if counts[problem["type"]] <= MOST:
            yield problem


def _finding(problem: Any, locations: Locations, root: type[BaseModel]) -> Diagnostic:
    """Return an error of pydantic as a finding at the value that it is about."""
    kind, loc = problem["type"], tuple(problem["loc"])
    is_key = bool(loc) and loc[-1] == "[key]"
    written = loc[:-1] if is_key else loc
    span = locations.span(written, key=is_key)
    name = f"the name {written[-1]}" if is_key else _last_key(written)
    shown = _shown(problem.get("input"))
    if kind == "extra_forbidden":
        return _unknown_key(locations, written, locations.span(written, key=True), root)
    if kind == "missing" and isinstance(loc[-1], int):
        name = _last_key(loc[:-1])
        message = f"`{name}` has {loc[-1]} entries, and more are needed"
        return reading.WRONG_TYPE.at(span, message, help=hints.GRID_HINT)
    if kind in {"missing", "union_tag_not_found"}:
        missing = "type" if kind == "union_tag_not_found" else str(loc[-1])
        return reading.MISSING_KEY.at(span, f"the key `{missing}` is missing here", help=f"add `{missing}: ...`")
    value, instead, hint = problem.get("input"), None, ""
    if kind == "wrong_unit":
        hint = "decimals have a point" if "," in str(value) else ""
        return reading.WRONG_UNIT.at(span, problem["ctx"]["reason"], help=hint)
    expected = _expected(kind, problem.get("ctx") or {}, problem["msg"])
    if kind in {"literal_error", "union_tag_invalid"}:
        words = [w.strip(" '") for w in _choices(problem["ctx"])]
        if kind == "union_tag_invalid":
            value = problem["ctx"]["tag"]
            span, name = locations.span((*written, "type")), "type"
        shown = f"`{value}`"
        expected = "be one of " + ", ".join(f"`{w}`" for w in words)
        instead = hints.word(value, words)
        hint = f"did you mean `{instead}`?" if instead is not None else ""
    elif kind in _RANGE:
        if kind == "less_than_equal" and problem["ctx"]["le"] == 1:
            hint = "this is a fraction: divide what is in percent by 100"
    else:
        hint, instead = hints.meant(expected.removeprefix("be ").removeprefix("a "), value, name)
    rule = reading.OUT_OF_RANGE if kind in _RANGE else reading.WRONG_TYPE
    fixes = [(span, instead)] if instead and not span.inside and span.line == span.end_line else []
    message = f"`{name}` is {shown}{_where(span)}, and must {expected}"
    return rule.at(span, message, help=hint, fixes=fixes)


def _where(span: Span) -> str:
    return f" in row `{span.inside}`" if span.inside else ""


def _choices(context: dict[str, Any]) -> list[str]:
    words = context.get("expected_tags") or context.get("expected") or ""
    return [w for part in str(words).split(" or ") for w in part.split(",")]


def _last_key(loc: tuple[Any, ...]) -> str:
    """Return the last name of a path, with the index after it: ``grid[1]``."""
    index = ""
    for step in reversed(loc):
        if isinstance(step, int):
            index = f"[{step}]" + index
        else:
            return f"{step}{index}"
    return f"item {index}" if index else "the spec"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case dict() if len(value) <= 3 and not any(isinstance(v, dict | list) for v in value.values()):
            return "the mapping {" + ", ".join(f"{k}: {v}" for k, v in value.items()) + "}"
        case dict():
            return f"a mapping of {len(value)} keys"
        case list():
            return f"a list of {len(value)}"
        case str() if len(value) > 60:
            return f"the text `{value[:57]}...`"
        case str():
            return f"the text `{value}`"
        case _:
            text = str(getattr(value, "text", value))
            return f"`{text}`" if len(text) <= 60 else f"`{text[:57]}...`"


def _expected(kind: str, context: dict[str, Any], message: str) -> str:
    table = {
        "greater_than": "be more than {gt}",
        "greater_than_equal": "be at least {ge}",
        "tiny": "be 0, or at least {smallest} without its sign",
        "less_than": "be less than {lt}",
        "less_than_equal": "be at most {le}",
        "finite_number": "be a finite number",
        "int_type": "be a whole number",
        "int_from_float": "be a whole number",
        "float_type": "be a number",
        "string_type": "be text",
        "bool_type": "be true or false",
        "dict_type": "be a mapping",
        "model_type": "be a mapping",
        "model_attributes_type": "be a mapping",
        "list_type": "be a list",
        "tuple_type": "be a list",
        "too_short": "have at least {min_length} entries",
        "too_long": "have at most {max_length} entries",
        "string_too_short": "not be empty",
        "string_pattern_mismatch": "have none of the marks . @ : ~ > and no control character in a name",
        "string_too_long": "have at most {max_length} characters",
    }
    if kind in table:
        return table[kind].format(**{k: f"{v:g}" if isinstance(v, float) else v for k, v in context.items()})
    return f"be valid: {message[0].lower()}{message[1:]}"


def _unknown_key(locations: Locations, written: tuple[Any, ...], span: Span, root: type[BaseModel]) -> Diagnostic:
    key = str(written[-1])
    known = known_keys(written[:-1], root)
    around = step_into_all(locations.tree, written[:-1])
    present = around.items if isinstance(around, Mapping) else {}
    free = [k for k in known if k not in present]
    fix = None if span.inside else nearest(key, free)
    before = itertools.takewhile(lambda name: name != key, present)
    if fix is not None and any(name not in known and nearest(name, free) == fix for name in before):
        fix = None  # another misspelt key there already becomes that one
    if key in known:  # a key of the whole spec, given to a value inside it
        hint = f"`{key}` belongs to the top level of a spec"
        return reading.UNKNOWN_KEY.at(span, f"unknown key `{key}`{_where(span)}", help=hint)
    hint = did_you_mean(key, known if nearest(key, known) is not None else free or known)
    fixes = [] if fix is None else [(span, fix)]
    return reading.UNKNOWN_KEY.at(span, f"unknown key `{key}`{_where(span)}", help=hint, fixes=fixes)


def step_into_all(node: Any, path: tuple[Any, ...]) -> Any:
    """Return the node at ``path``, skipping steps that the tree does not have."""
    for step in path:
        child = step_into(node, step)
        node = node if child is None else child
    return node


def known_keys(path: tuple[Any, ...], root: type[BaseModel] = Connectome) -> list[str]:
    """Return the keys that the language has at ``path`` of a spec."""
    return [*_fields(path, root), *(["extends"] if not path and root is Connectome else [])]


def _fields(path: tuple[Any, ...], root: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of the models that may stand at ``path``, by their keys; found by walking the model's types."""
    candidates: list[Any] = [root]
    for step in path:
        following: list[Any] = []
        for kind in candidates:
            following += _step_type(kind, step)
        candidates = following or candidates
    fields: dict[str, FieldInfo] = {}
    for kind in candidates:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields |= {f.alias or n: f for n, f in kind.model_fields.items() if n != "locations"}
    return fields


def _step_type(kind: Any, step: Any) -> list[Any]:
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        generic = typing.get_origin(kind)
        args = typing.get_args(kind)
        if generic is dict:
            return _options(args[1])
        if generic is tuple:
            return [o for a in args if a is not Ellipsis for o in _options(a)]
        return []
    for name, info in kind.model_fields.items():
        if (info.alias or name) == step:
            return _options(info.annotation)
    if "type" in kind.model_fields and kind.model_fields["type"].default == step:
        return [kind]
    return []


def _options(annotation: Any) -> list[Any]:
    """Return the members of a union, or the type itself, without annotations."""
    generic = typing.get_origin(annotation)
    if generic is typing.Annotated:
        return _options(typing.get_args(annotation)[0])
    if generic in (typing.Union, types.UnionType):
        return [o for a in typing.get_args(annotation) for o in _options(a)]
    return [annotation]
