"""Opens a backup for this version, or says why not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from app import __version__
from app.ops.backup.archive_reader import ArchiveReader
from app.ops.backup.errors import BackupRefused
from app.ops.backup.places import place
from app.settings.fields import Settings
from app.store.migrations import migrations
from app.store.snapshots import FATES, Fate


@asynccontextmanager
async def opened(settings: Settings, target: str) -> AsyncIterator[ArchiveReader]:
    """Yield a reader past the header of the backup that a target names. Raises BackupRefused and PlaceUnusable."""
    found = place(settings, target)
    passphrase = None if settings.backup_passphrase is None else settings.backup_passphrase.get_secret_value()
    async with aclosing(found.read()) as source:
        reader = ArchiveReader(source, found.name, passphrase)
        header = await reader.open()
        newest = migrations()[-1].number
        if header.schema > newest:
            raise BackupRefused(
                f"{found.name} has schema {header.schema}, written by version {header.app}; this version,"
                f" {__version__}, knows up to {newest}: install the newer one"
            )
        strange = [table.name for table in header.tables if FATES.get(table.name) is not Fate.COPIED]
        if strange:
            raise BackupRefused(f"{found.name} has tables that this version does not restore: {', '.join(strange)}")
        yield reader
