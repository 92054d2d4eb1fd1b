"""The schema: brought up once, by one process, all or nothing, and only when this version knows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.errors import Conflict
from app.memory.texts import content_hash, message_hash, text_hash
from app.store import migrations
from app.store.database import Database
from app.store.migrations import Migration, migrate
from app.store.rows import new_id
from app.store.terms import LIVE_MEMORIES
from tests.support.postgres import TestServer


@pytest.fixture
async def empty_database(postgres: TestServer) -> AsyncIterator[dict[str, Any]]:
    async with postgres.empty() as arguments:
        yield arguments


@pytest.fixture
async def connection(empty_database: dict[str, Any]) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**empty_database)
    yield connection
    await connection.close()


def with_files(monkeypatch: pytest.MonkeyPatch, *files: Migration) -> None:
    monkeypatch.setattr(migrations, "migrations", lambda: list(files))


async def tables(connection: asyncpg.Connection) -> set[str]:
    rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    return {row["tablename"] for row in rows}


async def applied(connection: asyncpg.Connection) -> list[int]:
    return [row["number"] for row in await connection.fetch("select number from schema_migrations order by number")]


async def test_an_empty_database_gets_the_whole_schema(connection: asyncpg.Connection) -> None:
    assert await migrate(connection) == len(migrations.migrations())

    assert {"memories", "conversations", "changes", "term_counts", "tokens"} <= await tables(connection)


async def test_a_second_run_applies_nothing(connection: asyncpg.Connection) -> None:
    await migrate(connection)

    assert await migrate(connection) == 0


async def test_no_number_is_taken_twice_and_files_apply_in_their_order() -> None:
    numbers = [migration.number for migration in migrations.migrations()]

    assert numbers == sorted(set(numbers))


async def test_two_processes_at_once_apply_each_file_once(empty_database: dict[str, Any]) -> None:
    first, second = Database(empty_database), Database(empty_database)
    try:
        counts = await asyncio.gather(first.open(), second.open())
    finally:
        await first.close()
        await second.close()

    assert sorted(counts) == [0, len(migrations.migrations())]


async def test_a_file_may_take_longer_than_a_statement_of_a_call(
    empty_database: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_files(monkeypatch, Migration(1, "0001_first.sql", "select pg_sleep(2)"))
    connection = await asyncpg.connect(**empty_database, command_timeout=1.5)
    try:
        assert await migrate(connection) == 1
    finally:
        await connection.close()


async def test_a_file_that_changed_after_it_was_applied_is_refused(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_files(monkeypatch, Migration(1, "0001_first.sql", "create table first ()"))
    await migrate(connection)

    with_files(monkeypatch, Migration(1, "0001_first.sql", "create table first (); -- better"))
    with pytest.raises(Conflict, match=r"0001_first\.sql is not the one of this version.* export there and import"):
        await migrate(connection)


async def test_a_schema_newer_than_this_version_is_refused(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Migration(1, "0001_first.sql", "create table first ()")
    with_files(monkeypatch, first, Migration(2, "0002_second.sql", "create table second ()"))
    await migrate(connection)

    with_files(monkeypatch, first)
    with pytest.raises(
        Conflict, match=r"0002_second\.sql, which this version does not know; install the newer version"
    ):
        await migrate(connection)


async def test_a_failing_file_leaves_nothing_of_itself_and_those_before_it_stay(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_files(
        monkeypatch,
        Migration(1, "0001_first.sql", "create table first ()"),
        Migration(2, "0002_second.sql", "create table second (); create table second ()"),
        Migration(3, "0003_third.sql", "create table third ()"),
    )

    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(connection)

    assert await tables(connection) == {"schema_migrations", "first"}
    assert await applied(connection) == [1]


async def test_after_a_failure_the_mended_file_and_the_rest_are_applied(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Migration(1, "0001_first.sql", "create table first ()")
    with_files(monkeypatch, first, Migration(2, "0002_second.sql", "create table"))
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await migrate(connection)

    with_files(monkeypatch, first, Migration(2, "0002_second.sql", "create table second ()"))

    assert await migrate(connection) == 1
    assert await applied(connection) == [1, 2]


async def test_every_database_made_gets_an_id_of_its_own(postgres: TestServer) -> None:
    ids = set()
    for _ in range(2):
        async with postgres.empty() as arguments:
            database = Database(arguments)
            await database.open()
            async with database.as_service() as connection:
                ids.add(await connection.fetchval("select database_id from instance"))
            await database.close()

    assert len(ids) == 2, "an index made from one database would be used for the other"


async def test_replicas_that_start_at_once_on_an_empty_server_share_one_migration(server_url: str) -> None:
    replicas = [Database({"dsn": server_url}) for _ in range(4)]
    try:
        applied = await asyncio.gather(*(replica.open() for replica in replicas))
    finally:
        for replica in replicas:
            await replica.close()

    assert sorted(applied) == [0, 0, 0, len(migrations.migrations())]


NFD, NFC = "Cafe\u0301", "Café"
AT = datetime(2023, 5, 8, 13, 56, 0, 120_000, tzinfo=UTC)


async def old_row(connection: asyncpg.Connection, text: str, digest: bytes, number: int, **more: Any) -> UUID:
    """Insert a row as an earlier version did; `number` orders it by time."""
    id_ = new_id()
    row = {
        "id": id_, "user_id": "alice", "text": text, "content_hash": digest, "whole_id": id_, "session_id": id_,
        "terms": [number], "words": 1, "asks": False, "tells_time": False, "analysis": 1,
        "created_at": AT + timedelta(hours=number), "kind": "note", **more,
    }  # fmt: skip
    names, values = ", ".join(row), ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await connection.execute(f"insert into memories ({names}) values ({values})", *row.values())
    return id_


async def test_names_and_hashes_of_earlier_versions_get_the_form_of_new_ones(connection: asyncpg.Connection) -> None:
    await migrate(connection, 8)
    await connection.execute("insert into conversations (user_id, id, project) values ('alice', 'talk', $1)", NFD)
    told: dict[str, Any] = {"kind": "turn", "role": "user", "conversation_id": "talk", "project": NFD, "name": NFD}
    hello = content_hash("user", NFD, AT.isoformat(), f"{NFD} ")
    sent = content_hash("user", NFD, "", "as it was sent")
    ids = [
        await old_row(connection, f"{NFD}\n", content_hash(f"{NFD}\n"), 1, project=NFD, tags=["z", NFD, NFC]),
        await old_row(connection, "plain", content_hash("plain"), 2, tags=["a"]),
        await old_row(connection, f"{NFD} ", hello, 3, **told, occurred_at=AT),
        await old_row(connection, "changed since ", sent, 4, **told),
    ]
    long = [new_id(), new_id()]
    for part, text in enumerate(["long and \n", " longer "]):
        places = {"id": long[part], "whole_id": long[0], "part": part}
        await old_row(connection, text, content_hash("long and \n longer "), 5, **places)

    await migrate(connection)

    rows = {row["id"]: row for row in await connection.fetch("select * from memories")}
    first, plain, hi, changed, start, rest = (rows[id_] for id_ in (*ids, *long))
    assert (first["text"], first["project"], first["tags"]) == (f"{NFD}\n", NFC, ["z", NFC]), "a text stays as it is"
    assert first["content_hash"] == text_hash(NFC)
    assert (plain["content_hash"], plain["tags"]) == (text_hash("plain"), ["a"])
    assert (hi["project"], hi["name"]) == (NFC, NFC)
    assert hi["content_hash"] == message_hash("user", NFC, AT, NFC)
    assert changed["content_hash"] == sent
    assert start["content_hash"] == rest["content_hash"] == text_hash("long and \n longer")
    assert await connection.fetchval("select project from conversations") == NFC


async def test_notes_that_turn_out_to_be_one_become_the_first_with_the_tags_of_all(
    connection: asyncpg.Connection,
) -> None:
    await migrate(connection, 8)
    same = content_hash("same")
    first = await old_row(connection, "same", same, 1, project=NFC, tags=["a"])
    await old_row(connection, "same", same, 3, project=NFD, tags=["c", "a"])
    await old_row(connection, "same ", content_hash("same "), 2, project=NFC, tags=["b"])
    other = await old_row(connection, "same", same, 4)
    another = await old_row(connection, "same", same, 5, project=NFD, user_id="bob")
    before = await connection.fetchval("select count(*) from changes")

    await migrate(connection)

    rows = {row["id"]: row["tags"] for row in await connection.fetch("select id, tags from memories")}
    assert {id_: sorted(tags) for id_, tags in rows.items()} == {first: ["a", "b", "c"], other: [], another: []}
    counted = await connection.fetchval(LIVE_MEMORIES)
    assert counted == 3
    logged = await connection.fetchval("select count(*) from changes")
    assert logged == before + 4, "two deleted, the first one's tags, and another project for bob's"
