"""Files before they are read: whether they are there, and what they are by their first bytes."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import json as json_library
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import h5py

from cortexc.connectome.diagnostics import Span, failed
from cortexc.connectome.diagnostics.importing import BAD_TABLE, UNREADABLE
from cortexc.hdf5 import StrangeError
from cortexc.hdf5 import read as read_hdf5

from .report import cause

PICKLE = (
    "a pickle of Python objects (never loaded: it may run any code)",
    "write it as CSV, parquet or plain numbers with the program that made it",
)
_SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive", "rename a workbook to .xlsx; unpack an archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "rename it to .xls, or export it as CSV"),
    (b"\x89HDF", "an HDF5 file", "`cortexc import sonata` or `matrix` read HDF5"),
    (b"MATLAB ", "a MATLAB file", "`cortexc import matrix` reads it, if its name ends in .mat"),
    (b"\x93NUMPY", "a NumPy array", "`cortexc import matrix` reads it, if its name ends in .npy"),
    (b"PAR1", "a parquet file", "rename it to .parquet"),
    (b"ARROW1", "a feather file", "rename it to .feather"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (b"BZh", "compressed with bzip2", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first"),
    (b"\xff\xfe", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (b"\xfe\xff", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (b"%PDF", "a PDF", "export the table as CSV"),
    *((bytes((0x80, protocol)), *PICKLE) for protocol in (2, 3, 4, 5)),
)


COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}
"""Compressions that text is read through, by the first bytes of a file."""
COMPRESSIONS = (".gz", ".bz2", ".zst")


FILTERS = {
    4: "szip", 307: "bzip2", 32000: "LZF", 32001: "Blosc", 32004: "LZ4", 32008: "bitshuffle", 32013: "ZFP",
    32015: "Zstandard", 32026: "Blosc2",
}  # fmt: skip
"""Compression filters of HDF5, by the numbers that the HDF Group gave them."""


def exists(path: str) -> None:
    """Raise where there is no such file, on its own or in a zip archive (``c.zip/a.txt``), nor a parquet folder."""
    if member(path) is not None:
        return
    if Path(path).is_dir():
        if any(Path(path).rglob("*.parquet")):
            return
        raise failed(UNREADABLE, path, f"`{path}` is a folder", "name the files in it")
    if not Path(path).is_file():
        raise failed(UNREADABLE, path, f"there is no file `{path}`", "check the path")
    if Path(path).stat().st_size == 0:
        raise failed(UNREADABLE, path, f"`{path}` is empty")


def only(paths: list[str], message: str, hint: str = "") -> str:
    """Return the one path that a format takes.

    Raises:
        SpecError: there are several, or no file is there.
    """
    if len(paths) != 1:
        raise failed(BAD_TABLE, paths[1], message, hint)
    exists(paths[0])
    return paths[0]


def member(path: str) -> tuple[str, str] | None:
    """Return the zip archive and the name in it of a path such as ``c.zip/weights.txt``, None for any other path."""
    if Path(path).exists():
        return None
    for parent in Path(path).parents:
        if parent.suffix.lower() == ".zip" and parent.is_file():
            name = Path(path).relative_to(parent).as_posix()
            with zipfile.ZipFile(parent) as archive:
                return (str(parent), name) if name in archive.namelist() else None
    return None


def is_there(path: str) -> bool:
    """Whether there is such a file, on its own or in a zip archive."""
    return Path(path).is_file() or member(path) is not None


def _raw(path: str) -> BinaryIO:
    """Return the bytes of a file, on its own or in a zip archive."""
    if (inside := member(path)) is None:
        return Path(path).open("rb")
    try:
        with zipfile.ZipFile(inside[0]) as archive:
            return io.BytesIO(archive.read(inside[1]))
    except (RuntimeError, zipfile.BadZipFile, zlib.error) as error:  # it needs a password, or is damaged
        raise failed(UNREADABLE, path, f"`{inside[1]}` cannot be unpacked: {cause(error)}", "unpack it first") from None


def suffix(path: str) -> str:
    """Return the ending of a file's name in small letters, that of a compression left out.

    >>> suffix("V1.GraphML.gz"), suffix("t.csv"), suffix("t.zst")
    ('.graphml', '.csv', '.zst')
    """
    name = Path(path)
    inner = Path(name.stem).suffix.lower() if name.suffix.lower() in COMPRESSIONS else ""
    return inner or name.suffix.lower()


def compression(path: str) -> str | None:
    """Return how a file is compressed, None where it is not."""
    with _raw(path) as file:
        head = file.read(4)
    return next((name for mark, name in COMPRESSED.items() if head.startswith(mark)), None)


def opened(path: str) -> BinaryIO:
    """Return the bytes of a file, unpacked where it is compressed."""
    packed = path if member(path) is None else _raw(path)
    match compression(path):
        case "gzip":
            return cast(BinaryIO, gzip.open(packed, "rb"))
        case "bzip2":
            return cast(BinaryIO, bz2.open(packed, "rb"))
        case "zstd":
            import pyarrow as pa

            return io.BufferedReader(cast(io.RawIOBase, pa.CompressedInputStream(packed, "zstd")))
        case _:
            return _raw(path)


def text(path: str, errors: str = "strict") -> TextIO:
    """Return a text file, unpacked where it is compressed; line ends stay as they are."""
    return io.TextIOWrapper(opened(path), encoding="utf-8-sig", errors=errors, newline="")


def beginning(path: str) -> str:
    """Return the first 64 KiB of a text file."""
    with text(path, "replace") as file:
        return file.read(1 << 16)


def _other_than_xml(path: str) -> tuple[str, str] | None:
    head = beginning(path)
    return None if head.lstrip().startswith("<") else kind_of_text(head)


def hdf5(path: str) -> h5py.File:
    """Return an open HDF5 file; the compression filters of hdf5plugin are there where it is installed."""
    with suppress(ImportError):
        importlib.import_module("hdf5plugin")
    try:
        return read_hdf5(path)
    except StrangeError as error:
        raise failed(UNREADABLE, path, str(error)) from None


def refuse_missing_filter(path: str) -> None:
    """Raise where an HDF5 file holds a dataset that is compressed with a filter that is not installed.

    References:
        https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md
    """

    def visit(name: str, node: Any) -> tuple[str, str] | None:
        if not isinstance(node, h5py.Dataset):
            return None
        created = node.id.get_create_plist()
        for code, _, _, called in (created.get_filter(i) for i in range(created.get_nfilters())):
            if not h5py.h5z.filter_avail(code):
                shown = called.decode("utf-8", "replace").partition(";")[0].strip()
                return name, FILTERS.get(code) or shown or "no name"
        return None

    with suppress(OSError, RuntimeError), h5py.File(path, "r") as file:
        if (found := file.visititems(visit)) is not None:
            message = f"the dataset is compressed with a filter of HDF5 that is not installed: {found[1]}"
            hint = "pip install hdf5plugin; or write it with another one: h5repack -f GZIP=4 FILE NEW"
            raise failed(UNREADABLE, Span(path, inside=found[0]), message, hint)


def _refuse_hdfstore(path: str) -> None:
    """Raise where an HDF5 file is a store of pandas, whose values stand in blocks, and names partly in pickles."""

    def visit(name: str, node: Any) -> str | None:
        return name if "pandas_type" in node.attrs else None

    with suppress(OSError, RuntimeError), h5py.File(path, "r") as file:
        if (key := file.visititems(visit)) is not None:
            hint = (
                f"write it as parquet: pandas.read_hdf({Path(path).name!r}, {key!r}).to_parquet({key + '.parquet'!r})"
            )
            raise failed(UNREADABLE, Span(path, inside=key), f"`{path}` is an HDFStore of pandas", hint)


@contextmanager
def unpacking(path: str) -> Iterator[None]:
    """Turn what goes wrong while a compressed file is unpacked into a finding."""
    try:
        yield
    except (EOFError, OSError, zlib.error) as error:
        if isinstance(error, FileNotFoundError) or (kind := compression(path)) is None:
            raise
        message = f"`{path}` cannot be unpacked with {kind}: {cause(error)}"
        raise failed(UNREADABLE, path, message, "the file may be cut off") from None


def signature(
    path: str, fitting: bytes | tuple[bytes, ...] = b"\0", *, unpacked: bool = False
) -> tuple[str, str] | None:
    """Return what a file is by its first bytes, and what to do with it; None where these say nothing, or what fits."""
    with unpacking(path), opened(path) if unpacked else _raw(path) as file:
        head = file.read(8)
    if head.startswith(b"\x89HDF"):
        _refuse_hdfstore(path)
    found = next(((kind, fix) for mark, kind, fix in _SIGNATURES if head.startswith(mark)), None)
    if found and unpacked and compression(path):
        found = f"{found[0]}, compressed", "unpack it first"
    return None if head.startswith(fitting) else found


_GRAPH, _NEUROML = "`cortexc import graphml` reads it", "`cortexc import neuroml` reads it"
_MATRIX = "`cortexc import matrix` reads it, if its name ends in .mtx"
_ROOTS = {
    "graphml": ("GraphML", _GRAPH),
    "gexf": ("GEXF", _GRAPH),
    "neuroml": ("NeuroML", _NEUROML),
    "lems": ("LEMS", _NEUROML),
    "html": ("a page of the web (HTML)", "the download was of another thing: fetch the file itself"),
    "svg": ("a picture (SVG)", "export the data that it shows"),
}
"""Kinds of XML by their root, and what to do with them."""
_BEGINNINGS = (
    (r"(?m)^\s*graph\s*\[", "GML", _GRAPH),
    (r"(?im)^\s*\*(vertices|network)\b", "Pajek", _GRAPH),
    (r"\s*(strict\s+)?(di)?graph\b[^\[\n]*\{", "DOT, of Graphviz", "write it as GraphML, GEXF or GML"),
    (r"%%MatrixMarket", "Matrix Market", _MATRIX),
    (r"version https://git-lfs", "a pointer of Git LFS, and not the file", "fetch the file: git lfs pull"),
    (r"/annex/objects/", "a pointer of git-annex, and not the file", "fetch the file: git annex get, or datalad get"),
    (r"\s*[{\[]\s*[{\"\]}]", "JSON", "tables and graphs in JSON are read under a name that ends in .json"),
)
"""Kinds of text by what they begin with, as regular expressions."""


def kind_of_text(head: str) -> tuple[str, str] | None:
    """Return what a text is by its beginning, and what to do with it; None for tables and for what is not known."""
    if head.lstrip().startswith("<"):
        root = re.search(r"<(?:[\w.-]+:)?([A-Za-z][\w.-]*)", re.sub(r"(?s)<!--.*?-->", "", head))
        name = root[1] if root else "?"
        return _ROOTS.get(name.lower(), (f"XML of another kind, <{name}>", "export it as GraphML, GEXF or NeuroML"))
    return next(((kind, hint) for mark, kind, hint in _BEGINNINGS if re.match(mark, head)), None) or next(
        ((kind, hint) for mark, kind, hint in _BEGINNINGS[:2] if re.search(mark, head)), None
    )


def xml(path: str, hint: str, *, huge: bool = False) -> Any:
    """Return the root of an XML file; no entity in it is expanded, and nothing is fetched.

    Raises:
        SpecError: it cannot be read, or is not well-formed.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=huge)
    try:
        with unpacking(path), opened(path) as file:
            return etree.parse(file, parser).getroot()
    except etree.XMLSyntaxError as error:
        if found := signature(path, unpacked=True) or _other_than_xml(path):
            raise failed(UNREADABLE, path, f"this is {found[0]}, and no XML", found[1]) from None
        line, column = error.position or (1, 0)
        message = f"the XML is not well-formed: {str(error.msg).partition(', line')[0]}"
        raise failed(UNREADABLE, Span(path, line, max(1, column)), message, hint) from None
    except OSError as error:
        raise failed(UNREADABLE, path, f"the XML cannot be read: {str(error).partition(': ')[2] or error}") from None


