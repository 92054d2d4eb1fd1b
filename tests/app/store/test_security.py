"""Row-level security alone keeps users apart: these queries name no user.

It guards against a query that forgets whose rows it may see, and against rights a request never needs. It cannot guard
against SQL that an attacker writes: the connection binds itself to users, so such SQL could bind it to another one, or
take off the role. Against that stands that values are parameters, never text, and that a call takes one statement.
"""

from __future__ import annotations

import asyncpg
import pytest

from app.memory.types import Scope
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.rows import add_note, add_turns


@pytest.fixture(autouse=True)
async def two_users(store: PostgresStore, alice: Scope, bob: Scope) -> None:
    await add_note(store, alice, "of alice")
    await add_note(store, bob, "of bob")
    await add_turns(store, alice, "talk", "hello from alice")
    await add_turns(store, bob, "talk", "hello from bob")


@pytest.mark.parametrize("table", ["memories", "conversations", "changes"])
async def test_a_query_that_names_no_user_sees_only_the_callers_rows(database: Database, table: str) -> None:
    async with database.as_user("alice") as connection:
        users = {row["user_id"] for row in await connection.fetch(f"select user_id from {table}")}

    assert users == {"alice"}


async def test_folded_term_counts_are_the_callers_own(database: Database, store: PostgresStore) -> None:
    await store.fold_term_counts()

    async with database.as_user("alice") as connection:
        users = {row["user_id"] for row in await connection.fetch("select user_id from term_counts")}

    assert users == {"alice"}


async def test_an_unknown_user_sees_nothing(database: Database) -> None:
    async with database.as_user("mallory") as connection:
        assert await connection.fetchval("select count(*) from memories") == 0


async def test_an_update_that_names_no_user_changes_only_the_callers_rows(database: Database) -> None:
    async with database.as_user("alice") as connection:
        await connection.execute("update memories set kind = 'fact' where kind = 'note'")

    async with database.as_service() as connection:
        rows = await connection.fetch("select user_id from memories where kind = 'fact'")
    assert [row["user_id"] for row in rows] == ["alice"]


async def test_a_delete_that_names_no_user_deletes_only_the_callers_rows(database: Database) -> None:
    async with database.as_user("alice") as connection:
        await connection.execute("delete from memories")
        await connection.execute("delete from conversations")

    async with database.as_service() as connection:
        assert await connection.fetchval("select array_agg(distinct user_id) from memories") == ["bob"]
        assert await connection.fetchval("select array_agg(distinct user_id) from conversations") == ["bob"]


async def test_a_row_for_another_user_cannot_be_inserted(database: Database) -> None:
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await connection.execute("insert into conversations (user_id, id) values ('bob', 'planted')")


async def test_a_row_cannot_be_given_to_another_user(database: Database) -> None:
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await connection.execute("update memories set user_id = 'bob'")


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("select * from tokens", id="read tokens"),
        pytest.param("select * from oauth_clients", id="read clients"),
        pytest.param("select * from oauth_requests", id="read sign-ins"),
        pytest.param("select * from oauth_grants", id="read grants"),
        pytest.param("select * from oauth_tokens", id="read clients' tokens"),
        pytest.param("update oauth_grants set revoked_at = null", id="revive grants"),
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
async def test_a_request_may_not(database: Database, statement: str) -> None:
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_one_connection_serves_users_in_turn_without_mixing_them(database: Database) -> None:
    for user in ("alice", "bob", "alice", "alice", "bob"):
        async with database.as_user(user) as connection:
            seen = await connection.fetchval("select array_agg(distinct user_id) from memories")
        assert seen == [user]


async def test_a_failed_call_leaves_no_user_behind_on_its_connection(database: Database) -> None:
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.PostgresError):
            async with connection.transaction():
                await connection.execute("select 1 / 0")

    async with database.as_user("bob") as connection:
        assert await connection.fetchval("select array_agg(distinct user_id) from memories") == ["bob"]


@pytest.mark.parametrize("name", ["o'brien", 'a"b', "用户", "alice ", "", "x" * 200])
async def test_any_user_name_works_and_is_nobody_elses(store: PostgresStore, database: Database, name: str) -> None:
    await add_note(store, Scope(name), "mine")

    async with database.as_user(name) as connection:
        assert [row["text"] for row in await connection.fetch("select text from memories")] == ["mine"]


