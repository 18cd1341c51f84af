from .catalogue import BENCHMARK as BENCHMARK
from .catalogue import CORRUPTIONS as CORRUPTIONS
from .catalogue import EXTRA as EXTRA
from .catalogue import CorruptionError as CorruptionError
from .generation import Source as Source
from .generation import corrupt as corrupt
from .sets import stored as stored
from .writing import write as write
