"""Work at certain times, by cron expressions: once each, whoever leads, and once for all that was missed.

A run is noted before it begins and when it ends. A leader that finds one without an end does it again, for nobody
else can be at it; one that failed is tried again a little later. After MOST_ATTEMPTS the next time is waited for.
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
_LOOK_S = 15.0  # cron knows minutes


@dataclass(frozen=True, slots=True)
class Schedule:
    """expression: of cron, such as `15 3 * * *`. run: safe to be cut short and to run again."""

    name: str
    expression: str
    run: Callable[[], Awaitable[object]]


def last_time(expression: str, now: datetime) -> datetime:
    """Return the latest moment of a cron expression that is not after `now`, in now's time zone."""
    next_minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return next(CronSim(expression, next_minute, reverse=True))  # which leaves out the moment it starts from


class Schedules:
    """Runs schedules as their times come; for the leader alone."""

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
        """Run what falls due, for ever."""
        while True:
            try:
                await self.run_due()
            except StoreUnavailable as error:
                logger.info("schedules wait: %s", error)
            await asyncio.sleep(_LOOK_S)

    async def run_due(self) -> None:
        """Run each schedule that is due, once. Raises StoreUnavailable."""
        for schedule in self._schedules:
            now = self._now().astimezone(self._zone)
            last = await self._runs.last(schedule.name, now)
            found = _due(last, last_time(schedule.expression, now), now)
            if found is not None:
                await self._run(schedule, *found)

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
    """Return (which moment to run, which attempt that is); None when there is nothing to do."""
    if time > last.due_at:
        return time, 1
    if last.started_at is None:
        return None
    if last.finished_at is None:
        return last.due_at, last.attempts + 1
    if last.problem is not None and last.attempts < MOST_ATTEMPTS and now >= last.finished_at + RETRY_AFTER:
        return last.due_at, last.attempts + 1
    return None
