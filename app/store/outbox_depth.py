"""Counts what waits in the outbox, without loading the rest of it: every server reports the count."""

from __future__ import annotations

from app.memory.types import OutboxDepth
from app.store.database import Database

_DEPTH = """
select count(*) filter (where state <> 'refused'), count(*) filter (where state = 'refused'),
       coalesce(extract(epoch from now() - min(created_at) filter (where state <> 'refused')), 0)::float8
from outbox where $1::text is null or user_id = $1
"""


async def outbox_depth(db: Database, user: str | None = None) -> OutboxDepth:
    """Return how much waits in a database of a user; of all without one."""
    async with db.as_service() as connection:
        row = await connection.fetchrow(_DEPTH, user)
    return OutboxDepth(waiting=row[0], refused=row[1], oldest_s=max(row[2], 0.0))
