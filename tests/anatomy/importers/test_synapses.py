"""Lists of synapses with a table of neurons."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import delimited, frames, read

BASE = 720575940600000000


def brain(folder: Path, kind: str = "csv") -> tuple[Path, Path, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(5)
    neurons = pd.DataFrame({"root_id": BASE + rng.choice(10**9, 120, replace=False)})
    neurons["region"] = rng.choice(["VISp", "VISl", "VISal"], 120)
    neurons["layer"] = rng.choice(["2/3", "4", "5a"], 120)
    neurons["nt_type"] = rng.choice(["GLUT", "GABA"], 120, p=[0.8, 0.2])
    synapses = pd.DataFrame(
        {"pre_pt_root_id": rng.choice(neurons.root_id, 5000), "post_pt_root_id": rng.choice(neurons.root_id, 5000)}
    )
    edges, table = folder / f"synapses.{kind}", folder / "neurons.csv"
    if kind == "csv":
        synapses.to_csv(edges, index=False)
    else:
        synapses.to_parquet(edges)
    neurons.to_csv(table, index=False)
    return edges, table, neurons, synapses


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_synapses_are_summed_as_pandas_would(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "CHUNK_ROWS", 700)  # several blocks
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 10_000)
    edges, table, neurons, synapses = brain(tmp_path, kind)
    found = read("synapses", edges, neurons=str(table))
    about = neurons.set_index("root_id")
    joined = synapses.join(about, on="pre_pt_root_id").join(about.add_suffix("_post"), on="post_pt_root_id")
    outside = joined[(joined.region != joined.region_post) & (joined.nt_type == "GLUT")]
    expected = outside.groupby(["region", "region_post"]).size()
    got = {(p.origin, p.target): p.weight for p in found.connectome.projections if p.origin != "LGN"}
    assert got == {pair: float(n) for pair, n in expected.items()}
    cells = neurons[neurons.nt_type == "GLUT"].groupby(["region", "layer"]).size()
    assert found.connectome.circuits["VISp"].populations["L23E"].cells == cells["VISp", "2/3"]
    senders = outside[(outside.region == "VISp") & (outside.region_post == "VISl")].groupby("layer").pre_pt_root_id
    upper, lower = senders.nunique()["2/3"], senders.nunique()["5a"]
    (up,) = [p for p in found.connectome.projections if (p.origin, p.target) == ("VISp", "VISl")]
    assert up.sln == pytest.approx(upper / (upper + lower))


def test_unknown_neurons_are_refused_at_their_line_or_counted(tmp_path: Path) -> None:
    edges, table, _, synapses = brain(tmp_path)
    synapses.loc[41, "post_pt_root_id"] = BASE + 10**9 + 7
    synapses.to_csv(edges, index=False)
    with pytest.raises(connectome.SpecError) as caught:
        read("synapses", edges, neurons=str(table))
    (finding,) = caught.value.report
    assert (finding.code, finding.span.line) == ("I604", 43)
    assert str(BASE + 10**9 + 7) in finding.message
    found = read("synapses", edges, neurons=str(table), invalid="drop")
    assert [d.count for d in found.report.dropped if "not in the table" in d.what] == [1]


def test_neurons_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    edges, table, neurons, _ = brain(tmp_path)
    pd.concat([neurons, neurons.iloc[:1]]).to_csv(table, index=False)
    with pytest.raises(connectome.SpecError, match="is there twice"):
        read("synapses", edges, neurons=str(table))


def test_a_table_of_neurons_is_needed(tmp_path: Path) -> None:
    edges, *_ = brain(tmp_path)
    with pytest.raises(connectome.SpecError, match="which areas these lie in"):
        read("synapses", edges)


def test_rows_can_be_chosen_also_where_a_block_has_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 10_000)
    edges, table, _, synapses = brain(tmp_path)
    synapses["side"] = np.where(np.arange(len(synapses)) < 900, "left", "right")
    synapses["n"] = np.where(np.arange(len(synapses)) == 5, 0, 1)
    synapses.to_csv(edges, index=False)
    found = read("synapses", edges, neurons=str(table), where=("side=left",))
    assert {
        d.what: d.count for d in found.report.dropped if d.why in {"--where side=left", "no synapse, no connection"}
    } == {
        "rows": 4100,
        "edges of 0 synapses": 1,
    }
    assert found.tables["connections"]["synapses"].sum() == 899
    with pytest.raises(connectome.SpecError, match="no edge is left"):
        read("synapses", edges, neurons=str(table), where=("side=up",))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_nothing_is_joined_by_an_empty_identifier(tmp_path: Path, kind: str) -> None:
    neurons = pd.DataFrame({"id": ["1", "2", None, "4"], "area": ["A", "A", "B", "B"]})
    edges = pd.DataFrame({"pre": ["1", None, "1"], "post": ["2", "4", "4"]})
    paths = {name: tmp_path / f"{name}.{kind}" for name in ("neurons", "edges", "whole")}
    for name, data in (("neurons", neurons), ("edges", edges), ("whole", neurons.dropna())):
        data.to_csv(paths[name], index=False) if kind == "csv" else data.to_parquet(paths[name])
    for table, words in (("neurons", "no identifier: `id` is empty"), ("whole", "the source of this edge is empty")):
        with pytest.raises(connectome.SpecError, match=words) as caught:
            read("synapses", paths["edges"], neurons=str(paths[table]))
        (finding,) = caught.value.report
        assert finding.span.line == ({"neurons": 4, "whole": 3}[table] if kind == "csv" else 1)
        assert "--invalid drop" in finding.help
    found = read("synapses", paths["edges"], neurons=str(paths["neurons"]), invalid="drop")
    assert {d.what: d.count for d in found.report.dropped} == {
        "neurons without an identifier": 1,
        "edges with an empty end": 1,
    }
    assert found.tables["connections"]["pairs"].sum() == 2


def test_crowded_columns_give_way_and_unused_ones_are_listed(tmp_path: Path) -> None:
    edges, table, neurons, synapses = brain(tmp_path)
    neurons["cell_type"] = [f"t{i}" for i in range(len(neurons))]
    neurons["type"] = np.where(neurons.nt_type == "GABA", "short", "long")
    neurons["side"], neurons["note"] = "left", ""
    neurons.loc[0, "nt_type"] = "mystery"
    neurons.to_csv(table, index=False)
    synapses.assign(size=3).to_csv(edges, index=False)
    found = read("synapses", edges, neurons=str(table))
    assert {"L23_long", "L4_short"} <= set(found.connectome.circuits["VISp"].populations)
    said = {(g.subject, g.value) for g in found.report.guesses}
    assert ("type of a neuron", "column `type`") in said
    assert ("type of a neuron", "not `cell_type` with 120 values") in said
    assert {d.what for d in found.report.dropped if d.why == "not used"} == {
        "columns of neurons: cell_type, side",
        "columns of edges: size",
    }
    (glutamate,) = [g for g in found.report.guesses if g.subject == "glutamate"]
    assert f"{(neurons.nt_type == 'GLUT').sum()} neurons" in glutamate.why
    assert any("mystery" in g.why for g in found.report.guesses)
    chosen = read("synapses", edges, neurons=str(table), inhibitory=("GABA", "GLUT"))
    assert not any(g.subject == "glutamate" for g in chosen.report.guesses)


@pytest.mark.parametrize(
    ("head", "rows", "column"),
    [
        ("name,area,segment", ("x1,V1,101", "x2,V2,102", "x3,V4,103"), "segment"),
        ("row,id,root_id_783,area", ("1,a,101,V1", "2,b,102,V2", "3,c,103,V4"), "root_id_783"),
        ("id,bodyId,roi", ("a,101,V1", "b,102,V2", "c,103,V4"), "bodyId"),
        ("area,nucleus", ("V1,101", "V2,102", "V4,103"), "nucleus"),
    ],
)
def test_the_column_of_identifiers_is_the_one_whose_values_the_edges_have(
    tmp_path: Path, head: str, rows: tuple[str, ...], column: str
) -> None:
    (tmp_path / "n.csv").write_text("\n".join((head, *rows, "")))
    (tmp_path / "e.csv").write_text("pre,post,n\n101,102,3\n102,103,1\n103,101,5\n")
    found = read("synapses", tmp_path / "e.csv", neurons=str(tmp_path / "n.csv"))
    weights = {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)}
    assert weights == {("V1", "V2"): 3, ("V2", "V4"): 1, ("V4", "V1"): 5}
    assert f"identifier of a neuron = column `{column}`" in found.report.as_text()


@pytest.mark.parametrize(
    ("head", "about"),
    [
        ("pre_root_id,post_root_id,neuropil,syn_count,nt_type", "root_id,area"),  # Codex
        ("bodyId_pre,bodyId_post,roi,weight", "bodyId,area"),  # neuPrint
        ("body_pre,body_post,roi,weight", "body,area"),  # the tables of the male fly
        ("pre_pt_root_id,post_pt_root_id,neuropil,syn_count", "pt_root_id,area"),  # CAVE
    ],
)
def test_exports_of_databases_are_known_by_their_columns(tmp_path: Path, head: str, about: str) -> None:
    a, b = 720575940599736493, 720575940600010669
    more = ",x" if head.count(",") == 4 else ""
    row = (f"{a},{b},ME,7{more}", f"{b},{a},ME,2{more}") if "neuropil" in head else (f"{a},{b},ME,7", f"{b},{a},ME,2")
    (tmp_path / "e.csv").write_text("\n".join((head, *row, "")))
    (tmp_path / "n.csv").write_text(f"{about}\n{a},V1\n{b},V2\n")
    found = read("synapses", tmp_path / "e.csv", neurons=str(tmp_path / "n.csv"))
    weights = {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)}
    assert weights == {("V1", "V2"): 7, ("V2", "V1"): 2}
