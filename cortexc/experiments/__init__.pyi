from .checker import check as check
from .checker import load as load
from .model import Experiment as Experiment
from .schema import json_schema as json_schema
