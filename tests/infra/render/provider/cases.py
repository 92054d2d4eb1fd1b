"""Every type with the least it needs, each of its properties with another value, and where Render then has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.standins.render.server import Server
from tests.standins.render.state import OTHER_OWNER
from tests.support.pulumi_engine import Engine, Secret

Properties = dict[str, Any]


@dataclass(frozen=True)
class Other:
    """Another value of a property, and how Render's answer then looks: a path in it, and what is there.

    Without a path, no answer tells: the test looks at the request alone. before: what it is first, if not absent.
    """

    value: Any
    path: str = ""
    there: Any = None
    before: Any = None
    beside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A type. drift: a change by hand, and the property whose difference shows it. replaced_by: a change of one."""

    type: str
    least: Properties
    others: dict[str, Other]
    drift: Callable[[Server, str], object] | None = None
    drifted: str = "name"
    replaced_by: Properties = field(default_factory=dict)
    # What must be there first, by resource name; {NAME} in a text is that resource's id.
    needs: dict[str, tuple[str, Properties]] = field(default_factory=dict)
    imported: bool = True

    @property
    def token(self) -> str:
        return f"render:index:{self.type}"


REPO = "https://github.com/render-examples/express-hello-world"
IMAGE = {"runtime": "image", "image": {"imagePath": "docker.io/library/nginx:1.27"}, "plan": "starter"}
DOCKER = {"runtime": "docker", "repo": REPO, "plan": "starter"}
ALLOWED = [{"cidrBlock": "203.0.113.0/24", "description": "office"}, {"cidrBlock": "10.0.0.0/8"}]
_PROJECT: dict[str, tuple[str, Properties]] = {
    "home": ("render:index:Project", {"name": "home", "environments": {"production": {}}})
}
_GROUP = {"group": ("render:index:EnvGroup", {"name": "group", "envVars": {"A": "1"}})}
_WEB: dict[str, tuple[str, Properties]] = {"web": ("render:index:WebService", {"name": "web", **IMAGE})}
_DETAILS, _COMMANDS = "serviceDetails", "serviceDetails.envSpecificDetails"

