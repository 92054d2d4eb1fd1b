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
class Judging:
    """Rules evaluated here. alertmanager: host:port. disk_gb: for 30 days of series."""

    alertmanager: pulumi.Input[str]
    disk_gb: int


@dataclass(frozen=True, kw_only=True)
class Sending:
    """Series sent to a service, which has the rules. password: of its user, or its bearer token."""

    remote: RemoteWrite
    password: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """purpose: what becomes of what is scraped."""

    place: Place
    plan: str
    image: str
    scraped: Scraped
    purpose: Judging | Sending


class Prometheus(pulumi.ComponentResource):
    """Scrapes the stack. Its one service changes its purpose in place, since another could not have the same name."""

    def __init__(self, name: str, args: PrometheusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Prometheus", name, None, opts)
        purpose = args.purpose
        arguments, files, disk = (
            _judging(args.scraped, purpose) if isinstance(purpose, Judging) else _sending(args.scraped, purpose)
        )
        self.service = render.PrivateService(
            name,
            pulumi.ResourceOptions(parent=self),
            **args.place.args(Role.PROMETHEUS, args.plan),
            **image_args(args.image),
            **disk,
            docker_command=" ".join([_PROGRAM, *arguments]),
            env_vars={"PORT": str(PORT)},
            secret_files={**files, **args.scraped.files()},
        )
        self.register_outputs({"service": self.service.id})


def _judging(scraped: Scraped, purpose: Judging) -> tuple[list[str], Files, dict[str, Any]]:
    """Return the arguments, the files, and the disk."""
    main = pulumi.Output.all(scraped.jobs(), purpose.alertmanager).apply(
        lambda found: prometheus.configuration(found[0], found[1])
    )
    files: Files = {MAIN_FILE: main, RULES_FILE: rules_file(scraped.names)}
    return prometheus.arguments(SECRET_FILES, DATA), files, disk_args(_DISK, purpose.disk_gb)


def _sending(scraped: Scraped, purpose: Sending) -> tuple[list[str], Files, dict[str, Any]]:
    """Return the arguments and the files; what could not be sent yet need not outlive the container."""
    main = scraped.jobs().apply(lambda jobs: prometheus.agent_configuration(jobs, purpose.remote))
    files: Files = {MAIN_FILE: main, PASSWORD_FILE: write_only(purpose.password)}
    return prometheus.agent_arguments(SECRET_FILES, DATA), files, {}
