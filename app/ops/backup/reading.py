"""Opens a backup that this version can restore, or says why it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from app import __version__
from app.ops.backup.archive_reader import ArchiveReader
from app.ops.backup.errors import BackupRefused
from app.ops.backup.places import backup_place
from app.settings.fields import Settings
from app.store.migrations import migrations
from app.store.snapshots import FATES, Fate


@asynccontextmanager
async def opened(settings: Settings, target: str) -> AsyncIterator[ArchiveReader]:
    """Yield a reader of the backup that a target names, its header read. Raises BackupRefused and PlaceUnusable."""
    place = backup_place(settings, target)
    passphrase = None if settings.backup_passphrase is None else settings.backup_passphrase.get_secret_value()
    async with aclosing(place.read()) as source:
        reader = ArchiveReader(source, place.name, passphrase)
        header = await reader.open()
        newest = migrations()[-1].number
        if header.schema > newest:
            raise BackupRefused(
                f"{place.name} has schema {header.schema}, written by version {header.app}; this version,"
                f" {__version__}, knows up to {newest}: install the newer one"
            )
        unknown = [table.name for table in header.tables if FATES.get(table.name) is not Fate.COPIED]
        if unknown:
            raise BackupRefused(f"{place.name} has tables that this version does not restore: {', '.join(unknown)}")
        yield reader
