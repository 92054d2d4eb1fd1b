"""What is written into the outbox: in the transaction of the memories, and cut to the size of a request."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from app.memory.types import Scope
from app.store.database import Database
from app.store.outbox_writing import Text, Write
from app.store.postgres import PostgresStore
from app.store.rows import new_id
from tests.support.outbox import deliver_all, handing_over, outbox_of, rows_in
from tests.support.rows import add_note, add_turns, note, turn


@pytest.fixture
def store(database: Database) -> PostgresStore:
    return handing_over(database)


async def refuse_rows(database: Database, table: str) -> None:
    async with database.as_service() as connection:
        await connection.execute(f"alter table {table} add constraint none check (false) not valid")


@pytest.mark.parametrize(
    ("sizes", "runs"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([100], [[100]], id="as long as a request may be"),
        pytest.param([50, 50, 1], [[50, 50], [1]], id="as many as fit"),
        pytest.param([60, 60, 30], [[60], [60, 30]], id="whole ones"),
        pytest.param([10, 300, 10], [[10], [300], [10]], id="a longer one alone"),
    ],
)
def test_texts_are_put_together_up_to_the_size_of_a_request(sizes: list[int], runs: list[list[int]]) -> None:
    texts = [Text(new_id(), size) for size in sizes]
    size_of = {text.id: text.characters for text in texts}

    entries = Write(texts=texts).entries(100)

    assert [[size_of[id_] for id_ in ids] for ids in entries] == runs
    assert [id_ for ids in entries for id_ in ids] == [text.id for text in texts]


async def test_the_parts_of_one_write_are_numbered(database: Database, store: PostgresStore, alice: Scope) -> None:
    await add_turns(store, alice, "talk", *("x" * 60 + f"{number}" for number in range(3)))

    async with database.as_service() as connection:
        rows = await connection.fetch("select part, parts from outbox order by id")
    assert [tuple(row) for row in rows] == [(1, 3), (2, 3), (3, 3)]


async def test_a_duplicate_puts_nothing_into_the_outbox(database: Database, store: PostgresStore, alice: Scope) -> None:
    for _ in range(2):
        await add_note(store, alice, "tea")
        await add_turns(store, alice, "talk", "hello")

    assert await rows_in(database, "outbox", "outbox_memories", "memories") == [2, 2, 2]


async def test_only_new_turns_go_there(database: Database, store: PostgresStore, alice: Scope) -> None:
    await add_turns(store, alice, "talk", turn("one", id="1"))
    await add_turns(store, alice, "talk", turn("one", id="1"), turn("two", id="2"))

    assert await deliver_all(outbox_of(database)) == [["one"], ["two"]]


async def test_a_store_that_hands_nothing_over_puts_nothing_there(database: Database, alice: Scope) -> None:
    await add_note(PostgresStore(database), alice, "tea")

    assert await rows_in(database, "outbox", "memories") == [0, 1]


@pytest.mark.parametrize("table", ["outbox", "outbox_memories"])
async def test_a_memory_is_not_stored_without_its_entry(
    database: Database, store: PostgresStore, alice: Scope, table: str
) -> None:
    await refuse_rows(database, table)

    for write in (store.add(alice, note("tea")), store.add(alice, note("a", "b")), add_turns(store, alice, "t", "hi")):
        with pytest.raises(asyncpg.CheckViolationError):
            await write

    assert await rows_in(database, "outbox", "memories", "conversations") == [0, 0, 0]


@pytest.mark.parametrize(
    "sql",
    [
        "insert into outbox (user_id, part, parts) values ('bob', 1, 1)",
        "insert into receipts (id, user_id, project, kind, position, content_hash, bytes, created_at)"
        " values (gen_random_uuid(), 'alice', '', 'note', 0, '', 0, now())",
        "update outbox set state = 'refused'",
        "delete from outbox",
    ],
)
async def test_a_request_may_only_put_its_own(database: Database, store: PostgresStore, alice: Scope, sql: str) -> None:
    await add_note(store, alice, "tea")
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(sql)


@pytest.mark.parametrize("table", ["outbox", "outbox_memories", "receipts"])
async def test_what_another_user_handed_over_is_not_seen(
    database: Database, store: PostgresStore, alice: Scope, bob: Scope, table: str
) -> None:
    for scope in (alice, bob):
        await add_note(store, scope, "delivered")
    await deliver_all(outbox_of(database))
    for scope in (alice, bob):
        await add_note(store, scope, "waits")

    async with database.as_user("alice") as connection:
        rows: list[Any] = await connection.fetch(f"select user_id from {table}")
    assert [row["user_id"] for row in rows] == ["alice"]
