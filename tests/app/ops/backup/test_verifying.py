"""A backup that is tried out, beside the data and without touching it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.errors import NotPermitted
from app.memory.types import Scope
from app.ops.backup.errors import BackupRefused, PlaceUnusable
from app.ops.backup.verifying import VerificationReport, verify, verify_newest
from app.ops.progress import Bar
from app.settings.fields import Settings
from app.store.backups import Backups
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.store.replacing import Replacement
from app.store.scratch import scratch_database
from tests.app.ops.backup.conftest import MakeBackup
from tests.support.postgres import TestServer
from tests.support.rows import add_note, add_turns


@pytest.fixture
def admin(connect_arguments: dict[str, Any], postgres: TestServer) -> dict[str, Any]:
    """The embedded server's superuser."""
    return {**postgres.arguments("postgres"), "user": "postgres", "database": "claude_memory"}


@pytest.fixture
def verify_file(
    database: Database, admin: dict[str, Any], plain_settings: Settings
) -> Callable[..., Awaitable[VerificationReport]]:
    async def verify_file(
        target: Path, settings: Settings = plain_settings, admin: dict[str, Any] = admin
    ) -> VerificationReport:
        with Bar("verifying") as bar:
            return await verify(settings, admin, database, str(target), bar)

    return verify_file


async def scratch_databases(admin: dict[str, Any]) -> set[str]:
    connection = await asyncpg.connect(**admin)
    rows = await connection.fetch("select datname from pg_database where datname like 'claude_memory_scratch_%'")
    await connection.close()
    return {row[0] for row in rows}


async def test_a_good_backup_is_good_and_noted_as_verified(
    store: PostgresStore,
    database: Database,
    alice: Scope,
    bob: Scope,
    file: Path,
    back_up_to: MakeBackup,
    verify_file: Callable[..., Awaitable[VerificationReport]],
    admin: dict[str, Any],
) -> None:
    await add_note(store, alice, "tea at noon", project="p")
    await add_turns(store, bob, "talk", "hello there", "general")
    written = await back_up_to(file)

    report = await verify_file(file)

    assert report.whole == written.whole
    assert report.searched
    assert all(row[0] == "ok" for row in report.rows())
    [noted] = await Backups(database).list()
    assert noted.verified_at is not None
    assert await scratch_databases(admin) == set()


async def test_an_empty_database_is_a_good_backup_too(
    file: Path, back_up_to: MakeBackup, verify_file: Callable[..., Awaitable[VerificationReport]]
) -> None:
    await back_up_to(file)

    assert not (await verify_file(file)).searched


async def test_a_row_that_does_not_come_back_is_caught(
    store: PostgresStore,
    alice: Scope,
    file: Path,
    back_up_to: MakeBackup,
    verify_file: Callable[..., Awaitable[VerificationReport]],
    admin: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await add_note(store, alice, "tea at noon")
    await back_up_to(file)
    finish = Replacement.finish

    async def spoil(self: Replacement) -> UUID:
        await self._connection.execute("update memories set text = 'tea at moon'")
        return await finish(self)

    monkeypatch.setattr(Replacement, "finish", spoil)
    with pytest.raises(BackupRefused, match="table memories did not come back as it was written"):
        await verify_file(file)
    assert await scratch_databases(admin) == set()


async def test_a_search_that_finds_nothing_is_caught(
    store: PostgresStore,
    alice: Scope,
    file: Path,
    back_up_to: MakeBackup,
    verify_file: Callable[..., Awaitable[VerificationReport]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await add_note(store, alice, "tea at noon")
    await back_up_to(file)

    async def nothing(*args: object) -> list[Any]:
        return []

    monkeypatch.setattr("app.store.reading.Reading.match", nothing)
    with pytest.raises(BackupRefused, match="does not find the newest memory"):
        await verify_file(file)


async def test_a_damaged_backup_leaves_no_database_behind(
    store: PostgresStore,
    alice: Scope,
    file: Path,
    back_up_to: MakeBackup,
    verify_file: Callable[..., Awaitable[VerificationReport]],
    admin: dict[str, Any],
    database: Database,
) -> None:
    await add_note(store, alice, "tea at noon")
    await back_up_to(file)
    data = bytearray(file.read_bytes())
    data[-1_500] ^= 1
    file.write_bytes(data)

    with pytest.raises(BackupRefused, match="damaged"):
        await verify_file(file)

    assert await scratch_databases(admin) == set()
    [noted] = await Backups(database).list()
    assert noted.verified_at is None


async def test_what_a_killed_verification_left_goes_with_the_next_one(
    database: Database, admin: dict[str, Any]
) -> None:
    left = f"claude_memory_scratch_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(**admin)
    await connection.execute(f"create database {left}")
    await connection.close()

    async with scratch_database(admin, database):
        assert left not in await scratch_databases(admin)
        async with scratch_database(admin, database):
            assert len(await scratch_databases(admin)) == 2, "one in use stays"

    assert await scratch_databases(admin) == set()


async def test_somebody_who_may_not_create_a_database_is_told_what_to_do(
    file: Path, back_up_to: MakeBackup, verify_file: Callable[..., Awaitable[VerificationReport]], database: Database
) -> None:
    await back_up_to(file)

    with pytest.raises(NotPermitted, match=r"ADMIN_DATABASE_URL .* alter role … createdb"):
        await verify_file(file, admin=database.connect_arguments)


async def test_the_worker_verifies_the_newest_backup(
    store: PostgresStore,
    database: Database,
    alice: Scope,
    tmp_path: Path,
    back_up_to: MakeBackup,
    plain_settings: Settings,
) -> None:
    await add_note(store, alice, "tea at noon")
    await back_up_to(tmp_path / "older.tar")
    newest = await back_up_to(tmp_path / "newest.tar")

    report = await verify_newest(plain_settings, database)

    assert report.place == newest.place
    verified = {one.place: one.verified_at is not None for one in await Backups(database).list()}
    assert verified == {newest.place: True, str(tmp_path / "older.tar"): False}


async def test_the_worker_fails_where_there_is_no_backup_or_a_damaged_one(
    store: PostgresStore, database: Database, alice: Scope, file: Path, back_up_to: MakeBackup, plain_settings: Settings
) -> None:
    with pytest.raises(PlaceUnusable, match="there is no backup to verify"):
        await verify_newest(plain_settings, database)
    await add_note(store, alice, "tea at noon")
    await back_up_to(file)
    damaged = bytearray(file.read_bytes())
    damaged[-2_000] ^= 1
    file.write_bytes(damaged)

    with pytest.raises(BackupRefused, match=f"{file} is damaged"):
        await verify_newest(plain_settings, database)
    assert (await Backups(database).list())[0].verified_at is None
