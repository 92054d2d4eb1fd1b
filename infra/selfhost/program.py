"""The whole of a selfhost stack, top to bottom."""

from __future__ import annotations

import json

import pulumi
import pulumi_docker as docker
from pydantic import SecretStr

from infra.config import StackValues, checked
from infra.selfhost import alertmanager as alerting
from infra.selfhost import prometheus as measuring
from infra.selfhost import rules
from infra.selfhost.alertmanager import Alertmanager, AlertmanagerArgs
from infra.selfhost.app import App, AppArgs
from infra.selfhost.checks import check_alertmanager, check_prometheus
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.database import Database, DatabaseArgs
from infra.selfhost.exporters import NodeExporter, NodeExporterArgs, PostgresExporter, PostgresExporterArgs
from infra.selfhost.grafana import Grafana, GrafanaArgs
from infra.selfhost.hosts import LOOPBACK, Engine, Engines, Listener
from infra.selfhost.managed import MANAGED, app_settings
from infra.selfhost.prometheus import Prometheus, PrometheusArgs
from infra.selfhost.proxy import Proxy, ProxyArgs
from infra.selfhost.qdrant import Qdrant, QdrantArgs
from infra.selfhost.receiver import Receiver, ReceiverArgs

NAME = "memory"  # what every resource's name begins with


def run(values: StackValues) -> None:
    """Declare the stack. Raises ConfigError or RulesError before anything is touched."""
    stack = checked(values, SelfhostConfig, MANAGED)
    _check_files()
    options = stack.options
    engines = Engines(NAME, options.hosts)
    images = Images(engines, options)
    data, apps, monitoring, edge = (engines[role] for role in ("data", "app", "monitoring", "edge"))
    password, admin_password = _secret(options.postgres_password), _secret(options.postgres_admin_password)
    qdrant_key, alerts_token = _secret(options.qdrant_api_key), _secret(options.alerts_token)
    secrets = {name: _secret(value) for name, value in stack.secrets.items()}
    limits, ports, keep = options.limits, options.ports, options.keep_data

    database = Database(
        f"{NAME}-postgres",
        DatabaseArgs(
            engine=data,
            image_id=images["postgres", data],
            admin_password=admin_password,
            published=ports.postgres,
            users=(apps, monitoring),
            limit=limits.postgres,
            wal_archive=options.wal_archive,
            keep_data=keep,
        ),
    )
    qdrant = Qdrant(
        f"{NAME}-qdrant",
        QdrantArgs(
            engine=data,
            image_id=images["qdrant", data],
            nodes=options.qdrant.nodes,
            api_key=qdrant_key,
            published=ports.qdrant,
            users=(apps, monitoring),
            limit=limits.qdrant,
            keep_data=keep,
        ),
    )
    environment = app_settings(stack.environment, options.domain, options.qdrant.nodes)
    app = App(
        f"{NAME}-app",
        AppArgs(
            engine=apps,
            image_id=images["app", apps],
            replicas=options.replicas,
            limits=limits,
            environment=environment,
            secrets=secrets,
            database=database.listener.seen_from(apps),
            database_password=password,
            admin_password=admin_password,
            admin_token=_secret(options.admin_token),
            qdrant=qdrant.listener.seen_from(apps),
            qdrant_api_key=qdrant_key,
            published=ports.app,
            published_metrics=ports.metrics,
            edge=edge,
            monitoring=monitoring,
            keep_data=keep,
        ),
        pulumi.ResourceOptions(depends_on=[database.service, *qdrant.services]),
    )
    proxy = Proxy(
        f"{NAME}-proxy",
        ProxyArgs(
            engine=edge,
            image_id=images["caddy", edge],
            limit=limits.proxy,
            domain=options.domain,
            http=ports.http,
            https=ports.https,
            upstreams=[listener.seen_from(edge) for listener in app.listeners],
            monitoring=monitoring,
            keep_data=keep,
        ),
        pulumi.ResourceOptions(depends_on=[app]),
    )
    nodes = [
        NodeExporter(
            f"{engine.name}-node",
            NodeExporterArgs(
                engine=engine, image_id=images["node_exporter", engine], limit=limits.exporter, monitoring=monitoring
            ),
        )
        for engine in engines.all
    ]
    postgres_exporter = PostgresExporter(
        f"{NAME}-postgres-exporter",
        PostgresExporterArgs(
            engine=monitoring,
            image_id=images["postgres_exporter", monitoring],
            limit=limits.exporter,
            database=database.listener.seen_from(monitoring),
            password=password,
        ),
        pulumi.ResourceOptions(depends_on=[app]),  # which makes the role it logs in as
    )
    receiver = Receiver(
        f"{NAME}-alerts",
        ReceiverArgs(
            engine=monitoring,
            image_id=images["app", monitoring],
            limit=limits.alerts,
            published=ports.alerts,
            token=alerts_token,
            environment=environment,
            secrets=secrets,
            keep_data=keep,
        ),
    )
    alertmanager = Alertmanager(
        f"{NAME}-alertmanager",
        AlertmanagerArgs(
            engine=monitoring,
            image_id=images["alertmanager", monitoring],
            tasks_image_id=images["app", monitoring],
            limit=limits.alertmanager,
            published=ports.alertmanager,
            receiver=receiver.listener.seen_from(monitoring),
            token=alerts_token,
            keep_data=keep,
        ),
        pulumi.ResourceOptions(depends_on=[receiver]),
    )
    prometheus = Prometheus(
        f"{NAME}-prometheus",
        PrometheusArgs(
            engine=monitoring,
            image_id=images["prometheus", monitoring],
            tasks_image_id=images["app", monitoring],
            limit=limits.prometheus,
            published=ports.prometheus,
            targets=_targets(
                monitoring,
                {
                    rules.APP_JOB: app.metrics,
                    rules.WORKER_JOB: [app.worker_metrics],
                    rules.POSTGRES_JOB: [postgres_exporter.listener],
                    rules.QDRANT_JOB: qdrant.metrics,
                    rules.NODE_JOB: [node.listener for node in nodes],
                    rules.ALERTS_JOB: [receiver.listener],
                    rules.ALERTMANAGER_JOB: [alertmanager.listener],
                    rules.PROXY_JOB: [proxy.metrics],
                },
            ),
            alertmanager=alertmanager.listener.seen_from(monitoring),
            qdrant_api_key=qdrant_key,
            alerts_token=alerts_token,
            keep_data=keep,
        ),
        pulumi.ResourceOptions(depends_on=[alertmanager, app, *nodes]),
    )
    operated = {
        "prometheus": _local(prometheus.listener),
        "alertmanager": _local(alertmanager.listener),
        "alerts": f"{_local(receiver.listener)}/alerts",
    }
    if options.grafana_password is not None and options.grafana:
        grafana = Grafana(
            f"{NAME}-grafana",
            GrafanaArgs(
                engine=monitoring,
                image_id=images["grafana", monitoring],
                limit=limits.grafana,
                published=ports.grafana,
                prometheus=prometheus.listener.seen_from(monitoring),
                password=_secret(options.grafana_password),
            ),
            pulumi.ResourceOptions(depends_on=[prometheus]),
        )
        operated["grafana"] = _local(grafana.listener)
    _export(proxy, operated)


