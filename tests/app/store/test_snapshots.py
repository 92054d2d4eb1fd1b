"""Whole tables as of one moment, and a decision about each table."""

from __future__ import annotations

import asyncpg
import pytest

from app.errors import StoreUnavailable
from app.memory.types import Scope
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.store.snapshots import FATES, Fate, Snapshot, snapshot
from tests.support.rows import add_note


async def test_every_table_of_the_schema_has_a_fate_in_a_backup_and_no_other_has(database: Database) -> None:
    async with database.as_service() as connection:
        rows = await connection.fetch("select tablename from pg_tables where schemaname = current_schema()")

    assert {row[0] for row in rows} == set(FATES), (
        "decide in app/store/snapshots.py whether a backup holds the new table: COPIED, or MADE_ANEW when it is "
        "derived or belongs to this database alone"
    )


async def test_what_a_table_refers_to_is_loaded_before_it(database: Database) -> None:
    async with database.as_service() as connection:
        pairs = await connection.fetch(
            "select a.relname, b.relname from pg_constraint c join pg_class a on a.oid = conrelid"
            " join pg_class b on b.oid = confrelid where contype = 'f'"
        )
    order = list(FATES)

    assert pairs, "there are references"
    for table, referred in pairs:
        if FATES[table] is Fate.COPIED:
            assert FATES[referred] is Fate.COPIED
            assert order.index(referred) < order.index(table)


async def text_of(moment: Snapshot, name: str) -> str:
    [table] = [table for table in moment.tables if table.name == name]
    return b"".join([piece async for piece in moment.rows(table)]).decode()


async def test_a_snapshot_holds_its_moment_while_others_write(
    database: Database, store: PostgresStore, alice: Scope
) -> None:
    await add_note(store, alice, "before")
    async with snapshot(database) as moment:
        before = await text_of(moment, "memories")
        await add_note(store, alice, "after")

        assert await text_of(moment, "memories") == before
        assert before.count("\n") == 1


async def test_rows_that_are_hidden_are_an_error_and_never_left_out(
    database: Database, store: PostgresStore, alice: Scope
) -> None:
    await add_note(store, alice, "hers")
    async with database.as_service() as connection:
        await connection.execute("alter table memories force row level security")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with snapshot(database) as moment:
            await text_of(moment, "memories")


async def test_a_reader_that_leaves_in_the_middle_leaves_no_connection(
    database: Database, store: PostgresStore, alice: Scope
) -> None:
    for number in range(50):
        await add_note(store, alice, f"{number} " + "word " * 2_000)
    async with snapshot(database) as moment:
        [table] = [table for table in moment.tables if table.name == "memories"]
        async for _ in moment.rows(table):
            break

    async with database.as_service() as connection:
        left = "select count(*) from pg_stat_activity where application_name = 'claude-memory tables' and datname = $1"
        name = await connection.fetchval("select current_database()")
        for _ in range(100):
            if not await connection.fetchval(left, name):
                return
    pytest.fail("a connection stays open")


async def test_a_server_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        async with snapshot(Database({"dsn": "postgresql://me@127.0.0.1:1/x"})):
            pass
