"""The arguments of Render's resources, as type checkers see them.

Arguments are in Python's spelling, the parts of an object in that of Render's API.
"""

# Without `from __future__ import annotations`: TypedDict would take no notice of Required.
from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, Required, TypedDict

from pulumi import Input

# Parts ------------------------------------------------------------------------------------------


class Image(TypedDict):
    """An image to run."""

    imagePath: Input[str]
    registryCredentialId: NotRequired[Input[str]]


class BuildFilter(TypedDict, total=False):
    """Which changed files start a build."""

    paths: Sequence[Input[str]]
    ignoredPaths: Sequence[Input[str]]


class DiskPart(TypedDict):
    """A service's disk. It only grows; removing it deletes what is on it."""

    name: Input[str]
    mountPath: Input[str]
    sizeGB: Input[int]


class Autoscaling(TypedDict):
    """How many instances, by the use of CPU and memory (1 to 90 percent, at least one of both)."""

    min: Input[int]
    max: Input[int]
    cpuPercent: NotRequired[Input[int]]
    memoryPercent: NotRequired[Input[int]]


class MaintenanceMode(TypedDict):
    """What visitors see while the service is under maintenance."""

    enabled: Input[bool]
    uri: NotRequired[Input[str]]


class AllowedAddresses(TypedDict):
    """A block of addresses, such as 203.0.113.0/24."""

    cidrBlock: Input[str]
    description: NotRequired[Input[str]]


class NotificationSettings(TypedDict, total=False):
    """Of what Render tells the workspace's members."""

    notificationsToSend: Input[Literal["default", "none", "failure", "all"]]
    previewNotificationsEnabled: Input[Literal["default", "false", "true"]]


class Header(TypedDict):
    """A response header of a static site."""

    path: Input[str]
    name: Input[str]
    value: Input[str]


class Route(TypedDict):
    """A redirect or rewrite of a static site; the first that fits counts."""

    type: Input[Literal["redirect", "rewrite"]]
    source: Input[str]
    destination: Input[str]


class ReadReplica(TypedDict):
    """A read replica of a PostgreSQL."""

    name: Input[str]
    parameterOverrides: NotRequired[Mapping[str, Input[str]]]


class EnvironmentSettings(TypedDict, total=False):
    """An environment of a project."""

    protectedStatus: Input[Literal["unprotected", "protected"]]
    networkIsolationEnabled: Input[bool]
    ipAllowList: Sequence[AllowedAddresses]


class WriteOnly(TypedDict):
    """A secret that is sent, and of which the state keeps a keyed fingerprint alone."""

    value: Input[str]
    writeOnly: Literal[True]


class Generated(TypedDict):
    """A secret that Render makes once; it is in the output `generated`, unless it is write-only."""

    generateValue: Literal[True]
    writeOnly: NotRequired[bool]


Variables = Mapping[str, Input[str] | WriteOnly | Generated]
Files = Mapping[str, Input[str] | WriteOnly]
DeployMode = Literal["save", "deploy", "rebuild"]

# Arguments --------------------------------------------------------------------------------------


class DeployArgs(TypedDict, total=False):
    """How what needs a deploy is deployed.

    deploy_mode: save (change, deploy nothing), deploy, or rebuild; without it, whatever the change needs.
    wait_for_deploy: true unless said otherwise. deploy_timeout_seconds: 1,800 unless said otherwise.
    """

    deploy_mode: Input[DeployMode]
    wait_for_deploy: Input[bool]
    deploy_timeout_seconds: Input[int]


class SourceArgs(DeployArgs, total=False):
    """What all services have.

    redeploy_on: values by name; a change of one deploys the service, such as a group's `revision`.
    """

    name: Required[Input[str]]
    owner_id: Input[str]
    environment_id: Input[str]
    repo: Input[str]
    branch: Input[str]
    root_dir: Input[str]
    build_filter: Input[BuildFilter]
    auto_deploy_trigger: Input[Literal["commit", "off", "checksPass"]]
    env_vars: Input[Variables]
    secret_files: Input[Files]
    env_group_ids: Input[Sequence[Input[str]]]
    notifications: Input[NotificationSettings]
    redeploy_on: Input[Mapping[str, Input[str]]]


class RunArgs(SourceArgs, total=False):
    """What all services that run have."""

    runtime: Required[Input[str]]
    plan: Input[str]
    region: Input[str]
    image: Input[Image]
    build_command: Input[str]
    start_command: Input[str]
    docker_command: Input[str]
    docker_context: Input[str]
    dockerfile_path: Input[str]


