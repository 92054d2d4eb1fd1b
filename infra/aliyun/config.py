"""The keys of an Alibaba Cloud stack, with their defaults. What costs money is made only when its key is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from app.settings.values import HttpUrl, access_token
from infra.aliyun import limits
from infra.aliyun.layers import MCP_RUNTIME, PYTHON_3_12, address, python_of
from infra.config import TargetConfig


def _region(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2}-[a-z]+(-[a-z0-9]+)*", value):
        raise ValueError("takes a region as Alibaba Cloud spells it, such as cn-hangzhou or ap-southeast-1")
    return value


def _account(value: str) -> str:
    if not re.fullmatch(r"[0-9]{10,20}", value):
        raise ValueError("takes the number of the account; the console shows it in the corner at the top right")
    return value


def _runtime(value: str) -> str:
    if value not in limits.RUNTIMES:
        raise ValueError(f"takes one of {', '.join(limits.RUNTIMES)}: the app brings a server of its own")
    return value


def _memory(value: int) -> int:
    lowest, highest = limits.MEMORY_MB
    if not lowest <= value <= highest or value % limits.MEMORY_STEP_MB:
        raise ValueError(f"takes a multiple of {limits.MEMORY_STEP_MB} from {lowest} to {highest}")
    return value


def _cpu(value: float) -> float:
    lowest, highest = limits.CPU
    steps = value / limits.CPU_STEP
    if not lowest <= value <= highest or abs(steps - round(steps)) > 1e-6:
        raise ValueError(f"takes a multiple of {limits.CPU_STEP} from {lowest} to {highest:g}")
    return value


def _disk(value: int) -> int:
    if value not in limits.DISKS_MB:
        raise ValueError(f"takes {' or '.join(map(str, limits.DISKS_MB))}")
    return value


def _cidr(value: str) -> str:
    try:
        ip_network(value)
    except ValueError:
        raise ValueError("takes a block of addresses such as 10.20.0.0/16") from None
    return value


def _database_password(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    kinds = sum(bool(re.search(kind, text)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[_-]"))
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,32}", text) or kinds < _PASSWORD_KINDS:
        raise ValueError(
            "takes 16 to 32 letters, digits and _ -, three of these kinds among them: small letters, capitals, digits,"
            " _ and -; `openssl rand -base64 24 | tr +/ -_` makes one"
        )
    return value


def _domain(value: str) -> str:
    if not re.fullmatch(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*", value):
        raise ValueError("takes a name in small letters, such as memory.example.org")
    return value


# The rule of RDS for passwords, without the special characters that an address would have to quote.
_PASSWORD_KINDS = 3
DatabasePassword = Annotated[SecretStr, AfterValidator(_database_password)]
Region = Annotated[str, AfterValidator(_region)]
Cidr = Annotated[str, AfterValidator(_cidr)]
ReleaseName = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]  # as the output `release` shows it
Instances = Annotated[int, Field(ge=1, le=300)]


class HealthCheck(TargetConfig):
    """How the platform asks an instance whether it is well. Its first answer decides whether the instance started."""

    path: Annotated[str, Field(pattern=r"^/\S*$")] = "/health"
    initial_delay_s: Annotated[int, Field(ge=0, le=120)] = 0
    period_s: Annotated[int, Field(ge=1, le=120)] = 10
    timeout_s: Annotated[int, Field(ge=1, le=3)] = 3
    failure_threshold: Annotated[int, Field(ge=1, le=120)] = 3
    success_threshold: Annotated[int, Field(ge=1, le=120)] = 1


class Function(TargetConfig):
    """The function that clients reach.

    python: for which version the bundle is built; the layers bring it. sessions: of SSE, the most in an instance.
    reserved: instances that no other function of the account takes, and the most that this one gets.
    """

    runtime: Annotated[str, AfterValidator(_runtime)] = "custom.debian12"
    python: Literal["3.11", "3.12", "3.13"] = "3.12"
    command: Annotated[tuple[str, ...], Field(min_length=1)] = ("python", "mcp_server.py")
    port: Annotated[int, Field(ge=1, le=65_535)] = 8000
    memory_mb: Annotated[int, AfterValidator(_memory)] = 2048
    cpu: Annotated[float, AfterValidator(_cpu)] = 1.0
    disk_mb: Annotated[int, AfterValidator(_disk)] = 512
    timeout_s: Annotated[int, Field(ge=1, le=limits.TIMEOUT_S)] = 600
    concurrency: Annotated[int, Field(ge=1, le=limits.INSTANCE_CONCURRENCY)] = 200
    sessions: Annotated[int, Field(ge=1, le=limits.SESSIONS_PER_INSTANCE)] = 20
    layers: tuple[Annotated[str, AfterValidator(address)], ...] = (MCP_RUNTIME, PYTHON_3_12)
    internet_access: bool = True
    health_check: HealthCheck = HealthCheck()
    reserved: Instances | None = None

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        least, most = limits.GB_PER_CPU
        per_cpu = self.memory_mb / limits.MB_PER_GB / self.cpu
        if not least <= per_cpu <= most:
            yield (
                f"function.cpu: got {self.cpu:g} with memoryMb {self.memory_mb},"
                f" Function Compute takes {least} to {most} GB for each CPU"
            )
        if self.sessions > self.concurrency:
            yield f"function.sessions: got {self.sessions}, takes at most function.concurrency, {self.concurrency}"
        for layer in self.layers:
            version = python_of(layer)
            if version not in (None, self.python):
                yield f"function.layers: {layer} brings Python {version}, and function.python is {self.python}"


class ScheduledInstances(TargetConfig):
    """Another number of provisioned instances from a time on, by a cron expression of six fields: seconds first."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$")]
    at: Annotated[str, Field(pattern=r"^\S+( \S+){5}$")]
    instances: Annotated[int, Field(ge=0, le=300)]
    timezone: str = "UTC"


