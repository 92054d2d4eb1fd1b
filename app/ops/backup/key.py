"""A key, encrypted with a passphrase as an age file (age-encryption.org/v1, one scrypt stanza).

Written here because pyrage chooses scrypt's work by the speed of the machine: half a gigabyte of memory on a quick
one, which a small container does not have. Any age opens what this writes. Of others' files this opens those that ask
for no more than WORK_LIMIT: a file says itself how much memory it takes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

WORK = 17  # 2 ** 17 rounds: 128 MB and some 0.4 s, as OWASP's Password Storage Cheat Sheet advises for scrypt
WORK_LIMIT = 18  # 256 MB: the work of `age -p`; a file that asks for more may be made to take the memory
_VERSION = b"age-encryption.org/v1\n"
_LABEL = b"age-encryption.org/v1/scrypt"
_FILE = re.compile(
    _VERSION + rb"-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n([A-Za-z0-9+/]{43})\n--- ([A-Za-z0-9+/]{43})\n",
    re.DOTALL,
)
_LAST_CHUNK = bytes(11) + b"\x01"  # the nonce of a payload's last chunk, which is the first one here
_CHUNK_BYTES = 64 << 10


class WrongPassphrase(Exception):
    """The passphrase is wrong, or the file is damaged: the two cannot be told apart."""


def sealed(content: bytes, passphrase: str, work: int = WORK) -> bytes:
    """Return `content`, at most 64 KiB, encrypted with the passphrase. Takes 2 ** work KiB of memory."""
    assert len(content) <= _CHUNK_BYTES
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    wrapped = ChaCha20Poly1305(_scrypt(passphrase, salt, work)).encrypt(bytes(12), file_key, None)
    head = _VERSION + b"-> scrypt %s %d\n%s\n---" % (_encoded(salt), work, _encoded(wrapped))
    payload = ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).encrypt(_LAST_CHUNK, content, None)
    return head + b" " + _encoded(_mac(file_key, head)) + b"\n" + nonce + payload


def unsealed(data: bytes, passphrase: str) -> bytes:
    """Return what `sealed` was given. Raises WrongPassphrase."""
    match = _FILE.match(data)
    if match is None or int(match[2]) > WORK_LIMIT:
        raise WrongPassphrase
    try:
        salt, wrapped, mac = (_decoded(match[part]) for part in (1, 3, 4))
        file_key = ChaCha20Poly1305(_scrypt(passphrase, salt, int(match[2]))).decrypt(bytes(12), wrapped, None)
        head = data[: match.start(4) - 1]
        if not hmac.compare_digest(_mac(file_key, head), mac):
            raise WrongPassphrase
        nonce, payload = data[match.end() : match.end() + 16], data[match.end() + 16 :]
        return ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).decrypt(_LAST_CHUNK, payload, None)
    except (InvalidTag, ValueError) as error:
        raise WrongPassphrase from error


def _scrypt(passphrase: str, salt: bytes, work: int) -> bytes:
    rounds = 1 << work
    # maxmem: scrypt's 128 * r * N bytes, and a little more for OpenSSL
    return hashlib.scrypt(
        passphrase.encode(), salt=_LABEL + salt, n=rounds, r=8, p=1, dklen=32, maxmem=(rounds + 1_024) * 1_024
    )


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, purpose).derive(key)


def _mac(file_key: bytes, head: bytes) -> bytes:
    return hmac.digest(_derived(file_key, b"", b"header"), head, "sha256")


def _encoded(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _decoded(text: bytes) -> bytes:
    data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    if _encoded(data) != text:
        raise ValueError("the unused bits of the last character are not zero")
    return data
