"""`maintain` on a database in use: old rows are deleted, live ones stay, bloat is found and repaired."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.errors import Conflict
from app.index.follower import Follower
from app.memory.types import MemoryUpdate, Quota, Scope
from app.ops.maintain import maintain
from app.settings.fields import Settings
from app.store import maintenance as statements
from app.store.database import Database
from app.store.maintenance import CLEANUPS, maintenance
from app.store.postgres import PostgresStore
from app.store.tokens import Tokens
from app.store.users import Users
from tests.support.cli import Command
from tests.support.locks import until_a_session_waits_for_a_lock
from tests.support.postgres import TestServer
from tests.support.rows import add_note, add_turns

LONG_AGO = datetime.now(UTC) - timedelta(days=100)
NOTHING = {
    "expired memories": 0,
    "archived memories": 0,
    "empty conversations": 0,
    "revoked and expired tokens": 0,
    "sign-ins nobody finished": 0,
    "ended grants of clients": 0,
    "counts of terms that are gone": 0,
    "old changes in the log": 0,
    "users whose deletion was cut short": 0,
    "databases of broken verifications": 0,
}


@pytest.fixture
async def service(connect_arguments: dict[str, Any]) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner of the tables, to make things old."""
    connection = await asyncpg.connect(**connect_arguments)
    yield connection
    await connection.close()


async def texts(service: asyncpg.Connection) -> set[str]:
    return {row["text"] for row in await service.fetch("select text from memories")}


@pytest.fixture
async def littered(store: PostgresStore, service: asyncpg.Connection, alice: Scope) -> None:
    """A database with something old of every kind, and something young or alive beside it."""
    archived = [await add_note(store, alice, f"archived {age}", project="p") for age in ("long ago", "lately")]
    for one in archived:
        await store.update(alice, one, MemoryUpdate(archived=True), None, None)
    await service.execute("update memories set archived_at = $1 where text = 'archived long ago'", LONG_AGO)
    await add_note(store, alice, "expired", expires_at=LONG_AGO)
    await add_note(store, alice, "alive and old", created_at=LONG_AGO)
    await add_turns(store, alice, "empty and old", "gone")
    await add_turns(store, alice, "empty and young", "gone too")
    await service.execute("delete from memories where text like 'gone%'")
    await service.execute("update conversations set updated_at = $1 where id = 'empty and old'", LONG_AGO)
    tokens = Tokens(store.db)
    await tokens.create(b"1" * 32, "alice", ["read"], LONG_AGO)
    revoked = await tokens.create(b"2" * 32, "alice", ["read"], None)
    await tokens.revoke(revoked.id)
    await service.execute("update tokens set revoked_at = $1 where id = $2", LONG_AGO, revoked.id)
    await tokens.create(b"3" * 32, "alice", ["read"], datetime.now(UTC) - timedelta(days=1))
    await tokens.create(b"4" * 32, "alice", ["read"], None)
    await service.execute("insert into oauth_clients (id, name, metadata) values ('c', 'a client', '{}')")
    for number, end in enumerate((LONG_AGO, datetime.now(UTC) - timedelta(days=1))):
        await service.execute(
            "insert into oauth_grants (id, client_id, user_id, scopes, resource, code_digest, code_challenge,"
            " redirect_uri, redirect_given, code_expires_at, code_used_at, expires_at)"
            " values ($1::text, 'c', 'alice', '{}', '', $1::text::bytea, '', '', true, $2, $2, $2)",
            str(number),
            end,
        )
    await service.execute(
        "insert into oauth_requests (digest, client_id, redirect_uri, redirect_given, asked_scopes, code_challenge,"
        " expires_at) values ('', 'c', '', true, '{}', '', $1)",
        LONG_AGO,
    )


FOUND = {**NOTHING, "expired memories": 1, "archived memories": 1, "empty conversations": 1}
FOUND |= {"revoked and expired tokens": 2, "sign-ins nobody finished": 1, "ended grants of clients": 1}


async def test_what_is_old_goes_and_what_is_alive_or_young_stays(
    littered: None, store: PostgresStore, service: asyncpg.Connection, database: Database, plain_settings: Settings
) -> None:
    report = await maintain(plain_settings, database)

    assert {**report.removed, "counts of terms that are gone": 0} == FOUND
    assert await texts(service) == {"archived lately", "alive and old"}
    assert {row["id"] for row in await service.fetch("select id from conversations")} == {"empty and young"}
    assert await service.fetchval("select count(*) from tokens") == 2
    assert await service.fetchval("select count(*) from oauth_grants") == 1
    assert (await maintain(plain_settings, database)).removed.keys() == NOTHING.keys()


