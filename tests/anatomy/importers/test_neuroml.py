"""NeuroML networks: areas, layers and kinds from the names; electrical projections apart."""

from pathlib import Path

import pytest

from cortexc import connectome
from cortexc.anatomy.importers import read

HEAD = '<neuroml xmlns="http://www.neuroml.org/schema/neuroml2" id="n">\n<network id="net">\n'
POPULATIONS = "".join(
    f'<population id="{area}_{name}" component="c" size="{size}"/>\n'
    for area in ("V1", "V4")
    for name, size in (("L23_E", 40), ("L23_I", 10), ("L5_E", 20))
)
TAIL = "</network>\n</neuroml>\n"


def projection(source: str, target: str, weights: list[float], tag: str = "projection") -> str:
    kind = {"projection": "connectionWD", "electricalProjection": "electricalConnectionInstanceW"}[tag]
    rows = "".join(f'<{kind} id="{i}" weight="{w}" delay="1ms"/>\n' for i, w in enumerate(weights))
    return f'<{tag} id="p" presynapticPopulation="{source}" postsynapticPopulation="{target}">\n{rows}</{tag}>\n'


def write(folder: Path, body: str) -> Path:
    path = folder / "net.nml"
    path.write_text(HEAD + POPULATIONS + body + TAIL)
    return path


def test_a_network_becomes_areas_with_circuits(tmp_path: Path) -> None:
    body = (
        projection("V1_L23_E", "V4_L23_E", [0.5, 0.25])
        + projection("V1_L5_E", "V4_L5_E", [0.25])
        + projection("V1_L23_E", "V1_L23_I", [1.0] * 100)
        + projection("V1_L23_I", "V1_L23_E", [-1.0] * 40)
        + projection("V1_L23_E", "V4_L5_E", [0.125], "electricalProjection")
    )
    found = read("neuroml", write(tmp_path, body))
    spec = found.connectome
    assert set(spec.areas) == {"V1", "V4"}
    circuit = spec.circuits["V1"]
    assert {n: (p.layer, p.kind, p.cells) for n, p in circuit.populations.items()} == {
        "L23_E": ("L2/3", "excitatory", 40.0),
        "L23_I": ("L2/3", "inhibitory", 10.0),
        "L5_E": ("L5", "excitatory", 20.0),
    }
    assert circuit.connections is not None
    matrix = circuit.connections.probability
    assert isinstance(matrix, tuple)
    assert matrix[1][0] == pytest.approx(100 / 400)
    assert matrix[0][1] == pytest.approx(40 / 400)
    (up,) = [p for p in spec.projections if p.origin == "V1"]
    assert (up.target, up.weight, up.sln) == ("V4", pytest.approx(1.0), pytest.approx(0.75))
    assert found.tables["electrical"]["pairs"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (projection("V1_L23_E", "V9_L4_E", [1.0]), "I604", "V9_L4_E"),
        (projection("V1_L23_E", "V4_L5_E", [float("nan")]), "I603", "nan"),
        (projection("V1_L23_E", "V4_L5_E", [1.0]) + projection("V1_L23_E", "V1_L5_E", [-1.0]), "I603", "Dale"),
        ("<projection", "I601", "well-formed"),
    ],
)
def test_broken_networks_get_one_finding_at_its_line(tmp_path: Path, body: str, code: str, words: str) -> None:
    with pytest.raises(connectome.SpecError) as caught:
        read("neuroml", write(tmp_path, body))
    (finding,) = caught.value.report
    assert finding.code == code
    assert words in finding.message
    assert finding.span.line > 2


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("V1_L23_E")
    path = tmp_path / "net.nml"
    path.write_text(
        f'<!DOCTYPE n [<!ENTITY x SYSTEM "file://{secret}">]>\n'
        + HEAD
        + '<population id="a" size="1">&x;</population>\n<population id="b" size="1"/>\n'
        + projection("a", "b", [1.0])
        + TAIL
    )
    found = read("neuroml", path)
    assert "V1_L23_E" not in str(found.connectome)


