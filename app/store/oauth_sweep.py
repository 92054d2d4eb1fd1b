"""Deletes what is over of sign-in's tables. Apart from the rest, so that a start without sign-in does not load it."""

from __future__ import annotations

from datetime import timedelta

from app.store.database import Database

_ENDED_KEPT = timedelta(days=7)  # how long `token list` shows a grant that has ended


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
