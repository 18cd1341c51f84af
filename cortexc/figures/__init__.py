"""Figures: the hierarchy, matrix and circuits of a connectome, the masks and the routing graph of a compiled program.

>>> import cortexc
>>> from cortexc.figures import hierarchy
>>> hierarchy.draw(cortexc.load("macaque-ventral")).axes[0].get_ylabel()
'hierarchy (declared level)'
"""
