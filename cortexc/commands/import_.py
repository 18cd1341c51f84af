"""``cortexc import FORMAT FILE... -o SPEC``."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from ..usage import UsageError, refuse_existing, refuse_other_than_yaml

NAMES = ("table", "matrix", "sonata", "graphml", "nir", "neuroml", "synapses")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "format",
        choices=NAMES,
        metavar="FORMAT",
        help="table (edge list), matrix, sonata, graphml (any file of a graph), nir, neuroml (also NeuroMLlite and "
        "NetPyNE), or synapses (of neurons)",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="the files of one connectome, in any order")
    parser.add_argument("-o", "--out", metavar="SPEC", required=True, type=Path, help="spec to write, a .yaml file")
    parser.add_argument("--force", action="store_true", help="replace files that are there already")

    spec = parser.add_argument_group("the spec")
    spec.add_argument("--name", help="of the connectome (default: that of the first file)")
    spec.add_argument(
        "--source",
        action="append",
        dest="sources",
        metavar="TEXT",
        default=[],
        help="DOI, address or citation of the data; may be repeated",
    )
    spec.add_argument("--input", metavar="AREA", help="area of the data that is the relay of the image, such as LGd")
    spec.add_argument("--input-to", metavar="AREA", help="area that the image reaches, where the data have no relay")
    spec.add_argument("--readout", metavar="AREA", help="area that the decision is read from")
    spec.add_argument("--classes", type=int, help="number of classes to tell apart (default: 10)")
    spec.add_argument("--invalid", choices=("error", "drop"), help="what to do with rows that cannot be right")

    table = parser.add_argument_group("tables (table, synapses; some for graphml and matrix)")
    for end in ("source", "target", "weight", "fln", "sln", "distance", "case"):
        table.add_argument(
            f"--{end}-column", metavar="NAME", help=f"column of the {end}, or its number without a header"
        )
    table.add_argument("--separator", metavar="MARK", help="comma, tab, semicolon, space, or any one character")
    table.add_argument(
        "--header", choices=("auto", "yes", "no"), help="whether the first line (of a matrix: and column) holds names"
    )
    table.add_argument("--sheet", metavar="NAME", help="of an Excel workbook")
    table.add_argument("--decimal", choices=(".", ","), help="mark before the fraction of a number (default: .)")
    table.add_argument("--thousands", metavar="MARK", help="mark between groups of three digits: 1,234 is 1234")
    table.add_argument("--skip-rows", type=int, metavar="N", help="lines before the table, such as its title")
    table.add_argument(
        "--scale",
        choices=("plain", "percent", "log10", "ln"),
        help="how strengths are written (default: as the name of the column says)",
    )
    table.add_argument(
        "--percent", action="store_const", const="percent", dest="scale", help="FLNe and SLN are in percent"
    )
    table.add_argument(
        "--where",
        action="append",
        metavar="COLUMN=VALUE",
        help="take these rows; may be repeated: values of one column are alternatives",
    )
    table.add_argument(
        "--aggregate",
        choices=("auto", "sum", "mean", "cases", "median", "max", "error"),
        help="how rows of a pair join (auto: FLNe mean, others sum)",
    )

    table.add_argument(
        "--negative",
        choices=("error", "absolute", "drop"),
        help="negative strengths (also of matrices): take their size, or leave them out",
    )

    matrix = parser.add_argument_group("matrices")
    matrix.add_argument(
        "--rows", choices=("source", "target"), help="what a row is; a matrix does not say it (synapses: of neurons)"
    )
    matrix.add_argument(
        "--symmetric",
        action="store_true",
        default=None,
        help="undirected: one half of the matrix stands for both; each row of an edge list counts both ways",
    )
    matrix.add_argument("--variable", metavar="NAME", help="the matrix, in .mat, .npz and HDF5 files")
    matrix.add_argument(
        "--labels",
        metavar="NAME|FILE",
        help="names of the areas: a variable or a file; for graphml the attribute of nodes that names them",
    )
    matrix.add_argument("--sln", metavar="NAME|FILE", help="matrix of SLN in the same form")
    matrix.add_argument("--distance", metavar="NAME|FILE", help="matrix of distances in the same form [mm]")

    neurons = parser.add_argument_group("neurons (synapses, sonata)")
    neurons.add_argument("--neurons", metavar="FILE", help="table of the neurons")
    for what in ("id", "area", "layer", "type", "kind"):
        neurons.add_argument(f"--{what}-column", metavar="NAME", help=f"column of the neuron's {what}")
    neurons.add_argument("--inhibitory", metavar="VALUES", help="kinds or types that inhibit, with commas: gaba,glut")
    neurons.add_argument(
        "--strength",
        choices=("synapses", "connections", "weight", "neurons"),
        help="what a projection's strength is (neurons: FLNe, as a tracer would find it)",
    )
    parser.epilog = (
        "Exit status: 0 imported, 1 imported with errors in the data, 2 not imported; then no file is written."
    )


def run(args: argparse.Namespace) -> int:
    """Import, write the spec, report, and check it."""
    from cortexc.anatomy.importers import Options
    from cortexc.anatomy.importers.reading import inputs, read, unheard
    from cortexc.compiler.checker import check
    from cortexc.connectome.diagnostics import render

    given = {k: v for k, v in vars(args).items() if v is not None and k in Options.__dataclass_fields__ and v != []}
    if "inhibitory" in given:
        given["inhibitory"] = tuple(v.strip() for v in given["inhibitory"].split(",") if v.strip())
    for name in ("sources", "where"):
        if name in given:
            given[name] = tuple(given[name])
    options = Options(**given)
    if lost := unheard(options, args.format):
        listed = ", ".join("--" + name.replace("sources", "source").replace("_", "-") for name in lost)
        raise UsageError(f"{listed}: the format {args.format} knows no such thing")
    refuse_other_than_yaml(args.out)
    there = [p for p in (args.out, args.out.with_suffix(".h5")) if p.exists()]
    read_too = inputs(args.format, args.files, options) if there else []
    if overwritten := [p for p in there if any(p.samefile(f) for f in read_too)]:
        raise UsageError(f"{overwritten[0]} is one of the files to import")
    refuse_existing((args.out, args.out.with_suffix(".h5")), force=args.force)
    found = read(args.format, args.files, options)
    command = shlex.join(["cortexc", "import", args.format, *args.files, *_spoken(args)])
    written = found.write(args.out, command)
    print(found.report.as_text())
    if len(found.report.findings):
        print("\n" + render.as_text(found.report.findings, colour=sys.stdout.isatty()))
    report = check(args.out)
    print(f"\nwrote {', '.join(map(str, written))}: {render.summary(report)}")
    for finding in list(report)[:5]:
        print(f"  {finding.severity}[{finding.code}] {finding.span}: {finding.message}")
    if len(report):
        print(f"`cortexc check {args.out}` shows {'all of them' if len(report) > 5 else 'them in full'}")
    return 1 if report.errors else 0


def _spoken(args: argparse.Namespace) -> list[str]:
    """Return the options as they were typed, for the head of the spec."""
    words: list[str] = []
    for key, value in vars(args).items():
        if key in {"command", "format", "files", "out", "force"} or value in (None, []):
            continue
        option = "--" + key.replace("sources", "source").replace("_", "-")
        for one in value if isinstance(value, list) else [value]:
            words += [option] if one is True else [option, str(one)]
    return words
