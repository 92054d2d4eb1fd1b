"""Backups of the test's database, in a folder of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.ops.backup.restoring import RestoreReport, restore
from app.ops.backup.writing import BackupReport, back_up
from app.ops.progress import Bar
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.store.database import Database
from app.store.replacing import PATIENCE_S
from tests.support.postgres import TestServer

Restore = Callable[..., Awaitable[RestoreReport]]
MakeBackup = Callable[..., Awaitable[BackupReport]]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests need no machine left over for writers."""
    monkeypatch.setattr("app.ops.backup.pace.Pace.rest", _at_once)


async def _at_once(self: Any) -> None:
    return


@pytest.fixture
def with_passphrase(plain_settings: Settings) -> Settings:
    """Settings with a passphrase."""
    return load_settings({"backup_passphrase": "correct horse", "memory_data_dir": plain_settings.memory_data_dir})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a backup goes."""
    return tmp_path / "backup.tar"


@pytest.fixture
def back_up_to(database: Database, plain_settings: Settings) -> MakeBackup:
    """Back up the test's database."""

    async def back_up_to(target: Path | str, settings: Settings = plain_settings) -> BackupReport:
        return await back_up(settings, database, str(target))

    return back_up_to


@pytest.fixture
async def empty(postgres: TestServer) -> AsyncIterator[Database]:
    """Another database, with our schema and nothing in it."""
    async with postgres.migrated() as arguments:
        database = Database(arguments)
        await database.open()
        try:
            yield database
        finally:
            await database.close()


@pytest.fixture
def restore_from(plain_settings: Settings) -> Restore:
    """Restore into a database, which is open again afterwards."""

    async def restore_from(
        target: Path | str,
        into: Database,
        *,
        replace: bool = False,
        settings: Settings = plain_settings,
        patience_s: float = PATIENCE_S,
    ) -> RestoreReport:
        settings.data_dir.mkdir(exist_ok=True)
        try:
            with Bar("restoring") as bar:
                return await restore(settings, into, str(target), replace=replace, bar=bar, patience_s=patience_s)
        finally:
            await into.open()

    return restore_from
