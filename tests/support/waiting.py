"""Waits for conditions instead of for time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

import asyncpg

from app.store.database import Database

_PATIENCE_S = 90.0  # only ever spent by a test that fails, and on a cluster of which a node is dead


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Wait until a condition holds; fail with `what` when it never does."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                holds = condition()
                if await holds if inspect.isawaitable(holds) else holds:
                    return
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None


async def until_somebody_waits_for_a_lock(database: Database) -> None:
    """Wait until a session of this database is held up by another one's transaction."""

    async def held_up() -> bool:
        async with database.as_service() as connection:
            return await somebody_is_held_up(connection)

    await until(held_up, "a session waits for a lock")


async def somebody_is_held_up(connection: asyncpg.Connection) -> bool:
    """Tell whether a session of this database waits for a lock."""
    return bool(
        await connection.fetchval(
            "select exists (select from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock')"
        )
    )
