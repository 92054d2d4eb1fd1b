"""Where the certificate of the stack's domain comes from: the key `certificate` and the secret ones beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from app.settings.values import TlsUrl
from infra.config import TargetConfig
from infra.values import Address

Source = Literal["acme", "own", "private"]
# Names that no public authority can know, as Caddy has them (CertMagic, SubjectQualifiesForPublicCert).
_UNKNOWN_OUTSIDE = re.compile(r"[^.]+|.*\.(localhost|local|internal|home\.arpa)")
# What could end a word, or begin a placeholder, in a Caddyfile. Secrets stand there between backticks.
_NOT_IN_A_WORD = re.compile(r"[`{\x00-\x1f\x7f]")
_WORD = r"^[^\s`\"{}]+$"


def _credentials(value: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, secret in value.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError("takes options of the provider's module by name, such as api_token")
        if not secret.get_secret_value() or _NOT_IN_A_WORD.search(secret.get_secret_value()):
            raise ValueError(f"{name}: takes a text of one line, without {{ and `")
    return value


def _acme_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]+=*", value.get_secret_value()):
        raise ValueError("takes the key in base64url, as the authority shows it")
    return value


Pem = Annotated[str, Field(pattern=r"^\s*-----BEGIN CERTIFICATE-----")]
DnsCredentials = Annotated[dict[str, SecretStr], AfterValidator(_credentials)]
AcmeKey = Annotated[SecretStr, AfterValidator(_acme_key)]


class Certificate(TargetConfig):
    """Where it comes from. source: None is acme, but private for a name that no public authority can know.

    acme: from an authority that speaks ACME, Let's Encrypt unless `directory` is another one's. directory_root: its own
    certificate, as PEM, if machines do not know it. email: for the authority. key_id: of an account that it knows,
    whose key is acmeKey. dns: Caddy's module of a DNS provider, which proves the domain by a record; its options are
    dnsCredentials. resolvers: DNS servers that are asked for the record.
    own: chain, as PEM, the domain's certificate first; its key is certificateKey.
    private: from the proxy's own authority, whose root is an output.
    """

    source: Source | None = None
    directory: TlsUrl | None = None
    directory_root: Pem | None = None
    email: Annotated[str, Field(pattern=r"^[^\s`\"{}@]+@[^\s`\"{}@]+$")] | None = None
    key_id: Annotated[str, Field(pattern=_WORD)] | None = None
    dns: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    resolvers: tuple[Address, ...] = ()
    chain: Pem | None = None

    def source_for(self, domain: str) -> Source:
        """Return where the certificate of a domain comes from."""
        if self.source is not None:
            return self.source
        return "private" if self.directory is None and is_unknown_outside(domain) else "acme"


def is_unknown_outside(domain: str) -> bool:
    """Whether no public authority can know a name."""
    return _UNKNOWN_OUTSIDE.fullmatch(domain) is not None


@dataclass(frozen=True, kw_only=True)
class CertificateSecrets:
    """The secret keys beside `certificate`."""

    certificate_key: SecretStr | None = None
    acme_key: SecretStr | None = None
    dns_credentials: Mapping[str, SecretStr] = field(default_factory=dict)
