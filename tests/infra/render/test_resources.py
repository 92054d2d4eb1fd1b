"""The classes that programs use and the types that the provider knows are the same, property by property."""

from __future__ import annotations

import inspect

import pytest

from infra.render import resources
from infra.render.provider.catalogue import TYPES
from infra.render.resources import RenderResource, api_name

CLASSES = {
    one.type: one
    for one in vars(resources).values()
    if inspect.isclass(one) and issubclass(one, RenderResource) and "type" in vars(one)
}


def test_every_type_of_the_provider_has_a_class() -> None:
    assert {f"render:index:{name}" for name in CLASSES} == set(TYPES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_takes_the_properties_of_its_type(name: str) -> None:
    arguments = CLASSES[name].args.__annotations__

    assert {api_name(one) for one in arguments} == {one.name for one in TYPES[f"render:index:{name}"].fields}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_demands_what_its_type_demands(name: str) -> None:
    required = {api_name(one) for one in CLASSES[name].args.__required_keys__}

    assert {one.name for one in TYPES[f"render:index:{name}"].fields if one.required} <= required


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_has_the_outputs_of_its_type(name: str) -> None:
    arguments = set(CLASSES[name].args.__annotations__)
    outputs = {api_name(one) for one in CLASSES[name].names() if one not in arguments}
    wanted = {one.name for one in TYPES[f"render:index:{name}"].outputs}

    assert wanted - {api_name(one) for one in arguments} <= outputs
    assert outputs <= wanted
