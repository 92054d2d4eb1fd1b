"""A backup that is put back: everything, or nothing, and every refusal leaves what is there."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr

from app.errors import Conflict, StoreUnavailable
from app.index.embedded.engine import EmbeddedEngine
from app.index.follower import Follower
from app.memory.change_log import LogPruned
from app.memory.ports import Domain
from app.memory.types import Scope
from app.ops.backup.errors import BackupRefused, PlaceUnusable
from app.ops.backup.writing import back_up
from app.settings.fields import Settings
from app.store import migrations
from app.store.backups import Backup, Backups
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.migrations import migrate
from app.store.postgres import PostgresStore
from app.store.replacing import Replacement, rows_of
from app.store.snapshots import FATES, Fate, Table, table_columns
from app.store.tokens import Tokens
from tests.app.ops.backup.conftest import MakeBackup, Restore
from tests.support.disks import small_disk
from tests.support.domain import domain_on, memorize, texts_for
from tests.support.locks import a_session_is_held_up
from tests.support.outbox import deliver_all, handing_over, outbox_of, rows_in
from tests.support.postgres import TestServer
from tests.support.postgres_server import binaries, postgres_server_in
from tests.support.rows import add_note, add_turns, note, turn
from tests.support.waiting import until

ODD = "tab\there, line\nthere, back\\slash, \\N, nothing \u200b, 猫 🐈, quote ' \" and \\."


@pytest.fixture
async def filled(database: Database, store: PostgresStore, alice: Scope, bob: Scope) -> Database:
    """The test's database with something in every table that a backup holds."""
    await add_note(store, alice, ODD, tags=("a", "b, c"), metadata={"deep": [1, None, {"x": "\\"}]}, project="p")
    await add_note(store, alice, "two", "pieces of one text")
    await add_turns(store, bob, "talk", turn("hello there", id="1", name="Bob"), "general")
    for text in ("delivered", "handed over"):
        await deliver_all(outbox_of(database))
        await add_note(handing_over(database), bob, text)
    gone = await add_note(store, bob, "deleted before the backup")
    async with database.as_service() as connection:
        await connection.execute("delete from memories where id = $1", gone)
        await connection.execute(
            "insert into embeddings (memory_id, user_id, model, vector)"
            " select id, user_id, 'model', '\\x00ff80' from memories"
        )
        await connection.execute("insert into quotas values ('alice', 100, 10000)")
        await connection.execute("insert into schedule_runs (name, due_at) values ('backup', now())")
        await connection.execute("insert into oauth_clients (id, name, metadata) values ('app', 'App', '{}')")
        await connection.execute(
            "insert into oauth_grants (id, client_id, user_id, scopes, resource, code_digest, code_challenge,"
            " redirect_uri, redirect_given, code_expires_at, expires_at)"
            " values ('grant', 'app', 'alice', '{read}', 'here', '\\x01', 'x', 'there', true, now(), now())"
        )
        await connection.execute(
            "insert into oauth_tokens (digest, grant_id, kind, scopes, expires_at)"
            " values ('\\x02', 'grant', 'refresh', '{read}', now())"
        )
    await Tokens(database).create(b"digest", "alice", ["read"], None)
    return database


async def content(database: Database) -> dict[str, tuple[int, str]]:
    """Return rows and a checksum, whatever their order is, of every table that a backup holds."""
    async with database.as_service() as connection:
        columns = await table_columns(connection)
    found = {}
    for name, fate in FATES.items():
        if fate is Fate.COPIED and name != "backups":
            lines = sorted(
                b"".join([piece async for piece in rows_of(database, Table(name, columns[name]))]).split(b"\n")
            )
            found[name] = (len(lines) - 1, hashlib.sha256(b"\n".join(lines)).hexdigest())
    return found


async def derived(database: Database) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    async with database.as_service() as connection:
        terms = await connection.fetch("select user_id, project, term, memories from term_counts where memories > 0")
        usage = await connection.fetch("select user_id, memories, bytes from usage where memories > 0")
    return sorted(map(tuple, terms)), sorted(map(tuple, usage))


async def identity(database: Database) -> UUID:
    return await PostgresChangeLog(database).database_id()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_everything_comes_back_in_an_empty_database(
    filled: Database,
    empty: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    plain_settings: Settings,
    with_passphrase: Settings,
    encrypted: bool,
) -> None:
    settings = with_passphrase if encrypted else plain_settings
    before = await content(filled)
    assert [name for name, (rows, _) in before.items() if not rows] == ["deletions"], "the others are tried here"

    written = await back_up_to(file, settings)
    restored = await restore_from(file, empty, settings=settings)

    assert await content(empty) == before
    assert written.encrypted is encrypted
    assert restored.whole.rows == written.whole.rows == sum(rows for rows, _ in before.values())


