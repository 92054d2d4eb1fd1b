"""The last run of each schedule, shared by all processes that may run it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.store.database import Database


@dataclass(frozen=True, slots=True)
class LastRun:
    """A schedule's last run; if it never ran, `started_at` is None and `due_at` is when it was first seen.

    due_at: the scheduled time of the run. finished_at: None while it runs, and after an interruption.
    problem: why it failed, None if it succeeded.
    """

    due_at: datetime
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    succeeded_at: datetime | None
    problem: str | None


class ScheduleRuns:
    """The table of runs, which only the leader writes. Every call raises StoreUnavailable."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def last(self, name: str, now: datetime) -> LastRun:
        """Return the last run; record a new schedule as first seen `now`."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(
                "with new as ("
                "    insert into schedule_runs (name, due_at) values ($1, $2) on conflict do nothing returning *"
                ") select due_at, attempts, started_at, finished_at, succeeded_at, problem"
                " from (select * from new union all select * from schedule_runs where name = $1) as known",
                name,
                now,
            )
        return LastRun(*row)

    async def begin(self, name: str, now: datetime, due_at: datetime, attempt: int) -> None:
        """Record the start of a run at `now`."""
        async with self._db.as_service() as connection:
            await connection.execute(
                "update schedule_runs set started_at = $2, due_at = $3, attempts = $4, finished_at = null,"
                " problem = null where name = $1",
                name,
                now,
                due_at,
                attempt,
            )

    async def finish(self, name: str, now: datetime, problem: str | None) -> None:
        """Record the end of a run at `now`."""
        async with self._db.as_service() as connection:
            await connection.execute(
                "update schedule_runs set finished_at = $2, problem = $3,"
                " succeeded_at = case when $3::text is null then $2 else succeeded_at end where name = $1",
                name,
                now,
                problem,
            )
