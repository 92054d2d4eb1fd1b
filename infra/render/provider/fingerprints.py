"""Values that are sent but not kept: the state has a keyed fingerprint of each, this process the values.

A resource's key is random, made when it first has such a value, and kept in its state as a secret. So the state file
alone neither tells a value nor lets guesses be tried, while whoever can decrypt the state can still only try guesses.
Pulumi hands `create` and `update` no more than what `check` answered, and that is what the state holds; the values
themselves wait here between the two, for the seconds that a step takes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

KEY = "fingerprintKey"
FINGERPRINT, WRITE_ONLY, GENERATE = "fingerprint", "writeOnly", "generateValue"


class Vault:
    """Values by fingerprint, in this process's memory."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def keep(self, fingerprint: str, value: str) -> None:
        """Keep a value until this process ends."""
        self._values[fingerprint] = value

    def value(self, fingerprint: str) -> str | None:
        """Return a value that this process was given, or None."""
        return self._values.get(fingerprint)

    def __repr__(self) -> str:
        return f"Vault({len(self._values)} values)"


def new_key(seed: bytes) -> str:
    """Return a key; the engine's seed, if it gives one, makes a preview and its update choose the same."""
    return hmac.new(seed, b"fingerprints", hashlib.sha256).hexdigest() if seed else secrets.token_hex(32)


def fingerprint_of(key: str, where: str, value: str) -> str:
    """Return the fingerprint of a value at a place, so that equal values at two places do not look equal."""
    return hmac.new(bytes.fromhex(key), f"{where}\0{value}".encode(), hashlib.sha256).hexdigest()
