"""Alertmanager: critical alerts at once, warnings together, none of a warning under its critical; the receiver."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.monitoring.alertmanager import MAIN_FILE, PORT, TOKEN_FILE, arguments, configuration
from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.reload import Reload, ReloadArgs
from infra.selfhost.service import Health, Service, ServiceArgs
from infra.selfhost.volumes import data_volume

DATA = "/alertmanager"


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """receiver: host:port of our alert receiver, as seen from the engine; token: what it asks for."""

    engine: Engine
    image_id: pulumi.Input[str]
    tasks_image_id: pulumi.Input[str]
    limit: Limit
    published: int
    receiver: str
    token: pulumi.Input[str]
    keep_data: bool


class Alertmanager(pulumi.ComponentResource):
    """The server; its volume keeps silences over restarts."""

    def __init__(self, name: str, args: AlertmanagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Alertmanager", name, None, opts)
        self.listener = Listener(engine=args.engine, alias="alertmanager", internal=PORT, published=args.published)
        data = data_volume(f"{name}-data", args.engine, args.keep_data, self)
        self.service = Service(
            name,
            ServiceArgs(
                engine=args.engine,
                image_id=args.image_id,
                alias=self.listener.alias,
                limit=args.limit,
                user="65534:65534",  # the image's own, nobody
                command=arguments(FOLDER, DATA),
                files={MAIN_FILE: configuration(args.receiver), TOKEN_FILE: args.token},
                files_reloaded=True,
                volumes={DATA: data},
                ports=self.listener.binds(operator=True),
                health=Health(command=["amtool", "cluster", "show", f"--alertmanager.url=http://127.0.0.1:{PORT}"]),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        Reload(
            f"{name}-reload",
            ReloadArgs(
                service=self.service,
                engine=args.engine,
                image_id=args.tasks_image_id,
                url=f"http://{self.listener.alias}:{PORT}/-/reload",
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"container": self.service.container.id})
