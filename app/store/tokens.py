"""Access tokens in PostgreSQL, made by an operator or issued to clients; only their SHA-256 is stored."""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.access.tokens import SCOPES, Token, digest
from app.store.database import Database
from app.store.oauth_clients import remove_client
from app.store.oauth_grants import find_access_token, list_grants, revoke_grant
from app.store.rows import to_token
from app.store.together import Together

_COLUMNS = "id, user_id, scopes, created_at, expires_at, last_used_at, revoked_at"
_LIVE = "revoked_at is null and (expires_at is null or expires_at > now())"
# Most looks write nothing, so they wait for no other's write to reach the disk.
_FIND = f"""
with found as (select {_COLUMNS} from tokens where digest = $1 and {_LIVE}),
used as (
    update tokens set last_used_at = now() from found
    where tokens.id = found.id and coalesce(found.last_used_at < now() - interval '1 minute', true)
    returning tokens.id, tokens.last_used_at
)
select found.id, user_id, scopes, created_at, expires_at,
       coalesce(used.last_used_at, found.last_used_at) as last_used_at, revoked_at
from found left join used using (id)
"""


class Tokens:
    """The token store; runs as the service, because requests cannot read the table.

    resource: the PUBLIC_URL whose clients' tokens are accepted; None rejects all of them.
    """

    def __init__(self, db: Database, resource: str | None = None) -> None:
        self._db, self._resource = db, resource
        self._stored = Together(self._those_stored)

    async def find(self, digest: bytes, *, known: bool = False) -> Token | None:
        """Return the live token with this SHA-256 digest, and record its use, to the minute."""
        if not known and not await self._stored.ask(digest):
            return None
        async with self._db.as_service(writes=False, for_caller=True) as connection:
            token = await _find_made_by_hand(connection, digest)
            if token is None and self._resource is not None:
                token = await find_access_token(connection, digest, self._resource)
        return token

    async def _those_stored(self, digests: builtins.list[bytes]) -> set[bytes]:
        """Return those digests that a token has, whether it is live or not."""
        async with self._db.as_service(writes=False, for_caller=True, for_stranger=True) as connection:
            rows = await connection.fetch(
                "select digest from tokens where digest = any($1::bytea[])"
                " union all select digest from oauth_tokens where digest = any($1::bytea[]) and kind = 'access'",
                digests,
            )
        return {row["digest"] for row in rows}

    async def find_made_by_hand(self, digest: bytes) -> Token | None:
        """Return the live token with this SHA-256 digest unless it is a client's, which proves no identity."""
        async with self._db.as_service(writes=False, for_caller=True) as connection:
            return await _find_made_by_hand(connection, digest)

    async def create(self, digest: bytes, user: str, scopes: Sequence[str], expires_at: datetime | None) -> Token:
        """Store a new token's digest."""
        async with self._db.as_service(for_caller=True) as connection:
            row = await connection.fetchrow(
                "insert into tokens (id, user_id, digest, scopes, expires_at) values ($1, $2, $3, $4, $5)"
                f" returning {_COLUMNS}",
                secrets.token_hex(6),
                user,
                digest,
                list(scopes),
                expires_at,
            )
        return to_token(row)

    async def ensure_admin(self, value: str, user: str) -> bool:
        """Store a token with every scope unless it is stored already, even revoked; return whether it was stored."""
        async with self._db.as_service(for_caller=True) as connection:
            done = await connection.execute(
                "insert into tokens (id, user_id, digest, scopes) values ($1, $2, $3, $4)"
                " on conflict (digest) do nothing",
                secrets.token_hex(6),
                user,
                digest(value),
                list(SCOPES),
            )
        return str(done) == "INSERT 0 1"

    async def list(self) -> builtins.list[Token]:
        """Return all tokens and clients' grants, newest first."""
        async with self._db.as_service(for_caller=True) as connection:
            made = [to_token(row) for row in await connection.fetch(f"select {_COLUMNS} from tokens")]
            tokens = [*made, *await list_grants(connection)]
        return sorted(tokens, key=lambda token: token.created_at, reverse=True)

    async def revoke(self, token_id: str) -> bool:
        """Revoke a token, a client's grant or a client with all its grants; False when no live one has that id."""
        async with self._db.as_service(for_caller=True) as connection:
            done = await connection.execute(
                f"update tokens set revoked_at = now() where id = $1 and {_LIVE}",
                token_id,
            )
            if done == "UPDATE 1":
                return True
            return await revoke_grant(connection, token_id) or await remove_client(connection, token_id)

    async def any_live(self) -> bool:
        """Report whether anyone can sign in."""
        async with self._db.as_service(for_caller=True) as connection:
            return bool(await connection.fetchval(f"select exists (select from tokens where {_LIVE})"))


async def _find_made_by_hand(connection: Any, digest: bytes) -> Token | None:
    row = await connection.fetchrow(_FIND, digest)
    return None if row is None else to_token(row)
