"""The users' grants to clients: codes, refresh and access tokens. All calls raise StoreUnavailable.

A grant is live until it is revoked, its newest refresh token expires, or the access token that proved the user's
identity ends. Every query for a grant checks that (`_LIVE_GRANT`). Only SHA-256 digests of codes and tokens are
stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from app.access.tokens import Token
from app.store.database import Database
from app.store.rows import to_token

# A refresh token used again this soon means a lost answer or two calls at once, not a theft.
REFRESH_GRACE = timedelta(seconds=30)

_LIVE_GRANT = """g.revoked_at is null and g.expires_at > now() and (g.token_id is null or exists (
    select from tokens p
    where p.id = g.token_id and p.revoked_at is null and (p.expires_at is null or p.expires_at > now())))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCode:
    """An authorization code and its grant."""

    grant_id: str
    client_id: str
    user: str
    scopes: tuple[str, ...]
    code_challenge: str
    redirect_uri: str
    redirect_given: bool
    expires_at: datetime
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantToken:
    """A refresh or access token of a live grant."""

    grant_id: str
    client_id: str
    user: str
    scopes: tuple[str, ...]
    expires_at: datetime


class Rotation(Enum):
    """The result of using a refresh token."""

    DONE = auto()
    UNKNOWN = auto()  # no such token, or its grant has ended
    REUSED = auto()  # it was used before: the grant is now revoked


class Grants:
    """The grants of one deployment; runs as the service, because requests cannot read the tables.

    resource: the PUBLIC_URL; grants for another address are not found.
    """

    def __init__(self, db: Database, resource: str, access_for: timedelta, refresh_for: timedelta) -> None:
        self._db, self._resource = db, resource
        self._access_for, self._refresh_for = access_for, refresh_for

    async def code(self, digest: bytes) -> GrantCode | None:
        """Return a code of a live grant, even if it was used."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                f"select g.* from oauth_grants g where g.code_digest = $1 and g.resource = $2 and {_LIVE_GRANT}",
                digest,
                self._resource,
            )
        return None if row is None else _code(row)

    async def redeem(self, grant_id: str, access_digest: bytes, refresh_digest: bytes) -> bool:
        """Use a grant's code and store its first tokens; return False if the code was used before or has expired."""
        async with self._db.as_service() as connection, connection.transaction():
            scopes = await connection.fetchval(
                "update oauth_grants g set code_used_at = now()"
                f" where g.id = $1 and g.code_used_at is null and g.code_expires_at > now() and {_LIVE_GRANT}"
                " returning g.scopes",
                grant_id,
            )
            if scopes is None:
                return False
            await self._issue(connection, grant_id, scopes, access_digest, refresh_digest)
            return True

    async def refresh_token(self, digest: bytes) -> GrantToken | None:
        """Return a refresh token of a live grant, even if it was used; `scopes` are the grant's."""
        return await self._issued(digest, "t.kind = 'refresh'")

    async def token(self, digest: bytes) -> GrantToken | None:
        """Return a token of either kind of a live grant."""
        return await self._issued(digest, "true")

    async def _issued(self, digest: bytes, kind: str) -> GrantToken | None:
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                "select g.id as grant_id, g.client_id, g.user_id, t.scopes, t.expires_at"
                " from oauth_tokens t join oauth_grants g on g.id = t.grant_id"
                f" where t.digest = $1 and g.resource = $2 and t.expires_at > now() and {kind} and {_LIVE_GRANT}",
                digest,
                self._resource,
            )
        if row is None:
            return None
        return GrantToken(
            grant_id=row["grant_id"],
            client_id=row["client_id"],
            user=row["user_id"],
            scopes=tuple(row["scopes"]),
            expires_at=row["expires_at"],
        )

    async def rotate(self, digest: bytes, scopes: list[str], access_digest: bytes, refresh_digest: bytes) -> Rotation:
        """Use a refresh token: store the next pair, or revoke the grant if it was used before REFRESH_GRACE."""
        async with self._db.as_service() as connection, connection.transaction():
            grant = await connection.fetchrow(
                "select g.id, g.scopes from oauth_grants g"
                " where g.id = (select grant_id from oauth_tokens where digest = $1 and kind = 'refresh')"
                f" and g.resource = $2 and {_LIVE_GRANT} for update of g",
                digest,
                self._resource,
            )
            if grant is None:
                return Rotation.UNKNOWN
            token = await connection.fetchrow(
                "update oauth_tokens set replaced_at = coalesce(replaced_at, now())"
                " where digest = $1 and expires_at > now() returning replaced_at < now() - $2::interval as reused",
                digest,
                REFRESH_GRACE,
            )
            if token is None:
                return Rotation.UNKNOWN
            if token["reused"]:
                await connection.execute("update oauth_grants set revoked_at = now() where id = $1", grant["id"])
                return Rotation.REUSED
            await self._issue(connection, grant["id"], grant["scopes"], access_digest, refresh_digest, scopes)
            return Rotation.DONE

    async def _issue(
        self,
        connection: Any,
        grant_id: str,
        granted: list[str],
        access_digest: bytes,
        refresh_digest: bytes,
        narrowed: list[str] | None = None,
    ) -> None:
        """Store a pair of tokens. narrowed: the access token's scopes, if the client asked for fewer."""
        await connection.execute(
            "insert into oauth_tokens (digest, grant_id, kind, scopes, expires_at)"
            " values ($1, $3, 'access', $4, now() + $5), ($2, $3, 'refresh', $6, now() + $7)",
            access_digest,
            refresh_digest,
            grant_id,
            granted if narrowed is None else narrowed,
            self._access_for,
            granted,
            self._refresh_for,
        )
        await connection.execute(
            "update oauth_grants set expires_at = now() + $2 where id = $1",
            grant_id,
            max(self._access_for, self._refresh_for),
        )

    async def revoke(self, grant_id: str) -> bool:
        """Revoke a grant with all its tokens; return False if no live grant has this id."""
        async with self._db.as_service() as connection:
            return await revoke_grant(connection, grant_id)


