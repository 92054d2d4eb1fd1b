"""What is wrong with a stack's certificate, found before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pydantic import SecretStr

from infra import versions
from infra.made_up import is_made_up
from infra.selfhost.certificate import Source, is_unknown_outside
from infra.selfhost.config import SelfhostConfig

# The keys that go with one source alone.
_ONLY_FOR: dict[str, Source] = {
    "directory": "acme",
    "directory_root": "acme",
    "email": "acme",
    "key_id": "acme",
    "dns": "acme",
    "resolvers": "acme",
    "chain": "own",
}
_SECRET_ONLY_FOR: dict[str, Source] = {"acme_key": "acme", "dns_credentials": "acme", "certificate_key": "own"}


def certificate_problems(options: SelfhostConfig) -> Iterator[str]:
    """Yield a line for each problem of the certificate, its secrets and the domain."""
    certificate, domain = options.certificate, options.domain
    if domain is None:
        if certificate.model_fields_set:
            yield "certificate: goes with a domain; without one the proxy serves plain HTTP on loopback"
        return
    source = certificate.source_for(domain)
    yield from _out_of_place(options, source)
    if source == "own":
        yield from _own(certificate.chain, options.certificate_key, domain)
    if source == "acme":
        yield from _acme(options, domain)


def _out_of_place(options: SelfhostConfig, source: Source) -> Iterator[str]:
    certificate = options.certificate
    for name, only in _ONLY_FOR.items():
        if only != source and getattr(certificate, name):
            yield f"certificate.{_key(type(certificate), name)}: goes with source {only}; here it is {source}"
    for name, only in _SECRET_ONLY_FOR.items():
        if only != source and getattr(options, name):
            yield f"{_key(SelfhostConfig, name)}: goes with certificate.source {only}; here it is {source}"


def _key(model: type, name: str) -> str:
    return str(model.model_fields[name].alias or name)  # type: ignore[attr-defined]


def _acme(options: SelfhostConfig, domain: str) -> Iterator[str]:
    certificate = options.certificate
    if certificate.directory is None and is_unknown_outside(domain):
        yield f"domain: no public authority knows {domain}; use certificate.source private, or a directory of your own"
    if certificate.directory_root is not None:
        if certificate.directory is None:
            yield "certificate.directoryRoot: goes with certificate.directory"
        elif not _certificates(certificate.directory_root):
            yield "certificate.directoryRoot: is no certificate in PEM"
    if (certificate.key_id is None) != (options.acme_key is None):
        yield "certificate.keyId: goes with acmeKey; the authority gives both to its account"
    if certificate.dns is None:
        if options.dns_credentials:
            yield "dnsCredentials: goes with certificate.dns"
        if certificate.resolvers:
            yield "certificate.resolvers: goes with certificate.dns"
    elif options.images.caddy == versions.CADDY:
        yield (
            f"images.caddy: Caddy's own image lacks the module for {certificate.dns};"
            " build one with it, as docs/selfhost.md shows"
        )


def _own(chain: str | None, key: SecretStr | None, domain: str) -> Iterator[str]:
    if chain is None:
        yield "certificate.chain: is missing; use `pulumi config set --path certificate.chain < fullchain.pem`"
    if key is None:
        yield "certificateKey: is missing; use `pulumi config set --secret certificateKey < privkey.pem`"
    if chain is None or key is None:
        return
    certificates = _certificates(chain)
    if not certificates:
        yield "certificate.chain: is no certificate in PEM"
        return
    yield from _chain(certificates, domain)
    yield from _fits(certificates[0], key)


def _certificates(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []


def _chain(chain: Sequence[x509.Certificate], domain: str) -> Iterator[str]:
    names = _names(chain[0])
    if domain not in names and f"*.{domain.partition('.')[2]}" not in names:
        yield f"certificate.chain: its first certificate is for {', '.join(names) or 'no name'}, not for {domain}"
    if chain[0].not_valid_after_utc < datetime.now(UTC):
        yield f"certificate.chain: expired on {chain[0].not_valid_after_utc:%Y-%m-%d}"
    for one, issuer in pairwise(chain):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            yield (
                f"certificate.chain: {one.subject.rfc4514_string()} is not signed by the certificate after it;"
                " the domain's own comes first, then the one that signed it, and so on"
            )


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]


def _fits(certificate: x509.Certificate, key: SecretStr) -> Iterator[str]:
    if is_made_up(key.get_secret_value()):
        return  # the real one is encrypted, and `pulumi up` checks it
    try:
        private = load_pem_private_key(key.get_secret_value().encode(), password=None)
    except TypeError:
        yield "certificateKey: is encrypted; set it without a passphrase, Pulumi encrypts it"
        return
    except ValueError:
        yield "certificateKey: is no private key in PEM"
        return
    mine, its = (
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for public in (private.public_key(), certificate.public_key())
    )
    if mine != its:
        yield "certificateKey: belongs to another certificate than the first of certificate.chain"
