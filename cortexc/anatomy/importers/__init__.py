"""Anatomy in: tables, matrices, SONATA, graphs, NeuroML and lists of synapses become specs.

>>> import networkx as nx
>>> from cortexc.anatomy.importers import from_graph
>>> from_graph(nx.DiGraph([("V1", "V2"), ("V2", "V4")])).connectome.readout.area
'V4'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
