"""The container of Alertmanager, which reloads changed files; its volume keeps silences over restarts."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.monitoring.alertmanager import MAIN_FILE, PORT, TOKEN_FILE, arguments, configuration
from infra.selfhost.files import FOLDER
from infra.selfhost.hardening import NOBODY
from infra.selfhost.health import wget
from infra.selfhost.hosts import LOOPBACK
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService

DATA = "/alertmanager"


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """receiver: host:port of the alert receiver, seen from the engine. token: the one it expects.

    url: of its pages, if not on loopback of its host. watchdog_url: of a service outside that is called as long as
    alerting works.
    """

    placement: Placement
    app_image_id: pulumi.Input[str]
    receiver: str
    token: pulumi.Input[str]
    url: str | None
    watchdog_url: pulumi.Output[str] | None = None


class Alertmanager(SingleService):
    """Sends alerts to the receiver."""

    def __init__(self, name: str, args: AlertmanagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias="alertmanager",
                user=NOBODY,
                command=arguments(FOLDER, DATA, args.url or f"http://{LOOPBACK}:{args.placement.published}"),
                files={MAIN_FILE: _main_file(args), TOKEN_FILE: args.token},
                files_reloaded=True,
                health=wget(PORT, "/-/ready"),
            ),
            opts,
            port=PORT,
            operator=True,
            data={DATA: "data"},
            reload_image_id=args.app_image_id,
        )


def _main_file(args: AlertmanagerArgs) -> pulumi.Input[str]:
    if args.watchdog_url is None:
        return configuration(args.receiver)
    return args.watchdog_url.apply(lambda url: configuration(args.receiver, url))
