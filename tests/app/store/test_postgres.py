"""What the store does for all users: expiry, size, the planner's statistics, its version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.errors import StoreUnavailable
from app.memory.types import Scope
from app.store import postgres
from app.store.database import Database
from app.store.migrations import migrations
from app.store.postgres import PostgresStore
from tests.support.rows import add_note, add_turns, turn

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


async def test_what_has_expired_goes_a_part_at_a_time(store: PostgresStore, alice: Scope, bob: Scope) -> None:
    for number in range(3):
        await add_note(store, alice, f"over {number}", expires_at=YESTERDAY)
    await add_note(store, bob, "stays")

    assert [await store.delete_expired(2) for _ in range(3)] == [2, 1, 0]
    assert (await store.size())[0] == 1


async def test_a_conversation_that_is_left_empty_goes_too(
    store: PostgresStore, database: Database, alice: Scope
) -> None:
    await add_turns(store, alice, "c", turn("hello"))
    async with database.as_service() as connection:
        await connection.execute("update memories set expires_at = now()")

    assert await store.delete_expired() == 1

    assert (await store.stats(alice, None)).conversations == 0


async def test_statistics_are_refreshed_when_there_is_twice_as_much(
    store: PostgresStore, database: Database, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_ANALYZE_FROM", 2)

    async def analyzed() -> int:
        await store.analyze_if_grown()
        async with database.as_service() as connection:
            return int(await connection.fetchval("select reltuples from pg_class where relname = 'memories'"))

    counts = []
    for number in range(4):
        await add_note(store, alice, f"note {number}")
        counts.append(await analyzed())

    assert counts == [-1, 2, 2, 4]


async def test_the_schema_is_told_by_file_and_digest(store: PostgresStore) -> None:
    version, applied = await store.schema()

    assert version.split(".")[0].isdigit()
    assert list(applied) == [migration.name for migration in migrations()]
    assert {len(digest) for digest in applied.values()} == {12}


async def test_a_ping_fails_where_no_one_answers(store: PostgresStore, database: Database) -> None:
    await store.ping()
    await database.close()
    with pytest.raises(StoreUnavailable):
        await store.ping()
