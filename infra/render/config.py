"""The keys of a Render stack, with their defaults. A service is made when its key is there, since each costs money."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from app.settings.values import HttpUrl, access_token
from infra import versions
from infra.config import TargetConfig
from infra.values import Image, Password

FREE = "free"
_PAID_ONLY = ("worker", "cron", "qdrant", "monitoring")


def _plan(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]+", value):
        raise ValueError("takes a plan as Render's API spells it, such as starter, pro_plus or basic_256mb")
    return value


def _repository(value: str) -> str:
    if not re.fullmatch(r"https://[^\s/@]+/\S+", value):
        raise ValueError("takes https://HOST/OWNER/NAME of a repository that Render may read")
    return value


def _domain(value: str) -> str:
    if not re.fullmatch(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*", value):
        raise ValueError("takes names in small letters, such as memory.example.org")
    return value


PreviewGeneration = Literal["off", "manual", "automatic"]
Plan = Annotated[str, AfterValidator(_plan)]
Percent = Annotated[int, Field(ge=1, le=90)]
Instances = Annotated[int, Field(ge=1, le=100)]
Gigabytes = Annotated[int, Field(ge=1)]


class Registry(TargetConfig):
    """How Render logs in to the registry of a private image; the token is registryToken."""

    kind: Literal["DOCKER", "GITHUB", "GITLAB", "GOOGLE_ARTIFACT", "AWS_ECR"]
    username: str


class Source(TargetConfig):
    """Where the app's containers come from: a repository, of which Render builds app/Dockerfile, or an image.

    auto_deploy: when Render deploys a new commit by itself; without it a commit waits for `infra.render deploy`.
    """

    repo: Annotated[str, AfterValidator(_repository)] | None = None
    branch: str = "main"
    auto_deploy: Literal["never", "commit", "checksPass"] = "never"
    image: Image | None = None
    registry: Registry | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.repo is None) == (self.image is None):
            raise ValueError("takes either repo or image")
        if self.image is None and self.registry is not None:
            raise ValueError("takes registry only with image; Render reads a repository through its own connection")
        return self


class Scaling(TargetConfig):
    """How many instances run: as many as keep the use of CPU and of memory under these percentages."""

    min: Instances = 1
    max: Instances = 1
    cpu_percent: Percent | None = 70
    memory_percent: Percent | None = 80

    @model_validator(mode="after")
    def _has_a_range_and_a_measure(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"takes a min that is not over max; here it is {self.min} over {self.max}")
        if self.cpu_percent is None and self.memory_percent is None:
            raise ValueError("takes cpuPercent, memoryPercent, or both")
        return self


class Web(TargetConfig):
    """The web service. allowed_addresses: blocks such as 203.0.113.0/24; none: everyone may connect."""

    plan: Plan = "starter"
    scaling: Scaling = Scaling()
    allowed_addresses: tuple[str, ...] = ()


class Worker(TargetConfig):
    """The background worker."""

    plan: Plan = "starter"


class Cron(TargetConfig):
    """Cron jobs for maintenance and backups; without them a worker has the schedules."""

    plan: Plan = "starter"


class Postgres(TargetConfig):
    """PostgreSQL. allowed_addresses: blocks that may connect from outside Render; none: nothing may."""

    plan: Plan = "basic_256mb"
    version: str = "18"
    disk_gb: Gigabytes | None = None
    high_availability: bool = False
    allowed_addresses: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_a_size_that_exists(self) -> Self:
        if self.disk_gb is not None and self.disk_gb != 1 and self.disk_gb % 5:
            raise ValueError("takes 1 or a multiple of 5 as diskGb")
        if self.plan == FREE and (self.disk_gb is not None or self.high_availability):
            raise ValueError("takes neither diskGb nor highAvailability with the free plan")
        return self


class Qdrant(TargetConfig):
    """Qdrant as a private service with a disk. Without it: QDRANT_URL, or an index in each instance of the app."""

    plan: Plan = "starter"
    disk_gb: Gigabytes = 10


class RemoteWrite(TargetConfig):
    """A service that takes Prometheus' series; the user's password, or the bearer token, is remoteWritePassword."""

    url: HttpUrl
    username: str | None = None


class Monitoring(TargetConfig):
    """Prometheus, Alertmanager and the alert receiver; or, with remote_write, an agent that sends series elsewhere."""

    plan: Plan = "starter"
    disk_gb: Gigabytes = 10
    remote_write: RemoteWrite | None = None


class Project(TargetConfig):
    """The project: one to make, by name, or one that another stack made, by id."""

    name: str | None = None
    id: Annotated[str, Field(pattern=r"^prj-")] | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.name is None) == (self.id is None):
            raise ValueError("takes either name or id")
        return self


class Environment(TargetConfig):
    """The stack's environment in the project.

    protected: only admins of the workspace may change what is in it. network_isolation: no traffic from others.
    """

    name: str = "production"
    protected: bool = False
    network_isolation: bool = False


class ImageNames(TargetConfig):
    """The images of services that are not the app."""

    qdrant: Image = versions.QDRANT
    prometheus: Image = versions.PROMETHEUS
    alertmanager: Image = versions.ALERTMANAGER


class RenderConfig(TargetConfig):
    """All keys of a Render stack, besides the app's settings."""

    render_api_key: SecretStr | None = None
    render_api_url: HttpUrl | None = None
    owner: str | None = None
    region: str = "oregon"
    project: Project = Project(name="claude-memory")
    environment: Environment = Environment()
    app: Source
    web: Web = Web()
    worker: Worker | None = None
    cron: Cron | None = None
    postgres: Postgres = Postgres()
    qdrant: Qdrant | None = None
    monitoring: Monitoring | None = None
    domains: tuple[Annotated[str, AfterValidator(_domain)], ...] = ()
    keep_data: bool = True
    previews: Literal["never", "manual", "automatic"] = "never"
    images: ImageNames = ImageNames()
    admin_token: Annotated[SecretStr, AfterValidator(access_token)]
    qdrant_api_key: Password | None = None
    alerts_token: Password | None = None
    registry_token: SecretStr | None = None
    remote_write_password: SecretStr | None = None

    @property
    def public_url(self) -> str | None:
        """The address of the first domain; None without domains."""
        return f"https://{self.domains[0]}" if self.domains else None

    @property
    def preview_generation(self) -> PreviewGeneration:
        """Render's word for `previews`; `off` in YAML would be false."""
        return "off" if self.previews == "never" else self.previews

    @property
    def web_is_free(self) -> bool:
        """Whether the web service has the free plan."""
        return self.web.plan == FREE

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        problems = [*self._free_plan_problems(), *self._missing_secrets()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _free_plan_problems(self) -> Iterator[str]:
        for key in _PAID_ONLY:
            part = getattr(self, key)
            if part is not None and part.plan == FREE:
                yield f"{key}.plan: there is no free plan; use starter, or leave {key} out"
        if self.web_is_free and self.web.scaling.max > 1:
            yield f"web.scaling.max: got {self.web.scaling.max}, a free web service runs one instance"
        if self.web_is_free and self.monitoring is not None:
            yield "monitoring: Prometheus cannot reach a free web service; use a paid plan, or leave monitoring out"

    def _missing_secrets(self) -> Iterator[str]:
        remote = self.monitoring.remote_write if self.monitoring is not None else None
        needed = {
            "qdrantApiKey": (self.qdrant, self.qdrant_api_key),
            "alertsToken": (self.monitoring if remote is None else None, self.alerts_token),
            "remoteWritePassword": (remote, self.remote_write_password),
            "registryToken": (self.app.registry, self.registry_token),
        }
        for key, (part, secret) in needed.items():
            if part is not None and secret is None:
                yield f"{key}: is missing; use `pulumi config set --secret {key}`"
