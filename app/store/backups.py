"""The list of backups: where each one is, what it contains and when it was last verified."""

from __future__ import annotations

import builtins
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app.store.database import Database

_COLUMNS = "place, taken_at, bytes, rows, sha256, encrypted, verified_at"

# Seconds since 1970 of the newest backup and of the newest verification; 0 if there was none.
LAST_TIMES = """
select coalesce(extract(epoch from max(taken_at)), 0)::float8, coalesce(extract(epoch from max(verified_at)), 0)::float8
from backups
"""


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup.

    place: absolute path or s3://bucket/key. taken_at: the moment of its data. size: of the file in bytes.
    """

    place: str
    taken_at: datetime
    size: int
    rows: int
    sha256: bytes
    encrypted: bool
    verified_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Return all fields as JSON values, except that times stay datetimes."""
        return {**asdict(self), "sha256": self.sha256.hex()}


class Backups:
    """Records backups; runs as the service, because requests cannot read the table."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def note(self, backup: Backup) -> None:
        """Record a backup; it replaces the record of one at the same place."""
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
        """Record that a file with this checksum was verified now; return False if no such backup is known."""
        async with self._db.as_service() as connection:
            done = await connection.execute("update backups set verified_at = now() where sha256 = $1", sha256)
        return bool(done != "UPDATE 0")

    async def forget(self, place: str) -> None:
        """Remove a backup from the list after its file was deleted."""
        async with self._db.as_service() as connection:
            await connection.execute("delete from backups where place = $1", place)

    async def last_times(self) -> tuple[float, float]:
        """Return when the newest backup was taken and when one was last verified, in seconds since 1970; 0: never."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(LAST_TIMES)
        return row[0], row[1]
