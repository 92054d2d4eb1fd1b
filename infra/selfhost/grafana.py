"""The container of Grafana, for stacks that want it: Prometheus as data source and our dashboard, both from files.

There is no Debian package of Grafana, so this is the only container that our tests never start. They check its
declaration like every other service's, the dashboard against Grafana's published types, and each query with a PromQL
parser. Settings are those of Grafana 12's image.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import yaml

from infra.monitoring.dashboard import DATASOURCE, UID, dashboard_json
from infra.monitoring.prometheus import INTERVAL_S
from infra.selfhost.files import FOLDER
from infra.selfhost.health import wget
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService

PORT = 3000
DATA = "/var/lib/grafana"
_PROVISIONING, _DASHBOARDS = "provisioning", "dashboards"  # folders; Grafana tells files apart by their folder
_ENVIRONMENT = {
    "GF_SECURITY_ADMIN_PASSWORD__FILE": f"{FOLDER}/admin_password",
    "GF_PATHS_PROVISIONING": f"{FOLDER}/{_PROVISIONING}",
    "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{FOLDER}/{_DASHBOARDS}/{UID}.json",
    # nothing is fetched from or reported to the outside
    "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
}


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """prometheus: host:port, seen from the engine. password: of the user admin."""

    placement: Placement
    prometheus: str
    password: pulumi.Input[str]


class Grafana(SingleService):
    """Has no data of its own: all it shows comes from files, and a changed password is in force after the restart."""

    def __init__(self, name: str, args: GrafanaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias="grafana",
                user="472:0",  # the image's own
                environment=_ENVIRONMENT,
                files={
                    "admin_password": args.password,
                    f"{_PROVISIONING}/datasources/prometheus.yml": datasources(args.prometheus),
                    f"{_PROVISIONING}/dashboards/files.yml": dashboards(),
                    f"{_DASHBOARDS}/{UID}.json": dashboard_json(),
                },
                scratch={"/tmp": 64, DATA: 128},  # noqa: S108 - tmpfs of the container
                health=wget(PORT, "/api/health"),
            ),
            opts,
            port=PORT,
            operator=True,
        )


def datasources(prometheus: str) -> str:
    """Return the provisioning file of the data source."""
    return _provisioning(
        datasources=[
            {
                "name": "Prometheus",
                **DATASOURCE,
                "access": "proxy",
                "url": f"http://{prometheus}",
                "isDefault": True,
                "editable": False,
                "jsonData": {"timeInterval": f"{INTERVAL_S}s", "httpMethod": "POST"},
            }
        ]
    )


def dashboards() -> str:
    """Return the provisioning file of the dashboards."""
    return _provisioning(
        providers=[
            {"name": UID, "type": "file", "allowUiUpdates": False, "options": {"path": f"{FOLDER}/{_DASHBOARDS}"}}
        ]
    )


def _provisioning(**sections: list[dict[str, object]]) -> str:
    return str(yaml.safe_dump({"apiVersion": 1, **sections}, sort_keys=False))