async def test_ids_of_another_user_are_neither_read_nor_changed_nor_forgotten(
    store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    from app.errors import NotFound
    from app.memory.types import Kind, MemoryUpdate, Selection

    theirs = (await store.recent(bob, 1))[0].id

    assert await store.get(alice, [theirs]) == {}
    assert await store.neighbours(alice, [theirs], 1, 1) == {}
    assert await store.forget(alice, Selection(ids=(theirs,)), dry_run=False) == 0
    with pytest.raises(NotFound, match=str(theirs)):
        await store.update(alice, theirs, MemoryUpdate(kind=Kind.FACT), None, None)
    assert theirs in await store.get(bob, [theirs])


async def test_conversations_of_two_users_may_have_the_same_id(store: PostgresStore, alice: Scope, bob: Scope) -> None:
    [hers] = await store.of_conversation(alice, "talk", 10)
    [his] = await store.of_conversation(bob, "talk", 10)

    assert (hers.text, his.text) == ("hello from alice", "hello from bob")


TABLES_WITH_USERS = """
select c.oid, c.relname, c.relrowsecurity, pg_get_userbyid(c.relowner) as owner,
       array(select p.polcmd::text from pg_policy p
             where p.polrelid = c.oid and 'claude_memory_app'::regrole = any(p.polroles) and p.polpermissive
               and pg_get_expr(p.polqual, c.oid) like '%user_id = ( SELECT current_setting(''app.user_id''%'
       ) as policies,
       has_table_privilege('claude_memory_app', c.oid, 'select, insert, update, delete, truncate, references, trigger')
       as may_use
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'm', 'v', 'f') and a.attname = 'user_id'
"""


async def test_every_table_with_users_is_guarded_or_closed_to_requests(database: Database) -> None:
    async with database.as_service() as connection:
        tables = {row["relname"]: row for row in await connection.fetch(TABLES_WITH_USERS)}

    assert {"memories", "conversations", "changes", "term_counts", "tokens", "quotas", "usage"} <= tables.keys()
    open_ones = {name for name, row in tables.items() if row["may_use"]}
    unguarded = {name for name in open_ones if not tables[name]["relrowsecurity"] or tables[name]["policies"] != ["*"]}
    assert unguarded == set()
    assert "tokens" not in open_ones


async def test_what_requests_may_read_beside_users_rows_is_known(database: Database) -> None:
    """A new table without users that requests can read is looked at by a person: then it is listed here."""
    async with database.as_service() as connection:
        rows = await connection.fetch(
            """
            select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace
              and has_table_privilege('claude_memory_app', c.oid, 'select, insert, update, delete, truncate')
              and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'user_id')
              and c.relkind in ('r', 'p', 'm', 'v', 'f')
            """
        )
    assert {row["relname"] for row in rows} == {"log_positions", "instance", "index_collections"}


async def test_the_role_of_requests_owns_nothing_and_can_become_nobody(database: Database) -> None:
    async with database.as_service() as connection:
        row = await connection.fetchrow(
            "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,"
            " (select count(*) from pg_auth_members where member = r.oid) as memberships,"
            " (select count(*) from pg_class where relowner = r.oid) as tables,"
            " (select count(*) from pg_proc where proowner = r.oid) as functions"
            " from pg_roles r where rolname = 'claude_memory_app'"
        )
        definers = await connection.fetchval(
            "select count(*) from pg_proc where pronamespace = 'public'::regnamespace and prosecdef"
        )
    assert dict(row) == dict.fromkeys(row.keys(), 0)
    assert definers == 0, "no function lends a request its owner's rights"


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("set role postgres", id="become the superuser"),
        pytest.param("set session authorization postgres", id="log in as the superuser"),
        pytest.param("alter role claude_memory_app bypassrls", id="bypass the guard"),
        pytest.param("select rolpassword from pg_authid", id="read passwords"),
        pytest.param("select pg_read_file('/etc/hostname')", id="read files"),
        pytest.param("copy memories to program 'cat'", id="start programs"),
        pytest.param("select lo_import('/etc/hostname')", id="import files"),
        pytest.param("create table mine ()", id="make tables"),
        pytest.param("create function f() returns int language sql as 'select 1'", id="make functions"),
        pytest.param("update quotas set memories = 0", id="raise a quota"),
        pytest.param("delete from usage", id="forget what is used"),
        pytest.param("delete from deletions", id="undo a deletion"),
        pytest.param("set session_replication_role = replica", id="switch triggers off"),
        pytest.param("alter table memories disable trigger all", id="switch the log off"),
    ],
)
async def test_a_request_may_not_get_beyond_its_rights(database: Database, statement: str) -> None:
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_a_call_takes_one_statement(database: Database) -> None:
    """Every query of a request has arguments, and so goes by the protocol that takes one: nothing can be appended."""
    async with database.as_user("alice") as connection:
        with pytest.raises(asyncpg.PostgresSyntaxError, match="multiple commands"):
            await connection.fetch("select text from memories where user_id = $1; reset role", "alice")
        assert await connection.fetchval("select current_user") == "claude_memory_app"


async def test_a_role_taken_off_is_on_again_for_the_next_user(database: Database) -> None:
    async with database.as_user("alice") as connection:
        await connection.execute("reset role")
    for user in ("bob", "carol", "dave"):
        async with database.as_user(user) as connection:
            assert await connection.fetchval("select current_user") == "claude_memory_app"