async def revoke_grant(connection: Any, grant_id: str) -> bool:
    """Revoke a grant with all its tokens; return False if no live grant has this id."""
    done = await connection.execute(
        f"update oauth_grants g set revoked_at = now() where g.id = $1 and {_LIVE_GRANT}", grant_id
    )
    return bool(done == "UPDATE 1")


async def find_access_token(connection: Any, digest: bytes, resource: str) -> Token | None:
    """Return the live access token for `resource` with this digest, and record its use."""
    row = await connection.fetchrow(
        "update oauth_grants g set last_used_at = now() from oauth_tokens t, oauth_clients c"
        " where t.digest = $1 and t.kind = 'access' and t.expires_at > now() and t.grant_id = g.id"
        f" and c.id = g.client_id and g.resource = $2 and {_LIVE_GRANT}"
        " returning g.id, g.user_id, t.scopes, g.created_at, t.expires_at, g.last_used_at, g.revoked_at,"
        " c.name as client",
        digest,
        resource,
    )
    return None if row is None else to_token(row)


async def list_grants(connection: Any) -> list[Token]:
    """Return, as access tokens, all grants whose code was redeemed, newest first."""
    rows = await connection.fetch(
        "select g.id, g.user_id, g.scopes, g.created_at, g.expires_at, g.last_used_at, g.revoked_at, c.name as client"
        " from oauth_grants g join oauth_clients c on c.id = g.client_id"
        " where g.code_used_at is not null order by g.created_at desc"
    )
    return [to_token(row) for row in rows]


def _code(row: Any) -> GrantCode:
    return GrantCode(
        grant_id=row["id"],
        client_id=row["client_id"],
        user=row["user_id"],
        scopes=tuple(row["scopes"]),
        code_challenge=row["code_challenge"],
        redirect_uri=row["redirect_uri"],
        redirect_given=row["redirect_given"],
        expires_at=row["code_expires_at"],
        used=row["code_used_at"] is not None,
    )
