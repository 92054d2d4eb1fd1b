"""The keys of a selfhost stack, with their defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from app.settings.values import HttpUrl, SecretHttpUrl, access_token
from infra import versions
from infra.config import TargetConfig
from infra.selfhost.certificate import AcmeKey, Certificate, CertificateSecrets, DnsCredentials
from infra.selfhost.log_driver import ON_HOSTS, Logging
from infra.values import Address, HostName, Image, Password

Role = Literal["data", "app", "monitoring", "edge", "standby"]
# A host has the name of its first role here, and another name makes everything on it anew. So `app`, which comes and
# goes, is last.
ROLES: tuple[Role, ...] = ("data", "monitoring", "edge", "standby", "app")
HTTPS_PORT = 443  # what a URL without a port means
MOST_REPLICAS = 20
LOCAL_ENGINE = "unix:///var/run/docker.sock"


def _engine_address(value: str) -> str:
    if not re.match(r"(unix:///|ssh://[^@/]+@|tcp://)\S+$", value):
        raise ValueError("takes unix:///PATH, ssh://USER@HOST[:PORT] or tcp://HOST:PORT")
    return value


EngineAddress = Annotated[str, AfterValidator(_engine_address)]
Port = Annotated[int, Field(ge=1, le=65_535)]


class Host(TargetConfig):
    """Where the containers of a role run.

    address: of the host in the private network (a WireGuard interface, a VLAN), where it serves the other hosts; a
    single host needs none.
    """

    docker: EngineAddress = LOCAL_ENGINE
    # ssh must not ask questions, and an unreachable host is reported within seconds.
    ssh_options: tuple[str, ...] = (
        *("-o", "StrictHostKeyChecking=accept-new"),
        *("-o", "BatchMode=yes"),
        *("-o", "ConnectTimeout=10"),
    )
    address: Address | None = None
    memory_mb: Annotated[int, Field(ge=512)] = 4_096


class EngineHost(NamedTuple):
    """A host with the roles that share it. name: its first role; of a further host of the app a number as well."""

    host: Host
    roles: tuple[Role, ...]
    name: str


def _several(value: object) -> object:
    """Take one host for a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


class Hosts(TargetConfig):
    """The host of each role; roles with the same engine share a host, and what one of them sets applies to all.

    app: one or more, among which replicas take turns. standby: of a second PostgreSQL, which copies the one of data.
    """

    data: Host = Host()
    app: Annotated[tuple[Host, ...], BeforeValidator(_several), Field(min_length=1)] = (Host(),)
    monitoring: Host = Host()
    edge: Host = Host()
    standby: Host | None = None

    def of(self, role: Role) -> tuple[Host, ...]:
        """Return the hosts of a role."""
        found: Host | tuple[Host, ...] | None = getattr(self, role)
        if found is None:
            return ()
        return found if isinstance(found, tuple) else (found,)

    def by_engine(self) -> dict[str, EngineHost]:
        """Return each host with its roles, by the address of its engine."""
        roles: dict[str, tuple[Role, ...]] = {}
        names: dict[str, str] = {}
        given: dict[str, dict[str, object]] = {}
        for role, number, host in self._each():
            roles[host.docker] = (*roles.get(host.docker, ()), role)
            names.setdefault(host.docker, role if number == 1 else f"{role}-{number}")
            given.setdefault(host.docker, {"docker": host.docker}).update(
                {name: getattr(host, name) for name in host.model_fields_set}
            )
        return {
            engine: EngineHost(Host.model_validate(given[engine]), roles[engine], names[engine]) for engine in roles
        }

    def _each(self) -> Iterator[tuple[Role, int, Host]]:
        """Yield every host of every role, with its number within the role."""
        for role in ROLES:
            for number, host in enumerate(self.of(role), start=1):
                yield role, number, host

    @model_validator(mode="after")
    def _no_host_is_named_twice(self) -> Self:
        engines = [host.docker for host in self.app]
        if twice := next((engine for engine in engines if engines.count(engine) > 1), None):
            raise ValueError(f"app: names {twice} twice; replicas take turns among different hosts")
        return self

    @model_validator(mode="after")
    def _standby_is_elsewhere(self) -> Self:
        if self.standby is not None and self.standby.docker == self.data.docker:
            raise ValueError("standby: belongs on another host than data, or both are lost at once")
        return self

    @model_validator(mode="after")
    def _roles_agree_on_their_host(self) -> Self:
        by_engine = self.by_engine()
        for _, _, host in self._each():
            agreed, roles, _ = by_engine[host.docker]
            for name in host.model_fields_set:
                if getattr(host, name) != getattr(agreed, name):
                    key = Host.model_fields[name].alias or name
                    raise ValueError(f"{', '.join(roles)} share {host.docker}, but differ in {key}")
        return self

    @model_validator(mode="after")
    def _several_have_addresses(self) -> Self:
        hosts = self.by_engine().values()
        if len(hosts) > 1:
            lacking = [role for host, roles, _ in hosts if host.address is None for role in roles]
            if lacking:
                raise ValueError(
                    f"several hosts need an address each in their private network; {', '.join(lacking)} have none"
                )
        return self


