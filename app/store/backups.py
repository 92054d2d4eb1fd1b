"""The list of backups that were written: where each lies, what it holds, when it was last verified."""

from __future__ import annotations

import builtins
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app.store.database import Database

_COLUMNS = "place, taken_at, bytes, rows, sha256, encrypted, verified_at"

# Seconds since 1970 of the newest backup and of the newest verification; 0 when there was none.
LAST_TIMES = """
select coalesce(extract(epoch from max(taken_at)), 0)::float8, coalesce(extract(epoch from max(verified_at)), 0)::float8
from backups
"""


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup.

    place: absolute path or s3://bucket/key. taken_at: the moment whose data it holds. size: bytes of the file.
    """

    place: str
    taken_at: datetime
    size: int
    rows: int
    sha256: bytes
    encrypted: bool
    verified_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values, times as they are."""
        return {**asdict(self), "sha256": self.sha256.hex()}


class Backups:
    """Notes backups; runs as the service, because requests cannot read the table."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def note(self, backup: Backup) -> None:
        """Note a backup; one at the same place was overwritten by it."""
        async with self._db.as_service() as connection:
            await connection.execute(
                f"insert into backups ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7)"
                " on conflict (place) do update set taken_at = excluded.taken_at, bytes = excluded.bytes,"
                " rows = excluded.rows, sha256 = excluded.sha256, encrypted = excluded.encrypted,"
                " verified_at = excluded.verified_at",
                backup.place,
                backup.taken_at,
                backup.size,
                backup.rows,
                backup.sha256,
                backup.encrypted,
                backup.verified_at,
            )

    async def list(self) -> builtins.list[Backup]:
        """Return all backups, newest first."""
        async with self._db.as_service() as connection:
            rows = await connection.fetch(f"select {_COLUMNS} from backups order by taken_at desc, place")
        return [Backup(*row) for row in rows]

    async def verified(self, sha256: bytes) -> bool:
        """Note that a file with that checksum was verified just now; False when no such backup is known."""
        async with self._db.as_service() as connection:
            done = await connection.execute("update backups set verified_at = now() where sha256 = $1", sha256)
        return bool(done != "UPDATE 0")

    async def forget(self, place: str) -> None:
        """Take a backup off the list, because its file is gone."""
        async with self._db.as_service() as connection:
            await connection.execute("delete from backups where place = $1", place)

    async def last_times(self) -> tuple[float, float]:
        """Return when the newest backup was taken and when one was last verified, in seconds since 1970; 0: never."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(LAST_TIMES)
        return row[0], row[1]
