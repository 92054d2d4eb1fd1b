"""The package schema has every type as the provider knows it."""

from __future__ import annotations

import json

import pytest

from infra.render.provider.catalogue import TYPES
from infra.render.provider.schema import schema_of

SCHEMA = json.loads(json.dumps(schema_of("render", "0.1.0", TYPES)))


def test_every_type_is_in_it() -> None:
    assert set(SCHEMA["resources"]) == set(TYPES)
    assert SCHEMA["provider"]["inputProperties"]["renderApiKey"]["secret"]


@pytest.mark.parametrize("token", sorted(TYPES))
def test_a_type_has_its_properties_and_outputs(token: str) -> None:
    type_, resource = TYPES[token], SCHEMA["resources"][token]

    assert set(resource["inputProperties"]) == {one.name for one in type_.fields}
    outputs = {one.name for one in type_.outputs}
    assert set(resource["properties"]) == {one.name for one in type_.fields} | outputs
    assert set(resource["requiredInputs"]) == {one.name for one in type_.fields if one.required}


def test_kinds_are_told() -> None:
    properties = SCHEMA["resources"]["render:index:WebService"]["inputProperties"]

    assert properties["name"] == {"type": "string"}
    assert properties["numInstances"] == {"type": "integer"}
    assert properties["waitForDeploy"] == {"type": "boolean"}
    assert properties["envGroupIds"] == {"type": "array", "items": {"type": "string"}}
    assert properties["envVars"]["additionalProperties"]["secret"], "code for an import shows no value"
