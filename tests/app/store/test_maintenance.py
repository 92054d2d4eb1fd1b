"""The statements of maintenance: what they take, how many at a time, one process at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.errors import Conflict
from app.memory.types import Scope
from app.store import maintenance as statements
from app.store.database import Database
from app.store.maintenance import CLEANUPS, Maintenance, maintenance
from app.store.postgres import PostgresStore
from tests.support.rows import add_note, add_turns, turn

LONG_AGO = datetime.now(UTC) - timedelta(days=100)
EXPIRED = CLEANUPS[0]


@pytest.fixture
async def work(database: Database) -> AsyncIterator[Maintenance]:
    async with maintenance(database) as work:
        yield work


@pytest.mark.parametrize("cleanup", CLEANUPS, ids=lambda cleanup: cleanup.name)
async def test_in_an_empty_database_no_cleanup_takes_anything(work: Maintenance, cleanup: statements.Cleanup) -> None:
    assert await work.count(cleanup, datetime.now(UTC)) == await work.delete(cleanup, datetime.now(UTC)) == 0


async def test_what_was_counted_is_deleted_in_small_transactions(
    store: PostgresStore, database: Database, work: Maintenance, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "_AT_ONCE", 3)
    for number in range(7):
        await add_note(store, alice, f"over {number}", expires_at=LONG_AGO)
    await add_note(store, alice, "stays")

    assert await work.count(EXPIRED, datetime.now(UTC)) == 7
    assert await work.delete(EXPIRED, datetime.now(UTC)) == 7

    async with database.as_service() as connection:
        deletions = await connection.fetch("select count(*) from changes group by xid having count(*) <= 3")
    assert (await store.size())[0] == 1
    assert len(deletions) >= 3


async def test_a_conversation_that_loses_turns_is_shrunk(
    store: PostgresStore, database: Database, work: Maintenance, alice: Scope
) -> None:
    await add_turns(store, alice, "c", turn("over"), turn("stays"))
    async with database.as_service() as connection:
        await connection.execute("update memories set expires_at = now() where text = 'over'")

    await work.delete(EXPIRED, datetime.now(UTC))

    async with database.as_service() as connection:
        assert await connection.fetchval("select messages from conversations") == 1


async def test_only_one_process_maintains_at_a_time(
    database: Database, connect_arguments: dict[str, Any], work: Maintenance
) -> None:
    other = Database(connect_arguments)
    await other.open()
    try:
        with pytest.raises(Conflict, match="being maintained by another process"):
            async with maintenance(other):
                pass
    finally:
        await other.close()


async def test_tables_are_vacuumed_and_indexes_rebuilt_by_name(work: Maintenance) -> None:
    names = [table.name for table in await work.tables()]
    assert {"memories", "conversations", "tokens"} <= set(names)

    for name in names:
        await work.vacuum(name)

    assert await work.rebuild("memories_newest") > 0
    assert await work.half_made() == []
    assert await work.bloated() == [], "small ones are not looked at"
    assert await work.database_bytes() > 1_000_000
