"""A whole Alibaba Cloud stack: first all that can be refused before a resource is touched, then its components."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pulumi
import pulumi_alicloud as alicloud
from pulumi_alicloud import fc

from infra.aliyun import names, outputs
from infra.aliyun.alarms import Alarms, AlarmsArgs
from infra.aliyun.api.access import NoKeys, find_keys
from infra.aliyun.app_settings import jobs_variables, secret, server_variables
from infra.aliyun.bundle.build import Bundle, BundleOptions, build
from infra.aliyun.config import AliyunConfig
from infra.aliyun.containers import container_settings
from infra.aliyun.database import Database, DatabaseArgs
from infra.aliyun.domain import Domain, DomainArgs, host
from infra.aliyun.function import Function, FunctionArgs, Surroundings
from infra.aliyun.jobs import Jobs, JobsArgs
from infra.aliyun.layers import in_region
from infra.aliyun.logs import Logs, LogsArgs
from infra.aliyun.managed import MANAGED
from infra.aliyun.network import Network, NetworkArgs
from infra.aliyun.planned import planned_bundle
from infra.aliyun.provisioned import Provisioned, ProvisionedArgs
from infra.aliyun.release import release_of
from infra.aliyun.role import Role, RoleArgs
from infra.aliyun.rules import SCHEDULES, problems
from infra.aliyun.schedules import schedule_of, timer, timezone_of
from infra.aliyun.storage import Storage, StorageArgs
from infra.aliyun.trigger import Http, HttpArgs
from infra.config import StackConfig, StackValues, checked
from infra.errors import ConfigError

NAME = "memory"  # what the name of every resource in Pulumi begins with
_ROOT = Path(__file__).resolve().parents[2]


def run(values: StackValues) -> None:
    """Bring the stack up. Raises ConfigError or BundleError before anything is touched."""
    stack = check(values)
    check_keys(stack.options, values.stack)
    declare(stack, build(_ROOT, bundle_options(stack.options), pulumi.log.info))


def check(values: StackValues) -> StackConfig[AliyunConfig]:
    """Return the checked configuration. Raises ConfigError."""
    return checked(values, AliyunConfig, MANAGED, container_settings, problems)


def check_keys(options: AliyunConfig, stack: str) -> None:
    """Raise ConfigError if there are no keys to Alibaba Cloud."""
    try:
        find_keys(configured_keys(options))
    except NoKeys as error:
        raise ConfigError(stack, [str(error)]) from None


def configured_keys(options: AliyunConfig) -> tuple[str, str] | None:
    """Return the stack's own keys, if it has any."""
    if options.access_key_id is None or options.access_key_secret is None:
        return None
    return options.access_key_id.get_secret_value(), options.access_key_secret.get_secret_value()


def bundle_options(options: AliyunConfig) -> BundleOptions:
    """Return what the bundle is made for."""
    return BundleOptions(python=options.function.python, dependencies=options.code.dependencies)


def declare(stack: StackConfig[AliyunConfig], bundle: Bundle | None = None) -> None:
    """Declare every resource. bundle: without it, a stand-in that was never built."""
    components = Components(stack, bundle or planned_bundle(bundle_options(stack.options)))
    network = components.network()
    database_url = components.database_url(network)
    surroundings = components.surroundings(network)
    function = components.function(surroundings, database_url)
    http = Http(
        f"{NAME}-http",
        HttpArgs(function=function.function.function_name, qualifier=function.alias.alias_name.apply(str)),
        components.provided,
    )
    components.provisioned(function)
    jobs = components.jobs(surroundings, database_url)
    components.alarms(function, jobs)
    domain = components.domain(function)
    outputs.export(
        outputs.Exported(
            stack=pulumi.get_stack(),
            region=stack.options.region,
            account_id=stack.options.account_id,
            url=stack.options.public_url or http.url,
            function=function.function.function_name,
            jobs=jobs.function.function_name if jobs is not None else None,
            release=components.release,
            serving=function.serving,
            canary=function.canary,
            releases={release: version.version_id for release, version in function.versions.items()},
            log_project=components.logs.project,
            log_store=components.logs.store,
            dns_records=domain.records if domain is not None else [],
        )
    )


