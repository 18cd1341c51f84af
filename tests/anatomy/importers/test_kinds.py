"""A file of another kind than a format reads is named for what it is, with the command that reads it."""

import gzip
from pathlib import Path

import pytest

from cortexc import connectome
from cortexc.anatomy.importers import read

TEXTS = {
    "GraphML": ('<?xml version="1.0"?>\n<!-- <x> -->\n<graphml xmlns="http://g"><graph/></graphml>', "import graphml"),
    "GEXF": ('<gexf version="1.3"><graph/></gexf>', "import graphml"),
    "NeuroML": ('<neuroml xmlns="http://www.neuroml.org/schema/neuroml2"/>', "import neuroml"),
    "a page of the web": ("<!DOCTYPE html>\n<html><body>404</body></html>", "download"),
    "XML of another kind, <kml>": ("<kml/>", "GraphML"),
    "GML": ('Creator "igraph"\ngraph\n[\n  node\n  [\n    id 0\n  ]\n]\n', "import graphml"),
    "Pajek": ('*Vertices 2\n1 "a"\n2 "b"\n', "import graphml"),
    "DOT": ("digraph G {\n a -> b;\n}\n", "GraphML"),
    "Matrix Market": ("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 2 3\n", "import matrix"),
    "JSON": ('{"nodes": [], "edges": []}', ".json"),
    "a pointer of Git LFS": ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
    "a pointer of git-annex": ("/annex/objects/MD5E-s9--0.csv\n", "git annex get"),
}
READ = {
    "graphml": {"GraphML", "GEXF", "GML", "Pajek"},
    "neuroml": {"NeuroML"},
    "table": set(),
    "matrix": set(),
    "synapses": set(),
}
"""The kinds that a format reads."""


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("format", READ)
def test_each_kind_of_text_is_named_by_every_format(tmp_path: Path, format: str, kind: str) -> None:
    text, hint = TEXTS[kind]
    (tmp_path / "file.txt").write_text(text)
    (tmp_path / "n.csv").write_text("id,area\n1,V1\n")
    options = {"neurons": str(tmp_path / "n.csv")} if format == "synapses" else {}
    with pytest.raises(connectome.SpecError) as caught:
        read(format, tmp_path / "file.txt", **options)  # type: ignore[arg-type]
    (finding,) = caught.value.report
    assert "well-formed" not in finding.message
    if kind not in READ[format]:
        assert f"this is {kind}" in finding.message
        assert hint in finding.help


def test_it_is_named_in_a_compressed_file_too(tmp_path: Path) -> None:
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(TEXTS["GEXF"][0].encode()))
    with pytest.raises(connectome.SpecError, match="this is GEXF"):
        read("table", tmp_path / "e.csv.gz")


@pytest.mark.parametrize(
    "text", ["source,target,weight\n<a>,b,1\nb,<a>,2\n", "source,target,weight\ngraph,digraph,1\ndigraph,graph,2\n"]
)
def test_tables_with_such_words_are_tables(tmp_path: Path, text: str) -> None:
    (tmp_path / "e.csv").write_text(text)
    assert len(read("table", tmp_path / "e.csv").connectome.areas) == 2
