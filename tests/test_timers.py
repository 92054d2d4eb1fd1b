"""Timers in the infrastructure call jobs that the app has."""

from __future__ import annotations

from app.worker.events import JOBS
from infra.aliyun.rules import SCHEDULES


def test_every_timer_names_a_job_and_every_job_has_a_timer() -> None:
    assert set(SCHEDULES.values()) == set(JOBS)
