"""The types as Pulumi's package schema has them: `pulumi import` writes code by it."""

from __future__ import annotations

from collections.abc import Mapping

from infra.render.api.access import KEY, OWNER, URL
from infra.render.provider.fields import Flag, Kind, ListOf, MapOf, Record, Text, Whole
from infra.render.provider.lifecycle import Lifecycle
from infra.render.provider.values import Json, Values

_ANY: Values = {"$ref": "pulumi.json#/Any"}


def schema_of(name: str, version: str, types: Mapping[str, Lifecycle]) -> Values:
    """Return the schema of a package with these types."""
    settings = {KEY: {"type": "string", "secret": True}, URL: {"type": "string"}, OWNER: {"type": "string"}}
    return {
        "name": name,
        "version": version,
        "config": {"variables": settings},
        "provider": {"inputProperties": settings},
        "resources": {token: _resource(type_) for token, type_ in types.items()},
    }


def _resource(type_: Lifecycle) -> Values:
    inputs = {one.name: _type(one.kind) for one in type_.fields}
    outputs = {one.name: {**_ANY, "secret": one.secret} for one in type_.outputs}
    return {
        "description": f"A {type_.what} on Render.",
        "inputProperties": inputs,
        "requiredInputs": [one.name for one in type_.fields if one.required],
        "properties": {**outputs, **inputs},
    }


def _type(kind: Kind) -> Json:
    match kind:
        case Text():
            return {"type": "string"}
        case Whole():
            return {"type": "integer"}
        case Flag():
            return {"type": "boolean"}
        case ListOf(of=of):
            return {"type": "array", "items": _type(of)}
        case MapOf(of=of):
            return {"type": "object", "additionalProperties": _type(of)}
        case Record():
            return {"type": "object", "additionalProperties": _ANY}
    # A text, or an object that says how it is kept.
    return {**_ANY, "secret": True}
