"""Sign-in for remote clients in PostgreSQL: clients, sign-ins in progress, grants and their tokens.

Every replica reads the same tables, so a client may register at one, be allowed at another and redeem its code at a
third. Of codes, tokens and secrets only SHA-256 digests are kept. All methods raise StoreUnavailable.

A grant lives until it is revoked, or its newest refresh token expires, or the access token that proved who the user
is ends. Everything that asks for a grant asks that (`_LIVE_GRANT`).
"""

from __future__ import annotations

import builtins
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from app.access.tokens import Token
from app.store.database import Database

REQUEST_LIFETIME = timedelta(minutes=15)  # time to find one's token and paste it
CODE_LIFETIME = timedelta(minutes=2)  # RFC 6749 allows ten; clients redeem within a second
WRONG_PROOFS_LIMIT = 5  # wrong tokens on one consent page; after that the client has to ask again
# A refresh token used again this soon is a lost answer or two calls at once, not a theft.
REFRESH_GRACE = timedelta(seconds=30)
_ENDED_KEPT = timedelta(days=7)  # how long `token list` shows a grant that has ended

_LIVE_GRANT = """g.revoked_at is null and g.expires_at > now() and (g.token_id is null or exists (
    select from tokens p
    where p.id = g.token_id and p.revoked_at is null and (p.expires_at is null or p.expires_at > now())))"""
