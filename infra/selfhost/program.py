"""The whole of a selfhost stack: what is refused before anything is touched, then its parts, top to bottom."""

from __future__ import annotations

import pulumi
from pydantic import SecretStr

from infra.config import StackConfig, StackValues, checked
from infra.errors import ConfigError
from infra.selfhost import alertmanager as alerting
from infra.selfhost import outputs, rules
from infra.selfhost import prometheus as measuring
from infra.selfhost.alertmanager import Alertmanager, AlertmanagerArgs
from infra.selfhost.app import App, AppArgs
from infra.selfhost.checks import check_alertmanager, check_prometheus
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.database import Database, DatabaseArgs
from infra.selfhost.exporters import NodeExporter, NodeExporterArgs, PostgresExporter, PostgresExporterArgs
from infra.selfhost.grafana import Grafana, GrafanaArgs
from infra.selfhost.hosts import Engine, Engines, Listener
from infra.selfhost.images import Images
from infra.selfhost.managed import MANAGED, app_settings
from infra.selfhost.preflight import check_engines
from infra.selfhost.prometheus import Prometheus, PrometheusArgs
from infra.selfhost.proxy import Proxy, ProxyArgs
from infra.selfhost.qdrant import Qdrant, QdrantArgs
from infra.selfhost.receiver import Receiver, ReceiverArgs

NAME = "memory"  # what every resource's name begins with


def run(values: StackValues) -> None:
    """Bring the stack up. Raises ConfigError, RulesError or EnginesError before anything is touched."""
    stack = check(values)
    check_engines(stack.options.hosts)
    declare(stack)


def check(values: StackValues) -> StackConfig[SelfhostConfig]:
    """Return the checked configuration. Raises ConfigError or RulesError, of what Prometheus or Alertmanager reads."""
    stack = checked(values, SelfhostConfig, MANAGED, container_settings)
    if int(stack.environment.get("QDRANT_SHARD_KEYS", "0")) and stack.options.qdrant.nodes == 1:
        raise ConfigError(
            values.stack, ["QDRANT_SHARD_KEYS: needs a cluster; give it three nodes (qdrant: {nodes: 3}), or unset it"]
        )
    address = "host:1"  # the true ones are not known yet
    jobs = {job: [address] for job in (rules.APP_JOB, *measuring.CREDENTIALS)}
    check_prometheus(measuring.configuration(jobs, address), rules.rules_file(), measuring.CREDENTIALS.values())
    check_alertmanager(alerting.configuration(address))
    return stack


def declare(stack: StackConfig[SelfhostConfig]) -> None:
    """Declare every resource."""
    parts = Parts(stack)
    database, qdrant = parts.database(), parts.qdrant()
    app = parts.app(database, qdrant)
    proxy = parts.proxy(app)
    nodes = [parts.node_exporter(engine) for engine in parts.engines.all]
    postgres_exporter = parts.postgres_exporter(database, app)
    receiver = parts.receiver()
    alertmanager = parts.alertmanager(receiver)
    targets = {
        rules.APP_JOB: app.metrics,
        rules.WORKER_JOB: [app.worker_metrics],
        rules.POSTGRES_JOB: [postgres_exporter.listener],
        rules.QDRANT_JOB: qdrant.metrics,
        rules.NODE_JOB: [node.listener for node in nodes],
        rules.ALERTS_JOB: [receiver.listener],
        rules.ALERTMANAGER_JOB: [alertmanager.listener],
        rules.PROXY_JOB: [proxy.metrics],
    }
    prometheus = parts.prometheus(targets, alertmanager, [app, *nodes])
    operated = {
        "prometheus": prometheus.listener.local_url,
        "alertmanager": alertmanager.listener.local_url,
        "alerts": f"{receiver.listener.local_url}/alerts",
    }
    if stack.options.grafana_password is not None and stack.options.grafana:
        operated["grafana"] = parts.grafana(prometheus, stack.options.grafana_password).listener.local_url
    outputs.export(proxy.url, app.worker_name, stack.options.hosts.app.docker, operated)


