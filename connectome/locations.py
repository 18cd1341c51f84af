"""Where in the files each value of a connectome was written."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from .diagnostics import Span


@dataclass(frozen=True)
class Locations:
    """The locations of a connectome's values, and the texts that they were read from.

    Two of these always compare equal: connectomes are equal if their values are, wherever these were written.
    """

    tree: Any = field(default=None, compare=False)
    texts: MappingType[str, str] = field(default_factory=dict, compare=False)

    def span(self, path: tuple[str | int, ...], *, key: bool = False) -> Span:
        """Return the location of the value at ``path``, or of the nearest enclosing value if it was not written.

        Steps that the tree does not have (a default, the tag of a union) are skipped. With ``key`` it is the location
        of the last key instead of its value.
        """
        node, found = self.tree, getattr(self.tree, "span", Span("<python>"))
        for i, step in enumerate(path):
            child = step_into(node, step)
            if child is None:
                continue
            if key and i == len(path) - 1 and isinstance(getattr(node, "keys", None), dict):
                keys: dict[str, Span] = node.keys
                return keys.get(str(step), found)
            node, found = child, child.span
        return found

    def first_key(self, path: tuple[str | int, ...]) -> tuple[Span, bool] | None:
        """Return the empty span right before the first key of the mapping at ``path``, and whether it is in braces.

        None if the mapping is empty, or is not in the main file of the spec.
        """
        node = reduce(step_into, path, self.tree)
        keys: dict[str, Span] = getattr(node, "keys", None) or {}
        if not isinstance(keys, dict) or not keys:
            return None
        whole, first = node.span, min(keys.values())
        if not first.path == whole.path == self.tree.span.path or first.inside:
            return None
        flow = (whole.line, whole.column) != (first.line, first.column)
        return Span(first.path, first.line, first.column, first.line, first.column), flow

    def has(self, path: tuple[str | int, ...]) -> bool:
        """Whether something was written at ``path``."""
        return reduce(step_into, path, self.tree) is not None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let pydantic store locations without validating them."""
        return core_schema.is_instance_schema(cls)


def step_into(node: Any, step: str | int) -> Any:
    """Return the child of ``node`` at ``step``, or None."""
    items = getattr(node, "items", None)
    if isinstance(items, dict):
        return items.get(str(step))
    if isinstance(items, list) and isinstance(step, int) and 0 <= step < len(items):
        return items[step]
    return None
