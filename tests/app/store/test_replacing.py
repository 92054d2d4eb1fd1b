"""The tables of a backup in the place of those that are there: all of them, or none."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.errors import Conflict
from app.memory.types import Scope
from app.store.database import Database
from app.store.migrations import migrations
from app.store.postgres import PostgresStore
from app.store.replacing import replacement
from app.store.snapshots import Snapshot, Table, snapshot
from tests.support.rows import add_note

NEWEST = migrations()[-1].number
Taken = tuple[tuple[Table, ...], dict[str, list[bytes]]]  # tables and the rows of each, by name


async def copied(moment: Snapshot) -> dict[str, list[bytes]]:
    """Return the rows of every table of a snapshot."""
    return {table.name: [piece async for piece in moment.rows(table)] for table in moment.tables}


async def replay(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.fixture
async def taken(store: PostgresStore, database: Database, alice: Scope) -> Taken:
    """What a database with one memory holds; the database has another one since."""
    await add_note(store, alice, "as it was")
    async with snapshot(database) as moment:
        tables, rows = moment.tables, await copied(moment)
    await add_note(store, alice, "written later")
    await database.close()
    return tables, rows


async def texts(database: Database) -> list[str]:
    await database.open()
    async with database.as_service() as connection:
        return [row["text"] for row in await connection.fetch("select text from memories order by text")]


async def test_at_the_end_of_the_block_all_is_what_was_loaded(taken: Taken, database: Database) -> None:
    tables, rows = taken
    async with replacement(database, NEWEST, replace=True) as made:
        for table in tables:
            await made.load(table, replay(rows[table.name]))
        await made.finish()

    assert await texts(database) == ["as it was"]


async def test_an_error_leaves_all_as_it_was(taken: Taken, database: Database) -> None:
    tables, rows = taken
    with pytest.raises(ZeroDivisionError):
        async with replacement(database, NEWEST, replace=True) as made:
            for table in tables:
                await made.load(table, replay(rows[table.name]))
            raise ZeroDivisionError

    assert await texts(database) == ["as it was", "written later"]
    async with database.as_service() as connection:
        assert not await connection.fetchval("select count(*) from pg_namespace where nspname like 'restore%'")


@pytest.mark.usefixtures("taken")
async def test_a_database_with_rows_is_refused_unless_they_are_to_go(database: Database) -> None:
    with pytest.raises(Conflict, match=r"is not empty .* give --replace"):
        async with replacement(database, NEWEST, replace=False):
            pass


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize(
    ("table", "says"),
    [
        (Table("pg_authid", ("rolname",)), "there is no table 'pg_authid' to restore"),
        (Table("memories", ("id",)), "table memories does not accept the rows"),
    ],
)
async def test_what_is_no_table_of_ours_or_does_not_fit_is_refused_without_its_text(
    database: Database, table: Table, says: str
) -> None:
    with pytest.raises(Conflict, match=says) as refused:
        async with replacement(database, NEWEST, replace=True) as made:
            await made.load(table, replay([b"a secret memory\n"]))

    assert "secret" not in str(refused.value)