_SOURCE = {
    "name": Other("renamed", "name", "renamed"),
    "repo": Other(f"{REPO}-2", "repo", f"{REPO}-2"),
    "branch": Other("next", "branch", "next"),
    "rootDir": Other("sub", "rootDir", "sub"),
    "buildFilter": Other(
        {"paths": ["src/**"], "ignoredPaths": ["docs/**"]},
        "buildFilter",
        {"paths": ["src/**"], "ignoredPaths": ["docs/**"]},
    ),
    "autoDeployTrigger": Other("off", "autoDeployTrigger", "off", before="checksPass"),
    "envVars": Other({"A": "2", "B": Secret("a secret value")}, before={"A": "1", "GONE": "x"}),
    "secretFiles": Other({"a.txt": "new content", "b.txt": "two"}, before={"a.txt": "one content"}),
    "envGroupIds": Other(["{group}"]),
    "notifications": Other({"notificationsToSend": "all", "previewNotificationsEnabled": "true"}),
    "redeployOn": Other({"group": "2"}, before={"group": "1"}),
    "environmentId": Other("{home.environmentIds.production}", "environmentId", "{home.environmentIds.production}"),
}
_RUN = {
    "plan": Other("standard", f"{_DETAILS}.plan", "standard"),
    "dockerCommand": Other("./run", f"{_COMMANDS}.dockerCommand", "./run"),
    "dockerContext": Other("./app", f"{_COMMANDS}.dockerContext", "./app"),
    "dockerfilePath": Other("app/Dockerfile", f"{_COMMANDS}.dockerfilePath", "app/Dockerfile"),
}
_ALWAYS_ON = {
    "numInstances": Other(2, f"{_DETAILS}.numInstances", 2),
    "autoscaling": Other(
        {"min": 1, "max": 3, "cpuPercent": 60},
        f"{_DETAILS}.autoscaling",
        {
            "enabled": True,
            "min": 1,
            "max": 3,
            "criteria": {"cpu": {"enabled": True, "percentage": 60}, "memory": {"enabled": False, "percentage": 70}},
        },
    ),
    "disk": Other(
        {"name": "data", "mountPath": "/data", "sizeGB": 20},
        f"{_DETAILS}.disk.sizeGB",
        20,
        before={"name": "data", "mountPath": "/data", "sizeGB": 10},
    ),
    "preDeployCommand": Other("./migrate", f"{_COMMANDS}.preDeployCommand", "./migrate"),
    "maxShutdownDelaySeconds": Other(60, f"{_DETAILS}.maxShutdownDelaySeconds", 60),
    "previewGeneration": Other("manual", f"{_DETAILS}.previews.generation", "manual"),
    # A cron job has no credential beside its image's.
    "registryCredentialId": Other("{credential}"),
}
_WEB_ONLY = {
    "healthCheckPath": Other("/health", f"{_DETAILS}.healthCheckPath", "/health"),
    "maintenanceMode": Other(
        {"enabled": True, "uri": "https://status.example.com"},
        f"{_DETAILS}.maintenanceMode",
        {"enabled": True, "uri": "https://status.example.com"},
    ),
}
_PUBLIC = {
    "ipAllowList": Other(
        ALLOWED,
        f"{_DETAILS}.ipAllowList",
        [{"cidrBlock": "203.0.113.0/24", "description": "office"}, {"cidrBlock": "10.0.0.0/8", "description": ""}],
    ),
    "renderSubdomainPolicy": Other("disabled", f"{_DETAILS}.renderSubdomainPolicy", "disabled"),
}
_CREDENTIAL = {
    "credential": (
        "render:index:RegistryCredential",
        {"name": "hub", "registry": "DOCKER", "username": "me", "authToken": Secret("a first token")},
    )
}
_SERVICE_NEEDS: dict[str, tuple[str, Properties]] = {**_PROJECT, **_GROUP, **_CREDENTIAL}
_SETTINGS = {
    "protectedStatus": Other("protected", "protectedStatus", "protected"),
    "networkIsolationEnabled": Other(True, "networkIsolationEnabled", True),
    "ipAllowList": Other(
        ALLOWED,
        "ipAllowList",
        [{"cidrBlock": "203.0.113.0/24", "description": "office"}, {"cidrBlock": "10.0.0.0/8", "description": ""}],
    ),
}
_STORE = {
    "name": Other("renamed", "name", "renamed"),
    "ipAllowList": Other(
        ALLOWED,
        "ipAllowList",
        [{"cidrBlock": "203.0.113.0/24", "description": "office"}, {"cidrBlock": "10.0.0.0/8", "description": ""}],
    ),
    "environmentId": Other("{home.environmentIds.production}", "environmentId", "{home.environmentIds.production}"),
}


def _set(place: str, *path: str, value: Any) -> Callable[[Server, str], object]:
    """Return a change by hand of something that the stand-in holds."""

    def change(server: Server, id_: str) -> None:
        held = getattr(server.state, place)[id_.split("/")[-1]]
        found = held.shown if place == "services" else held
        for one in path[:-1]:
            found = found[one]
        found[path[-1]] = value

    return change


def _remove_domain(server: Server, id_: str) -> None:
    """A domain has nothing that could drift: it can only be gone."""


# Nothing moves from one workspace to another.
_ELSEWHERE = {"ownerId": OTHER_OWNER}

