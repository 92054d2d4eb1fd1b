"""Cron jobs for maintenance and backups."""

from __future__ import annotations

from infra.plan import Plan
from infra.render.app_settings import AppSettings
from infra.render.cron import CronJobs, CronJobsArgs, Job
from infra.render.services import PROGRAM
from tests.support.render_plan import CODE, PLACE, built, of_kind


def plan(maintenance: str | None = "30 4 1 * *", backup: str | None = "0 2 * * *") -> Plan:
    args = CronJobsArgs(
        place=PLACE,
        code=CODE,
        plan="starter",
        maintenance=Job(command="maintain", schedule=maintenance, settings=AppSettings(plain={"LOG_LEVEL": "INFO"})),
        backup=Job(command="backup", schedule=backup, settings=AppSettings(plain={"BACKUP_TO": "s3://bucket"})),
    )
    return built(lambda: CronJobs("cron", args))


def test_each_job_runs_its_command_at_its_time_with_its_own_settings() -> None:
    jobs = {job.inputs["name"]: job.inputs for job in of_kind(plan(), "CronJob").values()}

    assert {name: (job["schedule"], job["dockerCommand"]) for name, job in jobs.items()} == {
        "claude-memory-maintenance": ("30 4 1 * *", f"{PROGRAM} maintain"),
        "claude-memory-backup": ("0 2 * * *", f"{PROGRAM} backup"),
    }
    assert jobs["claude-memory-backup"]["envVars"] == {"BACKUP_TO": "s3://bucket"}


def test_a_job_is_linked_to_no_group() -> None:
    assert not [job for job in of_kind(plan(), "CronJob").values() if "envGroupIds" in job.inputs]


def test_a_schedule_that_is_off_makes_no_job() -> None:
    assert list(of_kind(plan(backup=None), "CronJob")) == ["cron-maintenance"]
    assert of_kind(plan(None, None), "CronJob") == {}
