"""Parquet and feather: integers with nulls, folders, and dense matrices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read

IDS = (720575940599736493, 720575940600010669)
WRITE: dict[str, Callable[[Any, Path], Any]] = {"parquet": pq.write_table, "feather": pf.write_feather}


def weights(found: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)}


@pytest.mark.parametrize("kind", WRITE)
@pytest.mark.parametrize("type_", [pa.int64(), pa.uint64()])
def test_integers_keep_every_digit_where_some_are_missing(tmp_path: Path, kind: str, type_: Any) -> None:
    columns = {"pre": pa.array([IDS[0], None, IDS[1]], type_), "post": pa.array([IDS[1], IDS[0], None], type_)}
    path, neurons = tmp_path / f"e.{kind}", tmp_path / f"n.{kind}"
    WRITE[kind](pa.table({**columns, "n": pa.array([3, 2, 1])}), path)
    with pytest.raises(connectome.SpecError, match="the source is empty"):
        read("table", path)
    assert weights(read("table", path, invalid="drop")) == {(str(IDS[0]), str(IDS[1])): 3}
    about = {"id": pa.array(IDS, type_), "area": ["V1", "V2"], "partner": pa.array([IDS[1], None], type_)}
    WRITE[kind](pa.table(about), neurons)
    assert weights(read("synapses", path, neurons=str(neurons), invalid="drop")) == {("V1", "V2"): 3}


def test_a_stream_of_arrow_is_read_as_well_as_a_file_of_it(tmp_path: Path) -> None:
    table = pa.table({"source": ["a", "b"], "target": ["b", "a"], "weight": [1, 2]})
    with pa.OSFile(str(tmp_path / "e.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    assert weights(read("table", tmp_path / "e.arrow")) == {("a", "b"): 1, ("b", "a"): 2}


def test_a_folder_of_parquet_files_is_one_table_with_the_columns_of_its_folders(tmp_path: Path) -> None:
    rows = {"source": ["a", "b", "c"], "target": ["b", "c", "a"], "weight": [1, 2, 3], "kind": ["x", "y", "x"]}
    pq.write_to_dataset(pa.table(rows), tmp_path / "parted", partition_cols=["kind"])
    assert weights(read("table", tmp_path / "parted")) == {("a", "b"): 1, ("b", "c"): 2, ("c", "a"): 3}
    assert weights(read("table", tmp_path / "parted", where=("kind=x",))) == {("a", "b"): 1, ("c", "a"): 3}
    (tmp_path / "n.csv").write_text("id,area\na,V1\nb,V2\nc,V4\n")
    found = read("synapses", tmp_path / "parted", neurons=str(tmp_path / "n.csv"))
    assert weights(found) == {("V1", "V2"): 1, ("V2", "V4"): 2, ("V4", "V1"): 3}
    (tmp_path / "rowless").mkdir()
    pq.write_table(pa.table(rows).slice(0, 0), tmp_path / "rowless" / "part.parquet")
    with pytest.raises(connectome.SpecError, match="nothing is left to import"):
        read("table", tmp_path / "rowless")
    (tmp_path / "empty").mkdir()
    with pytest.raises(connectome.SpecError, match="is a folder"):
        read("table", tmp_path / "empty")


AREAS = ["V1", "NA", "V4"]
ROWS: list[list[float]] = [[0, 1.5, 2], [3, 0, 4], [0.1, 6, 0]]
MATRIX = pd.DataFrame(ROWS, AREAS, AREAS)
ENTRIES = {(a, b): ROWS[i][j] for i, a in enumerate(AREAS) for j, b in enumerate(AREAS) if i != j}


@pytest.mark.parametrize("form", ["index", "column", "named", "columns"])
@pytest.mark.parametrize("kind", WRITE)
def test_dense_matrices_have_their_labels_where_a_frame_has_them(tmp_path: Path, kind: str, form: str) -> None:
    frame = {
        "index": MATRIX,
        "column": MATRIX.reset_index(names=""),
        "named": MATRIX.rename_axis("area"),
        "columns": MATRIX.reset_index(drop=True),
    }[form]
    path = tmp_path / f"m.{kind}"
    WRITE[kind](pa.Table.from_pandas(frame), path)
    assert weights(read("matrix", path, rows="source")) == ENTRIES
    assert weights(read("matrix", path, rows="target")) == {(b, a): w for (a, b), w in ENTRIES.items()}
