"""Experiments: arms that differ in their connectivity, trained and tested alike, and what the difference is worth.

>>> from cortexc import experiments
>>> experiments.load("multiscale").baseline
'dense'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
