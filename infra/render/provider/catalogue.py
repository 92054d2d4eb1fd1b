"""The types that the provider knows."""

from __future__ import annotations

from infra.render.provider.deploys import Deploy
from infra.render.provider.disks import Disk
from infra.render.provider.domains import CustomDomain
from infra.render.provider.env_groups import EnvGroup
from infra.render.provider.lifecycle import Lifecycle
from infra.render.provider.projects import Environment, Project
from infra.render.provider.services import BackgroundWorker, CronJob, PrivateService, StaticSite, WebService
from infra.render.provider.stores import KeyValue, Postgres
from infra.render.provider.streams import LogStream
from infra.render.provider.workspace import RegistryCredential, Webhook

TYPES: dict[str, Lifecycle] = {
    one.token: one
    for one in (
        WebService(),
        PrivateService(),
        BackgroundWorker(),
        CronJob(),
        StaticSite(),
        Postgres(),
        KeyValue(),
        EnvGroup(),
        Disk(),
        CustomDomain(),
        Project(),
        Environment(),
        RegistryCredential(),
        Deploy(),
        LogStream(),
        Webhook(),
    )
}
