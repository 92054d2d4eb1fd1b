"""The users' grants to clients: codes, refresh and access tokens. All calls raise StoreUnavailable.

A grant is live until it is revoked, its newest refresh token expires, or the access token that proved the user's
identity ends. Every query for a grant checks that (`_LIVE_GRANT`). Only SHA-256 digests of codes and tokens are
stored. A grant has one refresh token that is not used yet: a second one means that two use it, and ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from app.access.tokens import Token
from app.store.database import Database
from app.store.rows import to_token

# A refresh token used again this soon means a lost answer or two calls at once, not a theft: it gets the same answer.
REFRESH_GRACE = timedelta(seconds=30)

_LIVE_GRANT = """g.revoked_at is null and g.expires_at > now() and (g.token_id is null or exists (
    select from tokens p
    where p.id = g.token_id and p.revoked_at is null and (p.expires_at is null or p.expires_at > now())))"""
# $1: an access token's digest, $2: the resource. Most looks write nothing, so they wait for no other's write.
_FIND = f"""
with found as (
    select g.id, g.user_id, t.scopes, g.created_at, t.expires_at, g.last_used_at, g.revoked_at, c.name as client
    from oauth_tokens t join oauth_grants g on g.id = t.grant_id join oauth_clients c on c.id = g.client_id
    where t.digest = $1 and t.kind = 'access' and t.expires_at > now() and g.resource = $2 and {_LIVE_GRANT}
), used as (
    update oauth_grants g set last_used_at = now() from found
    where g.id = found.id and coalesce(found.last_used_at < now() - interval '1 minute', true)
    returning g.id, g.last_used_at
)
select found.id, user_id, scopes, created_at, expires_at,
       coalesce(used.last_used_at, found.last_used_at) as last_used_at, revoked_at, client
from found left join used using (id)
"""

# $1: the token's digest, $2: the grace. A clock that was put back makes `replaced_at` a time to come: no grace then.
_USE = """select t.replaced_at is not null as used, t.successor_salt,
        t.replaced_at between now() - $2::interval and now() + $2::interval and exists (
            select from oauth_tokens s
            where s.digest = t.successor_digest and s.replaced_at is null and s.expires_at > now()) as repeats,
        exists (
            select from oauth_tokens o
            where o.grant_id = t.grant_id and o.kind = 'refresh' and o.digest <> t.digest
              and o.replaced_at is null and o.expires_at > now()) as has_rival
    from oauth_tokens t where t.digest = $1 and t.kind = 'refresh' and t.expires_at > now()"""


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


class Outcome(Enum):
    """The result of using a refresh token."""

    DONE = auto()
    REPEATED = auto()  # it was used a moment ago, and its successor was not: the same successor is the answer
    UNKNOWN = auto()  # no such token, or its grant has ended
    REUSED = auto()  # it was used before, or the grant has a second one: the grant is now revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Successors:
    """The digests of the tokens that replace a refresh token, and the salt that they were made with."""

    salt: bytes
    access: bytes
    refresh: bytes


@dataclass(frozen=True, slots=True)
class Rotation:
    """The result of using a refresh token. repeated_salt: of the successors of a moment ago."""

    outcome: Outcome
    repeated_salt: bytes = b""


class Grants:
    """The grants of one deployment; runs as the service, because requests cannot read the tables.

    resource: the PUBLIC_URL; grants for another address are not found.
    """

    def __init__(self, db: Database, resource: str, access_for: timedelta, refresh_for: timedelta) -> None:
        self._db, self._resource = db, resource
        self._access_for, self._refresh_for = access_for, refresh_for

    async def code(self, digest: bytes) -> GrantCode | None:
        """Return a code of a live grant, even if it was used."""
        async with self._db.as_service(for_caller=True) as connection:
            row = await connection.fetchrow(
                f"select g.* from oauth_grants g where g.code_digest = $1 and g.resource = $2 and {_LIVE_GRANT}",
                digest,
                self._resource,
            )
        return None if row is None else _code(row)

    async def redeem(self, grant_id: str, access_digest: bytes, refresh_digest: bytes) -> bool:
        """Use a grant's code and store its first tokens; return False if the code was used before or has expired."""
        async with self._db.as_service(for_caller=True) as connection, connection.transaction():
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
        async with self._db.as_service(for_caller=True) as connection:
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

    async def rotate(self, digest: bytes, scopes: list[str], new: Successors) -> Rotation:
        """Use a refresh token: store its successors, or find those of a moment ago, or revoke the grant."""
        async with self._db.as_service(for_caller=True) as connection, connection.transaction():
            grant = await connection.fetchrow(
                "select g.id, g.scopes from oauth_grants g"
                " where g.id = (select grant_id from oauth_tokens where digest = $1 and kind = 'refresh')"
                f" and g.resource = $2 and {_LIVE_GRANT} for update of g",
                digest,
                self._resource,
            )
            if grant is None:
                return Rotation(Outcome.UNKNOWN)
            # Calls with tokens of one grant wait for each other at its row; only a later statement sees what they did.
            token = await connection.fetchrow(_USE, digest, REFRESH_GRACE)
            outcome = _outcome(token)
            if outcome is Outcome.REUSED:
                await connection.execute("update oauth_grants set revoked_at = now() where id = $1", grant["id"])
            elif outcome is Outcome.REPEATED:
                return Rotation(outcome, token["successor_salt"])
            elif outcome is Outcome.DONE:
                await connection.execute(
                    "update oauth_tokens set replaced_at = now(), successor_digest = $2, successor_salt = $3"
                    " where digest = $1",
                    digest,
                    new.refresh,
                    new.salt,
                )
                await self._issue(connection, grant["id"], grant["scopes"], new.access, new.refresh, scopes)
            return Rotation(outcome)

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
        async with self._db.as_service(for_caller=True) as connection:
            return await revoke_grant(connection, grant_id)


async def revoke_grant(connection: Any, grant_id: str) -> bool:
    """Revoke a grant with all its tokens; return False if no live grant has this id."""
    done = await connection.execute(
        f"update oauth_grants g set revoked_at = now() where g.id = $1 and {_LIVE_GRANT}", grant_id
    )
    return bool(done == "UPDATE 1")


async def find_access_token(connection: Any, digest: bytes, resource: str) -> Token | None:
    """Return the live access token for `resource` with this digest, and record its use, to the minute."""
    row = await connection.fetchrow(_FIND, digest, resource)
    return None if row is None else to_token(row)


async def list_grants(connection: Any) -> list[Token]:
    """Return, as access tokens, all grants whose code was redeemed, newest first."""
    rows = await connection.fetch(
        "select g.id, g.user_id, g.scopes, g.created_at, g.expires_at, g.last_used_at, g.revoked_at, c.name as client"
        " from oauth_grants g join oauth_clients c on c.id = g.client_id"
        " where g.code_used_at is not null order by g.created_at desc"
    )
    return [to_token(row) for row in rows]


def _outcome(token: Any) -> Outcome:
    """Return what a refresh token's use results in. token: the row of `_USE`, None if there is none."""
    if token is None:
        return Outcome.UNKNOWN
    if token["used"]:
        return Outcome.REPEATED if token["repeats"] else Outcome.REUSED
    return Outcome.REUSED if token["has_rival"] else Outcome.DONE


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
