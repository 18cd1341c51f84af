"""Pictures show what the spec says: the marks that are drawn are counted and compared with the data."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch
from PIL import Image

from cortexc import connectome, specs
from cortexc.connectome.hierarchy import direction, order
from cortexc.figures import adjacency, circuit, hierarchy, style
from cortexc.main import main

SPEC = connectome.load("macaque-ventral")


def arrows(figure: object, axes: int = 0) -> list[FancyArrowPatch]:
    return [p for p in figure.axes[axes].patches if isinstance(p, FancyArrowPatch)]  # type: ignore[attr-defined]


def test_the_hierarchy_has_an_arrow_for_each_projection_in_the_colour_of_its_direction() -> None:
    drawn = arrows(hierarchy.draw(SPEC))
    rank = {name: i for i, name in enumerate(order(SPEC))}
    expected = sorted(
        style.DIRECTIONS[direction(p, SPEC, rank)] if p.origin in SPEC.areas else style.GREY for p in SPEC.projections
    )
    assert sorted(to_hex(a.get_edgecolor()).upper() for a in drawn) == sorted(c.upper() for c in expected)


def test_stronger_projections_are_wider_and_higher_areas_are_higher() -> None:
    figure = hierarchy.draw(SPEC)
    widths = sorted(a.get_linewidth() for a in arrows(figure) if to_hex(a.get_edgecolor()).upper() != style.GREY)
    assert widths[0] == pytest.approx(hierarchy.WIDTHS[0])
    assert widths[-1] == pytest.approx(hierarchy.WIDTHS[1])
    height = {t.get_text(): t.get_position()[1] for t in figure.axes[0].texts}
    assert all(height[n] == SPEC.areas[n].level for n in SPEC.areas)


ODD = {
    "one level": (["a", "a", "a", "a"], ["b", "c", "d", "e"]),
    "long names": (["a very long name of an area"] * 2, ["another name that is as long", "third"]),
    "hundreds": ([f"A{i // 3}" for i in range(300)], [f"A{i + 1}" for i in range(300)]),
    "a fan": (["root"] * 40, [f"leaf {i}" for i in range(40)]),
}


@pytest.mark.parametrize("name", [*specs.names(), *ODD])
def test_no_two_areas_lie_on_each_other(name: str) -> None:
    figure = hierarchy.draw(connectome.from_edges(*ODD[name]) if name in ODD else connectome.load(name))
    figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[:i])


def test_the_matrix_has_targets_as_rows() -> None:
    figure = adjacency.draw(SPEC)
    shown = figure.axes[0].images[0].get_array()
    names = order(SPEC)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == names
    expected = np.full((5, 5), np.nan)
    for p in SPEC.projections[1:]:
        expected[names.index(p.target), names.index(p.origin)] = p.fln
    assert np.array_equal(np.ma.filled(shown, np.nan), expected, equal_nan=True)


def test_the_circuit_shows_the_matrix_with_targets_as_rows_whatever_the_file_has() -> None:
    spec = connectome.load("mouse-visual")  # rows are sources there
    shown = circuit.draw(spec, "VISp").axes[1].images[0].get_array()
    written = spec.circuits["VISp"].connections
    assert written is not None
    assert np.allclose(shown, np.array(written.probability).T)
    with pytest.raises(style.FigureError, match="did you mean `VISp`"):
        circuit.draw(spec, "VIS")
    with pytest.raises(style.FigureError, match="no circuit"):
        circuit.draw(connectome.from_edges(["a"], ["b"]))


@pytest.mark.parametrize("ending", style.ENDINGS)
def test_files_are_what_they_are_called_and_the_same_each_time(ending: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}{ending}" for i in (1, 2)]
    for path in paths:
        style.save(adjacency.draw(SPEC), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[ending]
    assert paths[0].read_bytes().startswith(start)


@pytest.mark.parametrize("ending", style.ENDINGS)
def test_pictures_leave_the_settings_of_matplotlib_alone(ending: str, tmp_path: Path) -> None:
    before = dict(rcParams)
    style.save(adjacency.draw(SPEC), tmp_path / f"a{ending}")
    assert dict(rcParams) == before


def test_the_command_draws_and_explains_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "figure.png"
    assert main(["plot", "mouse-visual", "--show", "circuit", "--circuit", "VISl", "-o", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.size[0] > 600
    assert main(["plot", "mouse-visual", "-o", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    for words, said in (
        (["-o", str(tmp_path / "x.jpg")], ".png, .svg, .pdf"),
        (["--show", "circuit", "--circuit", "V1", "-o", str(tmp_path / "x.png")], "there is no circuit `V1`"),
        (["--show", "mask", "--op", "VISp.L9@1", "-o", str(tmp_path / "x.png")], "did you mean `VISp."),
        (["--op", "VISp.L4E@1", "-o", str(tmp_path / "x.png")], "belongs to --show mask"),
    ):
        assert main(["plot", "mouse-visual", *words]) == 2
        assert said in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["figure.png"]


def test_long_names_leave_room_for_the_matrix() -> None:
    figure = adjacency.draw(connectome.from_edges(*ODD["long names"]))
    figure.draw_without_rendering()
    assert figure.axes[0].get_window_extent().width > 0.3 * figure.bbox.width
