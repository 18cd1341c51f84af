"""Tables in JSON: every form says the same, and whole numbers keep their digits."""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cortexc import connectome
from cortexc.anatomy.importers import Imported, read

IDS = ("720575940599736493", "720575940600010669", "NA")
FRAME = pd.DataFrame({"source": IDS, "target": [*IDS[1:], IDS[0]], "weight": [1, 2.5, 1234567], "sln": [0.5, None, 1]})
EXPECTED = {(a, b): w for a, b, w in zip(FRAME["source"], FRAME["target"], FRAME["weight"], strict=True)}


def weights(found: Imported) -> dict[tuple[str, str], float | None]:
    return {(p.origin, p.target): p.weight for p in found.connectome.projections if p.source == ("data",)}


@pytest.mark.parametrize("orient", ["records", "columns", "split", "table"])
def test_every_form_of_pandas_says_the_same(tmp_path: Path, orient: Any) -> None:
    FRAME.to_json(tmp_path / "e.json", orient=orient)
    assert weights(read("table", tmp_path / "e.json")) == EXPECTED


def test_lists_of_columns_and_what_neuprint_answers(tmp_path: Path) -> None:
    columns = {name: [None if pd.isna(v) else v for v in FRAME[name].tolist()] for name in FRAME}
    for data in (columns, {"columns": list(columns), "data": list(zip(*columns.values(), strict=True)), "debug": ""}):
        (tmp_path / "e.json").write_text(json.dumps(data))
        assert weights(read("table", tmp_path / "e.json")) == EXPECTED


@pytest.mark.parametrize("name", ["e.jsonl", "e.ndjson", "e.jsonl.gz"])
def test_a_record_a_line_also_compressed_and_whole_numbers_keep_their_digits(tmp_path: Path, name: str) -> None:
    lines = FRAME.to_json(orient="records", lines=True).replace(f'"{IDS[0]}"', IDS[0])
    data = lines.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert weights(read("table", tmp_path / name)) == EXPECTED


@pytest.mark.parametrize(
    ("name", "text", "message", "line"),
    [
        ("e.json", '{"nodes": [], "links": []}', "it is a graph \\(node-link\\)", 1),
        ("e.json", "[1, 2]", "a list", 1),
        ("e.json", '[{"source": ', "the JSON is broken", 1),
        ("e.jsonl", '{"source": "a", "target": "b"}\n{"source"\n', "the JSON is broken", 2),
        ("e.jsonl", '{"source": "a", "target": "b"}\n[1]\n', "this line is no record", 2),
        ("e.jsonl", '{"source": "a", "target": "b", "weight": 1}\n\n{"source": "b", "weight": 1}\n', "is empty", 3),
        ("e.json", '[{"source": 7.2e17, "target": "b"}]', "is written as a float", 1),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, text: str, message: str, line: int) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(connectome.SpecError, match=message) as caught:
        read("table", tmp_path / name)
    assert next(iter(caught.value.report)).span.line == line
