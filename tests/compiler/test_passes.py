"""Each pass on small specs, as ``tests/fixtures/passes/<pass>.txt`` shows it.

A case is a title and a spec, what the pass looks at in the graph before it (for the first pass, that is the spec), and
everything in the graph that it changes. After a change that is meant, ``python -m tests.compiler.test_passes`` writes
what follows the specs anew.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from cortexc import compiler
from cortexc.compiler.ir import Graph
from cortexc.compiler.pipeline import PASSES
from cortexc.compiler.printer import graph_as_text
from cortexc.connectome import Connectome

FIXTURES = Path(__file__).parents[1] / "fixtures" / "passes"
LOOKS_AT: dict[str, tuple[str, ...]] = {
    "resolve": (),
    "connect": ("joins",),
    "prune": ("populations", "pathways", "couplings"),
    "unroll": ("pathways", "couplings", "schedule"),
    "plan": ("populations", "couplings", "ops"),
    "choose": ("connections", "ops"),
}


class Case(NamedTuple):
    title: str
    spec: str
    shown: str
    """What the fixture says of before and after."""


def cases(name: str) -> list[Case]:
    blocks = re.split(r"^=== ", (FIXTURES / f"{name}.txt").read_text(), flags=re.MULTILINE)[1:]
    parts = [re.split(r"\n(?=--- )", block, maxsplit=1) for block in blocks]
    return [Case(*head.split("\n", 1), shown.rstrip()) for head, shown in parts]


def found(name: str, case: Case) -> str:
    """Return what the pass does, as the fixture shows it."""
    graphs: dict[str, Graph] = {}
    compiler.run(Connectome.model_validate(yaml.safe_load(case.spec)), seed=0, observe=graphs.__setitem__)
    stages: list[dict[str, str]] = [{}, *(sections(graph_as_text(graph)) for graph in graphs.values())]
    before, after = stages[list(graphs).index(name) :][:2]
    looked_at = [before[heading] for heading in LOOKS_AT[name] if heading in before]
    changed = [text for heading, text in after.items() if before.get(heading) != text]
    return "\n".join([*(["--- before", *looked_at] if looked_at else []), "--- after", *changed])


def sections(text: str) -> dict[str, str]:
    return {s.split("\n", 1)[0]: s for s in re.split(r"\n(?! )", text)}


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}: {case.title}") for name in LOOKS_AT for case in cases(name)],
)
def test_a_pass_does_what_its_fixture_shows(name: str, case: Case) -> None:
    assert found(name, case) == case.shown


def test_every_pass_has_fixtures() -> None:
    names = ["resolve", *(name for name, _ in PASSES)]
    assert list(LOOKS_AT) == names
    assert sorted(path.stem for path in FIXTURES.glob("*.txt")) == sorted(names)


if __name__ == "__main__":
    for name in LOOKS_AT:
        blocks = [f"=== {case.title}\n{case.spec}\n{found(name, case)}\n" for case in cases(name)]
        (FIXTURES / f"{name}.txt").write_text("\n".join(blocks))
