"""Prometheus as a private service: with rules and a disk, or as an agent that sends series to a service elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from infra.monitoring import prometheus
from infra.monitoring.jobs import CREDENTIALS, Lookup, ScrapeJob
from infra.monitoring.prometheus import MAIN_FILE, PASSWORD_FILE, PORT, RULES_FILE, RemoteWrite
from infra.monitoring.rules import rules_file
from infra.render import resources as render
from infra.render.app_settings import write_only
from infra.render.arguments import Files
from infra.render.deployed.names import Role
from infra.render.services import SECRET_FILES, Place, disk_args, image_args

_PROGRAM = "/bin/prometheus"
_DISK = "/prometheus"
DATA = f"{_DISK}/data"  # a folder of its own: a disk has one called lost+found


@dataclass(frozen=True, kw_only=True)
class Scraped:
    """What Prometheus scrapes. app: finds the web service's instances. addresses: of other jobs, by name.

    credentials: what jobs of CREDENTIALS present, by name.
    """

    app_job: str
    app: pulumi.Input[Lookup]
    addresses: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    credentials: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)

    @property
    def names(self) -> Sequence[str]:
        """The names of all jobs."""
        return [self.app_job, *self.addresses]

    def jobs(self) -> pulumi.Output[list[ScrapeJob]]:
        """Return all jobs, once their addresses are known."""
        names = list(self.addresses)
        return pulumi.Output.all(self.app, *self.addresses.values()).apply(
            lambda found: [
                ScrapeJob(name=self.app_job, lookup=found[0]),
                *(ScrapeJob(name=name, addresses=[found[place]]) for place, name in enumerate(names, 1)),
            ]
        )

    def files(self) -> dict[str, Any]:
        """Return the secret files that the configuration names for jobs with a credential."""
        return {CREDENTIALS[job]: write_only(value) for job, value in self.credentials.items()}


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """alertmanager: host:port. disk_gb: for 30 days of series."""

    place: Place
    plan: str
    image: str
    scraped: Scraped
    alertmanager: pulumi.Input[str]
    disk_gb: int


class Prometheus(pulumi.ComponentResource):
    """Scrapes the stack and evaluates the alert rules."""

    def __init__(self, name: str, args: PrometheusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Prometheus", name, None, opts)
        main = pulumi.Output.all(args.scraped.jobs(), args.alertmanager).apply(
            lambda found: prometheus.configuration(found[0], found[1])
        )
        self.service = _service(
            self,
            name,
            args.place.args(Role.PROMETHEUS, args.plan),
            args.image,
            prometheus.arguments(SECRET_FILES, DATA),
            {MAIN_FILE: main, RULES_FILE: rules_file(args.scraped.names), **args.scraped.files()},
            disk_args(_DISK, args.disk_gb),
        )
        self.register_outputs({"service": self.service.id})


@dataclass(frozen=True, kw_only=True)
class PrometheusAgentArgs:
    """password: of the service's user, or its bearer token."""

    place: Place
    plan: str
    image: str
    scraped: Scraped
    remote: RemoteWrite
    password: pulumi.Input[str]


class PrometheusAgent(pulumi.ComponentResource):
    """Scrapes the stack and sends the series to a service, which has the rules."""

    def __init__(self, name: str, args: PrometheusAgentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:PrometheusAgent", name, None, opts)
        main = args.scraped.jobs().apply(lambda jobs: prometheus.agent_configuration(jobs, args.remote))
        self.service = _service(
            self,
            name,
            args.place.args(Role.PROMETHEUS, args.plan),
            args.image,
            prometheus.agent_arguments(SECRET_FILES, DATA),
            {MAIN_FILE: main, PASSWORD_FILE: write_only(args.password), **args.scraped.files()},
            {},
        )
        self.register_outputs({"service": self.service.id})


def _service(
    parent: pulumi.Resource,
    name: str,
    common: dict[str, Any],
    image: str,
    arguments: Sequence[str],
    files: Files,
    disk: dict[str, Any],
) -> render.PrivateService:
    return render.PrivateService(
        name,
        pulumi.ResourceOptions(parent=parent),
        **common,
        **image_args(image),
        **disk,
        docker_command=" ".join([_PROGRAM, *arguments]),
        env_vars={"PORT": str(PORT)},
        secret_files=files,
    )
