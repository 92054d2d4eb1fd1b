"""What the proxy gets for its certificate, judged by the real Caddy."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pydantic import SecretStr

from infra.selfhost import private_root
from infra.selfhost.certificate import Certificate, CertificateSecrets
from infra.selfhost.proxy import DATA
from infra.selfhost.tls import Tls, tls_of
from tests.support.caddy import NAME, adapted, running
from tests.support.certificates import certificate

NONE = CertificateSecrets()
DIRECTORY = "https://ca.example.org/directory"


def issuers(folder: Path, tls: Tls, domain: str = NAME) -> list[dict[str, Any]]:
    """Return the authorities that Caddy would ask for the domain's certificate."""
    policies = adapted(folder, tls, domain)["apps"].get("tls", {}).get("automation", {}).get("policies", [])
    return [issuer for policy in policies for issuer in policy.get("issuers", [])]


def test_without_a_domain_there_is_nothing() -> None:
    assert tls_of(Certificate(source="private"), None, NONE) == Tls()


def test_by_default_caddy_asks_whom_it_knows(tmp_path: Path) -> None:
    tls = tls_of(Certificate(), NAME, NONE)

    assert (tls.directive, tls.digest) == ("", "")
    assert issuers(tmp_path, tls) == []


def test_an_own_certificate_is_shown_to_clients(tmp_path: Path) -> None:
    authority = certificate("Authority", authority=True)
    mine = certificate(NAME, by=authority)
    (tmp_path / "root.pem").write_text(authority.pem, encoding="utf-8")
    given = Certificate(source="own", chain=mine.pem + authority.pem)
    tls = tls_of(given, NAME, CertificateSecrets(certificate_key=SecretStr(mine.key_pem())))

    with running(tmp_path, tls) as caddy:
        shown = caddy.certificate(root=tmp_path / "root.pem")

    assert x509.load_der_x509_certificate(shown) == mine.certificate


def test_the_root_of_the_proxys_own_authority_is_where_the_output_is_read(tmp_path: Path) -> None:
    tls = tls_of(Certificate(source="private"), NAME, NONE)

    with running(tmp_path, tls) as caddy:
        root = caddy.data / Path(private_root.FILE).relative_to(DATA)
        assert caddy.certificate(root=root)
        with pytest.raises(ssl.SSLError):
            caddy.certificate(root=_another(tmp_path))


def _another(folder: Path) -> Path:
    file = folder / "another.pem"
    file.write_text(certificate("Another", authority=True).pem, encoding="utf-8")
    return file


def test_another_authority_is_asked_with_the_account_it_knows(tmp_path: Path) -> None:
    root = certificate("Authority", authority=True).pem
    given = Certificate(directory=DIRECTORY, directory_root=root, email="ops@example.org", key_id="id-1")
    tls = tls_of(given, NAME, CertificateSecrets(acme_key=SecretStr("bWFkZS11cA")))

    [asked] = issuers(tmp_path, tls)
    assert (asked["module"], asked["ca"], asked["email"]) == ("acme", DIRECTORY, "ops@example.org")
    assert asked["external_account"] == {"key_id": "id-1", "mac_key": "bWFkZS11cA"}
    assert asked["trusted_roots_pem_files"] == [str(tmp_path / "acme-root.pem")]


def test_an_address_of_people_alone_is_given_to_whom_caddy_knows(tmp_path: Path) -> None:
    asked = issuers(tmp_path, tls_of(Certificate(email="ops@example.org"), NAME, NONE))

    assert {issuer.get("email") for issuer in asked} == {"ops@example.org"}


def test_a_dns_record_proves_the_domain_by_the_module_and_credentials_that_are_given() -> None:
    given = Certificate(dns="cloudflare", resolvers=("10.0.0.2", "10.0.0.3"))
    credentials = {"zone_token": SecretStr("made-up-zone"), "api_token": SecretStr('made-"up"')}
    tls = tls_of(given, NAME, CertificateSecrets(dns_credentials=credentials))

    assert tls.directive == "tls {\n    import /run/files/dns\n    resolvers 10.0.0.2 10.0.0.3\n}"
    [secret] = tls.secret_files.values()
    assert secret.get_secret_value() == (
        'dns cloudflare {\n    api_token `made-"up"`\n    zone_token `made-up-zone`\n}\n'
    )


def test_caddy_names_the_module_that_an_image_lacks(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"module not registered: dns\.providers\.cloudflare"):
        adapted(tmp_path, tls_of(Certificate(dns="cloudflare"), NAME, NONE))


def test_no_secret_is_in_the_directive_or_shown_by_the_digest() -> None:
    given = Certificate(dns="cloudflare", key_id="id-1")
    first, second = (
        tls_of(given, NAME, CertificateSecrets(acme_key=SecretStr(key), dns_credentials={"a": SecretStr("made-up")}))
        for key in ("one", "two")
    )

    assert first.directive == second.directive
    assert "made-up" not in first.directive
    assert first.digest != second.digest
    assert len(first.digest) == 16
