"""The data sets that models are trained and tested on, and what is known of each without reading it.

Code that depends on the data set looks it up by `known`; `cortexc.runtime.data.load` reads the images. Nothing of the
runtime is imported here, so that an experiment can be checked without torch. Data of one's own (arrays, an ``.npz``, a
folder of images) have no record here.

To add a data set, write ``runtime/data/NAME.py`` with ``read(data_dir) -> Dataset``, and add its record here. If it
can be downloaded, that module also has ``FETCHABLE``, with the addresses and md5 sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

IMAGE_SHAPE = (3, 32, 32)
"""Channels, rows and columns of the images of every shipped data set, and of all images that can be corrupted."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of any data set, one's own included."""

    name: str
    title: str
    """Its name in texts."""
    mirrored: bool = True
    """Whether mirror images keep their class, so that training mirrors images at random."""
    official: str | None = None
    """What ``cortexc data fetch`` calls the official corrupted test images; None if there are none."""
    has_alexnet: bool = False
    """Whether errors of AlexNet on the corrupted images are published; mCE is relative to these."""

    @property
    def corrupted(self) -> str:
        """The name of the corrupted test images, and of their folder in the data directory."""
        return f"{self.title}-C"


@dataclass(frozen=True, kw_only=True)
class DatasetRecord(Known):
    """The properties of a shipped data set."""

    reader: str
    """The module of ``cortexc.runtime.data`` that has ``read(data_dir)``."""
    training_images: int
    test_images: int
    classes: int
    needs_folder: bool
    """Whether it is read from a folder; otherwise it comes with the program."""
    license: str
    """Its license, in a few words."""


DATASETS = {
    record.name: record
    for record in (
        DatasetRecord(
            name="cifar10",
            title="CIFAR-10",
            reader="cifar",
            training_images=50_000,
            test_images=10_000,
            classes=10,
            needs_folder=True,
            official="cifar10-c",
            has_alexnet=True,
            license="no license is given",
        ),
        DatasetRecord(
            name="cifar100",
            title="CIFAR-100",
            reader="cifar100",
            training_images=50_000,
            test_images=10_000,
            classes=100,
            needs_folder=True,
            license="no license is given",
        ),
        DatasetRecord(
            name="digits",
            title="digits",
            reader="digits",
            training_images=1437,
            test_images=360,
            classes=10,
            mirrored=False,
            needs_folder=False,
            license="CC BY 4.0",
        ),
    )
}
"""Name -> record."""


def known(name: str) -> Known:
    """Return what is known of a data set; one's own is called by its file."""
    return DATASETS[name] if name in DATASETS else Known(name=name, title=PurePath(name).stem)
