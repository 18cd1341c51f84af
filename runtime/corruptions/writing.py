"""Writes a regenerated set to a folder, in the layout of CIFAR-10-C."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from cortexc import replacement
from cortexc.locking import only_writer

from ..data.cifar_c import LABELS, MANIFEST
from ..data.dataset import DataError, Dataset, check_corruptible
from .catalogue import CORRUPTIONS, SEVERITIES, Cell
from .generation import Source, blocks, check_workers
from .sets import FORMAT, Pixels, md5_of, read_manifest

Progress: TypeAlias = Callable[[Cell, int, int], None]
"""Called with the cell at hand, the images done and the images in all."""


def channels_last(images: Pixels) -> Pixels:
    """Return images (N, 3, 32, 32) as (N, 32, 32, 3), which is how corruptions have them."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def write(
    dataset: Dataset,
    folder: Path,
    *,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    severities: Sequence[int] = SEVERITIES,
    source: Source | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    waiting: Callable[[str], None] = lambda holder: None,
) -> dict[str, Any]:
    """Corrupt the test images of a data set and write them; return the manifest.

    Each array gets its name when it is complete. What the same call has already written is kept, so an interrupted one
    can be repeated; nothing else is overwritten. Of several calls for one folder, one works and the others wait.

    Args:
        dataset: whose test images are corrupted.
        folder: created if it does not exist.
        corruptions: names, in the order of the catalogue.
        severities: ascending.
        source: of random numbers and frost.
        workers: threads; None for one a processor.
        progress: told about the work.
        waiting: told who is writing to the folder, before the wait.

    Raises:
        DataError: the images are not 3 x 32 x 32, other files are in the folder, the disk is full, or photographs of
            frost cannot be read.
    """
    check_workers(workers)
    check_corruptible(dataset)
    with ExitStack() as held:
        with _writing(folder):
            replacement.make_folder(folder)
            held.enter_context(only_writer(folder, wait=-1, waiting=waiting))
        return _write(dataset, folder, corruptions, severities, source or Source(), workers, progress)


def _write(
    dataset: Dataset,
    folder: Path,
    corruptions: Sequence[str],
    severities: Sequence[int],
    source: Source,
    workers: int | None,
    progress: Progress | None,
) -> dict[str, Any]:
    images = channels_last(dataset.test.images)
    manifest = {
        "format": FORMAT,
        "kind": "regenerated",
        "data": {"name": dataset.name, "fingerprint": dataset.fingerprint, "images": len(images)},
        "severities": list(severities),
        **source.describe(),
        "md5": {},
    }
    labels = np.tile(dataset.test.labels.astype(np.min_scalar_type(len(dataset.classes) - 1)), len(severities))
    manifest["md5"] = _kept(folder, manifest, (*(f"{name}.npy" for name in corruptions), LABELS))
    todo = [name for name in corruptions if f"{name}.npy" not in manifest["md5"]]
    _check_room(folder, len(todo) * len(severities) * images.nbytes)
    made = blocks(images, [Cell(name, s) for name in todo for s in severities], source, workers=workers)
    if LABELS not in manifest["md5"]:
        _write_array(folder / LABELS, labels.shape, iter([labels]), manifest)
    total = len(todo) * len(severities) * len(images)
    try:
        for done, name in enumerate(todo):
            parts = _told(made, len(severities) * len(images), done, total, progress)
            shape = (len(severities) * len(images), *images.shape[1:])
            _write_array(folder / f"{name}.npy", shape, parts, manifest)
    finally:
        made.close()
    return manifest


def _told(
    made: Iterator[tuple[Cell, int, Pixels]], count: int, done: int, total: int, progress: Progress | None
) -> Iterator[Pixels]:
    """Pass on the blocks of one array, and say how far the work is."""
    here = 0
    while here < count:
        cell, _, block = next(made)
        here += len(block)
        if progress is not None:
            progress(cell, done * count + here, total)
        yield block


def _kept(folder: Path, manifest: dict[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Return the sums of what the same call wrote before.

    Raises:
        DataError: there is something else.
    """
    path = folder / MANIFEST
    here = [name for name in names if (folder / name).exists()]
    if not path.exists():
        if here:
            raise DataError(
                f"{folder / here[0]}: there already, and not written by this command (there is no {MANIFEST}); nothing "
                "was overwritten. Choose another folder."
            )
        return {}
    before = read_manifest(path)
    for key in ("data", "severities", "seed", "frost", "versions"):
        if before[key] != manifest[key]:
            raise DataError(
                f"{folder}: it holds a set with {key} {_short(before[key])}, and this one would have "
                f"{_short(manifest[key])}; nothing was overwritten. Choose another folder."
            )
    for name in here:
        if before["md5"].get(name) != md5_of(folder / name):
            raise DataError(
                f"{folder / name}: there already, and not what {MANIFEST} says; nothing was overwritten. Move it away."
            )
    return {name: md5 for name, md5 in before["md5"].items() if (folder / name).exists()}


def _check_room(folder: Path, needed: int) -> None:
    with _writing(folder):
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(there).free
    if free < needed:
        raise DataError(
            f"{folder}: the disk has room for {free / 1e9:.2f} GB, and the set needs {needed / 1e9:.2f} GB; nothing "
            "was written. Choose another disk or fewer corruptions; `cortexc evaluate --regenerate` writes none."
        )


def _write_array(path: Path, shape: tuple[int, ...], parts: Iterator[Pixels], manifest: dict[str, Any]) -> None:
    """Write an array of uint8 under another name, put its md5 sum into the manifest, and then give it its own name.

    So whatever has its name is in the manifest; what the manifest has and is not there yet is written by the next call.
    """
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    digest = hashlib.md5(header.getvalue(), usedforsecurity=False)
    with _writing(path), replacement.replacing(path) as (part,):
        with part.open("wb") as file:
            file.write(header.getvalue())
            for block in parts:
                digest.update(block.data)
                file.write(block.data)
        manifest["md5"][path.name] = digest.hexdigest()
        replacement.write_json(path.with_name(MANIFEST), manifest)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 80 else text[:77] + "..."


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Put a failure to write into plain words."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{path}: cannot be written: {reason}. What was complete before stays.") from None
