"""A whole Render stack: first everything that can be refused before a resource is touched, then its components."""

from __future__ import annotations

import pulumi

from infra.config import StackConfig, StackValues, checked
from infra.errors import ConfigError
from infra.monitoring.checks import check_monitoring
from infra.render import outputs
from infra.render import resources as render
from infra.render.api.access import KEY, OWNER, URL, find_access
from infra.render.api.errors import NoAccess
from infra.render.app_settings import (
    Stores,
    job_settings,
    receiver_settings,
    secret,
    shared_settings,
    web_settings,
    worker_settings,
)
from infra.render.config import FREE, RenderConfig
from infra.render.containers import container_settings
from infra.render.cron import CronJobs, CronJobsArgs, Job
from infra.render.database import Database, DatabaseArgs
from infra.render.deployed.names import Role, prefix
from infra.render.domains import Domains, DomainsArgs
from infra.render.managed import MANAGED
from infra.render.monitoring import Index, Monitoring, MonitoringArgs
from infra.render.project import Home, HomeArgs
from infra.render.qdrant import Qdrant, QdrantArgs
from infra.render.rules import problems, schedule_of
from infra.render.services import AppCode, Place, SharedSettings
from infra.render.settings_group import SettingsGroup, SettingsGroupArgs
from infra.render.web import Web, WebArgs
from infra.render.worker import Worker, WorkerArgs

NAME = "memory"  # what the name of every resource in Pulumi begins with


def run(values: StackValues) -> None:
    """Bring the stack up. Raises ConfigError or RulesError before anything is touched."""
    stack = check(values)
    check_access(stack.options, values.stack)
    declare(stack)


def check(values: StackValues) -> StackConfig[RenderConfig]:
    """Return the checked configuration. Raises ConfigError, or RulesError for files of the monitoring."""
    stack = checked(values, RenderConfig, MANAGED, container_settings, problems)
    check_monitoring()
    return stack


def check_access(options: RenderConfig, stack: str) -> None:
    """Raise ConfigError if there is no key for Render's API."""
    key = None if options.render_api_key is None else options.render_api_key.get_secret_value()
    try:
        find_access({KEY: key, URL: options.render_api_url, OWNER: options.owner})
    except NoAccess as error:
        raise ConfigError(stack, [str(error)]) from None


def declare(stack: StackConfig[RenderConfig]) -> None:
    """Declare every resource."""
    components = Components(stack)
    database, qdrant = components.database(), components.qdrant()
    stores = Stores(database_url=database.url, qdrant_url=qdrant.url if qdrant is not None else None)
    shared = components.settings(stores).shared
    web = components.web(shared, qdrant)
    services: dict[Role, pulumi.Input[str]] = {Role.WEB: web.service.id}
    if qdrant is not None:
        services[Role.QDRANT] = qdrant.service.id
    services |= components.beside(web, shared, stores)
    services |= components.monitoring(web, qdrant)
    domains = components.domains(web)
    outputs.export(
        outputs.Exported(
            stack=pulumi.get_stack(),
            url=stack.options.public_url or web.url,
            render_url=web.url,
            project_id=components.home.project_id,
            environment_id=components.home.environment_id,
            services={str(role): id_ for role, id_ in services.items()},
            dns_records=domains.records if domains is not None else [],
            database_expires_at=database.expires_at if stack.options.postgres.plan == FREE else None,
        )
    )


