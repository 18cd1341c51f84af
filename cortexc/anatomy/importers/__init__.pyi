from .options import Options as Options
from .reading import FORMATS as FORMATS
from .reading import Imported as Imported
from .reading import from_graph as from_graph
from .reading import read as read
from .report import ImportReport as ImportReport
