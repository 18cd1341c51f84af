"""A rule: a stable code, a name, a severity and the page that explains it."""

from __future__ import annotations

import difflib
import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .span import Span

MOST: Final = 1000
"""Findings of one code that are kept."""
_LONGEST, _MOST_KNOWN = 200, 1000
"""Characters of a name, and known names, among which the nearest is looked for: it takes time."""


class Severity(StrEnum):
    """How bad a finding is. Only errors prevent a spec from being compiled."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Diagnostic:
    """One finding: which rule, where, what is wrong, and how to fix it."""

    code: str
    severity: Severity
    span: Span
    message: str
    help: str = ""
    notes: tuple[tuple[Span, str], ...] = ()
    fixes: tuple[tuple[Span, str], ...] = ()
    """Replacement texts for spans of the file, where a fix is safe: it changes nothing that was correct."""


@dataclass(frozen=True)
class Rule:
    """A rule of the checker. ``page`` is what ``cortexc explain CODE`` prints."""

    code: str
    name: str
    page: str
    severity: Severity = Severity.ERROR
    check: Callable[..., Iterator[Diagnostic]] | None = field(default=None, compare=False)

    def findings(self, checked: Any) -> Iterator[Diagnostic]:
        """Yield what the rule finds on a connectome, or whatever it checks; nothing if others report it."""
        if self.check is not None:
            yield from itertools.islice(self.check(checked, self), MOST)

    def at(
        self,
        span: Span,
        message: str,
        *,
        help: str = "",
        notes: Iterable[tuple[Span, str]] = (),
        fixes: Iterable[tuple[Span, str]] = (),
    ) -> Diagnostic:
        """Return a finding of this rule at ``span``."""
        return Diagnostic(self.code, self.severity, span, message, help, tuple(notes), tuple(fixes))


def rule(
    code: str, name: str, severity: Severity = Severity.ERROR
) -> Callable[[Callable[..., Iterator[Diagnostic]]], Rule]:
    """Make a rule from a generator ``check(connectome, rule)``; its docstring becomes the page of the rule."""

    def decorate(check: Callable[..., Iterator[Diagnostic]]) -> Rule:
        return Rule(code, name, inspect.getdoc(check) or "", severity, check)

    return decorate


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` may be a misspelling of, or None."""
    return _nearest(name[:_LONGEST], tuple(known))


@functools.lru_cache(maxsize=4096)
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    if len(known) > _MOST_KNOWN:
        return None
    lowered: dict[str, str] = {}
    for known_name in known:
        lowered.setdefault(known_name.lower(), known_name)
    near = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[near[0]] if near else None


def did_you_mean(name: Any, known: Iterable[Any]) -> str:
    """Return a hint that names the known name nearest to ``name``, or all of them when none is near."""
    names = [str(k) for k in known]
    near = nearest(str(name), names)
    if near is not None:
        return f"did you mean `{near}`?"
    if not names:
        return ""
    shown = ", ".join(f"`{n}`" for n in names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"known here: {shown}"
