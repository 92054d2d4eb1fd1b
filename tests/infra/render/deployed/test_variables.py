"""Where variables are, and which value a service runs with."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import NotFound
from infra.render.deployed.choosing import choose
from infra.render.deployed.variables import Variables, put, read, take_away
from tests.standins.render.server import Server
from tests.standins.render.state import OWNER
from tests.support.render_stack import SECRETS, TOKEN, Stack


@pytest.fixture
def api(stack: Stack, render: Server, api: RenderApi) -> RenderApi:
    """A client with the stack's key."""
    render.key = api._transport._bearer.key
    return api


def found(api: RenderApi, *names: str) -> Variables:
    return read(api, OWNER, choose(api, OWNER, "render", names))


def test_a_service_runs_with_its_own_and_its_groups_variables(stack: Stack, api: RenderApi) -> None:
    read_ = found(api)

    for role in ("web", "worker", "backup", "qdrant"):
        assert read_.of(stack.services[role].id) == stack.environment(role)
    assert read_.of(stack.services["web"].id)["ADMIN_TOKEN"] == TOKEN


def test_a_services_own_value_goes_before_its_groups(stack: Stack, api: RenderApi) -> None:
    web = stack.services["web"].id
    api.variables.set(web, "EMBEDDING_MODEL", "other")

    read_ = found(api)
    assert read_.of(web)["EMBEDDING_MODEL"] == "other"
    assert str(read_.place_of(web, "EMBEDDING_MODEL")) == "claude-memory-web"
    assert [str(place) for place in read_.holding("EMBEDDING_MODEL")] == [
        "claude-memory-web",
        "group claude-memory-settings",
    ]


def test_groups_of_other_services_are_left_out(stack: Stack, api: RenderApi) -> None:
    assert [str(place) for place in found(api, "qdrant").places] == ["claude-memory-qdrant"]


def test_a_group_knows_all_its_services_not_only_those_asked_for(stack: Stack, api: RenderApi) -> None:
    (group,) = [place for place in found(api, "web").places if place.is_group]

    assert set(group.readers) == {stack.services[role].id for role in ("web", "worker", "backup")}


def test_settings_of_the_app_come_first_in_the_list(stack: Stack, api: RenderApi) -> None:
    assert found(api).names()[-1] == "QDRANT__SERVICE__API_KEY"


def test_secrets_are_all_that_must_not_be_shown(stack: Stack, api: RenderApi) -> None:
    read_ = found(api)

    assert read_.secrets() == set(SECRETS[1:6])
    assert [one for one in SECRETS if one in repr(read_.places)] == []


def test_variables_are_put_and_taken_away_where_they_are(stack: Stack, api: RenderApi) -> None:
    for place in found(api).places:
        put(api, place, "NEW", "1")
    assert {stack.environment(role)["NEW"] for role in stack.services} == {"1"}

    for place in found(api).places:
        take_away(api, place, "NEW")
    assert not any("NEW" in stack.environment(role) for role in stack.services)
    with pytest.raises(NotFound):
        take_away(api, found(api).places[0], "NEW")