async def test_a_dry_run_tells_the_same_and_changes_nothing(
    littered: None, store: PostgresStore, service: asyncpg.Connection, database: Database, plain_settings: Settings
) -> None:
    async def everything() -> list[list[asyncpg.Record]]:
        return [
            await service.fetch(f"select * from {table} order by 1, 2")
            for table in (
                "memories",
                "conversations",
                "tokens",
                "oauth_grants",
                "changes",
                "term_counts",
                "log_positions",
            )
        ]

    before = await everything()
    report = await maintain(plain_settings, database, dry_run=True)

    assert report.removed == FOUND
    assert await everything() == before
    assert report.bytes_after is None
    assert all(table.after is None for table in report.tables)


async def test_days_decide_what_is_old(
    littered: None, service: asyncpg.Connection, database: Database, plain_settings: Settings
) -> None:
    assert (await maintain(plain_settings, database, 200, dry_run=True)).removed["archived memories"] == 0
    settings = plain_settings.model_copy(update={"cleanup_days": 200})
    assert (await maintain(settings, database, dry_run=True)).removed["archived memories"] == 0
    await service.execute("update memories set archived_at = now() - interval '2 days' where archived_at is not null")
    assert (await maintain(plain_settings, database, 1)).removed["archived memories"] == 2


async def test_the_index_and_what_a_user_keeps_follow(
    littered: None, store: PostgresStore, database: Database, follower: Follower, plain_settings: Settings, alice: Scope
) -> None:
    await maintain(plain_settings, database)

    await follower.catch_up()
    assert await follower.count() == 1
    assert (await store.stats(alice, None)).use.memories == 2


async def test_a_conversation_that_is_written_to_meanwhile_stays_with_its_turns(
    store: PostgresStore, service: asyncpg.Connection, database: Database, alice: Scope
) -> None:
    await add_turns(store, alice, "waking", "gone")
    await service.execute("delete from memories")
    await service.execute("update conversations set updated_at = $1", LONG_AGO)
    empty = next(one for one in CLEANUPS if one.table == "conversations")

    async with database.as_user("alice") as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("update conversations set title = 'being appended to'")
        async with maintenance(database) as work:
            deletion = asyncio.create_task(work.delete(empty, datetime.now(UTC)))
            await until_a_session_waits_for_a_lock(database)
            await connection.execute(
                "insert into memories (id, user_id, conversation_id, kind, text, content_hash, whole_id, session_id,"
                " terms, words, asks, tells_time, analysis) values (gen_random_uuid(), 'alice', 'waking', 'turn',"
                " 'new', '', gen_random_uuid(), gen_random_uuid(), '{}', 1, false, false, 1)"
            )
            await transaction.commit()
            assert await deletion == 0

    assert await texts(service) == {"new"}


async def test_more_rows_than_one_transaction_takes_all_go(
    store: PostgresStore, service: asyncpg.Connection, database: Database, monkeypatch: pytest.MonkeyPatch, alice: Scope
) -> None:
    monkeypatch.setattr(statements, "_AT_ONCE", 3)
    for number in range(8):
        await add_note(store, alice, f"{number}", expires_at=LONG_AGO)

    async with maintenance(database) as work:
        assert await work.delete(CLEANUPS[0], datetime.now(UTC)) == 8


async def test_the_log_is_cut_and_counts_of_nothing_go(
    store: PostgresStore, service: asyncpg.Connection, database: Database, plain_settings: Settings, alice: Scope
) -> None:
    one = await add_note(store, alice, "quinces")
    await store.fold_term_counts()
    await service.execute("delete from memories where id = $1", one)
    await store.fold_term_counts()
    await service.execute("update changes set at = now() - interval '8 days'")

    tried = (await maintain(plain_settings, database, dry_run=True)).removed
    done = (await maintain(plain_settings, database)).removed

    assert tried == done
    assert (done["old changes in the log"], done["counts of terms that are gone"]) == (2, 2)
    assert await service.fetchval("select count(*) from term_counts") == 0


