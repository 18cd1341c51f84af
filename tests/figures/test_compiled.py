"""Masks and routing graphs against the program that they are drawn of."""

import dataclasses

import numpy as np
import pytest
from matplotlib.text import Annotation

from cortexc import compiler
from cortexc.compiler.artifact import Attend, Readout
from cortexc.figures import mask, routing
from cortexc.figures.style import FigureError
from tests.random_connectomes import random_connectome

PROGRAM = compiler.compile("macaque-ventral")


def test_the_maps_of_a_token_are_its_attention_before_learning() -> None:
    name = "V1.L23E@2"
    figure = mask.draw(PROGRAM, name, token=9)
    (op,) = [o for o in PROGRAM.ops if isinstance(o, Attend) and o.name == f"attend {name}"]
    sources = sorted(op.sources, key=lambda s: -s.weight)[: mask.MOST_SOURCES]
    rows = []
    for s in sorted(op.sources, key=lambda s: -s.weight):
        c = PROGRAM.connections[s.connection]
        row = np.zeros(c.shape[1])
        part = slice(c.indptr[9], c.indptr[10])
        row[c.indices[part]] = c.weight[part] * s.weight
        rows.append(row)
    total = sum(r.sum() for r in rows)
    maps = [a.images[0].get_array() for a in figure.axes[1:] if a.images and a.get_title()]
    assert len(maps) == len(sources)
    for shown, row in zip(maps, rows, strict=False):
        seen = np.nan_to_num(np.ma.filled(shown, np.nan))
        assert np.allclose(seen, row.reshape(shown.shape) / total)


def test_unknown_ops_and_tokens_are_refused() -> None:
    with pytest.raises(FigureError, match="did you mean"):
        mask.draw(PROGRAM, "V1.L24E@2")
    with pytest.raises(FigureError, match="not on the grid"):
        mask.draw(PROGRAM, "V1.L23E@2", token=64)


def test_the_logits_are_read_from_the_update_that_the_readout_names() -> None:
    """Also where that is not the last update: the picture then has its arrow there."""
    *ops, last = PROGRAM.ops
    assert isinstance(last, Readout)
    updates, _ = routing.edges(PROGRAM)
    assert routing.read_last(PROGRAM) == updates[-1]
    earlier = dataclasses.replace(last, states=tuple((name, value.replace("@2", "@1")) for name, value in last.states))
    program = dataclasses.replace(PROGRAM, ops=(*ops, earlier))
    area, sweep = updates[-1]
    assert routing.read_last(program) == (area, sweep - 1)
    (arrow,) = [t for t in routing.draw(program).axes[0].texts if t.get_text() == "logits"]
    assert isinstance(arrow, Annotation)
    assert arrow.xy[0] == updates.index((area, sweep - 1))


@pytest.mark.parametrize("seed", range(5))
def test_the_routing_graph_has_all_that_is_read_and_time_runs_right(seed: int) -> None:
    program = compiler.compile(random_connectome(seed), seed=seed)
    updates, read = routing.edges(program)
    assert len(set(updates)) == len(updates)
    place = {u: i for i, u in enumerate(updates)}
    assert all(place[e.source] <= place[e.target] for e in read)
    total = sum(program.connections[s.connection].nonzeros for op in program.ops for s in getattr(op, "sources", ()))
    assert sum(e.connections for e in read) == total
    routing.draw(program)
    if any(isinstance(op, Attend) for op in program.ops):
        mask.draw(program)
