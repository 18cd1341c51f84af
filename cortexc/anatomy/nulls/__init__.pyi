from .models import MODELS as MODELS
from .models import NullError as NullError
from .models import ignores_seed as ignores_seed
from .models import null as null
