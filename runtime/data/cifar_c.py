"""CIFAR-10-C on disk: the names of the official files, and their md5 sums.

References:
    D. Hendrycks, T. Dietterich (2019), Benchmarking neural network robustness to common corruptions and
    perturbations, https://arxiv.org/abs/1903.12261; the set: https://doi.org/10.5281/zenodo.2535967, CC BY 4.0
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path

from .archives import Fetchable, how_to_fetch, pieces, unreadable

FOLDER = "CIFAR-10-C"
ARCHIVE = "CIFAR-10-C.tar"
URL = "https://zenodo.org/records/2535967/files/CIFAR-10-C.tar?download=1"
ARCHIVE_MD5 = "56bf5dcef84df0e2308c6dcbcbbd8499"
ARCHIVE_BYTES = 2_918_471_680
LABELS = "labels.npy"
MD5 = {
    "gaussian_noise.npy": "ecaf8b9a2399ffeda7680934c33405fd",
    "shot_noise.npy": "3a7239bb118894f013d9bf1984be7f11",
    "impulse_noise.npy": "2090e01c83519ec51427e65116af6b1a",
    "defocus_blur.npy": "7d1322666342a0702b1957e92f6254bc",
    "glass_blur.npy": "7361fb4019269e02dbf6925f083e8629",
    "motion_blur.npy": "fffa5f852ff7ad299cfe8a7643f090f4",
    "zoom_blur.npy": "6ea8e63f1c5cdee1517533840641641b",
    "snow.npy": "bb238de8555123da9c282dea23bd6e55",
    "frost.npy": "31f6ab3bce1d9934abfb0cc13656f141",
    "fog.npy": "7b397314b5670f825465fbcd1f6e9ccd",
    "brightness.npy": "0a81ef75e0b523c3383219c330a85d48",
    "contrast.npy": "3c8262171c51307f916c30a3308235a8",
    "elastic_transform.npy": "9421657c6cd452429cf6ce96cc412b5f",
    "pixelate.npy": "0f14f7e2db14288304e1de10df16832f",
    "jpeg_compression.npy": "2b9cc4c864e0193bb64db8d7728f8187",
    "speckle_noise.npy": "ef00b87611792b00df09c0b0237a1e30",
    "gaussian_blur.npy": "c33370155bc9b055fb4a89113d3c559d",
    "spatter.npy": "8a5a3903a7f8f65b59501a6093b4311e",
    "saturate.npy": "1cfae0964219c5102abbb883e538cc56",
    LABELS: "c439b113295ed5254878798ffe28fd54",
}
"""Official md5 sums, the labels last."""
FILES = tuple(MD5)
MAX_BYTES = 160 * 2**20
"""No official file is as large [bytes]."""
PIECE = 2**20
"""Bytes of an array in memory at once while it is unpacked."""
MANIFEST = "manifest.json"
"""Tells, in the folder of a set that was regenerated, how that was done."""
MAX_MANIFEST_BYTES = 2**20


def locate(data_dir: Path, name: str = FOLDER) -> Path | None:
    """Return the folder with the arrays: the one called ``name`` in it, or else the given one; None without an array.

    Raises:
        DataError: one may not look into the folder.
    """
    try:
        for folder in (data_dir / name, data_dir):
            if any((folder / name).is_file() for name in FILES if name != LABELS):
                return folder
    except OSError as error:
        raise unreadable(data_dir, error) from None
    return None


def is_regenerated(folder: Path) -> bool:
    """Tell whether the set in a folder was made by ``cortexc data corrupt``: its manifest says so.

    Raises:
        DataError: the manifest is there and cannot be read.
    """
    try:
        with (folder / MANIFEST).open("rb") as file:
            manifest = json.loads(file.read(MAX_MANIFEST_BYTES))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return False
    except OSError as error:
        raise unreadable(folder / MANIFEST, error) from None
    return isinstance(manifest, dict) and manifest.get("kind") == "regenerated"


def members(archive: Path, wanted: Collection[str] = FILES) -> Iterator[tuple[str, bytes]]:
    """Yield the official files of the archive piece by piece: name and bytes, in its order, and nothing else in it.

    Raises:
        DataError: it is not a sound tar, or a member is larger than any official file.
    """
    names = {f"{FOLDER}/{name}": name for name in wanted} | {name: name for name in wanted}
    hint = how_to_fetch(archive.parent, "cifar10-c", FOLDER)
    return pieces(archive, "r:", names, largest=MAX_BYTES, piece=PIECE, remedy=hint)


CIFAR10_C = Fetchable(
    name="cifar10-c",
    label="CIFAR-10-C",
    url=URL,
    archive=ARCHIVE,
    folder=FOLDER,
    md5=MD5 | {ARCHIVE: ARCHIVE_MD5},
    locate=locate,
    members=members,
    archive_bytes=ARCHIVE_BYTES,
    files_bytes=ARCHIVE_BYTES,  # a tar is as large as what is in it
    replaces=False,
    regenerated=is_regenerated,
    instead="cortexc data corrupt cifar10 --data-dir {data_dir} -o OUT",
)
