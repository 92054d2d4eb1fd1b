"""Housekeeping on a real database: what is over goes, what is counted is folded, what is old is pruned."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from app.memory.types import Scope
from app.runtime import housekeeping
from app.runtime.housekeeping import Housekeeping
from app.store.change_log import PostgresChangeLog
from app.store.postgres import PostgresStore
from app.store.rate_limits import RateLimits
from app.store.reanalysis import Reanalysis
from tests.support.rows import add_note
from tests.support.waiting import until


async def unfolded(store: PostgresStore) -> int:
    async with store.db.as_service() as connection:
        count: int = await connection.fetchval(
            "select count(*) from changes where xid >= (select xid from log_positions where name = 'term_counts')"
        )
    return count


async def test_a_round_deletes_what_expired_and_folds_the_counts(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope
) -> None:
    await add_note(store, alice, "over", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await add_note(store, alice, "stays")

    await Housekeeping(store, log, RateLimits(store.db)).run_due()

    assert [one.text for one in await store.recent(alice, 10)] == ["stays"]
    assert await unfolded(store) == 0


async def test_old_entries_leave_the_log_once_they_are_folded(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope
) -> None:
    await add_note(store, alice, "kept in the store")

    await Housekeeping(store, log, RateLimits(store.db), log_kept=timedelta(seconds=-60)).run_due()

    async with store.db.as_service() as connection:
        assert await connection.fetchval("select count(*) from changes") == 0
    assert [one.text for one in await store.recent(alice, 10)] == ["kept in the store"]


async def test_rows_of_an_earlier_analysis_are_analysed_again_while_other_jobs_have_their_turns(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope
) -> None:
    for number in range(5):
        await add_note(store, alice, f"note {number}")
    async with store.db.as_service() as connection:
        await connection.execute("update memories set analysis = 1")
    keeping = Housekeeping(store, log, RateLimits(store.db))
    keeping._reanalysis = Reanalysis(store.db, at_once=2, long_s=0)

    running = asyncio.create_task(keeping.run())

    async def done() -> bool:
        async with store.db.as_service() as connection:
            return bool(await connection.fetchval("select count(*) = 0 from memories where analysis = 1"))

    try:
        await until(done, "all rows are analysed again, though each turn is short")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_busy_log_is_folded_before_its_time(store: PostgresStore, log: PostgresChangeLog, alice: Scope) -> None:
    keeping = Housekeeping(store, log, RateLimits(store.db))
    running = asyncio.create_task(keeping.run())
    await until(lambda: keeping._due["change_log"] > 0, "the first round is over")
    await add_note(store, alice, "another")
    assert await unfolded(store) > 0

    keeping.applied(1)
    keeping.applied(housekeeping._FOLD_CHANGES)

    async def folded() -> bool:
        return await unfolded(store) == 0

    await until(folded, "the counts are folded")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
