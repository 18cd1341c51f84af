from .dataset import DataError as DataError
from .dataset import Dataset as Dataset
from .dataset import ImageSet as ImageSet
from .dataset import load as load
from .fetching import fetch as fetch
