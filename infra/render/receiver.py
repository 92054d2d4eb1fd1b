"""The alert receiver: takes Alertmanager's webhook, keeps every alert on a disk, and notifies people."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.render import resources as render
from infra.render.app_settings import ALERTS_DATA, ALERTS_PORT, AppSettings
from infra.render.deployed.names import Role
from infra.render.services import AppCode, Place, command, disk_args

_DISK_GB = 1  # its log is rotated at a few times 10 MB


@dataclass(frozen=True, kw_only=True)
class ReceiverArgs:
    """settings: the receiver's, its token among them."""

    place: Place
    code: AppCode
    plan: str
    settings: AppSettings


class Receiver(pulumi.ComponentResource):
    """`claude-memory alerts`; `address` is host:port in Render's private network."""

    def __init__(self, name: str, args: ReceiverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Receiver", name, None, opts)
        self.service = render.PrivateService(
            name,
            pulumi.ResourceOptions(parent=self),
            **args.place.args(Role.ALERTS, args.plan),
            **args.code.args(),
            **disk_args(ALERTS_DATA, _DISK_GB),
            docker_command=command("alerts"),
            env_vars=args.settings.variables,
        )
        self.address = pulumi.Output.concat(self.service.slug, f":{ALERTS_PORT}")
        self.register_outputs({"service": self.service.id})
