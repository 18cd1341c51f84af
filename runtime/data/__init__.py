"""The pictures a model learns from: shipped data sets, such as small digits that need no download, and one's own.

>>> from cortexc.runtime import data
>>> data.load("digits", None).train.images.shape
(1437, 3, 32, 32)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
