"""The key `certificate`: which source a domain has without it, and which values it takes."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from infra.selfhost.certificate import Certificate, DnsCredentials


@pytest.mark.parametrize(
    ("domain", "source"),
    [
        ("memory.example.org", "acme"),
        ("internal.example.org", "acme"),
        ("memory.internal", "private"),
        ("memory.local", "private"),
        ("memory.home.arpa", "private"),
        ("memory", "private"),
    ],
)
def test_a_name_that_no_public_authority_can_know_is_certified_by_the_proxy(domain: str, source: str) -> None:
    assert Certificate().source_for(domain) == source


def test_an_authority_of_ones_own_certifies_such_a_name_too() -> None:
    directory = "https://ca.internal/acme/acme/directory"

    assert Certificate(directory=directory).source_for("memory.internal") == "acme"


def test_a_given_source_wins() -> None:
    assert Certificate(source="private").source_for("memory.example.org") == "private"


@pytest.mark.parametrize(
    "given",
    [
        {"source": "letsencrypt"},
        {"directory": "http://ca.example.org/directory"},
        {"email": "ops"},
        {"email": "ops@example.org {"},
        {"keyId": "two words"},
        {"dns": "cloud flare"},
        {"resolvers": ["dns.example.org"]},
        {"chain": "/etc/ssl/memory.pem"},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Certificate.model_validate(given)


@pytest.mark.parametrize("value", ["", "two\nlines", "a`b", "{env.HOME}"])
def test_credentials_that_could_say_something_else_to_caddy_are_refused_unseen(value: str) -> None:
    with pytest.raises(ValidationError, match="api_token: takes a text of one line") as refused:
        TypeAdapter(DnsCredentials).validate_python({"api_token": SecretStr(value)})
    assert refused.value.error_count() == 1


def test_credentials_may_hold_anything_else() -> None:
    value = 'made-up "key" with \\ $ } # and /+='

    assert TypeAdapter(DnsCredentials).validate_python({"key": value})["key"].get_secret_value() == value
