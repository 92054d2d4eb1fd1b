"""What a variable's value must be like, and what of it may be shown."""

from __future__ import annotations

import pytest

from infra.render.deployed.app_settings import (
    FIELDS,
    default_of,
    is_secret_name,
    misspelt,
    same,
    secrets_in,
    shown,
    wrong,
)


@pytest.mark.parametrize(
    "name", ["ADMIN_TOKEN", "DATABASE_URL", "QDRANT__SERVICE__API_KEY", "PGPASSWORD", "SENTRY_DSN"]
)
def test_a_secret_is_known_by_its_setting_or_its_name(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["EMBEDDING_MODEL", "PORT", "PYTHON_VERSION", "QDRANT_URL"])
def test_other_variables_are_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("EMBEDDING_MODEL", "text-embedding-v4", "text-embedding-v4"),
        ("ADMIN_TOKEN", "cm_x", "***"),
        ("NOT_A_SETTING", "x", "***"),
        ("QDRANT_URL", "http://user:pw@qdrant:6333", "***"),
    ],
)
def test_only_settings_that_are_no_secrets_are_shown(name: str, value: str, seen: str) -> None:
    assert shown(name, value) == seen


def test_a_url_of_any_name_may_hold_a_password() -> None:
    assert secrets_in("MY_PLACE", "redis://u:pw%2Fx@host/1") == {"redis://u:pw%2Fx@host/1", "pw%2Fx", "pw/x"}
    assert secrets_in("MY_PLACE", "https://host/path") == set()


@pytest.mark.parametrize(("one", "other"), [("on", "true"), ("1", "YES"), ("off", "False")])
def test_values_that_the_app_takes_alike_are_the_same(one: str, other: str) -> None:
    assert same("REDACT_SECRETS", one, other)
    assert not same("NOT_A_SETTING", one, other)


def test_values_of_lists_numbers_and_what_is_not_taken() -> None:
    assert same("ALLOWED_HOSTS", "a, b", "a,b")
    assert same("RATE_LIMIT_PER_MINUTE", "060", "60")
    assert not same("RATE_LIMIT_PER_MINUTE", "many", "60")


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_the_default_of_a_setting_is_taken(name: str) -> None:
    value = default_of(name)

    assert not value or wrong(name, value) is None


def test_what_is_wrong_is_said_without_the_value() -> None:
    said = wrong("DATABASE_URL", "mysql://u:" + "pw-1@h/x")

    assert said == "takes a URL that begins with postgresql://"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("QRDANT_URL", "; did you mean QDRANT_URL?"),
        ("QDRANT_URL", ""),
        ("PYTHON_VERSION", ""),
        ("QDRANT__SERVICE__API_KEY", ""),
        ("lower_case", ""),
    ],
)
def test_a_slip_in_a_settings_name_is_noticed(name: str, said: str) -> None:
    assert misspelt(name) == said
