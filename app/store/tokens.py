"""Access tokens in PostgreSQL: only the SHA-256 of a token is kept."""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.memory.access import Token
from app.store.database import Database

_COLUMNS = "id, user_id, scopes, created_at, expires_at, last_used_at, revoked_at"
_LIVE = "revoked_at is null and (expires_at is null or expires_at > now())"


class Tokens:
    """The token store; runs as the service, because requests cannot read the table."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, digest: bytes) -> Token | None:
        """Return the live token with that SHA-256 digest, and note that it was used."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                f"update tokens set last_used_at = now() where digest = $1 and {_LIVE} returning {_COLUMNS}",
                digest,
            )
        return None if row is None else _token(row)

    async def create(self, digest: bytes, user: str, scopes: Sequence[str], expires_at: datetime | None) -> Token:
        """Store a new token's digest."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                "insert into tokens (id, user_id, digest, scopes, expires_at) values ($1, $2, $3, $4, $5)"
                f" returning {_COLUMNS}",
                secrets.token_hex(6),
                user,
                digest,
                list(scopes),
                expires_at,
            )
        return _token(row)

    async def list(self) -> builtins.list[Token]:
        """Return all tokens, newest first."""
        async with self._db.as_service() as connection:
            return [
                _token(row) for row in await connection.fetch(f"select {_COLUMNS} from tokens order by created_at desc")
            ]

    async def revoke(self, token_id: str) -> bool:
        """Revoke a token; False when there is no live one with that id."""
        async with self._db.as_service() as connection:
            done = await connection.execute(
                f"update tokens set revoked_at = now() where id = $1 and {_LIVE}",
                token_id,
            )
        return bool(done == "UPDATE 1")

    async def any_live(self) -> bool:
        """Tell whether anybody could sign in."""
        async with self._db.as_service() as connection:
            return bool(await connection.fetchval(f"select exists (select from tokens where {_LIVE})"))


def _token(row: Any) -> Token:
    return Token(
        id=row["id"],
        user=row["user_id"],
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
