"""``python -m cortexc``."""

import sys

from .main import main

sys.exit(main())
