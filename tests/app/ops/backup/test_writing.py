"""A backup is named and listed, and then old ones are deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import Conflict
from app.memory.types import Scope
from app.ops.backup.errors import PlaceUnusable
from app.ops.backup.writing import refuse_existing, run_backup
from app.settings.fields import Settings
from app.store.backups import Backups
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.app.ops.backup.conftest import MakeBackup
from tests.support.rows import add_note


async def test_what_was_written_is_noted_with_its_sums(
    store: PostgresStore, database: Database, alice: Scope, back_up_to: MakeBackup, file: Path
) -> None:
    await add_note(store, alice, "text")

    report = await back_up_to(file)

    [noted] = await Backups(database).list()
    assert (noted.place, noted.taken_at, noted.rows) == (str(file), report.taken_at, report.whole.rows)
    assert (noted.size, noted.sha256.hex()) == (file.stat().st_size, report.whole.sha256)
    assert f"backed up 1 row to {file}" in report.summary()
    assert report.to_json()["pruned"] is None


async def test_in_a_directory_it_is_named_by_its_time(back_up_to: MakeBackup, tmp_path: Path) -> None:
    report = await back_up_to(f"{tmp_path}/")

    assert Path(report.place).parent == tmp_path
    assert f"{report.taken_at:%Y}" in Path(report.place).name


async def test_the_nightly_one_prunes_afterwards(database: Database, plain_settings: Settings, tmp_path: Path) -> None:
    settings = plain_settings.model_copy(update={"backup_to": str(tmp_path / "kept")})

    await run_backup(settings, database)
    second = await run_backup(settings, database)

    assert second.pruned is not None
    assert list(second.pruned.kept) == [second.place], "of one day the newest"
    assert [str(path) for path in (tmp_path / "kept").iterdir()] == [second.place]


async def test_without_a_place_the_nightly_one_says_what_to_set(database: Database, plain_settings: Settings) -> None:
    with pytest.raises(PlaceUnusable, match="BACKUP_TO is not set"):
        await run_backup(plain_settings, database)


async def test_a_file_that_is_there_is_refused_a_name_by_time_is_not(
    plain_settings: Settings, file: Path, tmp_path: Path
) -> None:
    await refuse_existing(plain_settings, str(file))
    file.touch()

    with pytest.raises(Conflict, match="exists already; give --replace"):
        await refuse_existing(plain_settings, str(file))
    await refuse_existing(plain_settings, f"{tmp_path}/")
