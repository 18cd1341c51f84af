"""Write the table of rules and their pages: ``python docs/make_rules.py > docs/rules.md``."""

from __future__ import annotations

from cortexc.compiler.checker import RULES as CHECKED
from cortexc.connectome.diagnostics.importing import RULES as IMPORTED
from cortexc.experiments.rules import RULES as EXPERIMENTAL

RULES = (*CHECKED, *IMPORTED, *EXPERIMENTAL)

_HEAD = """# The rules

Every finding has the code of a rule. Codes are stable and never used twice. `S1..` are found while a file is read,
`S2..` once the whole connectome is known: its structure. `G` is the graph, `A` anatomy, `C` compilation and cost, and
`I` is found while anatomy is imported, `X` in the file of an experiment. Only an error keeps a spec from being
compiled. `cortexc explain CODE` prints the same pages.

A finding that is known and accepted is silenced in the spec, with a reason:

```yaml
checker:
  allow:
    - {rule: A413, at: areas.V4, reason: a foveal map}   # at: V2 -> V1, or circuits.granular; all of it without `at`
  bounds: {attention_parameters: 50000, activation_mb: 2000}   # C502 is an error where a model is larger
```

The examples are laid over [one small spec](../tests/fixtures/rules/base.yaml); those of `I` are edge lists, and those
of `X` are laid over [one small experiment](../tests/fixtures/rules/experiment.yaml). The tests run them all.

This page is written by `python docs/make_rules.py > docs/rules.md`.
"""


def page() -> str:
    """Return the whole page as Markdown."""
    lines = [_HEAD, "| code | name | severity |", "|---|---|---|"]
    lines += [f"| [{r.code}](#{r.code.lower()}-{r.name}) | {r.name} | {r.severity.value} |" for r in RULES]
    for rule in RULES:
        lines += ["", f"## {rule.code} {rule.name}", ""]
        lines += rule.page.splitlines()
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
