"""Attention over an image, against the maps that it is drawn of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import cortexc
from cortexc.figures import attention
from cortexc.figures.style import FigureError

NAME = "V1.L23E@2"


@pytest.fixture(scope="module")
def seen() -> tuple[cortexc.Program, torch.Tensor, dict[str, torch.Tensor]]:
    program = cortexc.compile("macaque-multiscale")
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return program, images, cortexc.attention_maps(cortexc.build(program), images)


def test_a_row_is_a_token_and_a_column_a_source(seen: Any) -> None:
    program, images, maps = seen
    drawn = attention.draw(program, images[0], maps, NAME, tokens=[9, 50])
    panels = [axes for axes in drawn.axes if axes.images]
    op = next(o for o in program.ops if o.name == f"attend {NAME}")
    assert len(panels) == 2 * (1 + len(op.sources))
    rows = maps[op.name][0].mean(0)
    for start, token in ((0, 9), (len(panels) // 2, 50)):
        found = [np.asarray(axes.images[1].get_array()) for axes in panels[start + 1 : start + len(panels) // 2]]
        assert sum(part.sum() for part in found) == pytest.approx(float(rows[token].sum()), abs=1e-5)
        assert max(part.max() for part in found) == pytest.approx(float(rows[token].max()), abs=1e-6)
    shown = [float(axes.get_title().splitlines()[-1].rstrip("%")) for axes in panels[1 : len(panels) // 2]]
    assert sum(shown) == pytest.approx(100, abs=0.5)
    assert shown == sorted(shown, reverse=True) or len(set(shown)) < len(shown)


@pytest.mark.parametrize("spec", ["vit-tiny", "mouse-visual"])
def test_the_busiest_op_and_three_tokens_are_the_default(spec: str) -> None:
    program = cortexc.compile(spec)
    images = torch.rand(1, *program.image_shape)
    drawn = attention.draw(program, images[0], cortexc.attention_maps(cortexc.build(program), images))
    labels = [axes.get_ylabel() for axes in drawn.axes if axes.get_ylabel().startswith("token")]
    assert len(labels) == 3


def test_what_does_not_fit_is_refused(seen: Any) -> None:
    program, images, maps = seen
    with pytest.raises(FigureError, match=r"there is no attention op `V1\.L24E@2`"):
        attention.draw(program, images[0], maps, "V1.L24E@2")
    with pytest.raises(FigureError, match=r"the image has the shape \(2, 3, 32, 32\), and \(3, 32, 32\) is expected"):
        attention.draw(program, images, maps)
    with pytest.raises(FigureError, match=r"token 64 is not on the grid of V1\.L23E, 8 x 8"):
        attention.draw(program, images[0], maps, NAME, tokens=[64])
    with pytest.raises(FigureError, match=r"the maps have no attention of `attend V1\.L23E@2`"):
        attention.draw(program, images[0], {}, NAME)