class Components:
    """Declares each component from the stack's configuration and from the components that it needs."""

    def __init__(self, stack: StackConfig[AliyunConfig], bundle: Bundle) -> None:
        self._stack, self._options, self._name = stack, stack.options, pulumi.get_stack()
        self.release = release_of(stack, bundle)
        options = self._options
        keys = configured_keys(options)
        provider = alicloud.Provider(
            "alicloud",
            region=options.region,
            account_id=options.account_id,
            account_type=options.account_type,  # otherwise every start asks for it, and waits 30 s if it gets no answer
            access_key=None if keys is None else pulumi.Output.secret(keys[0]),
            secret_key=None if keys is None else pulumi.Output.secret(keys[1]),
        )
        self.provided = pulumi.ResourceOptions(providers={"alicloud": provider})
        unique = names.unique(self._name, options.account_id)
        self._storage = Storage(
            f"{NAME}-code",
            StorageArgs(bucket=unique, bundle=bundle, keep_days=options.code.keep_days),
            self.provided,
        )
        self.logs = Logs(
            f"{NAME}-logs", LogsArgs(project=unique, retention_days=options.logs.retention_days), self.provided
        )

    def network(self) -> Network | None:
        """Declare the private network, if there is one."""
        if self._options.network is None:
            return None
        args = NetworkArgs(prefix=names.prefix(self._name), options=self._options.network)
        return Network(f"{NAME}-network", args, self.provided)

    def database_url(self, network: Network | None) -> pulumi.Output[str]:
        """Return the database's address, a secret; declare the database if it is the stack's own."""
        options = self._options
        if options.postgres is None or options.network is None or network is None or options.database_password is None:
            return secret(self._stack.secrets["DATABASE_URL"])
        args = DatabaseArgs(
            instance=names.prefix(self._name),
            options=options.postgres,
            where=options.network,
            network=network,
            password=options.database_password,
            keep=options.keep_data,
        )
        return Database(f"{NAME}-postgres", args, self.provided).url

    def surroundings(self, network: Network | None) -> Surroundings:
        """Declare the role and the layer, and return what both functions share."""
        options = self._options
        role = Role(
            f"{NAME}-role",
            RoleArgs(
                role=names.prefix(self._name),
                region=options.region,
                account_id=options.account_id,
                log_project=self.logs.project,
                log_store=self.logs.store,
                in_network=network is not None,
            ),
            self.provided,
        )
        return Surroundings(
            code=self._storage.code,
            # A function that starts before its role may do something fails.
            role=pulumi.Output.all(role.arn, role.attachment.id).apply(lambda found: str(found[0])),
            logs=self.logs.config,
            network=network.config if network is not None else None,
            layers=[*self._own_layer(), *(in_region(layer, options.region) for layer in options.function.layers)],
        )

    def _own_layer(self) -> Sequence[pulumi.Output[str]]:
        stored = self._storage.layer
        if stored is None:
            return ()
        layer = fc.V3LayerVersion(
            f"{NAME}-layer",
            layer_name=f"{names.prefix(self._name)}-dependencies",
            description="What Claude Memory needs.",
            compatible_runtimes=[self._options.function.runtime],
            acl="0",  # private; unset it would be a difference in every preview
            code=fc.V3LayerVersionCodeArgs(
                oss_bucket_name=stored.bucket, oss_object_name=stored.key, checksum=stored.checksum
            ),
            opts=self.provided,
        )
        return (layer.layer_version_arn,)

    def function(self, surroundings: Surroundings, database_url: pulumi.Output[str]) -> Function:
        """Declare the function that clients reach."""
        options = self._options
        args = FunctionArgs(
            function=names.server(self._name),
            options=options.function,
            release=self.release,
            releases=options.release,
            variables=server_variables(self._stack, database_url),
            surroundings=surroundings,
        )
        return Function(f"{NAME}-function", args, self.provided)

    def provisioned(self, function: Function) -> Provisioned | None:
        """Declare the instances that always run, if there are any."""
        options = self._options
        if options.provisioned is None:
            return None
        args = ProvisionedArgs(
            options=options.provisioned,
            keys=configured_keys(options),
            region=options.region,
            account_id=options.account_id,
            function=function.function.function_name,
            qualifier=function.alias.alias_name.apply(str),
        )
        return Provisioned(f"{NAME}-provisioned", args)

    def jobs(self, surroundings: Surroundings, database_url: pulumi.Output[str]) -> Jobs | None:
        """Declare the function for maintenance and backups, if there is one."""
        options, given = self._options, self._stack.environment
        if options.jobs is None:
            return None
        timers = {
            job: timer(schedule, timezone_of(given))
            for setting, job in SCHEDULES.items()
            if (schedule := schedule_of(given, setting)) is not None and (job != "backup" or "BACKUP_TO" in given)
        }
        args = JobsArgs(
            function=names.jobs(self._name),
            runtime=options.function.runtime,
            server_command=options.function.command,
            port=options.function.port,
            options=options.jobs,
            timers=timers,
            variables=jobs_variables(self._stack, database_url),
            surroundings=surroundings,
        )
        return Jobs(f"{NAME}-jobs", args, self.provided)

    def alarms(self, function: Function, jobs: Jobs | None) -> Alarms | None:
        """Declare the alarms, if there are any."""
        if self._options.alarms is None:
            return None
        args = AlarmsArgs(
            prefix=names.prefix(self._name),
            region=self._options.region,
            options=self._options.alarms,
            server=function.function.function_name,
            memory_mb=self._options.function.memory_mb,
            jobs=jobs.function.function_name if jobs is not None else None,
        )
        return Alarms(f"{NAME}-alarms", args, self.provided)

    def domain(self, function: Function) -> Domain | None:
        """Declare the domain, if there is one."""
        if self._options.domain is None:
            return None
        args = DomainArgs(
            options=self._options.domain,
            certificate_key=secret(self._options.certificate_key),
            certificate_name=names.prefix(self._name),
            function=function.function.function_name,
            qualifier=function.alias.alias_name.apply(str),
            host=host(self._options.region, self._options.account_id),
        )
        return Domain(f"{NAME}-domain", args, self.provided)