def json(path: str) -> Any:
    """Return what a JSON file holds.

    Raises:
        SpecError: it is broken, or no UTF-8 text.
    """
    try:
        with unpacking(path), text(path) as file:
            return json_library.load(file)
    except json_library.JSONDecodeError as error:
        raise failed(UNREADABLE, Span(path, error.lineno, error.colno), f"the JSON is broken: {error.msg}") from None
    except (UnicodeError, RecursionError) as error:
        raise failed(UNREADABLE, path, f"`{path}` is no JSON: {cause(error)}") from None


_KINDS_OF_JSON = (
    ({"networks"}, "a circuit configuration of SONATA", "cortexc import sonata"),
    ({"network", "run"}, "a simulation's configuration of SONATA", "cortexc import sonata"),
    ({"net"}, "a network of NetPyNE", "cortexc import neuroml"),
    ({"nodes", "adjacency"}, "a graph (adjacency)", "cortexc import graphml"),
    ({"nodes", "links"}, "a graph (node-link)", "cortexc import graphml"),
    ({"nodes", "edges"}, "a graph (node-link)", "cortexc import graphml"),
    ({"elements"}, "a graph of Cytoscape", "cortexc import graphml"),
    ({"cortexc"}, "a spec of this language", "cortexc check"),
)


def kind_of_json(data: Any) -> tuple[str, str]:
    """Return what a JSON file holds, in words, and the command that reads it."""
    if isinstance(data, list):
        if data and isinstance(data[0], dict):
            return "a list of records", "`cortexc import table` reads it"
        if data and isinstance(data[0], list):
            return "a list of lists", "`cortexc import matrix` reads one of numbers; edges are records, with names"
        return "a list", "records, one an edge, are read by `cortexc import table`"
    keys = set(data) if isinstance(data, dict) else set()
    for wanted, kind, command in _KINDS_OF_JSON:
        if wanted <= keys:
            return f"it is {kind}", f"`{command}` reads it"
    shown = ", ".join(f"`{key}`" for key in list(keys)[:4]) or "nothing"
    return f"it has {shown}", "a graph has `nodes`, and `edges`, `links` or `adjacency`; or `elements`"
