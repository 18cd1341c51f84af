"""Anatomy out: the areas and projections of a spec as GraphML, node-link JSON, CSV edge list, SONATA and networkx.

>>> from cortexc import connectome
>>> from cortexc.anatomy.exporters import as_networkx
>>> sorted(as_networkx(connectome.load("macaque-ventral")).successors("V1"))
['V1', 'V2', 'V4']
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