class Parts:
    """Declares each part from the stack's configuration and from the parts it needs."""

    def __init__(self, stack: StackConfig[SelfhostConfig]) -> None:
        self._options = options = stack.options
        self.engines = Engines(NAME, options.hosts)
        self._data, self._apps, self._monitoring, self._edge = (
            self.engines[role] for role in ("data", "app", "monitoring", "edge")
        )
        self._images = Images(self.engines, options.images)
        self._environment = app_settings(stack.environment, options)
        self._secrets = {name: _secret(value) for name, value in stack.secrets.items()}

    def database(self) -> Database:
        """Declare PostgreSQL."""
        options = self._options
        return Database(
            f"{NAME}-postgres",
            DatabaseArgs(
                engine=self._data,
                image_id=self._images["postgres", self._data],
                admin_password=_secret(options.postgres_admin_password),
                published=options.ports.postgres,
                users=(self._apps, self._monitoring),
                limit=options.limits.postgres,
                wal_archive=options.wal_archive,
                keep_data=options.keep_data,
            ),
        )

    def qdrant(self) -> Qdrant:
        """Declare the search index."""
        options = self._options
        return Qdrant(
            f"{NAME}-qdrant",
            QdrantArgs(
                engine=self._data,
                image_id=self._images["qdrant", self._data],
                nodes=options.qdrant.nodes,
                api_key=_secret(options.qdrant_api_key),
                published=options.ports.qdrant,
                users=(self._apps, self._monitoring),
                limit=options.limits.qdrant,
                keep_data=options.keep_data,
            ),
        )

    def app(self, database: Database, qdrant: Qdrant) -> App:
        """Declare the app: its replicas and its worker, after what they keep everything in."""
        options = self._options
        return App(
            f"{NAME}-app",
            AppArgs(
                engine=self._apps,
                image_id=self._images["app", self._apps],
                replicas=options.replicas,
                limits=options.limits,
                environment=self._environment,
                secrets=self._secrets,
                database=database.listener.seen_from(self._apps),
                database_password=_secret(options.postgres_password),
                admin_password=_secret(options.postgres_admin_password),
                admin_token=_secret(options.admin_token),
                qdrant=qdrant.listener.seen_from(self._apps),
                qdrant_api_key=_secret(options.qdrant_api_key),
                published=options.ports.app,
                published_metrics=options.ports.metrics,
                edge=self._edge,
                monitoring=self._monitoring,
                keep_data=options.keep_data,
            ),
            pulumi.ResourceOptions(depends_on=[database.service, *qdrant.services]),
        )

    def proxy(self, app: App) -> Proxy:
        """Declare the only door, once there are replicas behind it."""
        options = self._options
        return Proxy(
            f"{NAME}-proxy",
            ProxyArgs(
                engine=self._edge,
                image_id=self._images["caddy", self._edge],
                limit=options.limits.proxy,
                domain=options.domain,
                public_url=options.public_url,
                http=options.ports.http,
                https=options.ports.https,
                metrics=options.ports.proxy_metrics,
                upstreams=[listener.seen_from(self._edge) for listener in app.listeners],
                monitoring=self._monitoring,
                keep_data=options.keep_data,
            ),
            pulumi.ResourceOptions(depends_on=[app]),
        )

    def node_exporter(self, engine: Engine) -> NodeExporter:
        """Declare what measures one host."""
        return NodeExporter(
            f"{engine.name}-node",
            NodeExporterArgs(
                engine=engine,
                image_id=self._images["node_exporter", engine],
                limit=self._options.limits.exporter,
                published=self._options.ports.node_exporter,
                monitoring=self._monitoring,
            ),
        )

    def postgres_exporter(self, database: Database, app: App) -> PostgresExporter:
        """Declare what measures PostgreSQL, once the app has made the role it logs in as."""
        return PostgresExporter(
            f"{NAME}-postgres-exporter",
            PostgresExporterArgs(
                engine=self._monitoring,
                image_id=self._images["postgres_exporter", self._monitoring],
                limit=self._options.limits.exporter,
                database=database.listener.seen_from(self._monitoring),
                password=_secret(self._options.postgres_password),
            ),
            pulumi.ResourceOptions(depends_on=[app]),
        )

    def receiver(self) -> Receiver:
        """Declare the alert receiver."""
        options = self._options
        return Receiver(
            f"{NAME}-alerts",
            ReceiverArgs(
                engine=self._monitoring,
                image_id=self._images["app", self._monitoring],
                limit=options.limits.alerts,
                published=options.ports.alerts,
                token=_secret(options.alerts_token),
                environment=self._environment,
                secrets=self._secrets,
                keep_data=options.keep_data,
            ),
        )

    def alertmanager(self, receiver: Receiver) -> Alertmanager:
        """Declare Alertmanager, once somebody takes its alerts."""
        options = self._options
        return Alertmanager(
            f"{NAME}-alertmanager",
            AlertmanagerArgs(
                engine=self._monitoring,
                image_id=self._images["alertmanager", self._monitoring],
                tasks_image_id=self._images["app", self._monitoring],
                limit=options.limits.alertmanager,
                published=options.ports.alertmanager,
                receiver=receiver.listener.seen_from(self._monitoring),
                token=_secret(options.alerts_token),
                keep_data=options.keep_data,
            ),
            pulumi.ResourceOptions(depends_on=[receiver]),
        )

    def prometheus(
        self, targets: dict[str, list[Listener]], alertmanager: Alertmanager, after: list[pulumi.Resource]
    ) -> Prometheus:
        """Declare Prometheus, once there is what it asks: nothing is told as down that is only not up yet."""
        options, here = self._options, self._monitoring
        return Prometheus(
            f"{NAME}-prometheus",
            PrometheusArgs(
                engine=here,
                image_id=self._images["prometheus", here],
                tasks_image_id=self._images["app", here],
                limit=options.limits.prometheus,
                published=options.ports.prometheus,
                targets={job: [listener.seen_from(here) for listener in asked] for job, asked in targets.items()},
                alertmanager=alertmanager.listener.seen_from(here),
                qdrant_api_key=_secret(options.qdrant_api_key),
                alerts_token=_secret(options.alerts_token),
                keep_data=options.keep_data,
            ),
            pulumi.ResourceOptions(depends_on=[alertmanager, *after]),
        )

    def grafana(self, prometheus: Prometheus, password: SecretStr) -> Grafana:
        """Declare the dashboard."""
        return Grafana(
            f"{NAME}-grafana",
            GrafanaArgs(
                engine=self._monitoring,
                image_id=self._images["grafana", self._monitoring],
                limit=self._options.limits.grafana,
                published=self._options.ports.grafana,
                prometheus=prometheus.listener.seen_from(self._monitoring),
                password=_secret(password),
            ),
            pulumi.ResourceOptions(depends_on=[prometheus]),
        )


def _secret(value: SecretStr) -> pulumi.Output[str]:
    return pulumi.Output.secret(value.get_secret_value())