async def test_from_one_version_of_postgresql_to_another_and_back(
    filled: Database,
    server_url: str,
    empty: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    plain_settings: Settings,
) -> None:
    """The embedded one is newer than the server: a dump of its tools would not go there."""
    server = Database({"dsn": server_url})
    await server.open()
    try:
        await back_up_to(file)
        await restore_from(file, server)
        there = await content(server)
        await back_up(plain_settings, server, str(file))
    finally:
        await server.close()
    await restore_from(file, empty)

    assert there == await content(empty) == await content(filled)


async def test_what_is_derived_is_as_exact_as_before(
    filled: Database, store: PostgresStore, empty: Database, file: Path, back_up_to: MakeBackup, restore_from: Restore
) -> None:
    await back_up_to(file)
    await store.fold_term_counts()

    await restore_from(file, empty)

    assert await derived(empty) == await derived(filled)
    assert await PostgresStore(empty).size() == (await store.size())[:1] + (await PostgresStore(empty).size())[1:]


async def test_the_restored_database_works_and_is_another_one(
    filled: Database,
    empty: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    alice: Scope,
    follower: Follower,
) -> None:
    before = await identity(empty)
    await back_up_to(file)
    await restore_from(file, empty)

    restored = PostgresStore(empty)
    async with empty.as_service() as connection:
        assert await connection.fetchval("select count(*) from changes") == 0
    memory = await add_note(restored, alice, "written after the restore")
    await restored.fold_term_counts()

    assert await identity(empty) not in (before, await identity(filled))
    async with empty.as_service() as connection:
        assert await connection.fetchval("select memory_id from changes") == memory, "the triggers are there"
        assert await connection.fetchval("select memories from usage where user_id = 'alice'") == 4
    assert list(await restored.get(Scope("bob"), [memory])) == [], "row-level security is there"
    await restored.delete_expired()


async def test_what_was_to_be_sent_is_sent_after_a_restore_with_the_same_key(
    database: Database, empty: Database, file: Path, back_up_to: MakeBackup, restore_from: Restore, alice: Scope
) -> None:
    await add_note(handing_over(database), alice, "delivered")
    await deliver_all(outbox_of(database))
    await add_turns(handing_over(database), alice, "talk", "waits")
    [entry] = await outbox_of(database).due(10)
    assert await outbox_of(database).begin(entry)
    await back_up_to(file)

    await restore_from(file, empty)

    restored = handing_over(empty)
    assert (await restored.add(alice, note("delivered"))).duplicate
    await add_turns(restored, alice, "talk", "written later")
    [again] = await outbox_of(empty).due(10)
    assert (again.key, again.messages, again.attempts) == (entry.key, entry.messages, 1)
    assert await deliver_all(outbox_of(empty)) == [["waits"], ["written later"]]
    assert await rows_in(empty, "outbox", "outbox_memories", "memories") == [0, 0, 0], "the triggers are there"


async def test_searches_find_what_was_restored(
    database: Database,
    empty: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    domain: Domain,
    alice: Scope,
    index_folder: Path,
) -> None:
    await memorize(domain, alice, "The cat sleeps on the warm oven.")
    await back_up_to(file)
    await restore_from(file, empty)

    async def open_engine(database: UUID, space: Any) -> Any:
        return await EmbeddedEngine.open(index_folder / "restored", database, space)

    index = Follower(PostgresChangeLog(empty), open_engine)
    await index.start()
    try:
        await index.wait_filled(10)
        found = await texts_for(domain_on(PostgresStore(empty), index), alice, "cat oven")
    finally:
        await index.stop()

    assert found == ["The cat sleeps on the warm oven."]


async def test_a_database_with_anything_in_it_is_refused_without_replace(
    filled: Database, empty: Database, file: Path, back_up_to: MakeBackup, restore_from: Restore
) -> None:
    await back_up_to(file)
    await add_note(PostgresStore(empty), Scope("carol"), "what is there")
    before = await content(empty)

    with pytest.raises(Conflict, match=r"not empty \(table memories has rows\); give --replace"):
        await restore_from(file, empty)

    assert await content(empty) == before


