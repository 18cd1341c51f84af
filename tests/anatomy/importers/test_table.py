"""Edge lists: the wiring that comes out is what an independent reading of the same file gives."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.feather
import pytest

from cortexc import compiler, connectome
from cortexc.anatomy.importers import Imported, read

ROWS = [("V1", "V2", 0.76, 0.74), ("V2", "V1", 0.73, 0.42), ("V1", "V4", 0.013, 0.98), ("V2", "V4", 0.39, 0.93)]


def edges(imported: Imported, value: str = "weight") -> dict[tuple[str, str], float]:
    found = {(p.origin, p.target): getattr(p, value) for p in imported.connectome.projections if p.source == ("data",)}
    return {pair: v for pair, v in found.items() if pair[0] != "LGN"}


def csv(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def frame() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=["source", "target", "FLNe", "SLN"])


def test_a_plain_table_becomes_projections_and_the_spec_checks_and_compiles(tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    frame().to_csv(path, index=False)
    found = read("table", path, sources=("10.1093/cercor/bhs270",))
    assert edges(found, "fln") == {(s, t): w for s, t, w, _ in ROWS}
    assert edges(found, "sln") == {(s, t): v for s, t, _, v in ROWS}
    found.write(tmp_path / "spec.yaml")
    assert connectome.load(tmp_path / "spec.yaml") == found.connectome
    assert list(compiler.check(tmp_path / "spec.yaml")) == []
    assert compiler.compile(tmp_path / "spec.yaml").parameter_counts["attention"] > 0


@pytest.mark.parametrize("kind", ["csv", "tsv", "semicolon", "space", "bar", "parquet", "feather", "xlsx", "bom"])
def test_every_kind_of_table_says_the_same(tmp_path: Path, kind: str) -> None:
    data = frame()
    separators = {"csv": ",", "tsv": "\t", "semicolon": ";", "space": " ", "bar": "|", "bom": ","}
    path = tmp_path / f"edges.{kind if kind in {'parquet', 'feather', 'xlsx'} else 'txt'}"
    if kind in separators:
        data.to_csv(path, index=False, sep=separators[kind], encoding="utf-8-sig" if kind == "bom" else "utf-8")
    elif kind == "xlsx":
        data.to_excel(path, index=False)
    else:
        getattr(data, f"to_{kind}")(path)
    assert edges(read("table", path), "fln") == {(s, t): w for s, t, w, _ in ROWS}


def test_a_table_without_a_header_and_with_long_identifiers(tmp_path: Path) -> None:
    ids = [720575940599736492, 720575940600010668, 720575940600433181]
    path = csv(tmp_path / "e.csv", f"{ids[0]},{ids[1]},3\n{ids[1]},{ids[2]},2\n{ids[0]},{ids[0]},7\n")
    found = read("table", path)
    assert edges(found) == {(str(ids[0]), str(ids[1])): 3.0, (str(ids[1]), str(ids[2])): 2.0}
    assert found.connectome.lateral[str(ids[0])].weight == 7.0
    assert any(guess.subject == "header" for guess in found.report.guesses)


def test_names_lose_the_blanks_around_them_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "Source,Target,Weight\n\nI1L , I2L    ,10\n\nI2L,I1L,3\n\n")
    assert edges(read("table", path)) == {("I1L", "I2L"): 10.0, ("I2L", "I1L"): 3.0}


def test_comments_before_the_table_and_empty_columns_do_not_count(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "# made by a program\n# in 2014\nfrom,to,weight,\nV1,V2,10,\nV2,V4,nan,\n")
    with pytest.raises(connectome.SpecError) as caught:
        read("table", path)
    assert [(f.span.line, f.span.column) for f in caught.value.report] == [(5, 7)]
    csv(path, path.read_text().replace("nan", "3"))
    found = read("table", path)
    assert edges(found) == {("V1", "V2"): 10.0, ("V2", "V4"): 3.0}
    assert [(d.count, d.what) for d in found.report.dropped] == [(2, "lines of comment")]


def test_rows_of_one_pair_join_by_a_stated_rule(tmp_path: Path) -> None:
    text = "case,source,target,FLNe,SLN,neurons\na,V1,V2,0.6,0.5,100\nb,V1,V2,0.8,0.9,300\na,V2,V1,0.1,0.2,5\n"
    path = csv(tmp_path / "injections.csv", text)
    found = read("table", path)
    assert edges(found, "fln")["V1", "V2"] == pytest.approx(0.7)
    assert edges(found, "sln")["V1", "V2"] == pytest.approx((0.5 * 100 + 0.9 * 300) / 400)
    said = next(g for g in found.report.guesses if g.subject == "rows of one pair")
    assert "fln: mean" in said.value
    assert "weighted by neurons" in said.value
    for rule, expected in (("max", 0.8), ("median", 0.7)):
        assert edges(read("table", path, aggregate=rule), "fln")["V1", "V2"] == pytest.approx(expected)
    with pytest.raises(connectome.SpecError, match="V1 -> V2 is there twice"):
        read("table", path, aggregate="error")


def test_injections_that_did_not_label_a_source_can_count(tmp_path: Path) -> None:
    text = "CASE,SOURCE,TARGET,FLN\nM1,V1,V2,0.6\nM1,V4,V2,0.4\nM2,V1,V2,1.0\nM3,V2,V1,1.0\n"
    path = csv(tmp_path / "cases.csv", text)
    found = read("table", path)
    assert edges(found, "fln") == pytest.approx({("V1", "V2"): 0.8, ("V4", "V2"): 0.4, ("V2", "V1"): 1.0})
    assert any("1 pairs are not in every injection" in g.why for g in found.report.guesses)
    over_all = read("table", path, aggregate="cases")
    assert edges(over_all, "fln") == pytest.approx({("V1", "V2"): 0.8, ("V4", "V2"): 0.2, ("V2", "V1"): 1.0})
    with pytest.raises(connectome.SpecError, match="which injection"):
        read("table", csv(tmp_path / "x.csv", "from,to,fln\nV1,V2,0.5\n"), aggregate="cases")


@pytest.mark.parametrize("rule", ["sum", "mean", "median", "max"])
def test_aggregation_agrees_with_pandas(tmp_path: Path, rule: str) -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"pre": rng.integers(0, 30, 2000).astype(str), "post": rng.integers(0, 30, 2000).astype(str)})
    data["count"] = rng.integers(1, 50, 2000)
    data.to_csv(tmp_path / "e.csv", index=False)
    expected = data.groupby(["pre", "post"])["count"].agg(rule)
    found = read("table", tmp_path / "e.csv", aggregate=rule, input_to="0", header="yes")
    got = edges(found) | {(n, n): lateral.weight for n, lateral in found.connectome.lateral.items()}
    assert got == pytest.approx({pair: float(v) for pair, v in expected.items()})


def test_electrical_synapses_are_kept_apart(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "Source,Target,Weight,Type\na,b,2,chemical\nb,c,3,chemical\na,c,5,electrical\n")
    found = read("table", path)
    assert edges(found) == {("a", "b"): 2.0, ("b", "c"): 3.0}
    assert found.tables["electrical"]["weight"].tolist() == [5.0]
    assert found.report.dropped[0].count == 1


def test_rows_can_be_chosen_and_columns_named(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "x,y,z,hemisphere\nb,a,2,left\nc,b,3,left\nc,a,9,right\n")
    found = read("table", path, source_column="y", target_column="x", weight_column="z", where=("hemisphere=left",))
    assert edges(found) == {("a", "b"): 2.0, ("b", "c"): 3.0}
    assert found.report.dropped[0].count == 1
    with pytest.raises(connectome.SpecError, match="did you mean `hemisphere`"):
        read("table", path, source_column="y", target_column="x", where=("hemispher=left",))


def test_the_relay_of_the_data_becomes_the_input(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "from,to,weight\nLGd,VISp,5\nVISp,VISl,3\nVISl,VISp,1\nVISp,LGd,2\n")
    spec = read("table", path).connectome
    assert spec.input.name == "LGd"
    assert set(spec.areas) == {"VISp", "VISl"}
    assert next((p.origin, p.target, p.weight) for p in spec.projections) == ("LGd", "VISp", 5.0)


def test_delays_in_milliseconds_get_a_step_or_are_left_out(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "from,to,weight,delay_ms\nV1,V2,1,1.5\nV2,V4,1,2\n")
    found = read("table", path)
    assert found.connectome.dynamics.step_ms == pytest.approx(0.5)
    assert edges(found, "delay_ms") == {("V1", "V2"): 1.5, ("V2", "V4"): 2.0}
    found = read("table", csv(path, path.read_text().replace("2\n", "3.14159\n")))
    assert found.connectome.dynamics.step_ms is None
    assert edges(found, "delay_ms") == {("V1", "V2"): None, ("V2", "V4"): None}
    assert [d.count for d in found.report.dropped if d.what == "delays"] == [2]


def test_units_of_a_column_are_in_its_name(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "from,to,weight,distance_um\nV1,V2,1,9300\nV2,V4,1,\n")
    assert edges(read("table", path), "distance_mm") == {("V1", "V2"): pytest.approx(9.3), ("V2", "V4"): None}


@pytest.mark.parametrize(
    ("column", "millimetres", "unit"),
    [
        ("dist_um", 0.009, "um"),
        ("Distance (\N{MICRO SIGN}m)", 0.009, "um"),
        ("length_m", 9000.0, "m"),
        ("distance_km", 9e6, "km"),
        ("distancecm", 90.0, "cm"),
        ("dist", 9.0, "mm"),
        ("distance_mm", 9.0, None),
    ],
)
def test_units_of_length_are_known_and_said(tmp_path: Path, column: str, millimetres: float, unit: str | None) -> None:
    found = read("table", csv(tmp_path / "e.csv", f"from,to,weight,{column}\nV1,V2,1,9\n"))
    assert edges(found, "distance_mm")["V1", "V2"] == pytest.approx(millimetres)
    said = {g.subject: g.value for g in found.report.guesses}
    assert said.get(f"unit of `{column}`") == unit


def test_a_delay_without_a_unit_is_said_to_be_in_steps(tmp_path: Path) -> None:
    found = read("table", csv(tmp_path / "e.csv", "from,to,weight,delay\nV1,V2,3,2\n"))
    assert ("unit of `delay`", "steps") in [(g.subject, g.value) for g in found.report.guesses]


def test_directions_in_the_words_of_the_field_and_columns_that_hold_something_else(tmp_path: Path) -> None:
    text = "from,to,weight,direction,mode\nV1,V2,3,FF,ipsi\nV2,V1,2,Feed-back,ipsi\nV2,V4,2,NA,contra\n"
    found = read("table", csv(tmp_path / "e.csv", text))
    assert edges(found, "direction") == {("V1", "V2"): "feedforward", ("V2", "V1"): "feedback", ("V2", "V4"): None}
    (lost,) = found.report.dropped
    assert (lost.count, lost.what) == (3, "values of `mode`")


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("source,target,2019\nV1,V2,0.5\n", {("V1", "V2")}),
        ("src,dst,weight\nV1,V2,1\n", {("V1", "V2")}),
        ("first visual area,third visual area,3.5\n", {("first visual area", "third visual area")}),
        ("source\ttarget\tweight\nArea 1\tArea 2\t3\n", {("Area 1", "Area 2")}),
        ("Area 1\tArea 2\t3\nArea 2\tArea 3\t4\n", {("Area 1", "Area 2"), ("Area 2", "Area 3")}),
    ],
)
def test_header_and_separator_are_told_by_what_the_lines_hold(
    tmp_path: Path, text: str, pairs: set[tuple[str, str]]
) -> None:
    assert set(edges(read("table", csv(tmp_path / "e.csv", text)))) == pairs


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_a_named_index_is_columns(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"e.{kind}"
    data = frame().set_index(["source", "target"])
    if kind == "parquet":
        data.to_parquet(path)
    else:
        pyarrow.feather.write_feather(pyarrow.Table.from_pandas(data), str(path))
    assert edges(read("table", path), "fln") == {(s, t): w for s, t, w, _ in ROWS}


def test_neurons_may_be_the_named_index_of_their_table(tmp_path: Path) -> None:
    neurons = pd.DataFrame({"area": ["V1", "V2"]}, index=pd.Index([7, 8], name="root_id"))
    neurons.to_parquet(tmp_path / "n.parquet")
    pd.DataFrame({"post": [8], "n": [3]}, index=pd.Index([7], name="pre")).to_parquet(tmp_path / "e.parquet")
    found = read("synapses", tmp_path / "e.parquet", neurons=str(tmp_path / "n.parquet"))
    assert edges(found) == {("V1", "V2"): 3.0}


def test_a_large_whole_number_keeps_its_digits_beside_a_missing_one(tmp_path: Path) -> None:
    ids = pd.array([720575940379283451, None, 3], dtype="Int64")
    pd.DataFrame({"source": ids, "target": [2, 3, 1], "weight": [1, 2, 3]}).to_parquet(tmp_path / "e.parquet")
    found = edges(read("table", tmp_path / "e.parquet", invalid="drop"))
    assert set(found) == {("720575940379283451", "2"), ("3", "1")}


def test_a_missing_whole_number_is_a_missing_name(tmp_path: Path) -> None:
    ids = pd.array([1, None, 3], dtype="Int64")
    pd.DataFrame({"source": ids, "target": [2, 3, 1], "weight": [1, 2, 3]}).to_parquet(tmp_path / "e.parquet")
    with pytest.raises(connectome.SpecError, match="the source is empty"):
        read("table", tmp_path / "e.parquet")
    assert set(edges(read("table", tmp_path / "e.parquet", invalid="drop"))) == {("1", "2"), ("3", "1")}


def test_flne_and_weight_in_different_rows_of_a_pair(tmp_path: Path) -> None:
    found = read("table", csv(tmp_path / "e.csv", "from,to,FLNe,weight\nV1,V2,0.3,\nV1,V2,,5\nV2,V4,0.2,\n"))
    assert edges(found, "fln") == {("V1", "V2"): 0.3, ("V2", "V4"): 0.2}
    assert [str(d) for d in found.report.dropped] == ["1 weights (other rows of these pairs have FLNe, first V1 -> V2)"]


def test_what_was_dropped_is_said_where_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(connectome.SpecError, match="dropped: 1 rows of weight 0"):
        read("table", csv(tmp_path / "e.csv", "from,to,weight\nV1,V2,0\n"))


def test_a_workbook_says_which_sheet_was_read(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "e.xlsx") as book:
        pd.DataFrame({"read": ["me"]}).to_excel(book, sheet_name="README", index=False)
        frame().to_excel(book, sheet_name="edges", index=False)
    with pytest.raises(connectome.SpecError, match="`README` was read of the sheets README, edges: --sheet"):
        read("table", tmp_path / "e.xlsx")
    assert len(edges(read("table", tmp_path / "e.xlsx", sheet="edges"))) == len(ROWS)


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(connectome.SpecError, match="is a folder"):
        read("table", tmp_path)


def test_swapped_ends_are_betrayed_by_the_flne(tmp_path: Path) -> None:
    data = pd.DataFrame(
        [
            ("V2", "V1", 0.76),
            ("V4", "V1", 0.01),
            ("V1", "V2", 0.73),
            ("V4", "V2", 0.39),
            ("V1", "V4", 0.13),
            ("V2", "V4", 0.15),
        ],
        columns=["target", "source", "FLNe"],
    )
    data.to_csv(tmp_path / "good.csv", index=False)
    assert [f.code for f in read("table", tmp_path / "good.csv").report.findings] == []
    data.rename(columns={"source": "target", "target": "source"}).to_csv(tmp_path / "bad.csv", index=False)
    found = read("table", tmp_path / "bad.csv")
    assert [f.code for f in found.report.findings] == ["I606"]


BROKEN = {
    "nan": ("from,to,weight\nV1,V2,1\nV2,V4,nan\n", "I603", 3, 7, "no number"),
    "infinite": ("from,to,weight\nV1,V2,inf\n", "I603", 2, 7, "is inf"),
    "negative": ("from,to,weight\nV1,V2,1\n\nV2,V4,-3\n", "I603", 4, 7, "is -3"),
    "text": ("from,to,weight\nV1,V2,strong\n", "I603", 2, 7, "`strong`, which is no number"),
    "decimal comma": ("from;to;weight\nV1;V2;0,76\n", "I603", 2, 7, "`0,76`"),
    "empty weight": ("from,to,weight\nV1,V2,\nV2,V1,2\n", "I603", 2, 7, "no number"),
    "empty source": ("from,to,weight\nV1,V2,1\n,V2,1\n", "I604", 3, 1, "source is empty"),
    "sln over 1": ("from,to,weight,sln\nV1,V2,1,73.6\n", "I603", 2, 9, "73.6"),
    "huge": ("from,to,weight\nV1,V2,1e300\n", "I603", 2, 7, "1e+300"),
    "tiny": ("from,to,weight\nV1,V2,1e-30\n", "I603", 2, 7, "1e-30"),
    "half a step": ("from,to,weight,delay\nV1,V2,1,1.5\n", "I603", 2, 9, "1.5"),
    "direction": ("from,to,weight,direction\nV2,V4,1,FF\nV1,V2,1,up\n", "I603", 3, 9, "`up`"),
    "rounded identifier": ("pre,post,weight\n7.2057594E+17,5,1\n", "I603", 2, 1, "last digits may be lost"),
    "identifier that was a float": ("pre,post,weight\n101,102.0,1\n103,104.0,1\n", "I603", 2, 5, "`102.0`"),
    "after a line break in a cell": ('from,to,weight\n"V\n1",V2,1\n\nV2,"V\n4",-3\n', "I603", 6, 4, "-3"),
    "short after a line break": ('from,to,weight\n"V\n1",V2,1\nV2,V4\n', "I602", 4, 1, "2 fields"),
    "no weight over 0": ("from,to,weight\nV1,V2,0\n", "I602", None, None, "nothing is left"),
    "no header": ("V1,V2\nV2,V4\n", "I602", 1, 1, "looks like the source"),
    "blank": ("\n  \n\n", "I601", 1, 1, "has no rows"),
    "sln of another case": ("from,to,weight,SLN\nV1,V2,1,73.6\n", "I603", 2, 9, "73.6"),
    "duplicate header": ("from,to,to,weight\nV1,V2,V2,1\n", "I602", 1, 9, "`to` is there twice"),
    "short row": ("from,to,weight\nV1,V2,1\nV2,V4\nV4,V1,2\n", "I602", 3, 1, "2 fields"),
    "long row": ("from,to,weight\nV1,V2,1\nV2,V4,1,9\n", "I602", 3, 1, "4 fields"),
    "no columns": ("V1~V2~1\nV2~V4~1\n", "I601", 1, 1, "do not divide"),
    "no ends": ("a,b,weight\nV1,V2,1\n", "I602", 1, 1, "looks like the source"),
    "only a header": ("from,to,weight\n", "I602", 2, 1, "no rows"),
    "open quote": ('from,to,weight\nV1,"V2,1\nV2,V4,2\n', "I602", None, None, ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_tables_get_one_finding_at_its_place(tmp_path: Path, name: str) -> None:
    text, code, line, column, words = BROKEN[name]
    path = csv(tmp_path / "edges.csv", text)
    with pytest.raises(connectome.SpecError) as caught:
        read("table", path)
    (finding,) = caught.value.report
    assert finding.code == code
    assert words in finding.message
    assert Path(finding.span.path) == path
    if line is not None:
        assert (finding.span.line, finding.span.column) == (line, column)


@pytest.mark.parametrize(
    "kind", ["utf-16", "latin-1", "excel", "truncated parquet", "binary", "empty", "pickle", "pickle 2"]
)
def test_files_that_are_not_what_their_names_say(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("edges.parquet" if "parquet" in kind else "edges.csv")
    if kind in {"utf-16", "latin-1"}:
        csv(path, "from,to,weight\nÄ1,V2,1\n", kind)
    elif kind == "excel":
        frame().to_excel(tmp_path / "edges.xlsx", index=False)
        (tmp_path / "edges.xlsx").rename(path)
    elif kind == "truncated parquet":
        frame().to_parquet(path)
        path.write_bytes(path.read_bytes()[:200])
    elif kind == "binary":
        path.write_bytes(b"from,to,weight\nV1,\x00V2,1\n")
    elif kind.startswith("pickle"):
        frame().to_pickle(path, protocol=2 if "2" in kind else 5)
    else:
        path.write_bytes(b"")
    with pytest.raises(connectome.SpecError) as caught:
        read("table", path)
    (finding,) = caught.value.report
    assert finding.code == "I601"
    assert finding.message.isprintable()
    assert ("pickle" in finding.message) == ("pickle" in kind)
    if kind == "latin-1":
        assert (finding.span.line, finding.span.column) == (2, 1)


def test_what_is_dropped_on_demand_is_counted(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "from,to,weight\nV1,V2,1\nV2,V4,nan\nV1,V4,-1\n,V1,2\nV2,V1,0\n")
    found = read("table", path, invalid="drop")
    assert edges(found) == {("V1", "V2"): 1.0}
    assert sum(d.count for d in found.report.dropped) == 4


def test_identifiers_that_lost_digits_are_refused(tmp_path: Path) -> None:
    data = pd.DataFrame({"pre": [7.20575940599736492e17, 1.0], "post": [1.0, 2.0], "weight": [1, 2]})
    data.to_parquet(tmp_path / "e.parquet")
    with pytest.raises(connectome.SpecError, match="last digits are lost"):
        read("table", tmp_path / "e.parquet")
    pd.DataFrame({"pre": [720575940602553571], "post": [1], "weight": [1]}).to_excel(tmp_path / "e.xlsx", index=False)
    with pytest.raises(connectome.SpecError, match="last digits may be lost"):
        read("table", tmp_path / "e.xlsx")


def test_names_that_the_language_cannot_take_are_changed_and_said(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "from,to,weight\nrh.V1,rh\x07V2,1\n")
    found = read("table", path)
    assert set(found.connectome.areas) == {"rh_V1", "rh_V2"}
    assert any(guess.subject == "names" for guess in found.report.guesses)
    assert "\x07" not in found.report.as_text()
    found.write(tmp_path / "spec.yaml")
    assert connectome.load(tmp_path / "spec.yaml") == found.connectome
    clash = csv(tmp_path / "clash.csv", "from,to,weight\nrh.V1,rh_V1,1\n")
    with pytest.raises(connectome.SpecError, match="would both be called"):
        read("table", clash)


def test_options_of_other_formats_are_refused(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "from,to,weight\nV1,V2,1\n")
    with pytest.raises(ValueError, match="rows: no meaning to the format table"):
        read("table", path, rows="target")


def test_numbers_that_are_taken_as_text_read_as_people_write_them(tmp_path: Path) -> None:
    pd.DataFrame({"from": ["V1", "V2"], "to": ["V2", "V4"], "weight": [1, 2], "day": [0.5, 2.0]}).to_parquet(
        tmp_path / "e.parquet"
    )
    for day, pair in (("0.5", ("V1", "V2")), ("2", ("V2", "V4"))):
        assert set(edges(read("table", tmp_path / "e.parquet", where=(f"day={day}",)))) == {pair}


def test_a_column_without_a_header_is_chosen_by_its_number(tmp_path: Path) -> None:
    path = csv(tmp_path / "e.csv", "a,b,3,9\nb,c,2,8\n")
    assert edges(read("table", path, where=("4=8",))) == {("b", "c"): 2.0}


def test_undirected_edges_count_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("source,target,weight,distance\na,b,3,7\nb,c,2,8\nc,c,1,0\n")
    found = read("table", path, symmetric=True)
    measured = [p for p in found.connectome.projections if p.source == ("data",) and p.origin != p.target]
    strengths = {f"{p.origin} {p.target}": (p.weight, p.distance_mm) for p in measured}
    assert strengths == {"a b": (3, 7), "b a": (3, 7), "b c": (2, 8), "c b": (2, 8)}
    assert "counts both ways" in found.report.as_text()


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("source,target,weight\na,b,3\nb,c,2\nc,b,5\n", "c -> b is here, and b -> c too", 4),
        ("source,target,FLNe\na,b,0.5\n", "the table has FLNe", 2),
        ("source,target,weight,direction\na,b,3,FF\n", "the table has directions", 2),
    ],
)
def test_edges_that_cannot_be_undirected_are_asked_about(tmp_path: Path, text: str, message: str, line: int) -> None:
    (tmp_path / "e.csv").write_text(text)
    with pytest.raises(connectome.SpecError, match=message) as caught:
        read("table", tmp_path / "e.csv", symmetric=True)
    assert next(iter(caught.value.report)).span.line == line


@pytest.mark.parametrize(("back", "said"), [("", True), ("f,e,1\n", False)])
def test_a_list_of_half_of_all_pairs_is_said(tmp_path: Path, back: str, said: bool) -> None:
    rows = "".join(f"{a},{b},1\n" for a, b in ("ab", "ac", "ad", "bc", "ed", "ef"))
    (tmp_path / "e.csv").write_text(f"source,target,weight\n{rows}{back}")
    assert ("--symmetric" in read("table", tmp_path / "e.csv").report.as_text()) == said
