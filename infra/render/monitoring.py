"""The monitoring of a stack: Prometheus, Alertmanager and the receiver, or an agent that sends series elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.monitoring import jobs
from infra.monitoring.jobs import Lookup
from infra.monitoring.prometheus import RemoteWrite
from infra.render.alertmanager import Alertmanager, AlertmanagerArgs
from infra.render.app_settings import AppSettings
from infra.render.config import ImageNames
from infra.render.config import Monitoring as MonitoringConfig
from infra.render.deployed.names import Role
from infra.render.prometheus import Judging, Prometheus, PrometheusArgs, Scraped, Sending
from infra.render.receiver import Receiver, ReceiverArgs
from infra.render.services import AppCode, Place


@dataclass(frozen=True, kw_only=True)
class Index:
    """The stack's own Qdrant: host:port, and the key it asks for."""

    address: pulumi.Input[str]
    api_key: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """app: finds the web service's instances. token: of the receiver. password: of the service for remote write."""

    place: Place
    code: AppCode
    options: MonitoringConfig
    images: ImageNames
    app: pulumi.Input[Lookup]
    index: Index | None
    receiver_settings: AppSettings
    token: pulumi.Input[str]
    password: pulumi.Input[str]


class Monitoring(pulumi.ComponentResource):
    """`services` has the id of each service, by role."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Monitoring", name, None, opts)
        self._name, self._args = name, args
        self.services: dict[Role, pulumi.Input[str]] = {}
        remote = args.options.remote_write
        if remote is None:
            self._alerting()
        else:
            to = RemoteWrite(url=remote.url, username=remote.username)
            self._prometheus(self._scraped({}, {}), Sending(remote=to, password=args.password))
        self.register_outputs({"services": [*self.services.values()]})

    def _alerting(self) -> None:
        args, plan = self._args, self._args.options.plan
        receiver = Receiver(
            f"{self._name}-alerts",
            ReceiverArgs(place=args.place, code=args.code, plan=plan, settings=args.receiver_settings),
            pulumi.ResourceOptions(parent=self),
        )
        alertmanager = Alertmanager(
            f"{self._name}-alertmanager",
            AlertmanagerArgs(
                place=args.place,
                plan=plan,
                image=args.images.alertmanager,
                receiver=receiver.address,
                token=args.token,
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[receiver]),
        )
        scraped = self._scraped(
            {jobs.ALERTS_JOB: receiver.address, jobs.ALERTMANAGER_JOB: alertmanager.address},
            {jobs.ALERTS_JOB: args.token},
        )
        self.services |= {Role.ALERTS: receiver.service.id, Role.ALERTMANAGER: alertmanager.service.id}
        judging = Judging(alertmanager=alertmanager.address, disk_gb=args.options.disk_gb)
        self._prometheus(scraped, judging, alertmanager)

    def _prometheus(self, scraped: Scraped, purpose: Judging | Sending, *before: pulumi.Resource) -> None:
        args = self._args
        found = Prometheus(
            f"{self._name}-prometheus",
            PrometheusArgs(
                place=args.place,
                plan=args.options.plan,
                image=args.images.prometheus,
                scraped=scraped,
                purpose=purpose,
            ),
            pulumi.ResourceOptions(parent=self, depends_on=list(before)),
        )
        self.services[Role.PROMETHEUS] = found.service.id

    def _scraped(self, addresses: dict[str, pulumi.Input[str]], credentials: dict[str, pulumi.Input[str]]) -> Scraped:
        index = self._args.index
        if index is not None:
            addresses = {jobs.QDRANT_JOB: index.address, **addresses}
            credentials = {jobs.QDRANT_JOB: index.api_key, **credentials}
        return Scraped(app_job=jobs.APP_JOB, app=self._args.app, addresses=addresses, credentials=credentials)
