"""What is wrong with a stack's certificate is said before anything is touched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.config import checked
from infra.errors import ConfigError
from infra.selfhost.certificate_checks import certificate_problems
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.managed import MANAGED
from tests.support.certificates import certificate
from tests.support.stacks import selfhost_values

NAME = "memory.example.org"
AUTHORITY = certificate("Authority", authority=True)
MINE = certificate(NAME, by=AUTHORITY)
DIRECTORY = "https://ca.example.org/directory"


def problems(secrets: dict[str, str] | None = None, domain: str | None = NAME, **given: Any) -> list[str]:
    """Return the problems of a stack with a certificate; images: its images, if not the defaults."""
    images = given.pop("images", {"app": "claude-memory:test"})
    values = selfhost_values(secrets, domain=domain, certificate=given or None, images=images)
    options = checked(values, SelfhostConfig, MANAGED, container_settings).options
    return list(certificate_problems(options))


def own(chain: str = MINE.pem + AUTHORITY.pem, key: str | None = None, domain: str = NAME) -> list[str]:
    """Return the problems of a stack with a certificate of its own."""
    return problems({"certificateKey": key or MINE.key_pem()}, domain, source="own", chain=chain)


def test_a_domain_alone_is_enough() -> None:
    assert problems() == []
    assert problems(domain="memory.internal") == []
    assert problems(domain=None) == []


def test_a_certificate_needs_a_domain() -> None:
    assert problems(domain=None, source="private") == [
        "certificate: goes with a domain; without one the proxy serves plain HTTP on loopback"
    ]


def test_a_whole_chain_with_its_key_is_accepted_also_for_all_names_below() -> None:
    below = certificate("*.example.org", by=AUTHORITY)

    assert own() == []
    assert own(MINE.pem) == []
    assert own(below.pem, below.key_pem()) == []


@pytest.mark.parametrize(
    ("secrets", "given", "lacking"),
    [
        ({}, {"chain": MINE.pem}, "certificateKey: is missing"),
        ({"certificateKey": MINE.key_pem()}, {}, "certificate.chain: is missing"),
    ],
)
def test_chain_and_key_go_together(secrets: dict[str, str], given: dict[str, str], lacking: str) -> None:
    [line] = problems(secrets, source="own", **given)

    assert line.startswith(f"{lacking}; use `pulumi config set ")


def test_a_certificate_of_another_name_is_refused() -> None:
    assert own(domain="other.example.org") == [
        f"certificate.chain: its first certificate is for {NAME}, not for other.example.org"
    ]
    assert own(AUTHORITY.pem, AUTHORITY.key_pem()) == [
        f"certificate.chain: its first certificate is for no name, not for {NAME}"
    ]


def test_an_expired_certificate_is_refused() -> None:
    old = certificate(NAME, by=AUTHORITY, ends=datetime(2026, 1, 31, tzinfo=UTC))

    assert own(old.pem, old.key_pem()) == ["certificate.chain: expired on 2026-01-31"]


def test_a_chain_that_does_not_hang_together_is_refused() -> None:
    [stranger] = own(MINE.pem + certificate("Stranger", authority=True).pem)
    turned = own(AUTHORITY.pem + MINE.pem, AUTHORITY.key_pem())

    assert stranger.startswith(f"certificate.chain: CN={NAME} is not signed by the certificate after it;")
    assert any("the domain's own comes first" in line for line in turned)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (AUTHORITY.key_pem(), "belongs to another certificate than the first of certificate.chain"),
        (MINE.key_pem("made-up passphrase"), "is encrypted; set it without a passphrase, Pulumi encrypts it"),
        ("made-up text", "is no private key in PEM"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_unseen(key: str, said: str) -> None:
    assert own(key=key) == [f"certificateKey: {said}"]


def test_a_broken_chain_is_refused() -> None:
    broken = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n"

    assert own(broken) == ["certificate.chain: is no certificate in PEM"]


@pytest.mark.parametrize(
    ("secrets", "given", "lines"),
    [
        ({"certificateKey": "made-up"}, {}, ["certificateKey: goes with certificate.source own; here it is acme"]),
        (
            {"acmeKey": "bWFkZS11cA"},
            {"source": "private", "email": "ops@example.org", "chain": MINE.pem},
            [
                "certificate.email: goes with source acme; here it is private",
                "certificate.chain: goes with source own; here it is private",
                "acmeKey: goes with certificate.source acme; here it is private",
            ],
        ),
    ],
)
def test_keys_of_another_source_are_refused(secrets: dict[str, str], given: dict[str, str], lines: list[str]) -> None:
    assert problems(secrets, **given) == lines


def test_a_public_authority_is_not_asked_for_a_name_that_it_cannot_know() -> None:
    [line] = problems(domain="memory.internal", source="acme")

    assert line.startswith("domain: no public authority knows memory.internal;")
    assert problems(domain="memory.internal", directory=DIRECTORY) == []


def test_an_account_is_an_id_and_a_key() -> None:
    said = ["certificate.keyId: goes with acmeKey; the authority gives both to its account"]

    assert problems(keyId="id-1", directory=DIRECTORY) == said
    assert problems({"acmeKey": "bWFkZS11cA"}, directory=DIRECTORY) == said
    assert problems({"acmeKey": "bWFkZS11cA"}, directory=DIRECTORY, keyId="id-1") == []


def test_the_root_of_an_authority_goes_with_its_directory() -> None:
    assert problems(directoryRoot=AUTHORITY.pem) == ["certificate.directoryRoot: goes with certificate.directory"]
    assert problems(directoryRoot=AUTHORITY.pem, directory=DIRECTORY) == []


def test_a_dns_record_needs_an_image_with_the_module_of_the_provider() -> None:
    images = {"app": "claude-memory:test", "caddy": "caddy-with-dns:1"}

    [line] = problems(dns="cloudflare")
    assert line.startswith("images.caddy: Caddy's own image lacks the module for cloudflare;")
    assert problems({"dnsCredentials": '{"api_token": "made-up"}'}, dns="cloudflare", images=images) == []


def test_credentials_and_resolvers_go_with_a_dns_provider() -> None:
    assert problems({"dnsCredentials": '{"api_token": "made-up"}'}, resolvers=["10.0.0.2"]) == [
        "dnsCredentials: goes with certificate.dns",
        "certificate.resolvers: goes with certificate.dns",
    ]


def test_a_stack_is_refused_for_its_certificate_as_for_any_key() -> None:
    from infra.selfhost.program import check

    values = selfhost_values({"certificateKey": "made-up"}, domain=NAME, certificate={"source": "own"})
    with pytest.raises(ConfigError, match=r"certificate\.chain: is missing"):
        check(values)
