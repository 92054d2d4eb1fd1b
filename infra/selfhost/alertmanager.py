"""The container of Alertmanager, which reloads changed files; its volume keeps silences over restarts."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.monitoring.alertmanager import MAIN_FILE, PORT, TOKEN_FILE, arguments, configuration
from infra.selfhost.files import FOLDER
from infra.selfhost.hardening import NOBODY
from infra.selfhost.health import Health
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService

DATA = "/alertmanager"


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """receiver: host:port of the alert receiver, seen from the engine. token: the one it expects."""

    placement: Placement
    app_image_id: pulumi.Input[str]
    receiver: str
    token: pulumi.Input[str]


class Alertmanager(SingleService):
    """Sends alerts to the receiver."""

    def __init__(self, name: str, args: AlertmanagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias="alertmanager",
                user=NOBODY,
                command=arguments(FOLDER, DATA),
                files={MAIN_FILE: configuration(args.receiver), TOKEN_FILE: args.token},
                files_reloaded=True,
                health=Health(command=["amtool", "cluster", "show", f"--alertmanager.url=http://127.0.0.1:{PORT}"]),
            ),
            opts,
            port=PORT,
            operator=True,
            data={DATA: "data"},
            reload_image_id=args.app_image_id,
        )
