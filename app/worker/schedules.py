"""Runs work at the times of cron expressions: once per time in a deployment, and once for all times that were missed.

A run is recorded before it begins and when it ends. A leader that finds a run without an end repeats it, because no
other process can still be running it; a failed run is repeated a little later. After MOST_ATTEMPTS it waits for the
next time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim

from app.errors import StoreUnavailable
from app.runtime.jobs import Job, run_job
from app.store.schedules import LastRun, ScheduleRuns

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
RETRY_AFTER = timedelta(minutes=5)
_CHECK_EVERY_S = 15.0  # cron times are whole minutes


@dataclass(frozen=True, slots=True)
class Schedule:
    """expression: a cron expression, such as `15 3 * * *`. run: safe to interrupt and to repeat."""

    name: str
    expression: str
    run: Callable[[], Awaitable[object]]


def last_time(expression: str, now: datetime) -> datetime:
    """Return the latest time of a cron expression that is not after `now`, in now's time zone."""
    next_minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return next(CronSim(expression, next_minute, reverse=True))  # it excludes the time it starts from


class Schedules:
    """Runs schedules when they are due; only the leader runs it."""

    def __init__(
        self,
        schedules: Sequence[Schedule],
        runs: ScheduleRuns,
        zone: tzinfo = UTC,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """zone: the time zone of the expressions."""
        self._schedules, self._runs, self._zone, self._now = schedules, runs, zone, now

    async def run(self) -> None:
        """Run due schedules, for ever."""
        while True:
            try:
                await self.run_due()
            except StoreUnavailable as error:
                logger.info("schedules wait: %s", error)
            await asyncio.sleep(_CHECK_EVERY_S)

    async def run_due(self) -> None:
        """Run each schedule that is due, once. Raises StoreUnavailable."""
        for schedule in self._schedules:
            now = self._now().astimezone(self._zone)
            last = await self._runs.last(schedule.name, now)
            due = _due(last, last_time(schedule.expression, now), now)
            if due is not None:
                await self._run(schedule, *due)

    async def _run(self, schedule: Schedule, due_at: datetime, attempt: int) -> None:
        if attempt > MOST_ATTEMPTS:
            await self._runs.finish(schedule.name, self._now(), f"it was interrupted {MOST_ATTEMPTS} times")
            return
        await self._runs.begin(schedule.name, self._now(), due_at, attempt)
        logger.info("%s of %s begins", schedule.name, due_at.isoformat(timespec="minutes"))
        problem = await run_job(Job(schedule.name, 0.0, schedule.run))
        await self._runs.finish(schedule.name, self._now(), problem)
        if problem is None:
            logger.info("%s is done", schedule.name)


def _due(last: LastRun, time: datetime, now: datetime) -> tuple[datetime, int] | None:
    """Return (the time to run for, the number of the attempt); None when nothing is due."""
    if time > last.due_at:
        return time, 1
    if last.started_at is None:
        return None
    if last.finished_at is None:
        return last.due_at, last.attempts + 1
    if last.problem is not None and last.attempts < MOST_ATTEMPTS and now >= last.finished_at + RETRY_AFTER:
        return last.due_at, last.attempts + 1
    return None
