"""The classes that programs use are the types that the provider knows."""

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
def test_a_class_has_the_outputs_of_its_type(name: str) -> None:
    arguments = set(CLASSES[name].args.__annotations__)
    outputs = {api_name(one) for one in CLASSES[name].names() if one not in arguments}
    wanted = {one.name for one in TYPES[f"render:index:{name}"].outputs}

    assert wanted - {api_name(one) for one in arguments} <= outputs
    assert outputs <= wanted


@pytest.mark.parametrize(
    ("name", "spelled"),
    [("env_vars", "envVars"), ("size_gb", "sizeGB"), ("datadog_api_key", "datadogAPIKey"), ("name", "name")],
)
def test_a_name_is_spelled_as_the_api_does(name: str, spelled: str) -> None:
    assert api_name(name) == spelled


def test_an_argument_that_there_is_not_is_named() -> None:
    with pytest.raises(TypeError, match="WebService has no argument health_check"):
        resources.WebService("web", name="web", runtime="docker", health_check="/")  # type: ignore[call-arg]
