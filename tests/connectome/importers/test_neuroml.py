"""NeuroML networks: areas, layers and kinds from the names; electrical projections apart."""

from pathlib import Path

import pytest

import connectome
from connectome.importers import read

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
        + '<population id="a" size="1">&x;</population>\n'
        + TAIL
    )
    found = read("neuroml", path)
    assert "V1_L23_E" not in str(found.connectome)
