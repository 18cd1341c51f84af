"""What a connectome is: the language of specs, reading and writing them, and the checker.

>>> from cortexc import connectome
>>> connectome.load("macaque-ventral").name
'macaque-ventral'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
