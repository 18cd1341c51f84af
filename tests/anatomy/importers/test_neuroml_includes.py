"""NeuroML that is in several files: https://docs.neuroml.org/Userdocs/Schemas/Index.html."""

from pathlib import Path

import pytest

from cortexc import connectome
from cortexc.anatomy.importers import read
from cortexc.anatomy.importers.options import Options
from cortexc.anatomy.importers.reading import inputs

HEAD = '<neuroml xmlns="http://www.neuroml.org/schema/neuroml2" id="t">'
PROJECTION = (
    '<projection id="p1" presynapticPopulation="V1_E" postsynapticPopulation="V2_E" synapse="ampa">'
    '<connection id="0" preCellId="../V1_E[0]" postCellId="../V2_E[0]"/></projection>'
)
POPULATIONS = '<population id="V1_E" component="c" size="4"/><population id="V2_E" component="c" size="4"/>'


def network(content: str, *includes: str) -> str:
    listed = "".join(f'\n<include href="{name}"/>' for name in includes)
    return f'{HEAD}{listed}\n<network id="net">\n{content}</network></neuroml>'


def test_populations_may_be_in_an_included_file(tmp_path: Path) -> None:
    (tmp_path / "my parts").mkdir()
    (tmp_path / "net.nml").write_text(network(PROJECTION, "my parts/pops.nml", "cell.nml"))
    (tmp_path / "my parts" / "pops.nml").write_text(network(POPULATIONS, "../net.nml"))
    found = read("neuroml", tmp_path / "net.nml")
    assert ("V1", "V2") in {(p.origin, p.target) for p in found.connectome.projections}
    assert "1 included files (they are not there, first cell.nml" in found.report.as_text()
    pops = tmp_path / "my parts" / "pops.nml"
    assert str(pops) in inputs("neuroml", [str(tmp_path / "net.nml")], Options()), "it is not to be overwritten"
    pops.write_text(network(POPULATIONS.replace('size="4"', 'size="none"')))
    with pytest.raises(connectome.SpecError, match="`none`") as caught:
        read("neuroml", tmp_path / "net.nml")
    span = next(iter(caught.value.report)).span
    assert (span.path, span.line) == (str(pops), 3)


def test_a_whole_network_may_be_in_an_included_file(tmp_path: Path) -> None:
    (tmp_path / "top.nml").write_text(f'{HEAD}<include href="net.nml"/></neuroml>')
    (tmp_path / "net.nml").write_text(network(POPULATIONS + PROJECTION))
    assert len(read("neuroml", tmp_path / "top.nml").connectome.areas) == 2


@pytest.mark.parametrize("content", ["", PROJECTION, '<population id="V1_E" component="c" size="4"/>' + PROJECTION])
def test_an_include_that_is_not_there_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "net.nml").write_text(network(content, "pops.nml"))
    with pytest.raises(connectome.SpecError) as caught:
        read("neuroml", tmp_path / "net.nml")
    assert "pops.nml" in next(iter(caught.value.report)).help


def test_projections_without_connections_are_said_to_have_none(tmp_path: Path) -> None:
    empty = '<projection id="p1" presynapticPopulation="V1_E" postsynapticPopulation="V2_E" synapse="ampa"/>'
    (tmp_path / "net.nml").write_text(network(empty, "pops.nml"))
    (tmp_path / "pops.nml").write_text(network(POPULATIONS))
    with pytest.raises(connectome.SpecError, match="`p1` lists no connections") as caught:
        read("neuroml", tmp_path / "net.nml")
    (finding,) = caught.value.report
    assert finding.span.line == 4
    assert "<include> names" in finding.help
