"""Certificates for tests: one that its own key signs, and one of an authority, with its key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "memory.example.org"
LIFETIME = timedelta(days=90)


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self, passphrase: str | None = None) -> str:
        """Return the key, encrypted with a passphrase if there is one."""
        protection = (
            serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
        )
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
        ).decode()


def certificate(*names: str, by: Made | None = None, ends: datetime | None = None, authority: bool = False) -> Made:
    """Make a certificate for names, signed by an authority or by its own key; it is valid for LIFETIME."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    ends = ends or datetime.now(UTC) + timedelta(days=30)
    building = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - LIFETIME)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        building = building.add_extension(alternative, critical=False)
    return Made(building.sign(by.key if by else key, hashes.SHA256()), key)


def make_certificate(folder: Path, ends: datetime) -> Path:
    """Write a self-signed certificate with its key; return the file."""
    made = certificate(NAME, ends=ends)
    file = folder / "certificate.pem"
    file.write_text(made.key_pem() + made.pem, encoding="utf-8")
    return file
