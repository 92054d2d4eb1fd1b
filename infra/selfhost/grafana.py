"""Grafana, for stacks that ask for it: Prometheus as data source and our dashboard, both from files.

There is no Debian package of it, so its container is the one that never ran in our tests. What stands in: the plan is
checked like every other service's, the dashboard against Grafana's published types and each query by a PromQL parser,
and files in folders were put into a volume by a real engine. Settings are those of Grafana 12's image.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import yaml

from infra.monitoring.dashboard import DATASOURCE, UID, dashboard_json
from infra.monitoring.prometheus import INTERVAL_S
from infra.selfhost.config import Limit
from infra.selfhost.exporters import http_health
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.service import Health, Service, ServiceArgs

PORT = 3000
DATA = "/var/lib/grafana"
_PROVISIONING, _DASHBOARDS = "provisioning", "dashboards"  # folders; Grafana finds files by the folder they are in
_ENVIRONMENT = {
    "GF_SECURITY_ADMIN_PASSWORD__FILE": f"{FOLDER}/admin_password",
    "GF_PATHS_PROVISIONING": f"{FOLDER}/{_PROVISIONING}",
    "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{FOLDER}/{_DASHBOARDS}/{UID}.json",
    # nothing is fetched from, or told to, anybody outside
    "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
}


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """prometheus: host:port as seen from the engine. password: of the user admin."""

    engine: Engine
    image_id: pulumi.Input[str]
    limit: Limit
    published: int
    prometheus: str
    password: pulumi.Input[str]


class Grafana(pulumi.ComponentResource):
    """The server. It keeps nothing: all it shows is in files, and a changed password holds from the next start."""

    def __init__(self, name: str, args: GrafanaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Grafana", name, None, opts)
        self.listener = Listener(engine=args.engine, alias="grafana", internal=PORT, published=args.published)
        self.service = Service(
            name,
            ServiceArgs(
                engine=args.engine,
                image_id=args.image_id,
                alias=self.listener.alias,
                limit=args.limit,
                user="472:0",  # the image's own
                environment=_ENVIRONMENT,
                files={
                    "admin_password": args.password,
                    f"{_PROVISIONING}/datasources/prometheus.yml": datasources(args.prometheus),
                    f"{_PROVISIONING}/dashboards/files.yml": dashboards(),
                    f"{_DASHBOARDS}/{UID}.json": dashboard_json(),
                },
                scratch={"/tmp": 64, DATA: 128},  # noqa: S108 - tmpfs of the container
                ports=self.listener.binds(operator=True),
                health=Health(command=http_health(PORT, "/api/health")),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"container": self.service.container.id})


def datasources(prometheus: str) -> str:
    """Return the provisioning of the data source."""
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
    """Return the provisioning of dashboards."""
    return _provisioning(
        providers=[
            {"name": UID, "type": "file", "allowUiUpdates": False, "options": {"path": f"{FOLDER}/{_DASHBOARDS}"}}
        ]
    )


def _provisioning(**what: list[dict[str, object]]) -> str:
    return str(yaml.safe_dump({"apiVersion": 1, **what}, sort_keys=False))
