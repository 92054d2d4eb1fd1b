"""Writes schemas in the dialect that every client takes.

Of JSON Schema it has `type`, `description`, `enum`, `default`, `properties`, `required`, `additionalProperties`,
`items`, bounds and lengths; and `anyOf` with null in outputs, where clients check null values against it. What it
leaves out, and who reported it:

`$ref`, `$defs`: Gemini CLI skips the tool or its API refuses every turn (google-gemini/gemini-cli#13142, #13326), and
so does opencode with Gemini's models (anomalyco/opencode#12295).
Siblings of `$ref`: the same API (anomalyco/opencode#12292).
`exclusiveMinimum`, `exclusiveMaximum`: Gemini's function declarations do not know them
(Intelligent-Internet/gemini-cli-mcp-openai-bridge#10).
`format`: Gemini's API takes `enum` and `date-time` alone (CherryHQ/cherry-studio#4153).
A property without a type: Gemini CLI skips the tool (google-gemini/gemini-cli#5694, zereight/gitlab-mcp#242).
`$schema`: Gemini CLI tries to load the draft it names (google-gemini/gemini-cli#14970).
Titles, which only repeat the names, and `anyOf` with null in inputs: an argument that is not given is left out, and
null for it is taken whatever the schema says.
"""

from __future__ import annotations

from typing import Any

_LEFT_OUT = frozenset({"$defs", "$schema", "format", "exclusiveMinimum", "exclusiveMaximum"})


def input_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a tool's arguments, as pydantic generates it, in the dialect."""
    return _plain(schema, schema.get("$defs", {}), nullable=False)


def output_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a tool's reply, as pydantic generates it, in the dialect."""
    return _plain(schema, schema.get("$defs", {}), nullable=True)


def _plain(schema: dict[str, Any], definitions: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    """Return a schema with everything it refers to in its place. nullable: whether null is a value of its own."""
    if (reference := schema.get("$ref")) is not None:
        target = definitions[str(reference).removeprefix("#/$defs/")]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    if not nullable and "anyOf" in schema:
        [inner] = [one for one in schema["anyOf"] if one != {"type": "null"}]
        outer = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
        return _plain({**inner, **outer}, definitions, nullable=nullable)
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _LEFT_OUT or (key == "title" and isinstance(value, str)):
            continue
        if key == "properties":
            plain[key] = {name: _plain(one, definitions, nullable=nullable) for name, one in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            plain[key] = _plain(value, definitions, nullable=nullable)
        elif key == "anyOf":
            plain[key] = [_plain(one, definitions, nullable=nullable) for one in value]
        else:
            plain[key] = value
    return plain
