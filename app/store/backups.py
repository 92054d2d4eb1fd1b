"""The list of backups: where each one is, what it contains and when it was last verified."""

from __future__ import annotations

import builtins
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from app.store.database import Database

_COLUMNS = "place, taken_at, bytes, rows, sha256, encrypted, verified_at"

VERIFICATION = "verification"  # the schedule of that name

# Seconds since 1970; 0 if there was none.
LAST_TIMES = f"""
select coalesce(extract(epoch from max(taken_at)), 0)::float8,
       coalesce(extract(epoch from max(verified_at)), 0)::float8,
       coalesce((select extract(epoch from due_at) from schedule_runs
                 where name = '{VERIFICATION}' and started_at is not null), 0)::float8
from backups
"""


class LastTimes(NamedTuple):
    """When the newest backup was taken, when one was last verified, and when one was last to be verified.

    In seconds since 1970; 0: never.
    """

    taken: float
    verified: float
    verification_due: float


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

    async def last_times(self) -> LastTimes:
        """Return how old what is there is."""
        async with self._db.as_service() as connection:
            return LastTimes(*await connection.fetchrow(LAST_TIMES))