class AlwaysOnArgs(RunArgs, total=False):
    """What services have that run all the time."""

    registry_credential_id: Input[str]
    num_instances: Input[int]
    autoscaling: Input[Autoscaling]
    disk: Input[DiskPart]
    pre_deploy_command: Input[str]
    max_shutdown_delay_seconds: Input[int]
    preview_generation: Input[Literal["off", "manual", "automatic"]]


class WebServiceArgs(AlwaysOnArgs, total=False):
    """What a web service has."""

    health_check_path: Input[str]
    maintenance_mode: Input[MaintenanceMode]
    ip_allow_list: Input[Sequence[AllowedAddresses]]
    render_subdomain_policy: Input[Literal["enabled", "disabled"]]


class CronJobArgs(RunArgs):
    """What a cron job has."""

    schedule: Input[str]


class StaticSiteArgs(SourceArgs, total=False):
    """What a static site has."""

    build_command: Input[str]
    publish_path: Input[str]
    headers: Input[Sequence[Header]]
    routes: Input[Sequence[Route]]
    preview_generation: Input[Literal["off", "manual", "automatic"]]
    ip_allow_list: Input[Sequence[AllowedAddresses]]
    render_subdomain_policy: Input[Literal["enabled", "disabled"]]


class StoreArgs(TypedDict, total=False):
    """What both stores have. An empty ip_allow_list closes the store to the outside."""

    name: Required[Input[str]]
    plan: Required[Input[str]]
    owner_id: Input[str]
    environment_id: Input[str]
    region: Input[str]
    ip_allow_list: Input[Sequence[AllowedAddresses]]


class PostgresArgs(StoreArgs, total=False):
    """What a PostgreSQL has."""

    version: Required[Input[str]]
    database_name: Input[str]
    database_user: Input[str]
    disk_size_gb: Input[int]
    enable_disk_autoscaling: Input[bool]
    enable_high_availability: Input[bool]
    read_replicas: Input[Sequence[ReadReplica]]
    parameter_overrides: Input[Mapping[str, Input[str]]]
    datadog_api_key: Input[str]
    datadog_site: Input[str]


class KeyValueArgs(StoreArgs, total=False):
    """What a Key Value store has."""

    maxmemory_policy: Input[str]
    persistence_mode: Input[Literal["off", "snapshot", "journal_snapshot"]]


class EnvGroupArgs(TypedDict, total=False):
    """What an environment group has."""

    name: Required[Input[str]]
    owner_id: Input[str]
    environment_id: Input[str]
    env_vars: Input[Variables]
    secret_files: Input[Files]


class DiskArgs(DeployArgs):
    """What a disk of its own has."""

    service_id: Input[str]
    name: Input[str]
    mount_path: Input[str]
    size_gb: Input[int]


class CustomDomainArgs(TypedDict):
    """What a custom domain has."""

    service_id: Input[str]
    name: Input[str]


class ProjectArgs(TypedDict):
    """What a project has. environments: by name."""

    name: Input[str]
    environments: Input[Mapping[str, EnvironmentSettings]]
    owner_id: NotRequired[Input[str]]


class EnvironmentArgs(TypedDict, total=False):
    """What an environment has."""

    name: Required[Input[str]]
    project_id: Required[Input[str]]
    protected_status: Input[Literal["unprotected", "protected"]]
    network_isolation_enabled: Input[bool]
    ip_allow_list: Input[Sequence[AllowedAddresses]]


class RegistryCredentialArgs(TypedDict):
    """What a registry credential has."""

    name: Input[str]
    registry: Input[Literal["DOCKER", "GITHUB", "GITLAB", "GOOGLE_ARTIFACT", "AWS_ECR"]]
    username: Input[str]
    auth_token: Input[str]
    owner_id: NotRequired[Input[str]]


class DeployResourceArgs(TypedDict, total=False):
    """What a deploy has. triggers: values by name; a change of one starts another deploy."""

    service_id: Required[Input[str]]
    commit_id: Input[str]
    image_url: Input[str]
    clear_cache: Input[bool]
    mode: Input[Literal["deploy", "rebuild"]]
    triggers: Input[Mapping[str, Input[str]]]
    wait_for_deploy: Input[bool]
    deploy_timeout_seconds: Input[int]


class LogStreamArgs(TypedDict, total=False):
    """What a log stream has: of the workspace (endpoint, preview), or of one resource (resource_id, setting)."""

    owner_id: Input[str]
    resource_id: Input[str]
    endpoint: Input[str]
    token: Input[str]
    preview: Input[Literal["send", "drop"]]
    setting: Input[Literal["send", "drop"]]


class WebhookArgs(TypedDict, total=False):
    """What a webhook has. event_filter: empty for all events."""

    name: Required[Input[str]]
    url: Required[Input[str]]
    owner_id: Input[str]
    enabled: Input[bool]
    event_filter: Input[Sequence[Input[str]]]
