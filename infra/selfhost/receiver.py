"""The alert receiver: takes Alertmanager's webhook, keeps every alert, and tells people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.selfhost.app import USER
from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.service import Health, Service, ServiceArgs
from infra.selfhost.volumes import data_volume

PORT = 8081
DATA = "/var/lib/claude-memory"


@dataclass(frozen=True, kw_only=True)
class ReceiverArgs:
    """environment, secrets: settings of the app, by name; those of the receiver are among them."""

    engine: Engine
    image_id: pulumi.Input[str]
    limit: Limit
    published: int
    token: pulumi.Input[str]
    environment: Mapping[str, str]
    secrets: Mapping[str, pulumi.Input[str]]
    keep_data: bool


class Receiver(pulumi.ComponentResource):
    """`claude-memory alerts` with its log and queue on a volume."""

    def __init__(self, name: str, args: ReceiverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Receiver", name, None, opts)
        self.listener = Listener(engine=args.engine, alias="alerts", internal=PORT, published=args.published)
        data = data_volume(f"{name}-data", args.engine, args.keep_data, self)
        files = {**args.secrets, "ALERTS_TOKEN": args.token}
        self.service = Service(
            name,
            ServiceArgs(
                engine=args.engine,
                image_id=args.image_id,
                alias=self.listener.alias,
                limit=args.limit,
                user=USER,
                command=["alerts"],
                environment={
                    **args.environment,
                    "ALERTS_HOST": "0.0.0.0",  # noqa: S104 - in the private network
                    "ALERTS_PORT": str(PORT),
                    "MEMORY_DATA_DIR": DATA,
                    **{f"{name}_FILE": f"{FOLDER}/{name}" for name in files},
                },
                files=files,
                volumes={DATA: data},
                ports=self.listener.binds(operator=True),
                health=Health(command=["python3", "-m", "app.process.healthcheck", f"http://127.0.0.1:{PORT}/health"]),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"container": self.service.container.id})
