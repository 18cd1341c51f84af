"""Write the table of rules and their pages: ``python docs/make_rules.py > docs/rules.md``."""

from __future__ import annotations

from connectome.checker import RULES

_HEAD = """# The rules

Every finding has the code of a rule. Codes are stable and never used twice. `S1..` are found while a file is read,
`S2..` once the whole connectome is known, `L3..` when a sound spec is compiled. Only an error keeps a spec from being
compiled. `cortexc explain CODE` prints the same pages.

This page is written by `python docs/make_rules.py > docs/rules.md`.
"""


def page() -> str:
    """Return the whole page as Markdown."""
    lines = [_HEAD, "| code | name | severity |", "|---|---|---|"]
    lines += [f"| [{r.code}](#{r.code.lower()}-{r.name}) | {r.name} | {r.severity.value} |" for r in RULES]
    for rule in RULES:
        lines += ["", f"## {rule.code} {rule.name}", ""]
        fenced = False
        for line in rule.page.splitlines():
            if line.startswith("Bad:") and not fenced:
                lines.append("```text")
                fenced = True
            lines.append(line)
        if fenced:
            lines.append("```")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
