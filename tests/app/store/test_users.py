"""Users: what each keeps is exact, quotas hold however many write at once, and a deleted user is gone everywhere."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.errors import Conflict, QuotaExceeded
from app.index.follower import Follower
from app.memory.ports import Domain
from app.memory.types import MemoryUpdate, Quota, Scope, Selection
from app.ops import exporting
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.import_writing import ImportWriter
from app.store.postgres import PostgresStore
from app.store.tokens import Tokens
from app.store.users import Users
from tests.support.domain import texts_for
from tests.support.locks import until_a_session_waits_for_a_lock
from tests.support.postgres import TestServer
from tests.support.rows import add_note, add_turns, note, piece, turn

# One row of a user in every table that names users, for tables the store does not fill by itself. A table that is
# new and not here makes `test_every_table…` fail: give a row, and see that the deletion and its check hold for it.
_CLIENT = """
with client as (insert into oauth_clients (id, name, metadata) values (gen_random_uuid()::text, 'c', '{}') returning id)
"""
ROWS = {
    "quotas": "insert into quotas values ($1, 7, null)",
    "deletions": "insert into deletions (user_id) values ($1)",
    "embeddings": "insert into embeddings (memory_id, user_id, model, vector)"
    " select id, user_id, 'model', '' from memories where user_id = $1",
    "outbox": "insert into outbox (user_id, part, parts) values ($1, 1, 1)",
    "outbox_memories": "insert into outbox_memories (entry_id, place, user_id, memory_id)"
    " select min(outbox.id), 0, user_id, min(memories.id::text)::uuid from outbox join memories using (user_id)"
    " where user_id = $1 group by user_id",
    "receipts": "insert into receipts (id, user_id, project, kind, position, content_hash, bytes, created_at)"
    " values (gen_random_uuid(), $1, '', 'note', 0, '', 0, now())",
    "oauth_requests": _CLIENT
    + """
    insert into oauth_requests (digest, client_id, redirect_uri, redirect_given, asked_scopes, code_challenge,
                                user_id, token_id, expires_at)
    select sha256(client.id::bytea), client.id, '', true, '{}', '', user_id, tokens.id, now()
    from client, tokens where user_id = $1
    """,
    "oauth_grants": _CLIENT
    + """
    insert into oauth_grants (id, client_id, user_id, scopes, resource, token_id, code_digest, code_challenge,
                              redirect_uri, redirect_given, code_expires_at, expires_at)
    select client.id, client.id, user_id, '{}', '', tokens.id, sha256(client.id::bytea), '', '', true, now(), now()
    from client, tokens where user_id = $1
    """,
}
FILLED = {"memories", "conversations", "changes", "term_counts", "usage", "tokens"}
TABLES = """
select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'user_id'
"""


@pytest.fixture
def users(database: Database) -> Users:
    return Users(database)


@pytest.fixture
async def limited(connect_arguments: dict[str, Any]) -> AsyncIterator[PostgresStore]:
    """A store whose users may keep 3 memories and 40 bytes."""
    database = Database(connect_arguments, Quota(3, 40))
    await database.open()
    yield PostgresStore(database)
    await database.close()


async def fill(store: PostgresStore, scope: Scope) -> None:
    """Give a user a row in every table that names users."""
    await add_note(store, scope, "a note of quinces", project="orchard")
    await add_note(store, scope, "first half ", "second half")
    await add_turns(store, scope, "talk", "hello", "again")
    await store.fold_term_counts()
    await add_note(store, scope, "not folded yet")
    await Tokens(store.db).create(hashlib.sha256(scope.user.encode()).digest(), scope.user, ["read"], None)
    async with store.db.as_service() as connection:
        for sql in ROWS.values():
            await connection.execute(sql, scope.user)


async def everything(database: Database) -> str:
    """Return the text of every row of every table of ours."""
    async with database.as_service() as connection:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        found = [await connection.fetch(f"select one::text from {table['tablename']} as one") for table in tables]
    return "\n".join(row[0] for rows in found for row in rows)


async def recounted(database: Database, user: str) -> tuple[Any, ...]:
    async with database.as_service() as connection:
        return tuple(
            await connection.fetchrow(
                "select count(*), coalesce(sum(octet_length(text)), 0) from memories where user_id = $1", user
            )
        )


async def test_use_is_exact_after_every_kind_of_change_folded_or_not(
    store: PostgresStore, users: Users, alice: Scope, bob: Scope
) -> None:
    async def check() -> None:
        for scope in (alice, bob):
            use = await users.use(scope.user)
            assert (use.memories, use.bytes) == await recounted(store.db, scope.user)
            assert (await store.stats(scope, None)).use == use

    first = await add_note(store, alice, "grün ist der Tee")
    await add_note(store, alice, "one piece ", "and another")
    await add_note(store, bob, "of bob")
    await check()
    await add_turns(store, alice, "talk", "hello", turn("a long ", "turn"))
    await store.fold_term_counts()
    await check()
    await store.update(alice, first, MemoryUpdate(text="shorter"), piece("shorter"), b"hash")
    await store.update(alice, first, MemoryUpdate(archived=True), None, None)
    await add_note(store, alice, "grün ist der Tee")
    await check()
    await store.forget(alice, Selection(conversation_id="talk"), dry_run=False)
    await check()
    await store.fold_term_counts()
    await check()


async def test_memories_from_before_are_counted_when_the_schema_is_brought_up(postgres: TestServer) -> None:
    import asyncpg

    from app.store import migrations

    async with postgres.empty() as arguments:
        connection = await asyncpg.connect(**arguments)
        try:
            for migration in migrations.migrations():
                if migration.name == "0004_users.sql":
                    await connection.execute(
                        "insert into memories (id, user_id, kind, text, content_hash, whole_id, session_id, terms,"
                        " words, asks, tells_time, analysis) values ($1, 'ann', 'note', 'für', '', $1, $1, '{}', 1,"
                        " false, false, 1)",
                        uuid4(),
                    )
                await connection.execute(migration.sql)
            assert tuple(await connection.fetchrow("select * from used_by('ann')")) == (1, 4)
        finally:
            await connection.close()


async def test_a_process_of_an_older_version_may_fold_terms_without_losing_count(
    store: PostgresStore, users: Users, alice: Scope
) -> None:
    await add_note(store, alice, "one")
    async with store.db.as_service() as connection:
        await connection.execute("update log_positions set xid = pg_current_xact_id() where name = 'term_counts'")
    await add_note(store, alice, "two")

    assert (await users.use("alice")).memories == 2
    await store.fold_term_counts()
    await store.fold_term_counts()
    assert (await users.use("alice")).memories == 2


async def test_it_all_holds_on_an_older_server(server_url: str, alice: Scope) -> None:
    database = Database({"dsn": server_url}, Quota(2, 0))
    await database.open()
    try:
        store, users = PostgresStore(database), Users(database)
        await add_note(store, alice, "one")
        await add_turns(store, alice, "talk", "two")
        with pytest.raises(QuotaExceeded):
            await add_note(store, alice, "three")
        assert [row.use.memories for row in await users.list()] == [2]
        await users.delete("alice")
        assert await users.rows("alice") == {}
    finally:
        await database.close()


async def test_a_write_over_the_quota_is_refused_naming_quota_use_and_remedy(
    limited: PostgresStore, alice: Scope
) -> None:
    for number in range(3):
        await add_note(limited, alice, f"{number}")

    with pytest.raises(QuotaExceeded, match=r"quota of 3 memories: with this it would be 4; .*user quota NAME --mem"):
        await add_note(limited, alice, "one more")
    assert (await add_note(limited, alice, "1")) is not None, "the same again adds nothing"
    assert (await limited.stats(alice, None)).use.memories == 3


async def test_bytes_are_limited_too_also_when_a_text_grows(limited: PostgresStore, alice: Scope) -> None:
    first = await add_note(limited, alice, "x" * 30)

    with pytest.raises(QuotaExceeded, match="quota of 40 bytes: with this it would be 41"):
        await add_note(limited, alice, "y" * 11)
    with pytest.raises(QuotaExceeded, match="would be 41"):
        await limited.update(alice, first, MemoryUpdate(text="z" * 41), piece("z" * 41), b"hash")
    await limited.update(alice, first, MemoryUpdate(text="z" * 40), piece("z" * 40), b"hash")
    assert (await limited.stats(alice, None)).use.bytes == 40


async def test_a_conversation_over_the_quota_is_refused_whole(limited: PostgresStore, alice: Scope) -> None:
    with pytest.raises(QuotaExceeded, match="would be 4"):
        await add_turns(limited, alice, "talk", "a", "b", "c", "d")

    assert await limited.of_conversation(alice, "talk", 10) == []
    assert (await limited.stats(alice, None)).conversations == 0


async def test_an_import_over_the_quota_is_refused(limited: PostgresStore, alice: Scope) -> None:
    from app.store.import_rows import BulkMemory, Past

    batch = [BulkMemory(memory=note(str(number)), past=Past()) for number in range(4)]

    with pytest.raises(QuotaExceeded):
        await ImportWriter(limited.db).add_memories(alice, batch)
    assert await ImportWriter(limited.db).add_memories(alice, batch[:3]) == 3


async def test_whoever_is_over_the_quota_may_still_change_shorten_and_forget(
    limited: PostgresStore, users: Users, alice: Scope
) -> None:
    ids = [await add_note(limited, alice, f"{number} long") for number in range(3)]
    await users.set_quota("alice", 1, None)

    await limited.update(alice, ids[0], MemoryUpdate(tags=("x",)), None, None)
    await limited.update(alice, ids[0], MemoryUpdate(text="0"), piece("0"), b"hash")
    with pytest.raises(QuotaExceeded):
        await add_note(limited, alice, "new")
    assert await limited.forget(alice, Selection(ids=tuple(ids)), dry_run=False) == 3
    await add_note(limited, alice, "new")


async def test_a_quota_of_ones_own_goes_over_the_settings_in_both_directions(
    limited: PostgresStore, users: Users, alice: Scope, bob: Scope
) -> None:
    await users.set_quota("alice", 4, 0)
    await users.set_quota("bob", 1, None)

    for number in range(4):
        await add_note(limited, alice, f"{number}" * 50)
    with pytest.raises(QuotaExceeded, match="quota of 4 memories"):
        await add_note(limited, alice, "fifth")
    await add_note(limited, bob, "only")
    with pytest.raises(QuotaExceeded, match="quota of 1 memories"):
        await add_note(limited, bob, "second")
    await users.drop_quota("bob")
    await add_note(limited, bob, "second")


async def test_writers_at_once_do_not_pass_the_quota_by_one(limited: PostgresStore, alice: Scope, bob: Scope) -> None:
    done = await asyncio.gather(*(add_note(limited, alice, f"{n}") for n in range(12)), return_exceptions=True)

    refused = [one for one in done if isinstance(one, QuotaExceeded)]
    assert len(refused) == 9, done
    assert (await limited.stats(alice, None)).use.memories == 3
    await add_note(limited, bob, "others are not touched")


async def test_a_writer_waits_for_another_of_the_same_quota_and_counts_what_it_wrote(
    limited: PostgresStore, alice: Scope
) -> None:
    await add_note(limited, alice, "one")
    await add_note(limited, alice, "two")
    async with limited.db.as_user("alice") as connection, connection.transaction():
        await connection.execute("insert into conversations (user_id, id) values ('alice', 'open')")
        waiting = asyncio.create_task(add_note(limited, alice, "three"))
        await until_a_session_waits_for_a_lock(limited.db)
        await connection.execute("update memories set text = repeat('x', 40 - octet_length('one')) where text = 'two'")
    with pytest.raises(QuotaExceeded, match="bytes"):
        await waiting


async def test_the_list_shows_everybody_who_has_something(limited: PostgresStore, alice: Scope, bob: Scope) -> None:
    users = Users(limited.db)
    await add_note(limited, alice, "abc")
    await add_turns(limited, alice, "talk", "hi")
    await limited.fold_term_counts()
    await add_note(limited, bob, "not folded")
    await Tokens(limited.db).create(b"1" * 32, "carol", ["read"], None)
    await users.set_quota("dave", 9, None)

    found = {row.user: row for row in await users.list()}

    assert list(found) == ["alice", "bob", "carol", "dave"]
    assert (found["alice"].use.memories, found["alice"].use.bytes, found["alice"].conversations) == (2, 5, 1)
    assert found["alice"].use.quota == Quota(3, 40)
    assert (found["bob"].use.memories, found["carol"].live_tokens) == (1, 1)
    assert found["dave"].use.quota == Quota(9, 40)


async def test_every_table_that_names_users_is_filled_before_the_deletion_is_tried(
    store: PostgresStore, alice: Scope
) -> None:
    await fill(store, alice)

    async with store.db.as_service() as connection:
        tables = {row["relname"] for row in await connection.fetch(TABLES)}
        empty = [
            table
            for table in sorted(tables)
            if not await connection.fetchval(f"select count(*) from {table} where user_id = $1", alice.user)
        ]
    assert tables == FILLED | set(ROWS)
    assert empty == []


async def test_a_deleted_user_is_named_nowhere_and_others_lose_nothing(
    store: PostgresStore, users: Users, bob: Scope
) -> None:
    gone = Scope("zoe-7f3a91")
    await fill(store, gone)
    await fill(store, bob)
    async with store.db.as_service() as connection:
        await connection.execute("delete from deletions")
    his = await users.rows("bob")
    assert set(await users.rows(gone.user)) == FILLED | set(ROWS) - {"deletions"}

    await users.delete(gone.user)

    assert await users.rows(gone.user) == {}
    assert gone.user not in await everything(store.db)
    assert await users.rows("bob") == his
    assert [row.user for row in await users.list()] == ["bob"]


async def test_folding_after_a_deletion_brings_nothing_back(store: PostgresStore, users: Users, alice: Scope) -> None:
    await fill(store, alice)
    await users.delete("alice")

    await store.fold_term_counts()

    assert await users.rows("alice") == {}
    await add_note(store, alice, "a new beginning")
    assert (await users.use("alice")).memories == 1


async def test_the_index_follows_a_deletion(
    domain: Domain, store: PostgresStore, users: Users, follower: Follower, alice: Scope, bob: Scope
) -> None:
    for scope in (alice, bob):
        await add_note(store, scope, "quinces in the orchard")
        await add_turns(store, scope, "talk", "quinces again")
    assert len(await texts_for(domain, alice, "quinces")) == 2

    await users.delete("alice")

    await follower.catch_up()
    assert await follower.count() == 2
    assert await texts_for(domain, alice, "quinces") == []
    assert len(await texts_for(domain, bob, "quinces")) == 2


async def test_an_index_that_was_away_during_a_deletion_follows_too(
    store: PostgresStore, log: PostgresChangeLog, users: Users, index_folder: Path, alice: Scope, bob: Scope
) -> None:
    from app.index.embedded.engine import EmbeddedEngine
    from app.index.follower import Follower

    async def open_engine(*made_from: Any) -> EmbeddedEngine:
        return await EmbeddedEngine.open(index_folder, *made_from)

    async def run(work: Callable[[Follower], Awaitable[Any]]) -> Any:
        follower = Follower(log, open_engine)
        await follower.start()
        try:
            await follower.wait_filled(10)
            await follower.catch_up()
            return await work(follower)
        finally:
            await follower.stop()

    await add_note(store, alice, "quinces")
    await add_note(store, bob, "pears")
    assert await run(lambda follower: follower.count()) == 2
    await users.delete("alice")

    assert await run(lambda follower: follower.count()) == 1


async def test_nothing_is_stored_for_a_user_while_it_is_deleted(
    store: PostgresStore, users: Users, alice: Scope, bob: Scope
) -> None:
    await fill(store, alice)
    async with store.db.as_service() as connection:
        await connection.execute("delete from deletions")
    await users._block("alice")

    with pytest.raises(Conflict, match="is being deleted"):
        await add_note(store, alice, "late")
    with pytest.raises(Conflict, match="is being deleted"):
        await add_turns(store, alice, "late", "hi")
    await add_note(store, bob, "not his business")
    assert [row.user for row in await users.list() if row.deletion_begun_at is not None] == ["alice"]

    await users.delete("alice")  # goes on where the first one was cut short
    assert await users.rows("alice") == {}
    await add_note(store, alice, "a new user of the old name")


async def test_a_deletion_waits_for_writes_that_are_under_way_and_takes_them_too(
    store: PostgresStore, users: Users, alice: Scope
) -> None:
    await add_note(store, alice, "before")
    async with store.db.as_user("alice") as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("insert into conversations (user_id, id) values ('alice', 'under way')")
        deletion = asyncio.create_task(users.delete("alice"))
        await until_a_session_waits_for_a_lock(store.db)
        await transaction.commit()
    await deletion

    assert await users.rows("alice") == {}


async def test_a_user_who_writes_and_forgets_all_the_while_is_deleted_all_the_same(
    store: PostgresStore, users: Users, alice: Scope
) -> None:
    stop = asyncio.Event()

    async def busy(number: int) -> None:
        while not stop.is_set():
            try:
                made = await add_note(store, alice, f"{number} {uuid4()}")
                await store.forget(alice, Selection(ids=(made,)), dry_run=False)
                await add_turns(store, alice, f"talk {number}", "hi")
            except Conflict:
                await asyncio.sleep(0)

    for number in range(200):
        await add_note(store, alice, f"old {number}")
    writers = [asyncio.create_task(busy(number)) for number in range(3)]
    await asyncio.sleep(0.05)
    await users._block("alice")
    while await users._delete_memories("alice"):
        pass
    stop.set()
    await asyncio.gather(*writers)
    await users._finish("alice")

    assert await users.rows("alice") == {}
    await store.fold_term_counts()
    assert await users.rows("alice") == {}


async def test_an_export_before_the_deletion_brings_everything_back(
    store: PostgresStore, users: Users, alice: Scope
) -> None:
    import io

    from app.ops.progress import Bar

    await fill(store, alice)
    async with store.db.as_service() as connection:
        await connection.execute("delete from deletions")
    out = io.BytesIO()
    report = await exporting.write(store.db, alice, out, project=None, bar=Bar("exporting"))
    await users.delete("alice")

    assert (report.memories, report.messages) == (3, 2)
    assert len(out.getvalue().splitlines()) == 4
