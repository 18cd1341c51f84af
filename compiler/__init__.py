"""From connectome to artifact: six passes over one typed graph.

>>> from cortexc import compiler
>>> program = compiler.compile("vit-tiny", seed=0)
>>> program.parameter_counts["readout"]
1162
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
