"""A backup is opened only where this version can restore it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.ops.backup.errors import BackupRefused, PlaceUnusable
from app.ops.backup.reading import opened
from app.settings.fields import Settings
from app.store.migrations import migrations
from tests.app.ops.backup.conftest import MakeBackup
from tests.support.archives import PLAIN


async def test_the_reader_is_past_the_header(back_up_to: MakeBackup, file: Path, plain_settings: Settings) -> None:
    written = await back_up_to(file)

    async with opened(plain_settings, str(file)) as reader:
        assert reader.header.taken_at == written.taken_at
        assert reader.header.schema == migrations()[-1].number


async def test_an_encrypted_one_is_opened_with_the_passphrase_of_the_settings(
    back_up_to: MakeBackup, file: Path, plain_settings: Settings, with_passphrase: Settings
) -> None:
    await back_up_to(file, with_passphrase)

    async with opened(with_passphrase, str(file)) as reader:
        assert reader.header.encrypted
    with pytest.raises(BackupRefused, match="is encrypted; set BACKUP_PASSPHRASE"):
        async with opened(plain_settings, str(file)):
            pass


async def test_a_table_that_this_version_does_not_know_is_named(file: Path, plain_settings: Settings) -> None:
    file.write_bytes(PLAIN)

    with pytest.raises(BackupRefused, match="tables that this version does not restore: first, empty, last"):
        async with opened(plain_settings, str(file)):
            pass


async def test_a_file_that_is_not_there_is_said_so(file: Path, plain_settings: Settings) -> None:
    with pytest.raises(PlaceUnusable, match=str(file)):
        async with opened(plain_settings, str(file)):
            pass