def _check_files() -> None:
    """Check what Prometheus and Alertmanager will read; only addresses are not known yet."""
    address = "host:1"
    jobs = {job: [address] for job in (rules.APP_JOB, *measuring.CREDENTIALS)}
    check_prometheus(measuring.configuration(jobs, address), rules.rules_file(), measuring.CREDENTIALS.values())
    check_alertmanager(alerting.configuration(address))


class Images:
    """Each image on each engine that uses it, taken once; `images[kind, engine]` is its id."""

    def __init__(self, engines: Engines, options: SelfhostConfig) -> None:
        self._engines, self._names = engines, options.images
        self._taken: dict[tuple[str, str], docker.RemoteImage] = {}

    def __getitem__(self, wanted: tuple[str, Engine]) -> pulumi.Output[str]:
        kind, engine = wanted
        if (kind, engine.name) not in self._taken:
            self._taken[kind, engine.name] = docker.RemoteImage(
                f"{engine.name}-{kind.replace('_', '-')}-image",
                name=getattr(self._names, kind),
                keep_locally=True,
                opts=pulumi.ResourceOptions(provider=engine.provider, parent=self._engines),
            )
        return self._taken[kind, engine.name].image_id


def _secret(value: SecretStr) -> pulumi.Output[str]:
    return pulumi.Output.secret(value.get_secret_value())


def _targets(monitoring: Engine, jobs: dict[str, list[Listener]]) -> dict[str, list[str]]:
    return {job: [listener.seen_from(monitoring) for listener in listeners] for job, listeners in jobs.items()}


def _local(listener: Listener) -> str:
    return f"http://{LOOPBACK}:{listener.published}"


def _export(proxy: Proxy, operated: dict[str, str]) -> None:
    mcp = f"{proxy.url}/mcp"
    pulumi.export("url", proxy.url)
    pulumi.export("mcp_url", mcp)
    pulumi.export(
        "client_configuration",
        json.dumps(
            {"mcpServers": {"memory": {"type": "http", "url": mcp, "headers": {"Authorization": "Bearer TOKEN"}}}},
            indent=2,
        ),
    )
    pulumi.export("operator_urls", operated)
    pulumi.export(
        "next_steps",
        [
            "docker exec $(docker ps -qf label=claude-memory.service=memory-app-worker) "
            "claude-memory token create --user NAME",
            f"claude mcp add --transport http memory {mcp} --header 'Authorization: Bearer TOKEN'",
        ],
    )
