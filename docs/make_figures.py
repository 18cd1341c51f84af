"""Draw the pictures of the shipped specs: ``python docs/make_figures.py`` writes ``docs/figures/``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from cortexc import compiler, connectome, specs
from cortexc.figures import adjacency, circuit, hierarchy, mask, routing, style

FOLDER = Path(__file__).resolve().parent / "figures"
ANATOMICAL = ("macaque-ventral", "macaque-dorsal", "macaque-29", "mouse-visual")
LATERAL = {"kernels/distance-rule-macaque.yaml": "V1.L23E@2", "kernels/patchy-te.yaml": "TEpd.L23E@2"}


def main() -> None:
    """Draw each spec, circuit and kernel."""
    for name in ANATOMICAL:
        spec = connectome.load(name)
        style.save(hierarchy.draw(spec), FOLDER / f"{name}-hierarchy.png")
        style.save(adjacency.draw(spec), FOLDER / f"{name}-adjacency.png")
    for name in ("macaque-ventral", "macaque-multiscale", "vit-tiny"):
        style.save(routing.draw(compiler.compile(name)), FOLDER / f"{name}-routing.png")
    style.save(mask.draw(compiler.compile("macaque-ventral"), "V1.L23E@2"), FOLDER / "macaque-ventral-mask.png")
    style.save(circuit.draw(connectome.load("mouse-visual"), "VISp"), FOLDER / "mouse-visual-circuit.png")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        for name in specs.circuits():
            path.write_text(
                f"extends: macaque-ventral\nname: {Path(name).stem}\nchecker: null\n"
                f"circuits: {{granular: null, column: {{file: {name}}}}}\n"
                "areas: {V1: {circuit: column}, V2: {circuit: column}, V4: {circuit: column}, TEO: {circuit: column}, "
                "TEpd: {circuit: column}}\n"
            )
            style.save(circuit.draw(connectome.load(path)), FOLDER / f"{Path(name).stem}.png")
        for name, op in LATERAL.items():
            path.write_text(f"extends: [macaque-ventral, {name}]\nname: {Path(name).stem}\n")
            style.save(mask.draw(compiler.compile(path), op), FOLDER / f"{Path(name).stem}.png")

    for path in FOLDER.glob("*.png"):
        # this method keeps rare colours as they are: the lines of a legend are as those in the picture
        few = Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


if __name__ == "__main__":
    main()
