"""Row-level security alone keeps users apart: these queries name no user."""

from __future__ import annotations

import asyncpg
import pytest

from app.memory.types import Scope
from tests.support.rows import add_note, add_turns


@pytest.fixture(autouse=True)
async def two_users(store, alice, bob):
    await add_note(store, alice, "of alice")
    await add_note(store, bob, "of bob")
    await add_turns(store, alice, "talk", "hello from alice")
    await add_turns(store, bob, "talk", "hello from bob")


@pytest.mark.parametrize("table", ["memories", "conversations", "changes"])
async def test_a_query_that_names_no_user_sees_only_the_callers_rows(database, table):
    async with database.as_user("alice") as connection:
        users = {row["user_id"] for row in await connection.fetch(f"select user_id from {table}")}

    assert users == {"alice"}


async def test_folded_term_counts_are_the_callers_own(database, store):
    await store.fold_term_counts()

    async with database.as_user("alice") as connection:
        users = {row["user_id"] for row in await connection.fetch("select user_id from term_counts")}

    assert users == {"alice"}


async def test_an_unknown_user_sees_nothing(database):
    async with database.as_user("mallory") as connection:
        assert await connection.fetchval("select count(*) from memories") == 0


async def test_an_update_that_names_no_user_changes_only_the_callers_rows(database):
    async with database.as_user("alice") as connection:
        await connection.execute("update memories set kind = 'fact' where kind = 'note'")

    async with database.as_service() as connection:
        rows = await connection.fetch("select user_id from memories where kind = 'fact'")
    assert [row["user_id"] for row in rows] == ["alice"]


async def test_a_delete_that_names_no_user_deletes_only_the_callers_rows(database):
    async with database.as_user("alice") as connection:
        await connection.execute("delete from memories")
        await connection.execute("delete from conversations")

    async with database.as_service() as connection:
        assert await connection.fetchval("select array_agg(distinct user_id) from memories") == ["bob"]
        assert await connection.fetchval("select array_agg(distinct user_id) from conversations") == ["bob"]


async def test_a_row_for_another_user_cannot_be_inserted(database):
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await connection.execute("insert into conversations (user_id, id) values ('bob', 'planted')")


async def test_a_row_cannot_be_given_to_another_user(database):
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await connection.execute("update memories set user_id = 'bob'")


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("select * from tokens", id="read tokens"),
        pytest.param("update tokens set revoked_at = null", id="revive tokens"),
        pytest.param("update changes set added = '{}'", id="rewrite the log"),
        pytest.param("delete from changes", id="cut the log"),
        pytest.param("delete from term_counts", id="change term counts"),
        pytest.param("update log_positions set xid = '0'", id="move the log"),
        pytest.param("update instance set database_id = gen_random_uuid()", id="rename the database"),
        pytest.param("alter table memories disable row level security", id="switch the guard off"),
        pytest.param("drop table memories", id="drop"),
    ],
)
async def test_a_request_may_not(database, statement):
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_one_connection_serves_users_in_turn_without_mixing_them(database):
    for user in ("alice", "bob", "alice", "alice", "bob"):
        async with database.as_user(user) as connection:
            seen = await connection.fetchval("select array_agg(distinct user_id) from memories")
        assert seen == [user]


async def test_a_failed_call_leaves_no_user_behind_on_its_connection(database):
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.PostgresError):
            async with connection.transaction():
                await connection.execute("select 1 / 0")

    async with database.as_user("bob") as connection:
        assert await connection.fetchval("select array_agg(distinct user_id) from memories") == ["bob"]


@pytest.mark.parametrize("name", ["o'brien", 'a"b', "用户", "alice ", "", "x" * 200])
async def test_any_user_name_works_and_is_nobody_elses(store, database, name):
    await add_note(store, Scope(name), "mine")

    async with database.as_user(name) as connection:
        assert [row["text"] for row in await connection.fetch("select text from memories")] == ["mine"]


async def test_ids_of_another_user_are_neither_read_nor_changed_nor_forgotten(store, alice, bob):
    from app.errors import NotFound
    from app.memory.types import Changes, Kind, Selection

    theirs = (await store.recent(bob, 1))[0].id

    assert await store.get(alice, [theirs]) == {}
    assert await store.neighbours(alice, [theirs], 1, 1) == {}
    assert await store.forget(alice, Selection(ids=(theirs,)), dry_run=False) == 0
    with pytest.raises(NotFound, match=str(theirs)):
        await store.update(alice, theirs, Changes(kind=Kind.FACT), None, None)
    assert theirs in await store.get(bob, [theirs])


async def test_conversations_of_two_users_may_have_the_same_id(store, alice, bob):
    [hers] = await store.of_conversation(alice, "talk", 10)
    [his] = await store.of_conversation(bob, "talk", 10)

    assert (hers.text, his.text) == ("hello from alice", "hello from bob")
