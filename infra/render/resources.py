"""Render's resources as Pulumi programs use them; the provider in `provider/` makes them.

Properties are keyword arguments in Python's spelling, and attributes of the resource in the same; the parts of an
object, and the names in options such as ignore_changes, are spelled as in Render's API (envVars). The key comes from a
`Provider` in the options, from `render:renderApiKey` in the configuration, or from RENDER_API_KEY.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from pulumi import CustomResource, Input, Output, ProviderResource, ResourceOptions

from infra.render.arguments import (
    AlwaysOnArgs,
    CronJobArgs,
    CustomDomainArgs,
    DeployResourceArgs,
    DiskArgs,
    EnvGroupArgs,
    EnvironmentArgs,
    KeyValueArgs,
    LogStreamArgs,
    PostgresArgs,
    ProjectArgs,
    RegistryCredentialArgs,
    StaticSiteArgs,
    WebhookArgs,
    WebServiceArgs,
)


class Provider(ProviderResource):
    """The provider with a key, address and workspace of its own."""

    def __init__(
        self,
        resource_name: str,
        *,
        render_api_key: Input[str] | None = None,
        render_api_url: Input[str] | None = None,
        owner: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        key = None if render_api_key is None else Output.secret(render_api_key)
        props = {"renderApiKey": key, "renderApiUrl": render_api_url, "owner": owner}
        super().__init__("render", resource_name, props, opts)


# Spelled with capitals that Python's spelling does not tell.
_CAPITALS = {"disk_size_gb": "diskSizeGB", "size_gb": "sizeGB", "datadog_api_key": "datadogAPIKey"}


def api_name(name: str) -> str:
    """Return a property as the API spells it: env_vars is envVars."""
    return _CAPITALS.get(name) or re.sub(r"_(\w)", lambda match: match[1].upper(), name)


class RenderResource(CustomResource):
    """What all resources have in common. args: the type's arguments; its annotations are its outputs."""

    type: ClassVar[str]
    args: ClassVar[Any]

    def __init__(self, resource_name: str, values: Mapping[str, Any], opts: ResourceOptions | None) -> None:
        unknown = values.keys() - self.args.__annotations__.keys()
        if unknown:
            raise TypeError(f"{self.type} has no argument {', '.join(sorted(unknown))}")
        # Named with nothing, an output is filled in with what the provider answers.
        props = {api_name(one): values.get(one) for one in self.names()}
        super().__init__(f"render:index:{self.type}", resource_name, props, opts)

    @classmethod
    def names(cls) -> list[str]:
        """Return the properties and outputs in Python's spelling."""
        classes = [one for one in cls.__mro__ if issubclass(one, RenderResource) and one is not RenderResource]
        outputs = [name for one in classes for name in vars(one).get("__annotations__", {})]
        return list(dict.fromkeys([*cls.args.__annotations__, *outputs]))

    def __getattr__(self, name: str) -> Any:
        """Return a property or output, which Pulumi keeps in the API's spelling.

        Translating names for Pulumi instead would translate the names of environment variables as well.
        """
        try:
            return self.__dict__[api_name(name)]
        except KeyError:
            raise AttributeError(f"{self.type} has no {name}") from None


class _Service(RenderResource):
    """What all services answer. generated: what Render made of variables with generateValue, by name."""

    slug: Output[str]
    dashboard_url: Output[str]
    created_at: Output[str]
    owner_id: Output[str]
    suspended: Output[bool]
    deploy_id: Output[str | None]
    generated: Output[dict[str, str]]


