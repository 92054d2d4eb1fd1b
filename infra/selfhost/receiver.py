"""The alert receiver: takes Alertmanager's webhook, keeps every alert, and notifies people."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.selfhost.app import USER
from infra.selfhost.app_settings import AppSettings, receiver_settings
from infra.selfhost.health import app_check
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService

PORT = 8081
DATA = "/var/lib/claude-memory"


@dataclass(frozen=True, kw_only=True)
class ReceiverArgs:
    """settings: the stack's, those of the receiver among them. token: what Alertmanager and Prometheus present."""

    placement: Placement
    settings: AppSettings
    token: pulumi.Input[str]


class Receiver(SingleService):
    """`claude-memory alerts`, with its log and queue on a volume."""

    def __init__(self, name: str, args: ReceiverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = receiver_settings(args.settings).extended(
            {
                "ALERTS_HOST": "0.0.0.0",  # noqa: S104 - the container's private network
                "ALERTS_PORT": str(PORT),
                "MEMORY_DATA_DIR": DATA,
            },
            {"ALERTS_TOKEN": args.token},
        )
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias="alerts",
                user=USER,
                command=["alerts"],
                environment=settings.environment,
                files=settings.files,
                health=app_check(PORT, "/health"),
            ),
            opts,
            port=PORT,
            operator=True,
            data={DATA: "data"},
        )
