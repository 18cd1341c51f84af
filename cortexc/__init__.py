"""A compiler from connectomes to cortical transformers: load, check, compile, build, train and evaluate in one import.

>>> import cortexc
>>> cortexc.compile("macaque-ventral").parameter_counts["attention"]
20440
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
