"""The JSON Schema of experiment files, which editors use for completion."""

from __future__ import annotations

from typing import Any

from cortexc.connectome.schema import NamedEntries

from .model import Experiment


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an experiment file."""
    schema = Experiment.model_json_schema(by_alias=True, schema_generator=NamedEntries)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"].pop("locations", None)
    return schema