def joined(source: str, target: str, *connections: tuple[int, int, str], id: str = "p") -> str:
    rows = "".join(
        f'<connectionWD id="{i}" preCellId="../{source}/{a}/c" postCellId="../{target}[{b}]" weight="{w}"/>\n'
        for i, (a, b, w) in enumerate(connections)
    )
    pair = f'presynapticPopulation="{source}" postsynapticPopulation="{target}"'
    return f'<projection id="{id}" {pair}>\n{rows}</projection>\n'


UP = joined("V1_L23_E", "V4_L23_E", (0, 0, "0.5"), (0, 0, "0.5"), (1, 0, "3")) + joined(
    "V1_L5_E", "V4_L5_E", (7, 0, "1")
)


@pytest.mark.parametrize(
    ("strength", "field", "value", "sln"),
    [
        ("synapses", "weight", 5.0, 4 / 5),
        ("weight", "weight", 5.0, 4 / 5),
        ("connections", "weight", 3.0, 2 / 3),
        ("neurons", "fln", 1.0, 2 / 3),
    ],
)
def test_strength_is_weights_pairs_or_neurons(
    tmp_path: Path, strength: str, field: str, value: float, sln: float
) -> None:
    found = read("neuroml", write(tmp_path, UP), strength=strength)
    (up,) = [p for p in found.connectome.projections if p.origin == "V1"]
    assert (getattr(up, field), up.sln) == (pytest.approx(value), pytest.approx(sln))
    assert found.tables["connections"]["pairs"].tolist() == [2.0, 1.0]
    assert found.tables["connections"]["connections"].tolist() == [3.0, 1.0]


def test_neurons_that_are_not_named_cannot_be_counted(tmp_path: Path) -> None:
    path = write(tmp_path, projection("V1_L23_E", "V4_L5_E", [1.0]))
    with pytest.raises(connectome.SpecError, match="do not say which cells"):
        read("neuroml", path, strength="neurons")
    assert any(g.subject == "cells of 1 connections" for g in read("neuroml", path).report.guesses)


@pytest.mark.parametrize(
    ("name", "weight", "expected"),
    [
        ("V1_L23_PV", "2", True),
        ("V1_L4_I", "2", True),
        ("V1_Inh", "1", True),
        ("VIP_L4_E", "1", False),
        ("VIP", "1", False),
        ("RMEI", "1", False),
        ("V1_L6_X", "-1", True),
    ],
)
def test_names_say_who_inhibits_whatever_the_sign(tmp_path: Path, name: str, weight: str, expected: bool) -> None:
    body = UP + f'<population id="{name}" size="2"/>\n' + joined(name, "V1_L5_E", (1, 1, weight))
    found = read("neuroml", write(tmp_path, body))
    said = {
        n: g.why for g in found.report.guesses if g.subject == "inhibitory populations" for n in g.value.split(", ")
    }
    assert (name in said) == expected
    assert {n for n in said if n != name} == {"V1_L23_I", "V4_L23_I"}
    if weight == "-1":
        assert said[name] == "their weights are negative"


