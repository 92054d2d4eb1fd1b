"""The dialect of schemas that every client takes: written out in place, and without words that some client refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from mcp.types import Tool

from app.serve.mcp.schemas import input_schema, output_schema
from app.serve.mcp.tools import definitions

ALLOWED = {
    "type", "description", "enum", "default", "properties", "required", "additionalProperties", "items",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
}  # fmt: skip
TOOLS = {f"{tool.name} over {backend}": tool for backend in ("local", "memu") for tool in definitions(backend)}


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all schemas in it; names of properties are none of its words."""
    yield schema
    for one in schema.get("properties", {}).values():
        yield from parts(one)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from parts(schema[key])
    for one in schema.get("anyOf", ()):
        yield from parts(one)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_arguments_use_the_words_that_every_client_knows_and_have_a_type(tool: Tool) -> None:
    for part in parts(tool.input_schema):
        assert part.keys() <= ALLOWED
        assert isinstance(part["type"], str)
        if part["type"] == "array":
            assert part["items"]


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_replies_use_the_same_words_and_null_beside_a_type(tool: Tool) -> None:
    assert tool.output_schema is not None
    assert tool.output_schema["type"] == "object"
    for part in parts(tool.output_schema):
        assert part.keys() <= ALLOWED | {"anyOf"}
        assert "type" in part or "anyOf" in part or part == {}
    jsonschema.Draft202012Validator.check_schema(tool.output_schema)


def test_what_is_referred_to_is_written_in_its_place_with_what_stands_beside_it() -> None:
    schema = {
        "$defs": {"Kind": {"enum": ["a"], "type": "string", "title": "Kind", "description": "one"}},
        "type": "object",
        "properties": {"kind": {"$ref": "#/$defs/Kind", "default": "a", "description": "other"}},
    }

    assert input_schema(schema) == {
        "type": "object",
        "properties": {"kind": {"enum": ["a"], "type": "string", "description": "other", "default": "a"}},
    }


def test_null_is_no_type_of_an_argument_and_one_of_a_reply() -> None:
    schema = {
        "type": "object",
        "properties": {
            "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "default": None},
            "title": {"type": "number", "exclusiveMinimum": 0},
        },
    }

    assert input_schema(schema)["properties"] == {"at": {"type": "string"}, "title": {"type": "number"}}
    assert output_schema(schema)["properties"]["at"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
