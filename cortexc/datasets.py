"""The data sets that models are trained and tested on, and what is known of each without reading it.

Code that depends on the data set looks it up in `DATASETS`; `cortexc.runtime.data.load` reads the images. Nothing of
the runtime is imported here, so that an experiment can be checked without torch.

To add a data set, write ``runtime/data/NAME.py`` with ``read(data_dir) -> Dataset``, and add its record here. If it
can be downloaded, that module also has ``FETCHABLE``, with the addresses and md5 sums.
"""

from __future__ import annotations

from dataclasses import dataclass

IMAGE_SHAPE = (3, 32, 32)
"""Channels, rows and columns of the images of every data set."""


@dataclass(frozen=True, kw_only=True)
class DatasetRecord:
    """The properties of a data set."""

    name: str
    title: str
    """Its name in texts."""
    reader: str
    """The module of ``cortexc.runtime.data`` that has ``read(data_dir)``."""
    training_images: int
    test_images: int
    classes: int
    mirrored: bool
    """Whether mirror images keep their class, so that training mirrors images at random."""
    needs_folder: bool
    """Whether it is read from a folder; otherwise it comes with the program."""
    official: str | None = None
    """What ``cortexc data fetch`` calls the official corrupted test images; None if there are none."""
    has_alexnet: bool = False
    """Whether errors of AlexNet on the corrupted images are published; mCE is relative to these."""
    license: str
    """Its license, in a few words."""

    @property
    def corrupted(self) -> str:
        """The name of the corrupted test images, and of their folder in the data directory."""
        return f"{self.title}-C"


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
            mirrored=True,
            needs_folder=True,
            official="cifar10-c",
            has_alexnet=True,
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
