"""Which patches of an image a trained model's readout listens to: attention, followed through the whole program.

A state is followed as the shares that the tokens of the relay have in it. Attention mixes the shares of its sources; a
state that attention adds to keeps half of its own; a column mixes those of its populations evenly. What the column's
weights make of it is not followed: this is where the readout could look, by the attention, and not what it uses.

References:
    S. Abnar, W. Zuidema (2020), Quantifying attention flow in transformers, https://arxiv.org/abs/2005.00928
"""

from __future__ import annotations

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csr_array

from cortexc.compiler.artifact import Attend, Connection, Embed, Emit, Mix, Program, Readout, Relay
from cortexc.runtime.exporting import trained
from cortexc.runtime.model import CorticalTransformer, attention_maps
from cortexc.runtime.run import Run

from .evidence import Gaze
from .planning import Schedule

PHOTOGRAPHS = {
    "cat": ("chelsea", (0, 60, 300, 360), "S. van der Walt, CC0"),
    "astronaut": ("astronaut", (0, 80, 300, 380), "NASA, public domain"),
    "cup": ("coffee", (0, 100, 400, 500), "R. Michelson, CC0"),
}
"""Name -> photograph of scikit-image, square (top, left, bottom, right) of it, who made it. CIFAR-10 itself has no
licence to be shown in a page that is handed on."""
SIDE = 32
SHOWN = 128
"""Side of a picture in the page [pixels]."""


def gazes(plan: Schedule, arms: tuple[str, ...]) -> tuple[Gaze, ...]:
    """Return where the first run of each arm looks in each photograph; none where its weights are not kept.

    Raises:
        RunError: a checkpoint is damaged.
    """
    images = photographs()
    found = []
    for arm in arms:
        task = next(t for t in plan.tasks if t.arm == arm and not t.reference)
        if not Run(task.folder).checkpoint_path.exists():
            continue
        model = trained(task.folder).eval()
        for name, pixels in images.items():
            share = rollout(model, torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].float() / 255)
            row, column = divmod(int(share.argmax()), share.shape[1])
            alt = (
                f"{arm} on the photograph `{name}`: most attention leads to patch row {row + 1}, column {column + 1}, "
                f"which has {100 * share.max():.1f} % of it; even attention would be {100 / share.size:.1f} %"
            )
            found.append(Gaze(name, PHOTOGRAPHS[name][2], arm, alt, _overlaid(pixels, share)))
    return tuple(found)


def photographs() -> dict[str, NDArray[np.uint8]]:
    """Return the example photographs (32, 32, 3) by name."""
    from skimage import data

    found = {}
    for name, (source, (top, left, bottom, right), _) in PHOTOGRAPHS.items():
        square = Image.fromarray(getattr(data, source)()[top:bottom, left:right])
        found[name] = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    return found


@torch.no_grad()
def rollout(model: CorticalTransformer, image: torch.Tensor) -> NDArray[np.float64]:
    """Return the share (rows, columns) that each token of the relay has in the readout, for an image (1, C, H, W)."""
    program: Program = model.program
    attention = {name: found[0].double().mean(0).numpy() for name, found in attention_maps(model, image).items()}
    shares: dict[str, NDArray[np.float64]] = {}
    grid = program.populations[0].grid
    for op in program.ops:
        match op:
            case Embed():
                shares[op.output] = np.eye(grid[0] * grid[1])
            case Emit():
                shares[op.output] = shares[op.state]
            case Relay():
                parts = [s.weight * (_matrix(program.connections[s.connection]) @ shares[s.value]) for s in op.sources]
                shares[op.output] = _even(np.sum([*parts, *([shares[op.state]] if op.state else [])], axis=0))
            case Attend():
                heard = _even(attention[op.name] @ np.concatenate([shares[s.value] for s in op.sources]))
                shares[op.output] = heard if op.state is None else _even(shares[op.state] + heard)
            case Mix():
                states = dict(op.states)
                for target in op.targets:
                    if target.output:
                        names = {*target.excitatory, *([target.population] if target.state else [])}
                        parts = [shares[states[n]] for n in names if n in states]
                        shares[target.output] = _even(np.sum(parts, axis=0))
            case Readout():
                mean = np.mean([shares[state].mean(axis=0) for _, state in op.states], axis=0)
                return np.asarray((mean / mean.sum()).reshape(grid))
    raise AssertionError("a program ends with its readout")


def _matrix(connection: Connection) -> csr_array:
    return csr_array((connection.weight, connection.indices, connection.indptr), shape=connection.shape)


def _even(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares whose rows sum to 1; a row of nothing stays."""
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))


def _overlaid(pixels: NDArray[np.uint8], share: NDArray[np.float64]) -> bytes:
    """Return the photograph in grey, and over it in yellow what is attended to more than evenly, as a PNG."""
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize((SHOWN, SHOWN), Image.Resampling.BICUBIC))
    relative = Image.fromarray((share * share.size).astype(np.float32))
    level = np.asarray(relative.resize((SHOWN, SHOWN), Image.Resampling.BICUBIC))
    strength = np.clip(level / 2, 0, 1)[..., None]  # twice the even share is full colour
    coloured = (1 - 0.65 * strength) * grey[..., None] + 0.65 * strength * np.array([240, 228, 66])
    file = io.BytesIO()
    Image.fromarray(coloured.clip(0, 255).astype(np.uint8)).save(file, format="PNG", optimize=True)
    return file.getvalue()
