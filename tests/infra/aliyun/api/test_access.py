"""Keys are found as the provider finds them, and are never shown."""

from __future__ import annotations

import pytest

from infra.aliyun.api.access import ID_VARIABLES, OTHER_WAYS, SECRET_VARIABLES, Keys, NoKeys, find_keys


@pytest.mark.parametrize("pair", list(zip(ID_VARIABLES, SECRET_VARIABLES, strict=True)))
def test_the_environments_keys_are_found_by_every_name(pair: tuple[str, str]) -> None:
    found = find_keys(environment={pair[0]: "id", pair[1]: "made-up-secret"})

    assert found == Keys(id="id", secret="made-up-secret")


def test_the_stacks_own_keys_go_before_the_environments() -> None:
    environment = {ID_VARIABLES[0]: "other", SECRET_VARIABLES[0]: "other"}

    assert find_keys(("id", "made-up-secret"), environment) == Keys(id="id", secret="made-up-secret")


@pytest.mark.parametrize("name", OTHER_WAYS)
def test_other_ways_are_left_to_the_provider(name: str) -> None:
    assert find_keys(environment={name: "x"}) is None


def test_without_keys_the_remedy_is_told() -> None:
    with pytest.raises(NoKeys, match=r"make a pair for a RAM user .* set ALIBABA_CLOUD_ACCESS_KEY_ID"):
        find_keys(environment={ID_VARIABLES[0]: "id"})


def test_a_secret_is_not_shown() -> None:
    assert "made-up" not in repr(Keys(id="id", secret="made-up-secret", token="made-up-token"))