_LIVE_CLIENT = (
    "(c.expires_at is null or c.expires_at > now() or exists (select from oauth_grants where client_id = c.id))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client. `metadata` is JSON as RFC 7591 names it, without secrets."""

    id: str
    name: str
    metadata: dict[str, Any]
    secret_digest: bytes | None = None
    registration_digest: bytes | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """What a client asks for, while the user is on the consent page; who the user is, once that is proved."""

    client_id: str
    redirect_uri: str
    redirect_given: bool
    state: str | None
    asked_scopes: tuple[str, ...]
    code_challenge: str
    user: str | None = None
    scopes: tuple[str, ...] = ()
    browser_digest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Who the user on the consent page is: `token_id` is the access token shown, None for an OpenID provider."""

    user: str
    scopes: tuple[str, ...]
    token_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorization code and the grant behind it."""

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
class Issued:
    """A refresh or access token of a live grant."""

    grant_id: str
    client_id: str
    user: str
    scopes: tuple[str, ...]
    expires_at: datetime


class Rotation(Enum):
    """How the use of a refresh token ended."""

    DONE = auto()
    UNKNOWN = auto()  # no such token, or its grant has ended
    REUSED = auto()  # it had been used before: the grant is revoked now


class OAuthStore:
    """The tables of one deployment; runs as the service, because requests cannot read them.

    resource: the PUBLIC_URL; grants given at another address are unknown here.
    """

    def __init__(self, db: Database, resource: str, access_for: timedelta, refresh_for: timedelta) -> None:
        self._db, self._resource = db, resource
        self._access_for, self._refresh_for = access_for, refresh_for

    # Clients

    async def add_client(self, client: Client, unused_for: timedelta) -> None:
        """Store a client that registered itself; it goes when it has had no grant for that long."""
        async with self._db.as_service() as connection:
            await add_client(connection, client, unused_for)

    async def client(self, client_id: str) -> Client | None:
        """Return a client that is not deleted and has not expired."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                f"select c.* from oauth_clients c where c.id = $1 and {_LIVE_CLIENT}", client_id
            )
        return None if row is None else _client(row)

    async def let_manage(self, client_id: str, registration_digest: bytes) -> None:
        """Note the digest of the token that lets a client read and delete its registration."""
        async with self._db.as_service() as connection:
            await connection.execute(
                "update oauth_clients set registration_digest = $2 where id = $1", client_id, registration_digest
            )

    async def managed_client(self, client_id: str, registration_digest: bytes) -> Client | None:
        """Return the live client that a token for managing it belongs to."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                f"select c.* from oauth_clients c where c.id = $1 and c.registration_digest = $2 and {_LIVE_CLIENT}",
                client_id,
                registration_digest,
            )
        return None if row is None else _client(row)

    async def remove_client(self, client_id: str) -> bool:
        """Delete a client with all its grants and tokens; False when there is none."""
        async with self._db.as_service() as connection:
            return await remove_client(connection, client_id)

    # Sign-ins in progress

    async def begin(self, digest: bytes, sign_in: SignIn) -> None:
        """Keep what a client asks for until the user has decided."""
        async with self._db.as_service() as connection:
            await connection.execute(
                "insert into oauth_requests (digest, client_id, redirect_uri, redirect_given, state, asked_scopes,"
                " code_challenge, expires_at) values ($1, $2, $3, $4, $5, $6, $7, now() + $8)",
                digest,
                sign_in.client_id,
                sign_in.redirect_uri,
                sign_in.redirect_given,
                sign_in.state,
                list(sign_in.asked_scopes),
                sign_in.code_challenge,
                REQUEST_LIFETIME,
            )

    async def sign_in(self, digest: bytes) -> SignIn | None:
        """Return a sign-in that is still open: not too old, not guessed at too often."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                "select * from oauth_requests where digest = $1 and expires_at > now() and wrong_proofs < $2",
                digest,
                WRONG_PROOFS_LIMIT,
            )
        return None if row is None else _sign_in(row)

    async def note_wrong_proof(self, digest: bytes) -> None:
        """Count a wrong token shown on the consent page."""
        async with self._db.as_service() as connection:
            await connection.execute(
                "update oauth_requests set wrong_proofs = wrong_proofs + 1 where digest = $1", digest
            )

    async def prove(self, digest: bytes, proof: Proof, browser_digest: bytes) -> None:
        """Note who the user is, and in which browser they proved it: only that one may allow anything."""
        async with self._db.as_service() as connection:
            await connection.execute(
                "update oauth_requests set user_id = $2, scopes = $3, token_id = $4, browser_digest = $5"
                " where digest = $1",
                digest,
                proof.user,
                list(proof.scopes),
                proof.token_id,
                browser_digest,
            )

    async def allow(self, digest: bytes, browser_digest: bytes, code_digest: bytes) -> SignIn | None:
        """Turn a proved sign-in into a grant with a code; None when it is gone or of another browser."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                "with done as (delete from oauth_requests where digest = $1 and browser_digest = $2"
                " and user_id is not null and expires_at > now() returning *),"
                " granted as (insert into oauth_grants (id, client_id, user_id, scopes, resource, token_id,"
                " code_digest, code_challenge, redirect_uri, redirect_given, code_expires_at, expires_at)"
                " select $3, client_id, user_id, scopes, $4, token_id, $5,"
                " code_challenge, redirect_uri, redirect_given, now() + $6, now() + $6 from done)"
                " select * from done",
                digest,
                browser_digest,
                secrets.token_hex(6),
                self._resource,
                code_digest,
                CODE_LIFETIME,
            )
        return None if row is None else _sign_in(row)

    async def deny(self, digest: bytes) -> None:
        """Forget a sign-in."""
        async with self._db.as_service() as connection:
            await connection.execute("delete from oauth_requests where digest = $1", digest)

    # Codes and tokens

    async def code(self, digest: bytes) -> Code | None:
        """Return a code of a live grant, whether it has been used or not."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                f"select g.* from oauth_grants g where g.code_digest = $1 and g.resource = $2 and {_LIVE_GRANT}",
                digest,
                self._resource,
            )
        return None if row is None else _code(row)

    async def redeem(self, grant_id: str, access_digest: bytes, refresh_digest: bytes) -> bool:
        """Use a grant's code and store its first tokens; False when the code was used before or has expired."""
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

    async def refresh_token(self, digest: bytes) -> Issued | None:
        """Return a refresh token of a live grant, used before or not; `scopes` are the grant's."""
        return await self._issued(digest, "t.kind = 'refresh'")

    async def token(self, digest: bytes) -> Issued | None:
        """Return a token of either kind of a live grant."""
        return await self._issued(digest, "true")

    async def _issued(self, digest: bytes, kind: str) -> Issued | None:
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
        return Issued(
            grant_id=row["grant_id"],
            client_id=row["client_id"],
            user=row["user_id"],
            scopes=tuple(row["scopes"]),
            expires_at=row["expires_at"],
        )

    async def rotate(
        self, digest: bytes, scopes: builtins.list[str], access_digest: bytes, refresh_digest: bytes
    ) -> Rotation:
        """Use a refresh token: store the next pair, or revoke the grant when it was used before REFRESH_GRACE."""
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
        granted: builtins.list[str],
        access_digest: bytes,
        refresh_digest: bytes,
        narrowed: builtins.list[str] | None = None,
    ) -> None:
        """Store a pair of tokens; `narrowed` are the access token's scopes where the client asked for fewer."""
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

    async def revoke_grant(self, grant_id: str) -> bool:
        """Revoke a grant with all its tokens; False when there is no live one with that id."""
        async with self._db.as_service() as connection:
            return await revoke_grant(connection, grant_id)


