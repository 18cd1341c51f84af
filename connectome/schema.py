"""The JSON Schema of the language, which editors use for completion."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DictSchema

from .model import Connectome, Located

_REFERENCE = {
    "type": "object",
    "description": "Another file whose content is used here; keys beside `file` are laid over it.",
    "properties": {
        "file": {"type": "string", "description": "Path of a YAML file, or of an HDF5 file with `dataset`."},
        "dataset": {"type": "string", "description": "Dataset inside the HDF5 file."},
    },
    "required": ["file"],
}


class NamedEntries(GenerateJsonSchema):
    """A schema whose mappings refuse a key that is no name; as pydantic writes it, such an entry may hold anything."""

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        """Return the schema of a mapping, as an object."""
        made = super().dict_schema(schema)
        for pattern, entry in made.pop("patternProperties", {}).items():
            made["propertyNames"]["pattern"] = pattern
            made["additionalProperties"] = entry
        return made


def schema_of(kind: type[Located]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a kind of file."""
    schema = kind.model_json_schema(by_alias=True, schema_generator=NamedEntries)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"].pop("locations", None)
    return schema


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a spec file, with `extends` and `file` references."""
    schema = schema_of(Connectome)
    names = {"type": "string", "description": "A spec to build upon: path, or name of a shipped one."}
    schema["properties"]["extends"] = {"anyOf": [names, {"type": "array", "items": names}]}
    required = schema.pop("required")
    schema["if"] = {"required": ["extends"]}
    schema["else"] = {"required": required}
    definitions = schema["$defs"]
    definitions["FileReference"] = _REFERENCE
    for name in ("circuits", "areas", "lateral"):
        entries = schema["properties"][name]
        entries["additionalProperties"] = {"anyOf": [entries["additionalProperties"], _ref("FileReference")]}
        entries["additionalProperties"]["anyOf"].append({"type": "null", "description": "Removes it from the base."})
    for name in ("Input", "Area", "Readout"):
        definitions[name].pop("required", None)  # an overlay gives some of them; the checker looks at the whole spec
    projections = schema["properties"]["projections"]
    projections["items"] = {"anyOf": [projections["items"], _ref("FileReference")]}
    return schema


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}
