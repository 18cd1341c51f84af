"""The data sets that models are trained and tested on, and what is known of each without reading it.

Whatever depends on the data set asks `DATASETS`; `cortexc.runtime.data.load` reads the images. Nothing of the runtime
is imported here, so that an experiment is checked without torch.

To add a data set, write ``runtime/data/NAME.py`` with ``read(data_dir) -> Dataset``, and add its record here. Where it
can be downloaded, that module also has ``FETCHABLE``, which says from where.
"""

from __future__ import annotations

from dataclasses import dataclass

IMAGE_SHAPE = (3, 32, 32)
"""Channels, rows and columns of the images of every data set."""


@dataclass(frozen=True, kw_only=True)
class DatasetRecord:
    """What is known of a data set."""

    name: str
    title: str
    """What a person calls it."""
    reader: str
    """The module of ``cortexc.runtime.data`` that has ``read(data_dir)``."""
    training_images: int
    test_images: int
    classes: int
    mirrored: bool
    """Whether a mirror image shows the same thing, so that training mirrors at random."""
    needs_folder: bool
    """Whether it is read from a folder; else it comes with the program."""
    official: str | None = None
    """What ``cortexc data fetch`` calls the official corrupted test images; None where there are none."""
    has_alexnet: bool = False
    """Whether the errors of an AlexNet on the corrupted images are published, which mCE is relative to."""
    license: str
    """What its authors allow, in a few words."""

    @property
    def corrupted(self) -> str:
        """What the corrupted test images are called, and their folder beside the data."""
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
