from .graph import as_networkx as as_networkx
from .writing import FORMATS as FORMATS
from .writing import Exported as Exported
from .writing import write as write
