"""What NeuroML says beside which cells are joined: delays, gap junctions, weights, and layers of one column."""

from pathlib import Path

import pytest

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read
from tests.anatomy.importers.test_neuroml import HEAD, TAIL, write

PAIR = 'presynapticPopulation="{}" postsynapticPopulation="{}"'


def projection(source: str, target: str, *rows: str, synapse: str = "s", tag: str = "connectionWD") -> str:
    cells = f'preCellId="../{source}/0/c" postCellId="../{target}/0/c"'
    inner = "".join(f'<{tag} id="{i}" {cells} {row}/>\n' for i, row in enumerate(rows))
    return f'<projection id="p" {PAIR.format(source, target)} synapse="{synapse}">\n{inner}</projection>\n'


def up(found: Imported) -> dict[str, float | None]:
    (one,) = [p for p in found.connectome.projections if p.origin == "V1"]
    return {"weight": one.weight, "delay_ms": one.delay_ms}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("2ms", "4 ms"), 3.0),
        (("0.002 s", "4ms"), 3.0),
        (("2000 us",), 2.0),
        (("2ms", "0 ms"), 2.0),
        (("0ms",), None),
    ],
)
def test_delays_have_units_and_a_projection_has_their_mean(
    tmp_path: Path, texts: tuple[str, ...], expected: float | None
) -> None:
    rows = [f'weight="1" delay="{text}"' for text in texts]
    inside = projection("V1_L23_E", "V1_L5_E", 'weight="1" delay="9ms"')
    found = read("neuroml", write(tmp_path, projection("V1_L23_E", "V4_L23_E", *rows) + inside))
    assert up(found)["delay_ms"] == expected
    assert ("1 delays of connections inside areas" in found.report.as_text()) == (expected is not None)


@pytest.mark.parametrize("text", ["2", "2 mV", "-1 ms", "soon", "nan ms"])
def test_a_delay_that_is_no_time_is_refused_or_left_out(tmp_path: Path, text: str) -> None:
    rows = 'weight="1" delay="1ms"', f'weight="1" delay="{text}"'
    path = write(tmp_path, projection("V1_L23_E", "V4_L23_E", *rows))
    with pytest.raises(connectome.SpecError, match=f"the delay of this connection is `{text}`"):
        read("neuroml", path)
    assert up(read("neuroml", path, invalid="drop"))["weight"] == 1.0


@pytest.mark.parametrize(
    ("outer", "tag"),
    [
        ("projection", "connectionWD"),
        ("continuousProjection", "continuousConnectionInstanceW"),
        ("electricalProjection", "electricalConnectionInstanceW"),
    ],
)
def test_a_connection_without_the_weight_that_it_must_have_is_refused(tmp_path: Path, outer: str, tag: str) -> None:
    body = projection("V1_L23_E", "V4_L23_E", 'weight="1"') + projection("V1_L23_E", "V4_L5_E", 'delay="1ms"', tag=tag)
    head, _, tail = body.rpartition("<projection")
    path = write(tmp_path, f"{head}<{outer}{tail.replace('</projection', f'</{outer}')}")
    with pytest.raises(connectome.SpecError, match=f"this <{tag}> has no weight"):
        read("neuroml", path)
    assert "1 connections without a weight" in read("neuroml", path, invalid="drop").report.as_text()


def test_a_connection_whose_weight_is_optional_counts_one(tmp_path: Path) -> None:
    assert (
        up(read("neuroml", write(tmp_path, projection("V1_L23_E", "V4_L5_E", "", "", tag="connection"))))["weight"] == 2
    )


@pytest.mark.parametrize(
    ("synapse", "defined", "gap"),
    [
        ("neuron_to_neuron_elec_syn", "", True),
        ("s1", '<gapJunction id="s1" conductance="1nS"/>', True),
        ("elec_syn", '<expTwoSynapse id="elec_syn"/>', False),
        ("electron", "", False),
        ("gapJunction1", "", True),
        ("AMPA_selected", "", False),
    ],
)
def test_projections_by_gap_junctions_are_electrical(tmp_path: Path, synapse: str, defined: str, gap: bool) -> None:
    (tmp_path / "synapses.nml").write_text(
        f'<neuroml xmlns="http://www.neuroml.org/schema/neuroml2">{defined}</neuroml>'
    )
    body = projection("V1_L23_E", "V4_L23_E", 'weight="2"') + projection(
        "V1_L23_E", "V4_L5_E", 'weight="1"', synapse=synapse
    )
    path = write(tmp_path, body)
    path.write_text(path.read_text().replace("<network", '<include href="synapses.nml"/>\n<network'))
    found = read("neuroml", path)
    assert up(found)["weight"] == (2.0 if gap else 3.0)
    assert ("electrical" in found.tables) == gap
    assert (f"synapse `{synapse}` = gap junction" in found.report.as_text()) == gap


COLUMNS: dict[str, tuple[str | None, ...]] = {
    "L23_E L23_I L4_E L4_I L5_E": ("L2/3", "L2/3", "L4", "L4", "L5"),
    "Layer4Exc Layer4Inh L6pyramidal": ("L4", "L4", "L6"),
    "23E 23I 5E": ("L2/3", "L2/3", "L5"),
    "L23_pyr L23_basket L5PC": ("L2/3", "L2/3", "L5"),
    "E I": (None, None),
    "popExc popInh": (None, None),
    "Exc_L4 Inh_L4 E_L23 I_L23 pyr_L5": ("L4", "L4", "L2/3", "L2/3", "L5"),
}


@pytest.mark.parametrize("names", COLUMNS)
def test_layers_of_one_column_are_one_area_and_thalamus_is_another(tmp_path: Path, names: str) -> None:
    called = [*names.split(), "TC"]
    first, second = called[:2]
    body = "".join(f'<population id="{name}" size="10"/>\n' for name in called)
    body += projection(first, second, 'weight="1"') + projection(second, first, 'weight="-1"')
    body += projection("TC", first, 'weight="1"')
    (tmp_path / "n.nml").write_text(HEAD + body + TAIL)
    found = read("neuroml", tmp_path / "n.nml")
    spec = found.connectome
    assert set(spec.areas) == {"net", "TC"}
    populations = spec.circuits["net"].populations
    assert tuple(p.layer for p in populations.values()) == COLUMNS[names]
    assert next(name for name, p in populations.items() if p.kind == "inhibitory") == second
    connections = spec.circuits["net"].connections
    assert connections is not None
    assert not isinstance(connections.probability, str)
    assert [(p.origin, p.target, p.sln) for p in spec.projections if p.source == ("data",)] == [("TC", "net", None)]
    assert "are layers or kinds of cells" in found.report.as_text()
