"""Sessions of a database that wait for a lock."""

from __future__ import annotations

import asyncpg

from app.store.database import Database
from tests.support.waiting import until


async def until_a_session_waits_for_a_lock(database: Database) -> None:
    """Wait until a session of this database is held up by another one's transaction."""

    async def held_up() -> bool:
        async with database.as_service() as connection:
            return await a_session_is_held_up(connection)

    await until(held_up, "a session that waits for a lock")


async def a_session_is_held_up(connection: asyncpg.Connection) -> bool:
    """Whether a session of this database waits for a lock."""
    return bool(
        await connection.fetchval(
            "select exists (select from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock')"
        )
    )
