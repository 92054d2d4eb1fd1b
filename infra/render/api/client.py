"""RenderApi: the whole of Render's API that this project uses, by subject."""

from __future__ import annotations

from infra.render.api.access import Access
from infra.render.api.calls import PATIENCE_S, Calls
from infra.render.api.clock import Clock
from infra.render.api.deploys import Deploys
from infra.render.api.disks import Disks
from infra.render.api.domains import Domains
from infra.render.api.groups import EnvGroups
from infra.render.api.limits import OnWait
from infra.render.api.observed import Events, Logs, LogStreams, Metrics
from infra.render.api.projects import Environments, Projects
from infra.render.api.services import Services
from infra.render.api.stores import KeyValue, Postgres
from infra.render.api.subscription import Subscriptions
from infra.render.api.transport import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, Transport
from infra.render.api.variables import SecretFiles, Variables
from infra.render.api.workspace import Notifications, Owners, RegistryCredentials, Webhooks


class RenderApi(Calls):
    """The API with one key. For use by several threads.

    on_wait: called with the seconds and the reason before each wait of 2 s or longer that a limit asks for, and before
    each further try of a call that failed.
    patience_s: how long one call may wait for limits in all, before RateLimited.
    """

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock | None = None,
        on_wait: OnWait | None = None,
        patience_s: float = PATIENCE_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        transport = Transport(access, connect_timeout_s=connect_timeout_s, read_timeout_s=read_timeout_s)
        super().__init__(transport, clock=clock, on_wait=on_wait, patience_s=patience_s)
        self.url, self.owner = access.url, access.owner
        self.deploys = Deploys(self)
        self.services = Services(self, self.deploys)
        self.variables = Variables(self)
        self.secret_files = SecretFiles(self)
        self.disks = Disks(self)
        self.domains = Domains(self)
        self.postgres = Postgres(self)
        self.key_value = KeyValue(self)
        self.env_groups = EnvGroups(self)
        self.projects = Projects(self)
        self.environments = Environments(self)
        self.owners = Owners(self)
        self.registry_credentials = RegistryCredentials(self)
        self.webhooks = Webhooks(self)
        self.notifications = Notifications(self)
        self.logs = Logs(self)
        self.subscriptions = Subscriptions(access)
        self.log_streams = LogStreams(self)
        self.metrics = Metrics(self)
        self.events = Events(self)

    def __repr__(self) -> str:
        return f"RenderApi({self.url})"
