"""What the proxy gets for the certificate of its domain: a directive of the Caddyfile, and files.

Caddy reads its files once, so what changes in them replaces the proxy. Secret ones stand in files of their own, which
the Caddyfile imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from infra.selfhost.certificate import Certificate, CertificateSecrets
from infra.selfhost.files import FOLDER, digest_of

_CHAIN, _KEY, _AUTHORITY, _ACCOUNT, _CHALLENGE = (
    "certificate.pem",
    "certificate-key.pem",
    "acme-root.pem",
    "acme",
    "dns",
)


@dataclass(frozen=True, kw_only=True)
class Tls:
    """directive: in the block of the domain; empty: Caddy's default. files: by name, plain and secret ones."""

    directive: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, SecretStr] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Changes with any of the files; not secret, even if they are."""
        secret = {name: text.get_secret_value() for name, text in self.secret_files.items()}
        if not self.files and not secret:
            return ""
        return digest_of("certificate", {**self.files, **secret})


def tls_of(certificate: Certificate, domain: str | None, secrets: CertificateSecrets) -> Tls:
    """Return it for a checked configuration. domain: None serves plain HTTP."""
    if domain is None:
        return Tls()
    source = certificate.source_for(domain)
    if source == "private":
        return Tls(directive="tls internal")
    if source == "own":
        assert certificate.chain is not None, "checked"
        assert secrets.certificate_key is not None, "checked"
        return Tls(
            directive=f"tls {FOLDER}/{_CHAIN} {FOLDER}/{_KEY}",
            files={_CHAIN: certificate.chain},
            secret_files={_KEY: secrets.certificate_key},
        )
    return _acme(certificate, secrets)


def _acme(certificate: Certificate, secrets: CertificateSecrets) -> Tls:
    files = {} if certificate.directory_root is None else {_AUTHORITY: certificate.directory_root}
    secret_files: dict[str, SecretStr] = {}
    if secrets.acme_key is not None:
        secret_files[_ACCOUNT] = SecretStr(f"eab {certificate.key_id} {secrets.acme_key.get_secret_value()}\n")
    if certificate.dns is not None:
        secret_files[_CHALLENGE] = _challenge(certificate.dns, secrets.dns_credentials)
    return Tls(directive=_directive(certificate, [*files, *secret_files]), files=files, secret_files=secret_files)


def _directive(certificate: Certificate, files: list[str]) -> str:
    head = " ".join(["tls", *([certificate.email] if certificate.email else [])])
    lines = list(_lines(certificate, files))
    if not lines:
        return head if certificate.email else ""
    return "\n".join([f"{head} {{", *(f"    {line}" for line in lines), "}"])


def _lines(certificate: Certificate, files: list[str]) -> Iterator[str]:
    if certificate.directory is not None:
        yield f"ca {certificate.directory}"
    if _AUTHORITY in files:
        yield f"ca_root {FOLDER}/{_AUTHORITY}"
    for name in (_ACCOUNT, _CHALLENGE):
        if name in files:
            yield f"import {FOLDER}/{name}"
    if certificate.resolvers:
        yield " ".join(["resolvers", *certificate.resolvers])


def _challenge(provider: str, credentials: Mapping[str, SecretStr]) -> SecretStr:
    if not credentials:
        return SecretStr(f"dns {provider}\n")
    options = "".join(f"    {name} `{value.get_secret_value()}`\n" for name, value in sorted(credentials.items()))
    return SecretStr(f"dns {provider} {{\n{options}}}\n")