def test_nothing_is_said_of_inhibition_where_there_is_none(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.write_text(
        HEAD
        + '<population id="A" size="1"/><population id="B" size="1"/>'
        + joined("A", "B", (0, 0, "3"))
        + '<synapticConnection from="A[0]" to="B[0]" synapse="s"/>'
        + TAIL
    )
    report = read("neuroml", path).report
    assert not any("inhibit" in g.subject + g.value for g in report.guesses)
    (single,) = report.dropped
    assert (single.what, "not read" in single.why) == ("<synapticConnection> elements", True)


BAD = {
    "weight": (joined("V1_L23_E", "V4_L5_E", (0, 0, "1"), (0, 1, "strong"), id="q"), "I603", "`strong`"),
    "cell": (joined("V1_L23_E", "V4_L5_E", (0, 0, "1"), (40, 0, "1"), id="q"), "I604", "`../V1_L23_E/40/c` is no cell"),
    "population": (joined("V1_L23_E", "V9", (0, 0, "1"), id="q"), "I604", "`V9`"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_connections_are_refused_at_their_line_or_counted(tmp_path: Path, fault: str) -> None:
    body, code, words = BAD[fault]
    path = write(tmp_path, UP + body)
    with pytest.raises(connectome.SpecError) as caught:
        read("neuroml", path)
    (finding,) = caught.value.report
    assert (finding.code, words in finding.message, "--invalid drop" in finding.help) == (code, True, True)
    line = path.read_text().splitlines()[finding.span.line - 1]
    assert ('id="q"' if fault == "population" else 'id="1"') in line
    dropped = read("neuroml", path, invalid="drop").report.dropped
    assert [d.count for d in dropped if d.why == "--invalid drop"] == [1]


def test_signs_that_cancel_are_against_dales_law(tmp_path: Path) -> None:
    body = joined("V1_L23_E", "V4_L5_E", (0, 0, "1"), (1, 0, "-1"))
    with pytest.raises(connectome.SpecError, match="Dale"):
        read("neuroml", write(tmp_path, body))


def test_electrical_weights_are_kept(tmp_path: Path) -> None:
    body = UP + projection("V1_L23_I", "V1_L23_E", [3.0, 0.5], "electricalProjection")
    found = read("neuroml", write(tmp_path, body))
    assert found.tables["electrical"]["weight"].tolist() == [3.5]


def test_cells_are_summed_as_those_of_a_list_of_synapses(tmp_path: Path) -> None:
    pairs = [
        ("V1_L23_E", 3, "V4_L23_E", 1),
        ("V1_L23_E", 3, "V4_L5_E", 2),
        ("V1_L5_E", 0, "V4_L5_E", 2),
        ("V1_L23_E", 0, "V1_L23_I", 5),
        ("V1_L23_E", 0, "V1_L23_I", 5),
        ("V1_L23_I", 1, "V1_L5_E", 6),
    ]
    network = read("neuroml", write(tmp_path, "".join(joined(a, b, (i, j, "1")) for a, i, b, j in pairs)))
    sizes = {"L23_E": 40, "L23_I": 10, "L5_E": 20}
    rows = [
        f"{area}_{name}{i},{area},{name[:-2]},{name[-1]}"
        for area in ("V1", "V4")
        for name, size in sizes.items()
        for i in range(size)
    ]
    (tmp_path / "neurons.csv").write_text("\n".join(["id,area,layer,ei", *rows]))
    (tmp_path / "edges.csv").write_text("\n".join(["pre,post", *(f"{a}{i},{b}{j}" for a, i, b, j in pairs)]))
    synapses = read("synapses", tmp_path / "edges.csv", neurons=str(tmp_path / "neurons.csv"))
    (up,) = [p for p in network.connectome.projections if p.origin == "V1"]
    assert up.weight == next(p.weight for p in synapses.connectome.projections if p.origin == "V1") == 3.0
    of_network, of_synapses = (found.connectome.circuits["V1"] for found in (network, synapses))
    names = {"L23_E": "L23E", "L23_I": "L23I", "L5_E": "L5E"}
    assert {names[n]: (p.layer, p.kind, p.cells) for n, p in of_network.populations.items()} == {
        n: (p.layer, p.kind, p.cells) for n, p in of_synapses.populations.items()
    }
    found = [circuit.connections for circuit in (of_network, of_synapses)]
    assert all(c is not None for c in found)
    strengths = [
        {
            (names.get(a, a), names.get(b, b)): v
            for a, row in zip(c.populations, c.probability, strict=True)
            for b, v in zip(c.populations, row, strict=True)
        }
        for c in found
        if c is not None
    ]
    assert strengths[0] == strengths[1]
    assert strengths[0]["L23I", "L23E"] == 1 / 400


def test_a_population_may_be_larger_than_any_memory(tmp_path: Path) -> None:
    body = UP + '<population id="Y_L4_E" size="1000000000000"/>' + joined("Y_L4_E", "V1_L5_E", (10**11, 1, "1"))
    circuit = read("neuroml", write(tmp_path, body)).connectome.circuits["Y"]
    assert circuit.populations["L4_E"].cells == 10**12
    with pytest.raises(connectome.SpecError, match=r"populations\.L4_E\.cells` would be"):
        read("neuroml", write(tmp_path, body.replace("1000000000000", "9000000000000")))