async def test_a_deletion_that_was_cut_short_is_ended(
    store: PostgresStore,
    service: asyncpg.Connection,
    database: Database,
    plain_settings: Settings,
    alice: Scope,
    bob: Scope,
) -> None:
    for scope in (alice, bob):
        await add_note(store, scope, "a note")
        await Users(database)._block(scope.user)
    await service.execute("update deletions set begun_at = now() - interval '2 hours' where user_id = 'alice'")

    report = await maintain(plain_settings, database)

    assert report.removed["users whose deletion was cut short"] == 1
    assert await Users(database).rows("alice") == {}
    assert "memories" in await Users(database).rows("bob"), "his may still be under way"


async def test_databases_of_broken_verifications_go_and_those_in_use_stay(
    connect_arguments: dict[str, Any], database: Database, plain_settings: Settings, postgres: TestServer
) -> None:
    admin = await postgres.superuser()
    owner = connect_arguments["user"]
    try:
        for name in ("claude_memory_scratch_left", "claude_memory_scratch_used"):
            await admin.execute(f"create database {name} owner {owner}")
        used = await asyncpg.connect(**{**connect_arguments, "database": "claude_memory_scratch_used"})
        try:
            what = "databases of broken verifications"
            assert (await maintain(plain_settings, database, dry_run=True)).removed[what] == 1
            assert (await maintain(plain_settings, database)).removed[what] == 1
            names = await admin.fetch("select datname from pg_database where datname like 'claude_memory_scratch_%'")
            assert [row["datname"] for row in names] == ["claude_memory_scratch_used"]
        finally:
            await used.close()
    finally:
        await admin.execute("drop database if exists claude_memory_scratch_left")
        await admin.execute("drop database if exists claude_memory_scratch_used with (force)")
        await admin.close()


async def test_bloated_indexes_are_rebuilt_and_sound_ones_are_not(
    store: PostgresStore,
    service: asyncpg.Connection,
    database: Database,
    plain_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    alice: Scope,
) -> None:
    await service.execute(
        "insert into tokens (id, user_id, digest, scopes)"
        " select md5(n::text), 'alice', sha256(n::text::bytea), '{read}' from generate_series(1, 60000) as n"
    )
    monkeypatch.setattr(statements, "_INDEXES", statements._INDEXES.replace(str(8 << 20), "1000000"))
    sound = await maintain(plain_settings, database)
    await service.execute("delete from tokens where id > '1'")
    tried = await maintain(plain_settings, database, dry_run=True)
    done = await maintain(plain_settings, database)

    assert sound.rebuilt_indexes == []
    assert {one.name for one in done.rebuilt_indexes} == {"tokens_pkey", "tokens_digest_key"}
    assert all(one.after is not None and one.after < one.before / 2 for one in done.rebuilt_indexes)
    assert all(one.after is None for one in tried.rebuilt_indexes)
    before = {one.name: one for one in done.tables}["tokens"]
    assert before.after is not None
    assert done.bytes_after is not None
    assert done.bytes_after < done.bytes_before
    assert (await maintain(plain_settings, database)).rebuilt_indexes == []


async def test_what_a_broken_rebuild_left_behind_is_dropped(
    service: asyncpg.Connection, connect_arguments: dict[str, Any], database: Database, plain_settings: Settings
) -> None:
    await service.execute("create index memories_newest_ccnew on memories (created_at)")
    superuser = await asyncpg.connect(**{**connect_arguments, "user": "postgres"})
    try:
        await superuser.execute(
            "update pg_index set indisvalid = false where indexrelid = 'memories_newest_ccnew'::regclass"
        )
    finally:
        await superuser.close()

    assert (await maintain(plain_settings, database, dry_run=True)).dropped_indexes == ["memories_newest_ccnew"]
    await maintain(plain_settings, database)
    assert await service.fetchval("select to_regclass('memories_newest_ccnew')") is None
    assert await service.fetchval("select to_regclass('memories_newest')") is not None


async def test_only_one_maintains_at_a_time(
    database: Database, connect_arguments: dict[str, Any], plain_settings: Settings
) -> None:
    other = Database(connect_arguments, Quota())
    await other.open()
    try:
        async with maintenance(other):
            with pytest.raises(Conflict, match="by another process"):
                await maintain(plain_settings, database)
        await maintain(plain_settings, database)
    finally:
        await other.close()


async def test_the_command_prints_a_table_or_json(command: Command, littered: None) -> None:
    tried = await command("maintain", "--dry-run", "--json")
    done = await command("maintain", "--cleanup-days", "30")

    assert json.loads(tried.stdout)["removed"] == FOUND
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert "archived memories                   1" in lines
    assert any(line.split()[:2] == ["table", "memories"] for line in lines)
    assert (await command("maintain", "--cleanup-days", "0")).returncode == 2
