from .artifact import ArtifactError as ArtifactError
from .artifact import Program as Program
from .artifact import load as load
from .checker import check as check
from .checker import explain as explain
from .pipeline import compile as compile
from .pipeline import run as run
