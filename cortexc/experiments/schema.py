"""The JSON Schema of experiment files, which editors use for completion."""

from __future__ import annotations

from typing import Any

from cortexc.connectome.schema import schema_of

from .model import Experiment


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an experiment file."""
    return schema_of(Experiment)
