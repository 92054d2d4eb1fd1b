"""Alertmanager: critical alerts at once, warnings together, none of a warning under its critical; the receiver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import yaml

from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.reload import Reload, ReloadArgs
from infra.selfhost.rules import Severity
from infra.selfhost.service import Health, Service, ServiceArgs
from infra.selfhost.volumes import data_volume

PORT = 9093
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
                command=[
                    f"--config.file={FOLDER}/alertmanager.yml",
                    f"--storage.path={DATA}",
                    f"--web.listen-address=0.0.0.0:{PORT}",
                    "--cluster.listen-address=",
                ],
                files={"alertmanager.yml": configuration(args.receiver), "token": args.token},
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


def configuration(receiver: str) -> str:
    """Return alertmanager.yml."""
    told: dict[str, Any] = {
        "url": f"http://{receiver}/webhook",
        "send_resolved": True,
        "http_config": {"authorization": {"credentials_file": f"{FOLDER}/token"}},
    }
    return str(
        yaml.safe_dump(
            {
                "route": {
                    "receiver": "people",
                    "group_by": ["alertname"],
                    "group_wait": "30s",
                    "group_interval": "5m",
                    "repeat_interval": "12h",
                    "routes": [
                        {
                            "matchers": [f'severity="{Severity.CRITICAL}"'],
                            "receiver": "people",
                            "group_by": ["alertname", "instance"],
                            "group_wait": "0s",
                            "group_interval": "10s",
                            "repeat_interval": "1h",
                        },
                        {
                            "matchers": [f'severity="{Severity.NONE}"'],
                            "receiver": "people",
                            "group_wait": "0s",
                            "group_interval": "1m",
                            "repeat_interval": "5m",
                        },
                    ],
                },
                "inhibit_rules": [
                    {
                        "source_matchers": [f'severity="{Severity.CRITICAL}"'],
                        "target_matchers": [f'severity="{Severity.WARNING}"'],
                        "equal": ["topic", "instance", "mountpoint"],
                    }
                ],
                "receivers": [{"name": "people", "webhook_configs": [told]}],
            },
            sort_keys=False,
        )
    )
