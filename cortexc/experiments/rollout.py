"""Attention rollout: from which patches of an image information can reach the readout of a trained model.

Each state is represented by the share that each token of the relay has in it. Attention averages the shares of its
sources by the attention weights; where it adds to a state, half of the old shares are kept; a column averages the
shares of its populations. The learned weights of columns are ignored, so a rollout shows what can reach the readout,
and not what the readout uses.

References:
    S. Abnar, W. Zuidema (2020), Quantifying attention flow in transformers, https://arxiv.org/abs/2005.00928
"""

from __future__ import annotations

import io
from typing import assert_never

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csr_array

from cortexc.compiler.artifact import Attend, Connection, Embed, Emit, Mix, Program, Readout, Relay
from cortexc.runtime.exporting import trained
from cortexc.runtime.model import CorticalTransformer, attention_maps
from cortexc.runtime.run import Run

from .evidence import Rollout
from .planning import Schedule

PHOTOGRAPHS = {
    "cat": ("chelsea", (0, 60, 300, 360), "S. van der Walt, CC0"),
    "astronaut": ("astronaut", (0, 80, 300, 380), "NASA, public domain"),
    "cup": ("coffee", (0, 100, 400, 500), "R. Michelson, CC0"),
}
"""Name -> photograph of scikit-image, square (top, left, bottom, right) of it, author. Images of CIFAR-10 may not be
redistributed in a page."""
SIDE = 32
SHOWN = 128
"""Side of a picture in the page [pixels]."""


def rollouts(plan: Schedule, arms: tuple[str, ...]) -> tuple[Rollout, ...]:
    """Return the attention rollout of the first run of each arm on each photograph; none if its weights are gone.

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
            found.append(Rollout(name, PHOTOGRAPHS[name][2], arm, alt, _overlaid(pixels, share)))
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
                shares[op.output] = _normalised(np.sum([*parts, *([shares[op.state]] if op.state else [])], axis=0))
            case Attend():
                added = _normalised(attention[op.name] @ np.concatenate([shares[s.value] for s in op.sources]))
                shares[op.output] = added if op.state is None else _normalised(shares[op.state] + added)
            case Mix():
                states = dict(op.states)
                for target in op.targets:
                    if target.output:
                        names = {*target.excitatory, *([target.population] if target.state else [])}
                        parts = [shares[states[n]] for n in names if n in states]
                        shares[target.output] = _normalised(np.sum(parts, axis=0))
            case Readout():
                mean = np.mean([shares[state].mean(axis=0) for _, state in op.states], axis=0)
                return np.asarray((mean / mean.sum()).reshape(grid))
            case _:
                assert_never(op)
    raise AssertionError("a program ends with its readout")


def _matrix(connection: Connection) -> csr_array:
    return csr_array((connection.weight, connection.indices, connection.indptr), shape=connection.shape)


def _normalised(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares with each row scaled to sum 1; a row of zeros stays."""
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))


def _overlaid(pixels: NDArray[np.uint8], share: NDArray[np.float64]) -> bytes:
    """Return the photograph in grey, and over it in yellow what has more than the equal share, as a PNG."""
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize((SHOWN, SHOWN), Image.Resampling.BICUBIC))
    relative = Image.fromarray((share * share.size).astype(np.float32))
    level = np.asarray(relative.resize((SHOWN, SHOWN), Image.Resampling.BICUBIC))
    strength = np.clip(level / 2, 0, 1)[..., None]  # full colour from twice the equal share
    coloured = (1 - 0.65 * strength) * grey[..., None] + 0.65 * strength * np.array([240, 228, 66])
    file = io.BytesIO()
    Image.fromarray(coloured.clip(0, 255).astype(np.uint8)).save(file, format="PNG", optimize=True)
    return file.getvalue()