class Ports(TargetConfig):
    """Ports on the hosts. Only http and https listen beyond loopback and the private network.

    proxy_metrics, node_exporter: used only between hosts.
    """

    http: Port = 80
    https: Port = 443
    app: Port = 8_000
    metrics: Port = 8_080
    proxy_metrics: Port = 2_019
    node_exporter: Port = 9_100
    alerts: Port = 8_081
    prometheus: Port = 9_090
    alertmanager: Port = 9_093
    grafana: Port = 3_000
    postgres: Port = 5_432
    qdrant: Port = 6_333
    log_archive: Port = 8_085


class ImageNames(TargetConfig):
    """The image of each kind of container; `app` is built from app/Dockerfile."""

    app: Image
    postgres: Image = versions.POSTGRES
    qdrant: Image = versions.QDRANT
    caddy: Image = versions.CADDY
    prometheus: Image = versions.PROMETHEUS
    alertmanager: Image = versions.ALERTMANAGER
    node_exporter: Image = versions.NODE_EXPORTER
    postgres_exporter: Image = versions.POSTGRES_EXPORTER
    grafana: Image = versions.GRAFANA


class Limit(TargetConfig):
    """What one container may use."""

    memory_mb: Annotated[int, Field(ge=32)]
    cpus: Annotated[float, Field(gt=0)] = 1.0


class Limits(TargetConfig):
    """Limits of each kind of container; PostgreSQL's follows from its host's memory unless given."""

    app: Limit = Limit(memory_mb=768)
    worker: Limit = Limit(memory_mb=512)
    alerts: Limit = Limit(memory_mb=128, cpus=0.5)
    postgres: Limit | None = None
    qdrant: Limit = Limit(memory_mb=1_024)
    proxy: Limit = Limit(memory_mb=128)
    prometheus: Limit = Limit(memory_mb=512)
    alertmanager: Limit = Limit(memory_mb=128, cpus=0.5)
    exporter: Limit = Limit(memory_mb=64, cpus=0.25)
    log_archive: Limit = Limit(memory_mb=512, cpus=1.0)  # `wal fetch` runs beside `wal ship`
    grafana: Limit = Limit(memory_mb=256, cpus=0.5)


class Links(TargetConfig):
    """Where links in alerts lead: to docs/runbook.md as people read it, and to pages of Prometheus and Alertmanager.

    Unset, the runbook is named by its path, and the pages are on loopback, where the tunnel to their host leads.
    """

    runbook: HttpUrl | None = None
    prometheus: HttpUrl | None = None
    alertmanager: HttpUrl | None = None


class QdrantConfig(TargetConfig):
    """The number of Qdrant nodes: one, or a cluster of three or more."""

    nodes: Annotated[int, Field(ge=1, le=9)] = 1

    @model_validator(mode="after")
    def _two_agree_on_nothing(self) -> Self:
        if self.nodes == 2:
            raise ValueError("takes 1, or 3 and more: of two nodes one has no majority when the other is down")
        return self


class RemoteWriteConfig(TargetConfig):
    """A service that takes Prometheus' series as well; remoteWritePassword is of its user, or else a bearer token."""

    url: HttpUrl
    username: str | None = None


class SelfhostConfig(TargetConfig):
    """All keys of a selfhost stack, besides the app's settings."""

    images: ImageNames
    postgres_password: Password
    postgres_admin_password: Password
    qdrant_api_key: Password
    alerts_token: Password
    admin_token: Annotated[SecretStr, AfterValidator(access_token)]
    grafana_password: Password | None = None
    remote_write_password: SecretStr | None = None
    watchdog_url: SecretHttpUrl | None = None
    domain: HostName | None = None
    certificate: Certificate = Certificate()
    certificate_key: SecretStr | None = None
    acme_key: AcmeKey | None = None
    dns_credentials: DnsCredentials = Field(default_factory=dict)
    replicas: Annotated[int, Field(ge=1, le=MOST_REPLICAS)] = 2
    hosts: Hosts = Hosts()
    ports: Ports = Ports()
    limits: Limits = Limits()
    qdrant: QdrantConfig = QdrantConfig()
    links: Links = Links()
    logging: Logging = ON_HOSTS
    remote_write: RemoteWriteConfig | None = None
    wal_archive: Annotated[str, Field(pattern=r"^s3://[^/]")] | None = None
    grafana: bool = False
    keep_data: bool = True

    @property
    def public_url(self) -> str | None:
        """The public URL of the proxy; None without a domain."""
        if self.domain is None:
            return None
        return f"https://{self.domain}" + ("" if self.ports.https == HTTPS_PORT else f":{self.ports.https}")

    @property
    def certificate_secrets(self) -> CertificateSecrets:
        """The secrets of the certificate."""
        return CertificateSecrets(
            certificate_key=self.certificate_key, acme_key=self.acme_key, dns_credentials=self.dns_credentials
        )

    @model_validator(mode="after")
    def _grafana_has_a_password(self) -> Self:
        if self.grafana and self.grafana_password is None:
            raise ValueError("grafana: needs grafanaPassword; use `pulumi config set --secret grafanaPassword`")
        return self

    @model_validator(mode="after")
    def _remote_write_has_a_password(self) -> Self:
        if self.remote_write is not None and self.remote_write.username and self.remote_write_password is None:
            raise ValueError(
                "remoteWrite: its username needs remoteWritePassword;"
                " use `pulumi config set --secret remoteWritePassword`"
            )
        return self
