"""Pictures: of a connectome its hierarchy, matrix and circuits, of what it compiles to its masks and routing graph.

>>> import cortexc
>>> from cortexc.figures import hierarchy
>>> hierarchy.draw(cortexc.load("macaque-ventral")).axes[0].get_ylabel()
'hierarchy (declared level)'
"""
