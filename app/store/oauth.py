"""Sign-in for remote clients in PostgreSQL: clients, sign-ins in progress, grants and their tokens.

All replicas share the tables, so a client may register at one, be allowed at another and redeem its code at a third.
"""

from __future__ import annotations

from datetime import timedelta

from app.store.database import Database
from app.store.oauth_clients import OAuthClients
from app.store.oauth_grants import Grants
from app.store.oauth_sign_ins import SignIns

_ENDED_KEPT = timedelta(days=7)  # how long `token list` shows a grant that has ended


class OAuthStore:
    """The tables of one deployment.

    resource: the PUBLIC_URL; grants for another address are not found.
    """

    def __init__(self, db: Database, resource: str, access_for: timedelta, refresh_for: timedelta) -> None:
        self.clients = OAuthClients(db)
        self.sign_ins = SignIns(db, resource)
        self.grants = Grants(db, resource, access_for, refresh_for)


async def sweep(db: Database) -> None:
    """Delete expired sign-ins and tokens, old ended grants, and expired clients without a grant."""
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
