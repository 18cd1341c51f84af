"""Null models to compare a connectome with. Each keeps some properties exactly, destroys others, and lists both.

>>> from cortexc import connectome
>>> from cortexc.anatomy.nulls import null
>>> null(connectome.load("macaque-ventral"), "degree", seed=1).null_model.model
'degree'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
