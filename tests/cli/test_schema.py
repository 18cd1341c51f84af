"""The JSON Schema: the shipped specs are valid under it, mistakes are not."""

import copy
from typing import Any

import jsonschema
import pytest
import yaml

from cortexc import connectome, specs


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = connectome.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", specs.names())
def test_shipped_specs_are_valid(name: str, validator: jsonschema.Draft202012Validator) -> None:
    assert [e.message for e in validator.iter_errors(yaml.safe_load(specs.path(name).read_text()))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"attention": {"head": 2}},
        {"areas": {"L1": {"grid": 8}}},
        {"projections": [{"from": "LGN", "to": "L1", "flne": 0.5}]},
        {"projections": [{"from": "LGN", "to": "L1", "fln": 1.5}]},
        {"lateral": {"L1": {"kernel": {"type": "exponentail"}}}},
        {"colour": "red"},
        {"areas": {"L1@2": {"grid": [8, 8]}}},
        {"projections": [{"from": "L.1", "to": "L1"}]},
        {"sources": {"a:b": "a paper"}},
    ],
)
def test_mistakes_are_marked(wrong: dict[str, Any], validator: jsonschema.Draft202012Validator) -> None:
    spec = copy.deepcopy(yaml.safe_load(specs.path("vit-tiny").read_text())) | wrong
    assert not validator.is_valid(spec)


def test_an_overlay_needs_only_what_it_changes(validator: jsonschema.Draft202012Validator) -> None:
    assert validator.is_valid({"extends": "vit-tiny", "input": {"width": 48}, "areas": {"L6": None}})
    assert not validator.is_valid({"input": {"width": 48}})
