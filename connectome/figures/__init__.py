"""Pictures of a connectome: the hierarchy, the matrix of projections, laminar circuits.

>>> import connectome
>>> from connectome.figures import hierarchy
>>> hierarchy.draw(connectome.load("macaque-ventral")).axes[0].get_ylabel()
'hierarchy (declared level)'
"""
