"""Deletes what is over of sign-in's tables. Apart from the rest, so that a start without sign-in does not load it."""

from __future__ import annotations

from datetime import timedelta

from app.store.database import Database

# Each has up to 16 kB. Many registrations at once must not fill the disk in the hours before they expire.
_UNUSED_CLIENTS_KEPT = 10_000
_ENDED_KEPT = timedelta(days=7)  # how long `token list` shows a grant that has ended


async def sweep(db: Database) -> None:
    """Delete expired sign-ins and tokens, old ended grants, and clients without a grant: expired ones, and too many."""
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
        await connection.execute(
            "delete from oauth_clients where id in (select id from oauth_clients c where c.expires_at is not null"
            " and not exists (select from oauth_grants where client_id = c.id)"
            " and not exists (select from oauth_requests where client_id = c.id)"
            " order by c.created_at desc offset $1)",
            _UNUSED_CLIENTS_KEPT,
        )
