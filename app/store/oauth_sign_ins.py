"""Sign-ins in progress, from a client's request to the user's grant. All calls raise StoreUnavailable."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.store.database import Database

REQUEST_LIFETIME = timedelta(minutes=15)  # time to find and paste a token
CODE_LIFETIME = timedelta(minutes=2)  # RFC 6749 allows ten; clients redeem within a second
WRONG_PROOFS_LIMIT = 5  # wrong tokens on one consent page; after that the client must ask again


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A client's request while the user is on the consent page; `user` is set once proved."""

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
    """The proved identity of the user. token_id: of the access token used, None for an OpenID provider."""

    user: str
    scopes: tuple[str, ...]
    token_id: str | None


class SignIns:
    """The clients' requests until users have decided.

    resource: the PUBLIC_URL, for which grants are valid.
    """

    def __init__(self, db: Database, resource: str) -> None:
        self._db, self._resource = db, resource

    async def begin(self, digest: bytes, sign_in: SignIn) -> None:
        """Store a client's request until the user has decided."""
        async with self._db.as_service(for_caller=True) as connection:
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

    async def get(self, digest: bytes) -> SignIn | None:
        """Return a sign-in that is still open: not expired, and without too many wrong tokens."""
        async with self._db.as_service(for_caller=True) as connection:
            row = await connection.fetchrow(
                "select * from oauth_requests where digest = $1 and expires_at > now() and wrong_proofs < $2",
                digest,
                WRONG_PROOFS_LIMIT,
            )
        return None if row is None else _sign_in(row)

    async def note_wrong_proof(self, digest: bytes) -> None:
        """Count a wrong token on the consent page."""
        async with self._db.as_service(for_caller=True) as connection:
            await connection.execute(
                "update oauth_requests set wrong_proofs = wrong_proofs + 1 where digest = $1", digest
            )

    async def prove(self, digest: bytes, proof: Proof, browser_digest: bytes) -> None:
        """Record who the user is and in which browser they proved it: only that browser may allow the request."""
        async with self._db.as_service(for_caller=True) as connection:
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
        """Turn a proved sign-in into a grant with a code; None if it is gone or from another browser."""
        async with self._db.as_service(for_caller=True) as connection:
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
        """Delete a sign-in."""
        async with self._db.as_service(for_caller=True) as connection:
            await connection.execute("delete from oauth_requests where digest = $1", digest)


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