async def add_client(connection: Any, client: Client, unused_for: timedelta | None) -> None:
    """Store a client; `unused_for` None keeps it for good."""
    await connection.execute(
        "insert into oauth_clients (id, name, metadata, secret_digest, registration_digest, expires_at)"
        " values ($1, $2, $3, $4, $5, now() + $6::interval)",
        client.id,
        client.name,
        client.metadata,
        client.secret_digest,
        client.registration_digest,
        unused_for,
    )


async def list_clients(connection: Any) -> list[Client]:
    """Return all live clients, newest first."""
    rows = await connection.fetch(f"select c.* from oauth_clients c where {_LIVE_CLIENT} order by c.created_at desc")
    return [_client(row) for row in rows]


async def remove_client(connection: Any, client_id: str) -> bool:
    """Delete a client with all its grants and tokens; False when there is none."""
    return bool(await connection.execute("delete from oauth_clients where id = $1", client_id) == "DELETE 1")


async def revoke_grant(connection: Any, grant_id: str) -> bool:
    """Revoke a grant with all its tokens; False when there is no live one with that id."""
    done = await connection.execute(
        f"update oauth_grants g set revoked_at = now() where g.id = $1 and {_LIVE_GRANT}", grant_id
    )
    return bool(done == "UPDATE 1")


async def find_access_token(connection: Any, digest: bytes, resource: str) -> Token | None:
    """Return the live access token with that digest, given out for `resource`, and note that it was used."""
    row = await connection.fetchrow(
        "update oauth_grants g set last_used_at = now() from oauth_tokens t, oauth_clients c"
        " where t.digest = $1 and t.kind = 'access' and t.expires_at > now() and t.grant_id = g.id"
        f" and c.id = g.client_id and g.resource = $2 and {_LIVE_GRANT}"
        " returning g.id, g.user_id, t.scopes, g.created_at, t.expires_at, g.last_used_at, g.revoked_at, c.name",
        digest,
        resource,
    )
    return None if row is None else _token(row)


async def list_grants(connection: Any) -> list[Token]:
    """Return all grants whose code was redeemed, newest first, in the form of access tokens."""
    rows = await connection.fetch(
        "select g.id, g.user_id, g.scopes, g.created_at, g.expires_at, g.last_used_at, g.revoked_at, c.name"
        " from oauth_grants g join oauth_clients c on c.id = g.client_id"
        " where g.code_used_at is not null order by g.created_at desc"
    )
    return [_token(row) for row in rows]


async def sweep(db: Database) -> None:
    """Delete what is over: sign-ins nobody finished, tokens, old grants, clients without a grant."""
    async with db.as_service() as connection:
        await connection.execute("delete from oauth_requests where expires_at <= now()")
        await connection.execute("delete from oauth_tokens where expires_at <= now()")
        await connection.execute(
            "delete from oauth_grants where code_used_at is null and code_expires_at <= now()"
            " or least(revoked_at, expires_at) <= now() - $1::interval",
            _ENDED_KEPT,
        )
        await connection.execute(
            "delete from oauth_clients c where c.expires_at <= now()"
            " and not exists (select from oauth_grants where client_id = c.id)"
            " and not exists (select from oauth_requests where client_id = c.id)"
        )


def _client(row: Any) -> Client:
    return Client(
        id=row["id"],
        name=row["name"],
        metadata=row["metadata"],
        secret_digest=row["secret_digest"],
        registration_digest=row["registration_digest"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def _sign_in(row: Any) -> SignIn:
    return SignIn(
        client_id=row["client_id"],
        redirect_uri=row["redirect_uri"],
        redirect_given=row["redirect_given"],
        state=row["state"],
        asked_scopes=tuple(row["asked_scopes"]),
        code_challenge=row["code_challenge"],
        user=row["user_id"],
        scopes=tuple(row["scopes"] or ()),
        browser_digest=row["browser_digest"],
    )


def _code(row: Any) -> Code:
    return Code(
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


def _token(row: Any) -> Token:
    return Token(
        id=row["id"],
        user=row["user_id"],
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
        client=row["name"],
    )
