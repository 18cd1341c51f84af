"""``cortexc plot SPEC|X.h5|RUN -o FIG``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..usage import UsageError, refuse_existing

OF_SPECS = ("hierarchy", "adjacency", "circuit")
OF_PROGRAMS = ("mask", "routing")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("what", metavar="SPEC|X.h5|RUN", help="a spec; for mask and routing also an artifact or a run")
    parser.add_argument("-o", "--out", metavar="FIG", required=True, type=Path, help="a .png, .svg or .pdf file")
    parser.add_argument(
        "--show",
        choices=(*OF_SPECS, *OF_PROGRAMS),
        metavar="WHAT",
        help="hierarchy (default of a spec): areas and projections; adjacency: matrix of projections; circuit: layers "
        "and populations; mask: who may attend to whom; routing (default of an artifact): the unrolled graph",
    )
    parser.add_argument("--circuit", metavar="NAME", help="which circuit (default: the first)")
    parser.add_argument("--op", metavar="NAME", help="whose mask, as in V1.L23E@2 (default: the one with most sources)")
    parser.add_argument("--token", type=int, metavar="N", help="which token of it (default: the middle one)")
    parser.add_argument("--force", action="store_true", help="replace a file that is there already")
    parser.epilog = "Exit status: 0 written, 2 not written."


def run(args: argparse.Namespace) -> int:
    """Draw, and write the file."""
    path = Path(args.what)
    compiled = path.is_dir() or path.suffix.lower() in {".h5", ".hdf5"}
    show = args.show or ("routing" if compiled else "hierarchy")
    if compiled and show in OF_SPECS:
        raise UsageError(f"{show} is a picture of a spec, and {path} is compiled")
    for option, owner in (("circuit", "circuit"), ("op", "mask"), ("token", "mask")):
        if getattr(args, option) is not None and show != owner:
            raise UsageError(f"--{option} belongs to --show {owner}")
    refuse_existing((args.out,), force=args.force)
    from cortexc.figures import style

    if args.out.suffix.lower() not in style.ENDINGS:
        raise UsageError(f"{args.out}: a figure is written as {', '.join(style.ENDINGS)}")
    if show in OF_SPECS:
        from cortexc import connectome
        from cortexc.figures import adjacency, circuit, hierarchy

        spec = connectome.load(args.what)
        if show == "circuit":
            drawn = circuit.draw(spec, args.circuit)
        else:
            drawn = {"hierarchy": hierarchy, "adjacency": adjacency}[show].draw(spec)
    else:
        from cortexc.figures import mask, routing

        from ..programs import program_of

        program = program_of(str(path / "program.h5") if path.is_dir() else args.what, None)
        drawn = mask.draw(program, args.op, args.token) if show == "mask" else routing.draw(program)
    style.save(drawn, args.out)
    print(f"wrote {args.out}: {show} of {args.what}")
    return 0
