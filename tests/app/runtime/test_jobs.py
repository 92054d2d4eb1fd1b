"""Jobs run when they are due, and one that fails stops no other."""

from __future__ import annotations

import asyncio

import pytest

from app import metrics
from app.errors import Conflict, StoreUnavailable
from app.measuring import METRICS
from app.runtime.jobs import Job, Jobs, run_job
from tests.support.waiting import until


def counting(name: str, every_s: float, runs: list[str]) -> Job:
    async def run() -> None:
        runs.append(name)

    return Job(name, every_s, run)


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), Conflict("taken"), ZeroDivisionError()])
async def test_a_failure_is_counted_and_ends_nothing(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise error

    caplog.set_level("INFO")
    name = f"fails with {type(error).__name__}"
    assert await run_job(Job(name, 1, fail)) is not None

    assert METRICS.by_label(metrics.JOB_FAILURES)[name,] == 1
    assert (name,) in METRICS.by_label(metrics.JOB_LAST_RUN)
    assert (name,) not in METRICS.by_label(metrics.JOB_LAST_SUCCESS)
    assert name in caplog.text


async def test_a_success_is_noted() -> None:
    assert await run_job(counting("succeeds", 1, [])) is None

    assert METRICS.by_label(metrics.JOB_LAST_SUCCESS)["succeeds",] > 0


async def test_what_is_not_due_waits_and_what_is_hurried_does_not() -> None:
    runs: list[str] = []
    jobs = Jobs([counting("rare", 3_600, runs), counting("other", 3_600, runs)])
    running = asyncio.create_task(jobs.run())
    await until(lambda: runs == ["rare", "other"], "both run at first")

    jobs.hurry("other")
    await until(lambda: len(runs) == 3, "the hurried one runs")
    assert runs[2:] == ["other"]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
