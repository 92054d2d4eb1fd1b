"""The background worker: housekeeping, the index on a Qdrant server, and schedules where no cron job has them."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.render import resources as render
from infra.render.app_settings import AppSettings
from infra.render.deployed.names import Role
from infra.render.services import AppCode, Place, SharedSettings, command


@dataclass(frozen=True, kw_only=True)
class WorkerArgs:
    """settings: the worker's own, beside the shared ones."""

    place: Place
    code: AppCode
    plan: str
    shared: SharedSettings
    settings: AppSettings


class Worker(pulumi.ComponentResource):
    """One instance; nothing reaches it."""

    def __init__(self, name: str, args: WorkerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Worker", name, None, opts)
        self.service = render.BackgroundWorker(
            name,
            pulumi.ResourceOptions(parent=self),
            **args.place.args(Role.WORKER, args.plan),
            **args.code.args(),
            **args.shared.args(),
            docker_command=command("worker"),
            env_vars=args.settings.variables,
        )
        self.register_outputs({"service": self.service.id})