async def test_replace_puts_the_backup_in_the_place_of_everything(
    filled: Database, empty: Database, file: Path, back_up_to: MakeBackup, restore_from: Restore
) -> None:
    await back_up_to(file)
    await add_note(PostgresStore(empty), Scope("carol"), "what is there")

    await restore_from(file, empty, replace=True)

    assert await content(empty) == await content(filled)


async def test_backups_that_the_replaced_database_knew_are_not_forgotten(
    filled: Database, file: Path, back_up_to: MakeBackup, restore_from: Restore, tmp_path: Path
) -> None:
    await back_up_to(tmp_path / "in-the-backup.tar")
    await back_up_to(file)
    await back_up_to(tmp_path / "later.tar")

    await restore_from(file, filled, replace=True)

    names = {one.place for one in await Backups(filled).list()}
    assert names == {str(tmp_path / "in-the-backup.tar"), str(file), str(tmp_path / "later.tar")}


async def test_an_index_that_missed_the_change_rebuilds(
    filled: Database, file: Path, back_up_to: MakeBackup, restore_from: Restore
) -> None:
    position = await PostgresChangeLog(filled).horizon()
    await back_up_to(file)
    await restore_from(file, filled, replace=True)

    with pytest.raises(LogPruned):
        await PostgresChangeLog(filled).read(position)
    await PostgresChangeLog(filled).read(await PostgresChangeLog(filled).horizon())


async def test_while_a_server_is_connected_it_is_refused(
    filled: Database, file: Path, back_up_to: MakeBackup, restore_from: Restore
) -> None:
    await back_up_to(file)
    server = Database(filled.connect_arguments)
    await server.open()
    before = await content(filled)
    try:
        with pytest.raises(Conflict, match=r"are using this database \(\d+ connections? from (a socket|127)"):
            await restore_from(file, filled, replace=True, patience_s=0.2)
    finally:
        await server.close()

    assert await content(filled) == before


