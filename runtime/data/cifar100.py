"""CIFAR-100, with its 100 fine labels; read as CIFAR-10 is.

References:
    A. Krizhevsky (2009), Learning multiple layers of features from tiny images,
    https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

from .archives import Fetchable
from .cifar import Version

VERSION = Version(
    name="cifar100",
    title="CIFAR-100",
    archive="cifar-100-python.tar.gz",
    folder="cifar-100-python",
    md5={
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
        "cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85",
    },
    train={"train": 50_000},
    test="test",
    meta="meta",
    labels="fine_labels",
    names="fine_label_names",
    classes=100,
)
read = VERSION.read

CIFAR100 = Fetchable(
    name="cifar100",
    label="CIFAR-100",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    archive=VERSION.archive,
    folder=VERSION.folder,
    md5=VERSION.md5,
    locate=VERSION.locate,
    members=VERSION.members,
    archive_bytes=200_000_000,
    files_bytes=200_000_000,
    replaces=True,
)
FETCHABLE = (CIFAR100,)