class Provisioned(TargetConfig):
    """Instances that always run, so that no client waits for a start. allocate_cpu: also between requests."""

    instances: Instances = 1
    allocate_cpu: bool = False
    schedule: tuple[ScheduledInstances, ...] = ()


class Release(TargetConfig):
    """Which releases get the requests; `python -m infra.aliyun release` and `rollback` write it.

    serving: the release that clients get; without it, the one that this program describes. canary: the share in percent
    that the new release gets meanwhile. keep: earlier releases to keep, to which one can go back at once.
    """

    serving: ReleaseName | None = None
    canary: Annotated[int, Field(ge=1, le=99)] | None = None
    keep: tuple[ReleaseName, ...] = ()

    @model_validator(mode="after")
    def _a_canary_has_another_beside_it(self) -> Self:
        if self.canary is not None and self.serving is None:
            raise ValueError("takes canary only with serving, the release that gets all other requests")
        return self


class Code(TargetConfig):
    """How the bundle is brought. dependencies: inside it, or as a layer, so that a change of code uploads little."""

    dependencies: Literal["bundled", "layer"] = "bundled"
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 30


class Jobs(TargetConfig):
    """The function for maintenance and backups, which only timers call."""

    memory_mb: Annotated[int, AfterValidator(_memory)] = 1024
    cpu: Annotated[float, AfterValidator(_cpu)] = 0.5
    timeout_s: Annotated[int, Field(ge=1, le=limits.TIMEOUT_S)] = 3600


class Network(TargetConfig):
    """A private network in one zone, such as cn-hangzhou-h."""

    zone: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$")]
    cidr: Cidr = "10.20.0.0/16"
    switch_cidr: Cidr = "10.20.0.0/24"

    @model_validator(mode="after")
    def _the_switch_is_inside(self) -> Self:
        network, switch = ip_network(self.cidr), ip_network(self.switch_cidr)
        if network.version != switch.version or not switch.subnet_of(network):  # type: ignore[arg-type]
            raise ValueError(f"takes a switchCidr inside cidr; {self.switch_cidr} is not in {self.cidr}")
        return self


class Postgres(TargetConfig):
    """ApsaraDB RDS for PostgreSQL, reached through the private network alone."""

    instance_type: Annotated[str, Field(pattern=r"^pg\.\S+$")] = "pg.n2.2c.1m"
    storage_gb: Annotated[int, Field(ge=20, le=64_000)] = 20
    version: str = "17.0"
    category: Literal["Basic", "HighAvailability"] = "Basic"


class Domain(TargetConfig):
    """A name of your own. certificate: the chain as PEM; its key is certificateKey."""

    name: Annotated[str, AfterValidator(_domain)]
    certificate: Annotated[str, Field(pattern=r"^-----BEGIN CERTIFICATE-----")]


class Logs(TargetConfig):
    """The log store."""

    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30


class Alarms(TargetConfig):
    """Rules of Cloud Monitor. contact_groups: who is told, as named in its console. webhook: called as well."""

    contact_groups: Annotated[tuple[str, ...], Field(min_length=1)]
    webhook: HttpUrl | None = None


class AliyunConfig(TargetConfig):
    """All keys of an Alibaba Cloud stack, besides the app's settings."""

    account_id: Annotated[str, AfterValidator(_account)]
    account_type: Literal["Domestic", "International"] = "Domestic"
    region: Region = "cn-hangzhou"
    access_key_id: SecretStr | None = None
    access_key_secret: SecretStr | None = None
    function: Function = Function()
    provisioned: Provisioned | None = None
    release: Release = Release()
    code: Code = Code()
    jobs: Jobs | None = Jobs()
    network: Network | None = None
    postgres: Postgres | None = None
    domain: Domain | None = None
    logs: Logs = Logs()
    alarms: Alarms | None = None
    keep_data: bool = True
    admin_token: Annotated[SecretStr, AfterValidator(access_token)]
    database_password: DatabasePassword | None = None
    certificate_key: SecretStr | None = None

    @property
    def public_url(self) -> str | None:
        """The address of the domain; None without one."""
        return f"https://{self.domain.name}" if self.domain is not None else None

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        problems = [*self._missing_parts(), *self._missing_secrets()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _missing_parts(self) -> Iterator[str]:
        if self.postgres is not None and self.network is None:
            yield "network: is missing; with postgres, database and function meet in a private network"
        if (self.access_key_id is None) != (self.access_key_secret is None):
            yield "accessKeyId and accessKeySecret: set both, or neither to use the environment's"
        reserved, provisioned = self.function.reserved, self.provisioned
        if reserved is not None and provisioned is not None and provisioned.instances > reserved:
            yield f"provisioned.instances: got {provisioned.instances}, takes at most function.reserved, {reserved}"

    def _missing_secrets(self) -> Iterator[str]:
        needed = {
            "databasePassword": (self.postgres, self.database_password),
            "certificateKey": (self.domain, self.certificate_key),
        }
        for key, (part, secret) in needed.items():
            if part is not None and secret is None:
                yield f"{key}: is missing; use `pulumi config set --secret {key}`"