async def test_a_server_that_starts_meanwhile_waits_and_sees_the_new_data_alone(
    filled: Database,
    empty: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await back_up_to(file)
    server = Database(empty.connect_arguments)
    finish = Replacement.finish
    started: list[asyncio.Task[int]] = []

    async def slow_finish(self: Replacement) -> UUID:
        opening = asyncio.create_task(server.open())
        observer = await asyncpg.connect(**empty.connect_arguments)
        try:
            await until(lambda: a_session_is_held_up(observer), "the server waits")
        finally:
            await observer.close()
        assert not opening.done(), "it must not work on tables that are about to go"
        made = await finish(self)
        started.append(opening)
        return made

    monkeypatch.setattr(Replacement, "finish", slow_finish)
    await restore_from(file, empty)
    await started[0]
    try:
        assert await content(server) == await content(filled)
    finally:
        await server.close()


async def test_readers_see_the_old_data_until_the_end(
    filled: Database,
    empty: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await back_up_to(file)
    seen = []
    load = Replacement.load

    async def watched(self: Replacement, table: Table, rows: AsyncIterator[bytes]) -> None:
        await load(self, table, rows)
        reader = await asyncpg.connect(**empty.connect_arguments)
        seen.append(await reader.fetchval("select count(*) from memories"))
        await reader.close()

    monkeypatch.setattr(Replacement, "load", watched)
    await restore_from(file, empty)

    assert seen
    assert set(seen) == {0}


@pytest.mark.parametrize("damage", ["cut short", "flipped", "not ours", "missing"])
async def test_a_file_that_is_not_whole_changes_nothing(
    filled: Database, empty: Database, file: Path, back_up_to: MakeBackup, restore_from: Restore, damage: str
) -> None:
    await back_up_to(file)
    await add_note(PostgresStore(empty), Scope("carol"), "what is there")
    before, id_before = await content(empty), await identity(empty)
    data = bytearray(file.read_bytes())
    if damage == "cut short":
        file.write_bytes(data[:-1])
    elif damage == "flipped":
        data[-1_500] ^= 1  # in the checksum, which is read last
        file.write_bytes(data)
    elif damage == "not ours":
        file.write_text("select 1;")
    else:
        file.unlink()

    with pytest.raises((BackupRefused, PlaceUnusable), match=str(file)):
        await restore_from(file, empty, replace=True)

    assert (await content(empty), await identity(empty)) == (before, id_before)


async def test_a_newer_schema_is_refused_with_the_version_that_wrote_it(
    filled: Database,
    empty: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await back_up_to(file)
    known = migrations.migrations()
    monkeypatch.setattr("app.ops.backup.reading.migrations", lambda: known[:-1])

    with pytest.raises(BackupRefused, match=rf"has schema {known[-1].number}, written by version .* install the newer"):
        await restore_from(file, empty)


async def test_an_older_schema_is_restored_and_brought_up_to_date(
    postgres: TestServer,
    empty: Database,
    file: Path,
    plain_settings: Settings,
    restore_from: Restore,
    monkeypatch: pytest.MonkeyPatch,
    alice: Scope,
) -> None:
    """As an old version wrote it: with the first schema file's tables and columns only."""
    old_tables = ("schema_migrations", "instance", "conversations", "memories", "tokens")
    async with postgres.empty() as arguments:
        connection = await asyncpg.connect(**arguments)
        await migrate(connection, 1)
        await connection.execute(
            "insert into memories (id, user_id, kind, text, content_hash, whole_id, session_id, terms, words, asks,"
            " tells_time, analysis)"
            " select id, 'alice', 'note', 'old ' || id, uuid_send(id), id, id, '{1,2}', 2, false, false, 1"
            " from (select gen_random_uuid() as id from generate_series(1, 3)) as made"
        )
        await connection.close()
        with monkeypatch.context() as patch:
            patch.setattr("app.store.snapshots.FATES", {name: FATES[name] for name in old_tables})
            patch.setattr(Backups, "note", _forget)
            await back_up(plain_settings, Database(arguments), str(file))

    restored = await restore_from(file, empty)

    assert restored.schema == 1
    store = PostgresStore(empty)
    assert (await store.stats(alice, None)).memories == 3
    async with empty.as_service() as connection:
        assert await connection.fetchval("select memories from usage where user_id = 'alice'") == 3
        applied = await connection.fetch("select number from schema_migrations order by number")
    assert [row[0] for row in applied] == [one.number for one in migrations.migrations()]
    await store.add(alice, note("new"))


async def _forget(self: Backups, backup: Backup) -> None:
    return


async def test_a_disk_without_room_for_the_restored_database_is_told_before_anything_is_done(
    filled: Database,
    empty: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    plain_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await back_up_to(file)
    before = await content(empty)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1_000_000))

    with pytest.raises(PlaceUnusable, match=r"too full to restore: [\d.]+ MB are needed, 1\.0 MB are free"):
        await restore_from(file, empty)

    assert await content(empty) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system")
@pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server is installed")
async def test_a_server_that_runs_out_of_disk_in_the_middle_keeps_what_it_had(
    filled: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    run_folder: Path,
    plain_settings: Settings,
) -> None:
    async with filled.as_service() as connection:
        text = "(select string_agg(sha256((n::text || m)::bytea)::text, '') from generate_series(1, 40) as m)"
        await connection.execute(
            "insert into memories (id, user_id, kind, text, content_hash, whole_id, session_id, terms, words, asks,"
            f" tells_time, analysis) select id, 'carol', 'note', {text}, uuid_send(id), id, id, '{{1}}', 2, false,"
            " false, 1 from (select gen_random_uuid() as id, n from generate_series(1, 30000) as n) as made"
        )
    await back_up_to(file)
    with small_disk(run_folder / "disk", "130m") as disk, postgres_server_in(disk / "postgres") as server:
        db = Database({"dsn": server.url()})
        await db.open()
        await add_note(PostgresStore(db), Scope("alice"), "what is there")
        before = await content(db)
        settings = plain_settings.model_copy(update={"database_url": SecretStr(server.url())})
        try:
            with pytest.raises(StoreUnavailable):
                await restore_from(file, db, replace=True, settings=settings)

            assert await content(db) == before
        finally:
            await db.close()


async def test_a_full_disk_of_the_database_leaves_what_is_there(
    filled: Database,
    empty: Database,
    file: Path,
    back_up_to: MakeBackup,
    restore_from: Restore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await back_up_to(file)
    before = await content(empty)

    async def full(self: Replacement, table: Table, rows: AsyncIterator[bytes]) -> None:
        async for _ in rows:
            raise asyncpg.DiskFullError("could not extend file: No space left on device")

    monkeypatch.setattr(Replacement, "load", full)
    with pytest.raises(StoreUnavailable, match="no space left; free some; nothing of this call was stored"):
        await restore_from(file, empty)

    assert await content(empty) == before
