"""Alertmanager as a private service: its configuration in secret files, silences on a disk."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.monitoring.alertmanager import MAIN_FILE, PORT, TOKEN_FILE, arguments, configuration
from infra.render import resources as render
from infra.render.app_settings import write_only
from infra.render.deployed.names import Role
from infra.render.services import SECRET_FILES, Place, disk_args, image_args

_PROGRAM = "/bin/alertmanager"
_DISK, _DISK_GB = "/alertmanager", 1
DATA = f"{_DISK}/data"  # a folder of its own: a disk has one called lost+found


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """receiver: host:port of the alert receiver. token: the one it expects."""

    place: Place
    plan: str
    image: str
    receiver: pulumi.Input[str]
    token: pulumi.Input[str]


class Alertmanager(pulumi.ComponentResource):
    """Sends alerts to the receiver; `address` is host:port in Render's private network."""

    def __init__(self, name: str, args: AlertmanagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Alertmanager", name, None, opts)
        self.service = render.PrivateService(
            name,
            pulumi.ResourceOptions(parent=self),
            **args.place.args(Role.ALERTMANAGER, args.plan),
            **image_args(args.image),
            **disk_args(_DISK, _DISK_GB),
            docker_command=" ".join([_PROGRAM, *arguments(SECRET_FILES, DATA)]),
            env_vars={"PORT": str(PORT)},
            secret_files={
                MAIN_FILE: pulumi.Output.from_input(args.receiver).apply(configuration),
                TOKEN_FILE: write_only(args.token),
            },
        )
        self.address = pulumi.Output.concat(self.service.slug, f":{PORT}")
        self.register_outputs({"service": self.service.id})
