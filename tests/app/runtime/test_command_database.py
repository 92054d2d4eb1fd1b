"""The database for a command: that of the server that runs, or one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from app.datadir.lock import DataDirectoryLock, holder
from app.errors import Conflict
from app.memory.types import Scope
from app.runtime.command_database import open_database
from app.settings.fields import Settings
from app.store.export_reading import export_snapshot
from app.store.import_rows import BulkMemory, Past
from app.store.import_writing import ImportWriter
from tests.support.postgres import TestServer
from tests.support.rows import note


@pytest.fixture
def settings_for(plain_settings: Settings) -> Callable[[Path], Settings]:
    def settings_for(folder: Path) -> Settings:
        return plain_settings.model_copy(update={"memory_data_dir": folder})

    return settings_for


async def test_a_command_joins_the_server_that_runs(
    postgres: TestServer, run_folder: Path, settings_for: Callable[[Path], Settings]
) -> None:
    lock = DataDirectoryLock(run_folder / "data")
    lock.acquire("http://127.0.0.1:8000")
    try:
        async with open_database(settings_for(run_folder / "data"), "a command") as db, db.as_service() as connection:
            assert await connection.fetchval("select count(*) from memories") >= 0
            assert (holder(run_folder / "data") or {})["url"] == "http://127.0.0.1:8000"
    finally:
        lock.release()


async def test_a_command_without_a_server_starts_one_for_itself_and_names_itself_meanwhile(
    run_folder: Path, settings_for: Callable[[Path], Settings]
) -> None:
    folder = run_folder / "commands-own"
    scope = Scope("alice")
    async with open_database(settings_for(folder), "a command") as db:
        assert await ImportWriter(db).add_memories(scope, [BulkMemory(memory=note("kept"), past=Past())]) == 1
        with pytest.raises(Conflict, match="a command"):
            DataDirectoryLock(folder).acquire("another")
    assert holder(folder) is None

    async with open_database(settings_for(folder), "a command") as db, export_snapshot(db, scope) as snapshot:
        assert [memory.pieces[0][1] async for memory in snapshot.memories(None)] == ["kept"]


async def test_two_commands_without_a_server_take_turns(
    run_folder: Path, settings_for: Callable[[Path], Settings]
) -> None:
    settings = settings_for(run_folder / "commands-own")
    inside = 0

    async def command(number: int) -> None:
        nonlocal inside
        async with open_database(settings, f"command {number}") as db, db.as_service() as connection:
            inside += 1
            assert inside == 1, "its PostgreSQL goes with the first command"
            assert await connection.fetchval("select 1") == 1
            inside -= 1

    await asyncio.gather(command(1), command(2))


async def test_a_command_whose_server_goes_before_it_can_connect_starts_its_own(
    run_folder: Path, settings_for: Callable[[Path], Settings]
) -> None:
    folder = run_folder / "commands-own"
    lock = DataDirectoryLock(folder)
    lock.acquire("http://127.0.0.1:8000")  # a server that is ending: its PostgreSQL is gone already

    async def command() -> None:
        async with open_database(settings_for(folder), "a command") as db, db.as_service() as connection:
            assert await connection.fetchval("select 1") == 1

    running = asyncio.create_task(command())
    await asyncio.sleep(0)
    lock.release()
    await running