class Components:
    """Declares each component from the stack's configuration and from the components that it needs."""

    def __init__(self, stack: StackConfig[RenderConfig]) -> None:
        self._stack, self._options = stack, stack.options
        key = self._options.render_api_key
        provider = render.Provider(
            "render",
            render_api_key=None if key is None else secret(key),
            render_api_url=self._options.render_api_url,
            owner=self._options.owner,
        )
        self._provided = pulumi.ResourceOptions(providers={"render": provider})
        self.home = Home(
            f"{NAME}-project",
            HomeArgs(project=self._options.project, environment=self._options.environment),
            self._provided,
        )
        self._place = Place(
            stack=pulumi.get_stack(), region=self._options.region, environment_id=self.home.environment_id
        )
        self._code = AppCode(source=self._options.app, credential_id=self._credential())

    def _credential(self) -> pulumi.Output[str] | None:
        registry = self._options.app.registry
        if registry is None:
            return None
        credential = render.RegistryCredential(
            f"{NAME}-registry",
            self._after(),
            name=f"{prefix(pulumi.get_stack())}-registry",
            registry=registry.kind,
            username=registry.username,
            auth_token=secret(self._options.registry_token),
        )
        return credential.id

    def _after(self, *before: pulumi.Resource | None) -> pulumi.ResourceOptions:
        """Return options with the provider, for what is made once these resources are."""
        needed = pulumi.ResourceOptions(depends_on=[one for one in before if one is not None])
        return pulumi.ResourceOptions.merge(self._provided, needed)

    def database(self) -> Database:
        """Declare PostgreSQL."""
        args = DatabaseArgs(place=self._place, options=self._options.postgres, keep=self._options.keep_data)
        return Database(f"{NAME}-postgres", args, self._provided)

    def qdrant(self) -> Qdrant | None:
        """Declare the search index, if it is the stack's own."""
        options = self._options
        if options.qdrant is None:
            return None
        args = QdrantArgs(
            place=self._place,
            options=options.qdrant,
            image=options.images.qdrant,
            api_key=secret(options.qdrant_api_key),
        )
        return Qdrant(f"{NAME}-qdrant", args, self._provided)

    def settings(self, stores: Stores) -> SettingsGroup:
        """Declare the settings that web service and worker share."""
        args = SettingsGroupArgs(place=self._place, settings=shared_settings(self._stack, stores))
        return SettingsGroup(f"{NAME}-settings", args, self._provided)

    def web(self, shared: SharedSettings, qdrant: Qdrant | None) -> Web:
        """Declare the web service, once the stores can be prepared for it."""
        args = WebArgs(
            place=self._place,
            code=self._code,
            options=self._options.web,
            shared=shared,
            settings=web_settings(self._stack),
            preview_generation=self._options.preview_generation,
        )
        return Web(f"{NAME}-web", args, self._after(qdrant))

    def beside(self, web: Web, shared: SharedSettings, stores: Stores) -> dict[Role, pulumi.Input[str]]:
        """Declare worker and cron jobs, once the web service has prepared the database; return their ids."""
        services = dict[Role, pulumi.Input[str]]()
        if self._options.worker is not None:
            args = WorkerArgs(
                place=self._place,
                code=self._code,
                plan=self._options.worker.plan,
                shared=shared,
                settings=worker_settings(self._stack),
            )
            services[Role.WORKER] = Worker(f"{NAME}-worker", args, self._after(web)).service.id
        if self._options.cron is not None:
            cron = CronJobs(f"{NAME}-cron", self._cron(self._options.cron.plan, stores), self._after(web))
            services |= {role: service.id for role, service in cron.services.items()}
        return services

    def _cron(self, plan: str, stores: Stores) -> CronJobsArgs:
        given = self._stack.environment
        return CronJobsArgs(
            place=self._place,
            code=self._code,
            plan=plan,
            maintenance=Job(
                command="maintain",
                schedule=schedule_of(given, "MAINTENANCE_SCHEDULE"),
                settings=job_settings(self._stack, stores, backs_up=False),
            ),
            backup=Job(
                command="backup",
                schedule=schedule_of(given, "BACKUP_SCHEDULE") if "BACKUP_TO" in given else None,
                settings=job_settings(self._stack, stores, backs_up=True),
            ),
        )

    def monitoring(self, web: Web, qdrant: Qdrant | None) -> dict[Role, pulumi.Input[str]]:
        """Declare the monitoring, if there is any; return its services' ids."""
        options, given = self._options, self._stack
        if options.monitoring is None:
            return {}
        args = MonitoringArgs(
            place=self._place,
            code=self._code,
            options=options.monitoring,
            images=options.images,
            app=web.instances,
            index=Index(address=qdrant.address, api_key=secret(options.qdrant_api_key)) if qdrant is not None else None,
            receiver_settings=receiver_settings(given),
            token=secret(options.alerts_token),
            password=secret(options.remote_write_password),
        )
        return Monitoring(f"{NAME}-monitoring", args, self._after(web)).services

    def domains(self, web: Web) -> Domains | None:
        """Declare the custom domains, if there are any."""
        if not self._options.domains:
            return None
        args = DomainsArgs(names=self._options.domains, service_id=web.service.id, host=web.host)
        return Domains(f"{NAME}-domain", args, self._provided)
