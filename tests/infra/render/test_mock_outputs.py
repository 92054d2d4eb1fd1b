"""What plans take the provider to answer."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render import resources as render
from infra.render.mock_outputs import mock_outputs
from infra.render.resources import api_name

TYPES: dict[str, dict[str, Any]] = {
    "WebService": {"name": "a-web"},
    "PrivateService": {"name": "a-qdrant"},
    "Postgres": {"name": "a-postgres"},
    "Project": {"name": "a", "environments": {"production": {}}},
    "EnvGroup": {"name": "a-settings"},
    "CustomDomain": {"name": "memory.example.org"},
}


@pytest.mark.parametrize("kind", TYPES)
def test_they_are_outputs_of_the_type(kind: str) -> None:
    names = {api_name(name) for name in getattr(render, kind).names()}

    assert mock_outputs(f"render:index:{kind}", "a", TYPES[kind]).keys() <= names
    assert mock_outputs(f"render:index:{kind}", "a", TYPES[kind])


def test_an_environment_of_a_project_has_an_id() -> None:
    ids = mock_outputs("render:index:Project", "a", {"environments": {"production": {}, "staging": {}}})

    assert set(ids["environmentIds"]) == {"production", "staging"}


@pytest.mark.parametrize(("name", "kind"), [("example.org", "apex"), ("memory.example.org", "subdomain")])
def test_a_domain_is_an_apex_or_a_subdomain(name: str, kind: str) -> None:
    assert mock_outputs("render:index:CustomDomain", "a", {"name": name}) == {"domainType": kind}


def test_other_types_add_nothing() -> None:
    assert mock_outputs("pulumi:providers:render", "render", {}) == {}
