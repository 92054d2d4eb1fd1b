"""Defines access tokens and their store, as the rest of the app sees them: never with the token's value."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

PREFIX = "cm_"
SCOPES = ("read", "write", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A stored access token, without its value. client: the client that got it by signing in, if any did."""

    id: str
    user: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    client: str | None = None

    @property
    def state(self) -> str:
        """Live, expired or revoked, as of now."""
        if self.revoked_at is not None:
            return "revoked"
        is_expired = self.expires_at is not None and self.expires_at <= datetime.now(UTC)
        return "expired" if is_expired else "live"


class TokenStore(Protocol):
    """Access tokens; only their SHA-256 is stored. Every method raises StoreUnavailable."""

    async def find(self, digest: bytes, *, known: bool = False) -> Token | None:
        """Return the live token (not expired, not revoked) with that SHA-256 digest.

        known: whether it was live before; looks at unknown ones, however many, keep none of these waiting.
        """

    async def create(self, digest: bytes, user: str, scopes: Sequence[str], expires_at: datetime | None) -> Token:
        """Store a new token's digest."""

    async def list(self) -> list[Token]:
        """Return all tokens and all grants of clients, newest first."""

    async def revoke(self, token_id: str) -> bool:
        """Revoke a token, a client's grant or a client with all its grants; False when no live one has that id."""

    async def any_live(self) -> bool:
        """Return whether any live token exists, so that someone can connect."""


def new_token() -> str:
    """Return a new token; show it once and never store it."""
    return PREFIX + secrets.token_urlsafe(32)


def successors(token: str, salt: bytes) -> tuple[str, str]:
    """Return the access and the refresh token that replace a refresh token; the same ones for the same salt.

    salt: 32 random bytes. Who has only the token cannot make its successors, nor who reads only the database.
    """
    access, refresh = (hmac.digest(salt, f"{kind} {token}".encode(), "sha256") for kind in ("access", "refresh"))
    return _of_bytes(access), _of_bytes(refresh)


def _of_bytes(value: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(value).decode().rstrip("=")


def digest(token: str) -> bytes:
    """Return a token's SHA-256, which is all that is stored of it."""
    return hashlib.sha256(token.encode()).digest()