class WebService(_Service):
    """A service that is reached over HTTP from outside, at `url`."""

    type, args = "WebService", WebServiceArgs
    region: Output[str]
    ssh_address: Output[str]
    disk_id: Output[str | None]
    url: Output[str]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[WebServiceArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class PrivateService(_Service):
    """A service that the workspace's own services reach at `url`, such as qdrant:6333."""

    type, args = "PrivateService", AlwaysOnArgs
    region: Output[str]
    ssh_address: Output[str]
    disk_id: Output[str | None]
    url: Output[str]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[AlwaysOnArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class BackgroundWorker(_Service):
    """A service that nothing reaches."""

    type, args = "BackgroundWorker", AlwaysOnArgs
    region: Output[str]
    ssh_address: Output[str]
    disk_id: Output[str | None]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[AlwaysOnArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class CronJob(_Service):
    """A container that runs at times."""

    type, args = "CronJob", CronJobArgs
    region: Output[str]

    def __init__(self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[CronJobArgs]) -> None:
        super().__init__(resource_name, args, opts)


class StaticSite(_Service):
    """Files that Render builds and serves at `url`."""

    type, args = "StaticSite", StaticSiteArgs
    url: Output[str]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[StaticSiteArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class Postgres(RenderResource):
    """A PostgreSQL server; the connection strings and the password are secrets."""

    type, args = "Postgres", PostgresArgs
    database_name: Output[str]
    database_user: Output[str]
    region: Output[str]
    version: Output[str]
    owner_id: Output[str]
    dashboard_url: Output[str]
    created_at: Output[str]
    expires_at: Output[str | None]
    status: Output[str]
    password: Output[str]
    internal_connection_string: Output[str]
    external_connection_string: Output[str]
    psql_command: Output[str]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[PostgresArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class KeyValue(RenderResource):
    """A Key Value store (Valkey); the connection strings are secrets."""

    type, args = "KeyValue", KeyValueArgs
    region: Output[str]
    version: Output[str]
    owner_id: Output[str]
    created_at: Output[str]
    status: Output[str]
    internal_connection_string: Output[str]
    external_connection_string: Output[str]
    cli_command: Output[str]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[KeyValueArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class EnvGroup(RenderResource):
    """Variables and files that several services share. `revision` is another one when a value is."""

    type, args = "EnvGroup", EnvGroupArgs
    owner_id: Output[str]
    created_at: Output[str]
    revision: Output[str]
    generated: Output[dict[str, str]]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[EnvGroupArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class Disk(RenderResource):
    """A disk of a service that another program made; a service of this one names its disk itself."""

    type, args = "Disk", DiskArgs
    created_at: Output[str]

    def __init__(self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[DiskArgs]) -> None:
        super().__init__(resource_name, args, opts)


class CustomDomain(RenderResource):
    """A domain of a service."""

    type, args = "CustomDomain", CustomDomainArgs
    domain_id: Output[str]
    domain_type: Output[str]
    public_suffix: Output[str]
    redirect_for_name: Output[str | None]
    verification_status: Output[str]
    created_at: Output[str]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[CustomDomainArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class Project(RenderResource):
    """A project with its environments, whose ids are in `environment_ids` by name."""

    type, args = "Project", ProjectArgs
    owner_id: Output[str]
    created_at: Output[str]
    environment_ids: Output[dict[str, str]]

    def __init__(self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[ProjectArgs]) -> None:
        super().__init__(resource_name, args, opts)


class Environment(RenderResource):
    """An environment of a project that another program made."""

    type, args = "Environment", EnvironmentArgs
    project_id: Output[str]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[EnvironmentArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class RegistryCredential(RenderResource):
    """A log-in to a container registry; the state keeps no token."""

    type, args = "RegistryCredential", RegistryCredentialArgs
    owner_id: Output[str]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[RegistryCredentialArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class Deploy(RenderResource):
    """A deploy, done once."""

    type, args = "Deploy", DeployResourceArgs
    deploy_id: Output[str]
    status: Output[str]
    commit: Output[str | None]
    image_digest: Output[str | None]
    created_at: Output[str]
    finished_at: Output[str | None]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[DeployResourceArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class LogStream(RenderResource):
    """Where Render sends logs; the state keeps no token."""

    type, args = "LogStream", LogStreamArgs
    owner_id: Output[str | None]
    target: Output[str]

    def __init__(
        self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[LogStreamArgs]
    ) -> None:
        super().__init__(resource_name, args, opts)


class Webhook(RenderResource):
    """A call that Render makes when something happens, signed with `secret`."""

    type, args = "Webhook", WebhookArgs
    owner_id: Output[str]
    secret: Output[str]

    def __init__(self, resource_name: str, /, opts: ResourceOptions | None = None, **args: Unpack[WebhookArgs]) -> None:
        super().__init__(resource_name, args, opts)
