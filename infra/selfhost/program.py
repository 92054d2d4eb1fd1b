"""A whole selfhost stack: first everything that can be refused before a resource is touched, then its components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import pulumi
from pydantic import SecretStr

from infra.config import StackConfig, StackValues, checked
from infra.monitoring import jobs
from infra.monitoring.checks import check_monitoring
from infra.monitoring.jobs import ScrapeJob
from infra.monitoring.rule import RUNBOOK
from infra.selfhost import image_lock, outputs
from infra.selfhost.alertmanager import Alertmanager, AlertmanagerArgs
from infra.selfhost.app import App, AppArgs, AppHost
from infra.selfhost.app_settings import given_settings, init_settings, optional_secret, secret, server_settings
from infra.selfhost.certificate_checks import certificate_problems
from infra.selfhost.config import Limit, Role, SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.database import ADMIN, Database, DatabaseArgs, default_limit
from infra.selfhost.database import ALIAS as POSTGRES
from infra.selfhost.database import PORT as POSTGRES_SERVER_PORT
from infra.selfhost.exporters import (
    POSTGRES_PORT,
    NodeExporter,
    NodeExporterArgs,
    PostgresExporter,
    PostgresExporterArgs,
)
from infra.selfhost.grafana import Grafana, GrafanaArgs
from infra.selfhost.healing import heal
from infra.selfhost.hosts import Engine, Engines, Listener
from infra.selfhost.images import Images
from infra.selfhost.log_archive import LogArchive, LogArchiveArgs
from infra.selfhost.log_preflight import check_log_driver
from infra.selfhost.log_spool import SPOOL
from infra.selfhost.managed import MANAGED
from infra.selfhost.names import NAME
from infra.selfhost.preflight import check_engines
from infra.selfhost.private_root import export_private_root
from infra.selfhost.prometheus import Prometheus, PrometheusArgs, remote_write
from infra.selfhost.proxy import Proxy, ProxyArgs, certificate_url
from infra.selfhost.qdrant import Qdrant, QdrantArgs
from infra.selfhost.receiver import Receiver, ReceiverArgs
from infra.selfhost.service import Placement, Service
from infra.selfhost.summary import show_at_the_end
from infra.selfhost.tls import tls_of
from infra.selfhost.twin import Twin


def run(values: StackValues) -> None:
    """Bring the stack up. Raises ConfigError, RulesError or EnginesError before anything is touched.

    Raises StrangersError or NotHealed before a resource is.
    """
    stack = check(values)
    check_engines(stack.options.hosts)
    check_log_driver(stack.options.hosts, stack.options.logging)
    last = declare(stack, heal(values.stack, stack.options.hosts).again)
    export_private_root(stack.options, last)
    show_at_the_end(stack.options, last)


def check(values: StackValues) -> StackConfig[SelfhostConfig]:
    """Return the checked configuration. Raises ConfigError, or RulesError for files of the monitoring."""
    stack = checked(values, SelfhostConfig, MANAGED, container_settings, _problems)
    check_monitoring()
    return stack


def _problems(options: SelfhostConfig, given: Mapping[str, str]) -> Iterator[str]:
    if given.get("QDRANT_SHARD_KEYS", "0") not in ("", "0") and options.qdrant.nodes == 1:
        yield "QDRANT_SHARD_KEYS: needs a cluster; give it three nodes (qdrant: {nodes: 3}), or unset it"
    if options.wal_archive is not None and options.hosts.standby is not None:
        yield (
            "walArchive: goes without hosts.standby; both protect from the loss of a host, and only one server's log"
            " is archived"
        )
    yield from certificate_problems(options)


def declare(stack: StackConfig[SelfhostConfig], again: Mapping[str, str] | None = None) -> list[pulumi.Output[str]]:
    """Declare every resource. Return ids of containers that are there when all are.

    again: by name of a task that failed, what makes it run again.
    """
    components = Components(stack, again)
    databases, qdrant = components.databases(), components.qdrant()
    app = components.app(databases, qdrant)
    proxy = components.proxy(app)
    nodes = [components.node_exporter(engine) for engine in components.engines.all]
    postgres_exporters = [components.postgres_exporter(database, app) for database in databases]
    receiver = components.receiver()
    alertmanager = components.alertmanager(receiver)
    scraped = {
        jobs.APP_JOB: app.metrics,
        jobs.WORKER_JOB: app.worker_metrics,
        jobs.POSTGRES_JOB: [exporter.listener for exporter in postgres_exporters],
        jobs.QDRANT_JOB: qdrant.metrics,
        jobs.NODE_JOB: [node.listener for node in nodes],
        jobs.ALERTS_JOB: [receiver.listener],
        jobs.ALERTMANAGER_JOB: [alertmanager.listener],
        jobs.PROXY_JOB: [proxy.listener],
    }
    last: list[Service] = []
    if stack.options.wal_archive is not None:
        archive = components.log_archive(databases[0], stack.options.wal_archive)
        scraped[jobs.ARCHIVE_JOB] = [archive.listener]
        last += [archive.archive, archive.base]
    prometheus = components.prometheus(scraped, alertmanager, [app, *nodes])
    operator_urls = {
        "prometheus": prometheus.listener.local_url,
        "alertmanager": alertmanager.listener.local_url,
        "alerts": f"{receiver.listener.local_url}/alerts",
    }
    last += [one.service for one in (proxy, *postgres_exporters, prometheus)]
    if stack.options.grafana_password is not None and stack.options.grafana:
        grafana = components.grafana(prometheus, stack.options.grafana_password)
        operator_urls["grafana"] = grafana.listener.local_url
        last.append(grafana.service)
    outputs.export(proxy.url, app.worker_name, stack.options.hosts.app[0].docker, operator_urls)
    return [one.container.id for one in last]


class Components:
    """Declares each component from the stack's configuration and from the components that it needs."""

    def __init__(self, stack: StackConfig[SelfhostConfig], again: Mapping[str, str] | None = None) -> None:
        self._options = stack.options
        self.engines = Engines(NAME, stack.options.hosts, again, stack.options.logging)
        self._images = Images(self.engines, stack.options.images, image_lock.read())
        self._settings = given_settings(stack)

    def _placement(self, on: Engine, image: str, limit: Limit, published: int) -> Placement:
        return Placement(
            engine=on,
            image_id=self._images[image, on],
            limit=limit,
            published=published,
            keep_data=self._options.keep_data,
        )

    def databases(self) -> list[Database]:
        """Declare PostgreSQL, and the standby if there is one, once the first has data to copy."""
        standby = self.engines.of("standby")
        first = self._database("data", None if not standby else standby[0], "primary")
        if not standby:
            return [first]
        return [first, self._database("standby", self.engines["data"], "standby", [first.service])]

    def _database(
        self,
        role: Literal["data", "standby"],
        other: Engine | None,
        begins: Literal["primary", "standby"],
        after: Sequence[pulumi.Resource] = (),
    ) -> Database:
        options, here = self._options, self.engines[role]
        aliases = {"data": POSTGRES, "standby": f"{POSTGRES}-standby"}
        twin = None
        if other is not None:
            alias = aliases["standby" if role == "data" else "data"]
            there = Listener(
                engine=other, alias=alias, internal=POSTGRES_SERVER_PORT, published=options.ports.postgres
            ).seen_from(here)
            host, _, port = there.rpartition(":")
            twin = Twin(host=host.strip("[]"), port=int(port), begins=begins)
        limit = options.limits.postgres or default_limit(here.memory_mb)
        return Database(
            f"{NAME}-{aliases[role]}",
            DatabaseArgs(
                placement=self._placement(here, "postgres", limit, options.ports.postgres),
                admin_password=secret(options.postgres_admin_password),
                users=(*self._engines("app", "monitoring"), *([other] if other is not None else [])),
                wal_archive=options.wal_archive is not None,
                other=twin,
                alias=aliases[role],
            ),
            pulumi.ResourceOptions(depends_on=list(after)),
        )

    def log_archive(self, database: Database, to: str) -> LogArchive:
        """Declare what keeps PostgreSQL's log in a bucket, once PostgreSQL is up."""
        options, data = self._options, self.engines["data"]
        limit = options.limits.log_archive
        return LogArchive(
            f"{NAME}-postgres",
            LogArchiveArgs(
                database=self._placement(data, "postgres", limit, options.ports.log_archive),
                archive=self._placement(data, "app", limit, options.ports.log_archive),
                superuser=ADMIN,
                password=secret(options.postgres_admin_password),
                host=database.listener.alias,
                port=database.listener.internal,
                spool=database.volumes[SPOOL],
                settings=self._settings,
                to=to,
                monitoring=self.engines["monitoring"],
            ),
            pulumi.ResourceOptions(depends_on=[database.service]),
        )

    def qdrant(self) -> Qdrant:
        """Declare the search index."""
        options, data = self._options, self.engines["data"]
        return Qdrant(
            f"{NAME}-qdrant",
            QdrantArgs(
                placement=self._placement(data, "qdrant", options.limits.qdrant, options.ports.qdrant),
                nodes=options.qdrant.nodes,
                api_key=secret(options.qdrant_api_key),
                users=self._engines("app", "monitoring"),
            ),
        )

    def app(self, databases: Sequence[Database], qdrant: Qdrant) -> App:
        """Declare the app's replicas and its workers, once both stores are healthy."""
        options, hosts = self._options, self.engines.of("app")
        return App(
            f"{NAME}-app",
            AppArgs(
                hosts=[self._app_host(engine, databases, qdrant) for engine in hosts],
                replicas=options.replicas,
                worker_limit=options.limits.worker,
                published_metrics=options.ports.metrics,
                init_settings=init_settings(options, _all_seen_from(hosts[0], databases)),
                edge=self.engines["edge"],
                monitoring=self.engines["monitoring"],
            ),
            pulumi.ResourceOptions(depends_on=[*(one.service for one in databases), *qdrant.services]),
        )

    def _app_host(self, engine: Engine, databases: Sequence[Database], qdrant: Qdrant) -> AppHost:
        options = self._options
        stores = _all_seen_from(engine, databases), qdrant.listener.seen_from(engine)
        return AppHost(
            placement=self._placement(engine, "app", options.limits.app, options.ports.app),
            settings=server_settings(self._settings, options, *stores),
            certificate_url=certificate_url(options.domain, self.engines["edge"], engine, options.ports.https),
        )

    def proxy(self, app: App) -> Proxy:
        """Declare the proxy, once there are replicas behind it."""
        options, edge = self._options, self.engines["edge"]
        return Proxy(
            f"{NAME}-proxy",
            ProxyArgs(
                placement=self._placement(edge, "caddy", options.limits.proxy, options.ports.proxy_metrics),
                domain=options.domain,
                public_url=options.public_url,
                tls=tls_of(options.certificate, options.domain, options.certificate_secrets),
                http=options.ports.http,
                https=options.ports.https,
                replicas=options.replicas,
                upstreams=[listener.seen_from(edge) for listener in app.listeners],
                monitoring=self.engines["monitoring"],
            ),
            pulumi.ResourceOptions(depends_on=[app]),
        )

    def node_exporter(self, engine: Engine) -> NodeExporter:
        """Declare the exporter of one host."""
        options = self._options
        return NodeExporter(
            f"{engine.name}-node",
            NodeExporterArgs(
                placement=self._placement(
                    engine, "node_exporter", options.limits.exporter, options.ports.node_exporter
                ),
                monitoring=self.engines["monitoring"],
            ),
        )

    def postgres_exporter(self, database: Database, app: App) -> PostgresExporter:
        """Declare the exporter of one PostgreSQL, once `init` has made the role it logs in as."""
        options, here = self._options, self.engines["monitoring"]
        alias = database.listener.alias
        return PostgresExporter(
            f"{NAME}-{alias}-exporter",
            PostgresExporterArgs(
                alias=f"{alias}-exporter",
                placement=self._placement(here, "postgres_exporter", options.limits.exporter, POSTGRES_PORT),
                database=database.listener.seen_from(here),
                password=secret(options.postgres_password),
            ),
            pulumi.ResourceOptions(depends_on=[app]),
        )

    def receiver(self) -> Receiver:
        """Declare the alert receiver."""
        options, here = self._options, self.engines["monitoring"]
        return Receiver(
            f"{NAME}-alerts",
            ReceiverArgs(
                placement=self._placement(here, "app", options.limits.alerts, options.ports.alerts),
                settings=self._settings,
                token=secret(options.alerts_token),
            ),
        )

    def alertmanager(self, receiver: Receiver) -> Alertmanager:
        """Declare Alertmanager, once the receiver can take its alerts."""
        options, here = self._options, self.engines["monitoring"]
        return Alertmanager(
            f"{NAME}-alertmanager",
            AlertmanagerArgs(
                placement=self._placement(
                    here, "alertmanager", options.limits.alertmanager, options.ports.alertmanager
                ),
                app_image_id=self._images["app", here],
                receiver=receiver.listener.seen_from(here),
                token=secret(options.alerts_token),
                watchdog_url=optional_secret(options.watchdog_url),
                url=options.links.alertmanager,
            ),
            pulumi.ResourceOptions(depends_on=[receiver]),
        )

    def prometheus(
        self, scraped: Mapping[str, Sequence[Listener]], alertmanager: Alertmanager, after: Sequence[pulumi.Resource]
    ) -> Prometheus:
        """Declare Prometheus, once everything it scrapes is up, so that nothing is reported as down too early."""
        options, here = self._options, self.engines["monitoring"]
        return Prometheus(
            f"{NAME}-prometheus",
            PrometheusArgs(
                placement=self._placement(here, "prometheus", options.limits.prometheus, options.ports.prometheus),
                app_image_id=self._images["app", here],
                jobs=[
                    ScrapeJob(name=job, addresses=[listener.seen_from(here) for listener in listeners])
                    for job, listeners in scraped.items()
                ],
                alertmanager=alertmanager.listener.seen_from(here),
                qdrant_api_key=secret(options.qdrant_api_key),
                alerts_token=secret(options.alerts_token),
                remote=remote_write(options, pulumi.get_stack()),
                remote_password=optional_secret(options.remote_write_password),
                tls=str(self._settings.plain.get("PUBLIC_URL", "")).startswith("https://"),
                standby=options.hosts.standby is not None,
                url=options.links.prometheus,
                runbook=options.links.runbook or RUNBOOK,
            ),
            pulumi.ResourceOptions(depends_on=[alertmanager, *after]),
        )

    def grafana(self, prometheus: Prometheus, password: SecretStr) -> Grafana:
        """Declare Grafana with its dashboard."""
        options, here = self._options, self.engines["monitoring"]
        return Grafana(
            f"{NAME}-grafana",
            GrafanaArgs(
                placement=self._placement(here, "grafana", options.limits.grafana, options.ports.grafana),
                prometheus=prometheus.listener.seen_from(here),
                password=secret(password),
            ),
            pulumi.ResourceOptions(depends_on=[prometheus]),
        )

    def _engines(self, *roles: Role) -> tuple[Engine, ...]:
        return tuple(engine for role in roles for engine in self.engines.of(role))


def _all_seen_from(engine: Engine, databases: Sequence[Database]) -> str:
    """Return host:port of every database as an engine's containers reach it."""
    return ",".join(one.listener.seen_from(engine) for one in databases)
