"""Cron jobs: maintenance of the database, and backups to a bucket."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.render import resources as render
from infra.render.app_settings import AppSettings
from infra.render.deployed.names import Role
from infra.render.services import AppCode, Place, command


@dataclass(frozen=True, kw_only=True)
class Job:
    """command: of the app. schedule: a cron expression, in UTC; None: never."""

    command: str
    schedule: str | None
    settings: AppSettings


@dataclass(frozen=True, kw_only=True)
class CronJobsArgs:
    """maintenance, backup: what runs when."""

    place: Place
    code: AppCode
    plan: str
    maintenance: Job
    backup: Job


class CronJobs(pulumi.ComponentResource):
    """`services` has a service for each schedule. Render never runs one twice at the same time."""

    def __init__(self, name: str, args: CronJobsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:CronJobs", name, None, opts)
        jobs = {Role.MAINTENANCE: args.maintenance, Role.BACKUP: args.backup}
        self.services = {
            role: self._service(f"{name}-{role}", role, job, job.schedule, args)
            for role, job in jobs.items()
            if job.schedule is not None
        }
        self.register_outputs({"services": [service.id for service in self.services.values()]})

    def _service(self, name: str, role: Role, job: Job, schedule: str, args: CronJobsArgs) -> render.CronJob:
        return render.CronJob(
            name,
            pulumi.ResourceOptions(parent=self),
            **args.place.args(role, args.plan),
            **args.code.args(),
            docker_command=command(job.command),
            schedule=schedule,
            env_vars=job.settings.variables,
        )
