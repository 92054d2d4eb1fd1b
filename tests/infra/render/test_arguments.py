"""Arguments as type checkers see them are the properties of the provider's types."""

from __future__ import annotations

import pytest

from infra.render import arguments
from infra.render.provider.catalogue import TYPES
from infra.render.provider.fields import Field, ListOf, MapOf, Record
from infra.render.resources import api_name
from tests.infra.render.test_resources import CLASSES

# Parts of objects, and the property whose parts they are.
PARTS = {
    "Image": ("WebService", "image"),
    "BuildFilter": ("WebService", "buildFilter"),
    "DiskPart": ("WebService", "disk"),
    "Autoscaling": ("WebService", "autoscaling"),
    "MaintenanceMode": ("WebService", "maintenanceMode"),
    "AllowedAddresses": ("WebService", "ipAllowList"),
    "NotificationSettings": ("WebService", "notifications"),
    "Header": ("StaticSite", "headers"),
    "Route": ("StaticSite", "routes"),
    "ReadReplica": ("Postgres", "readReplicas"),
    "EnvironmentSettings": ("Project", "environments"),
}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_type_takes_the_properties_that_the_provider_knows(name: str) -> None:
    given = {api_name(one) for one in CLASSES[name].args.__annotations__}

    assert given == {one.name for one in TYPES[f"render:index:{name}"].fields}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_type_demands_what_the_provider_demands(name: str) -> None:
    required = {api_name(one) for one in CLASSES[name].args.__required_keys__}

    assert {one.name for one in TYPES[f"render:index:{name}"].fields if one.required} <= required


@pytest.mark.parametrize("name", sorted(PARTS))
def test_an_object_has_the_parts_that_the_provider_knows(name: str) -> None:
    type_, property_ = PARTS[name]
    [field] = [one for one in TYPES[f"render:index:{type_}"].fields if one.name == property_]

    assert set(getattr(arguments, name).__annotations__) == {one.name for one in parts(field)}


def parts(field: Field) -> tuple[Field, ...]:
    """Return the parts of an object, or of the objects in a list or map."""
    kind = field.kind.of if isinstance(field.kind, ListOf | MapOf) else field.kind
    assert isinstance(kind, Record)
    return kind.fields
