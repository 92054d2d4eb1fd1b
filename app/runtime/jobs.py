"""Runs recurring jobs one after another, and records when each ran and how it went."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app import metrics
from app.errors import MemoryServerError, Unavailable
from app.logs import unexpected
from app.measuring import METRICS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """`run` does what is due now and returns; it is safe to repeat and to interrupt."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]


async def run_job(job: Job) -> str | None:
    """Run a job once and record the result; return why it failed, None when it succeeded."""
    METRICS.set(metrics.JOB_LAST_RUN, time.time(), (job.name,))
    try:
        await job.run()
    except Unavailable as error:
        problem = str(error)
        logger.info("%s: %s", job.name, problem)  # the watch of that component has already warned, once
    except MemoryServerError as error:
        problem = str(error)
        logger.warning("%s failed: %s", job.name, problem)
    except Exception as error:  # a bug in one job must not stop the others
        problem = unexpected(error)
        logger.exception("%s failed", job.name)
    else:
        METRICS.set(metrics.JOB_LAST_SUCCESS, time.time(), (job.name,))
        return None
    METRICS.count(metrics.JOB_FAILURES, labels=(job.name,))
    return problem


class Jobs:
    """Runs jobs in order, each every `every_s` seconds."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._due = {job.name: 0.0 for job in jobs}
        self._hurried = asyncio.Event()

    def hurry(self, name: str) -> None:
        """Make a job due now."""
        self._due[name] = 0.0
        self._hurried.set()

    async def run(self) -> None:
        """Run jobs when they are due, for ever."""
        while True:
            self._hurried.clear()
            await self.run_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(self._due.values()) - time.monotonic())):
                    await self._hurried.wait()

    async def run_due(self) -> None:
        """Run each job that is due, once."""
        for job in self._jobs:
            if time.monotonic() >= self._due[job.name]:
                self._due[job.name] = time.monotonic() + job.every_s
                await run_job(job)