CASES = [
    Case(
        "WebService",
        {"name": "web-1", **DOCKER},
        _SOURCE | _RUN | _ALWAYS_ON | _WEB_ONLY | _PUBLIC,
        _set("services", "serviceDetails", "plan", value="pro"),
        "plan",
        {"region": "frankfurt"},
        _SERVICE_NEEDS,
    ),
    Case(
        "PrivateService",
        {"name": "private-1", **DOCKER},
        _SOURCE | _RUN | _ALWAYS_ON,
        _set("services", "branch", value="other"),
        "branch",
        {"region": "ohio"},
        _SERVICE_NEEDS,
    ),
    Case(
        "BackgroundWorker",
        {"name": "worker-1", **DOCKER},
        _SOURCE | _RUN | _ALWAYS_ON,
        _set("services", "serviceDetails", "plan", value="pro"),
        "plan",
        {"region": "ohio"},
        _SERVICE_NEEDS,
    ),
    Case(
        "CronJob",
        {"name": "cron-1", **DOCKER, "schedule": "0 0 * * *"},
        _SOURCE | _RUN | {"schedule": Other("5 4 * * *", f"{_DETAILS}.schedule", "5 4 * * *")},
        _set("services", "serviceDetails", "schedule", value="1 1 * * *"),
        "schedule",
        {"region": "ohio"},
        _SERVICE_NEEDS,
    ),
    Case(
        "StaticSite",
        {"name": "site-1", "repo": REPO},
        _SOURCE
        | _PUBLIC
        | {
            "buildCommand": Other("make", f"{_DETAILS}.buildCommand", "make"),
            "publishPath": Other("dist", f"{_DETAILS}.publishPath", "dist"),
            "previewGeneration": _ALWAYS_ON["previewGeneration"],
            "headers": Other([{"path": "/*", "name": "X-A", "value": "1"}]),
            "routes": Other([{"type": "rewrite", "source": "/*", "destination": "/index.html"}]),
        },
        _set("services", "serviceDetails", "buildCommand", value="rm"),
        "buildCommand",
        _ELSEWHERE,
        _SERVICE_NEEDS,
    ),
    Case(
        "Postgres",
        {"name": "db", "plan": "basic_256mb", "version": "17", "databaseName": "memory"},
        _STORE
        | {
            "plan": Other("pro_4gb", "plan", "pro_4gb"),
            "diskSizeGB": Other(20, "diskSizeGB", 20),
            "enableDiskAutoscaling": Other(True, "diskAutoscalingEnabled", True),
            "enableHighAvailability": Other(True, "highAvailabilityEnabled", True),
            "readReplicas": Other([{"name": "replica"}], "readReplicas.0.name", "replica"),
            "parameterOverrides": Other({"work_mem": "8MB"}),
            "datadogAPIKey": Other(Secret("a datadog key")),
            "datadogSite": Other("US5"),
        },
        lambda server, id_: server.state.stores[id_]["shown"].update(plan="pro_8gb"),
        "plan",
        {"version": "18"},
        _PROJECT,
    ),
    Case(
        "KeyValue",
        {"name": "cache", "plan": "starter"},
        _STORE
        | {
            "plan": Other("standard", "plan", "standard"),
            "maxmemoryPolicy": Other("noeviction", "options.maxmemoryPolicy", "noeviction"),
            "persistenceMode": Other("snapshot", "options.persistenceMode", "snapshot"),
        },
        lambda server, id_: server.state.stores[id_]["shown"].update(plan="pro"),
        "plan",
        {"region": "frankfurt"},
        _PROJECT,
    ),
    Case(
        "EnvGroup",
        {"name": "shared", "envVars": {"A": "1"}},
        {
            "name": Other("renamed", "name", "renamed"),
            "envVars": Other({"A": "2", "B": Secret("a secret value")}, before={"A": "1", "GONE": "x"}),
            "secretFiles": Other({"a.txt": "new content", "b.txt": "two"}, before={"a.txt": "one content"}),
            "environmentId": _STORE["environmentId"],
        },
        lambda server, id_: server.state.groups[id_]["envVars"].clear(),
        "envVars",
        _ELSEWHERE,
        _PROJECT,
    ),
    Case(
        "Disk",
        {"serviceId": "{web}", "name": "data", "mountPath": "/data", "sizeGB": 10},
        {
            "name": Other("other", "name", "other"),
            "mountPath": Other("/var/data", "mountPath", "/var/data"),
            "sizeGB": Other(20, "sizeGB", 20),
        },
        _set("disks", "mountPath", value="/moved"),
        "mountPath",
        {"sizeGB": 5},
        _WEB,
    ),
    Case(
        "CustomDomain",
        {"serviceId": "{web}", "name": "memory.example.com"},
        {},
        None,
        "",
        {"name": "other.example.com"},
        _WEB,
    ),
    Case(
        "Project",
        {"name": "project", "environments": {"production": {}}},
        {
            "name": Other("renamed", "name", "renamed"),
            "environments": Other(
                {"production": {"protectedStatus": "protected"}, "development": {"networkIsolationEnabled": True}},
                before={"production": {}, "old": {}},
            ),
        },
        _set("projects", "name", value="by hand"),
        "name",
        _ELSEWHERE,
    ),
    Case(
        "Environment",
        {"name": "staging", "projectId": "{home}"},
        {"name": Other("renamed", "name", "renamed")} | _SETTINGS,
        _set("environments", "name", value="by hand"),
        "name",
        {"projectId": "{other}"},
        {**_PROJECT, "other": ("render:index:Project", {"name": "other", "environments": {"production": {}}})},
    ),
    Case(
        "RegistryCredential",
        {"name": "ghcr", "registry": "GITHUB", "username": "me", "authToken": Secret("a first token")},
        {
            "name": Other("renamed", "name", "renamed"),
            "registry": Other("GITLAB", "registry", "GITLAB"),
            "username": Other("you", "username", "you"),
            "authToken": Other(Secret("a second token")),
        },
        _set("credentials", "username", value="by hand"),
        "username",
        _ELSEWHERE,
    ),
    Case(
        "Deploy",
        {"serviceId": "{web}", "triggers": {"version": "1"}},
        {},
        None,
        "",
        {"triggers": {"version": "2"}},
        _WEB,
    ),
    Case(
        "LogStream",
        {"endpoint": "logs.example.com:514", "preview": "send", "token": Secret("a stream token")},
        {
            "endpoint": Other("other.example.com:514", "endpoint", "other.example.com:514"),
            "preview": Other("drop", "preview", "drop"),
            "token": Other(Secret("another token")),
        },
        _set("streams", "endpoint", value="hand.example.com:1"),
        "endpoint",
        _ELSEWHERE,
    ),
    Case(
        "Webhook",
        {"name": "news", "url": "https://example.com/hook"},
        {
            "name": Other("renamed", "name", "renamed"),
            "url": Other("https://example.com/other", "url", "https://example.com/other"),
            "enabled": Other(False, "enabled", False),
            "eventFilter": Other(["deploy_ended", "build_ended"], "eventFilter", ["deploy_ended", "build_ended"]),
        },
        _set("webhooks", "url", value="https://example.com/by-hand"),
        "url",
        _ELSEWHERE,
    ),
]


def filled(value: Any, stack: Engine) -> Any:
    """Return a value with the ids of other resources in place of {NAME} and {NAME.output.key}."""
    if isinstance(value, Secret):
        return Secret(filled(value.value, stack))
    if isinstance(value, dict):
        return {name: filled(one, stack) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, stack) for one in value]
    if isinstance(value, str) and value.startswith("{"):
        name, *path = value.strip("{}").split(".")
        found: Any = stack.resources[name].values if path else stack.resources[name].id
        for one in path:
            found = found[one]
        return found
    return value


def dig(answer: Any, path: str) -> Any:
    """Return what is at a dotted path."""
    for one in path.split("."):
        answer = answer[int(one)] if isinstance(answer, list) else (answer or {}).get(one)
    return answer
