"""Key and address are found the same way everywhere: the stack's configuration first, then the environment."""

from __future__ import annotations

import pytest

from infra.render.api.access import DEFAULT_URL, Access, find_access
from infra.render.api.errors import NoAccess

ENVIRONMENT = {"RENDER_API_KEY": "rnd_environment", "RENDER_API_URL": "https://mirror.example/v1/"}


def test_the_environment_gives_key_and_address() -> None:
    assert find_access({}, ENVIRONMENT) == Access(key="rnd_environment", url="https://mirror.example/v1")


def test_the_stacks_configuration_goes_before_the_environment() -> None:
    configured = {"renderApiKey": "rnd_stack", "renderApiUrl": "http://127.0.0.1:8080/v1", "owner": "tea-1"}

    assert find_access(configured, ENVIRONMENT) == Access(
        key="rnd_stack", url="http://127.0.0.1:8080/v1", owner="tea-1"
    )


def test_the_environment_may_name_the_workspace() -> None:
    assert find_access({}, ENVIRONMENT | {"RENDER_OWNER": "tea-2"}).owner == "tea-2"
    assert find_access({"owner": "tea-1"}, ENVIRONMENT | {"RENDER_OWNER": "tea-2"}).owner == "tea-1"


def test_empty_values_leave_it_to_the_next_source() -> None:
    found = find_access({"renderApiKey": "", "renderApiUrl": None, "owner": ""}, {"RENDER_API_KEY": " rnd_1\n"})

    assert found == Access(key="rnd_1", url=DEFAULT_URL)


def test_a_missing_key_says_where_to_get_and_put_one() -> None:
    with pytest.raises(NoAccess, match=r"Account Settings.*RENDER_API_KEY.*pulumi config set --secret renderApiKey"):
        find_access({}, {})


def test_a_key_of_several_words_is_refused_without_showing_it() -> None:
    with pytest.raises(NoAccess) as refused:
        find_access({}, {"RENDER_API_KEY": "Bearer rnd_1"})

    assert "rnd_1" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("http://api.example/v1", "https://", id="in clear over the network"),
        pytest.param("api.render.com/v1", "no address", id="without a scheme"),
        pytest.param("https://user:secret@api.example/v1", "no address", id="with a password"),
        pytest.param("https://api.example:https/v1", "no address", id="with a port that is none"),
        pytest.param("https://[::1/v1", "no address", id="with half a bracket"),
        pytest.param("https://api.example/v1?a=b", "no address", id="with a query"),
    ],
)
def test_a_wrong_address_is_refused(url: str, reason: str) -> None:
    with pytest.raises(NoAccess, match=reason) as refused:
        find_access({"renderApiKey": "rnd_1", "renderApiUrl": url}, {})

    assert "secret" not in str(refused.value)


def test_access_does_not_show_the_key() -> None:
    assert "rnd_1" not in repr(Access(key="rnd_1"))
