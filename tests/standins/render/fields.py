"""Which fields the API documents for each body, by the type of service. Render ignores others without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.standins.render.state import Request, State

Shape = Any  # None: any value; a dict: these fields; a list of one shape: a list of such


def _named(names: str, **more: Shape) -> dict[str, Shape]:
    return dict.fromkeys(names.split()) | more


_ALLOWED = [_named("cidrBlock description")]
_VARIABLES, _FILES = [_named("key value generateValue")], [_named("name content")]
_METRIC = _named("enabled percentage")
_AUTOSCALING = _named("enabled min max", criteria={"cpu": _METRIC, "memory": _METRIC})
_PREVIEWS = _named("generation")
_DOCKER = "dockerCommand dockerContext dockerfilePath registryCredentialId"
_NATIVE = "buildCommand startCommand"

_SERVICE = _named(
    "name repo autoDeploy autoDeployTrigger branch rootDir",
    image=_named("ownerId registryCredentialId imagePath"),
    buildFilter=_named("paths ignoredPaths"),
)
_NEW_SERVICE = _SERVICE | _named("type ownerId environmentId", envVars=_VARIABLES, secretFiles=_FILES)
_RUN = _named("runtime plan preDeployCommand pullRequestPreviewsEnabled maxShutdownDelaySeconds", previews=_PREVIEWS)
_NEW_RUN = _named("env region numInstances", autoscaling=_AUTOSCALING, disk=_named("name mountPath sizeGB"))
_WEB = _named("healthCheckPath renderSubdomainPolicy", maintenanceMode=_named("enabled uri"), ipAllowList=_ALLOWED)
_STATIC = _named(
    "buildCommand publishPath pullRequestPreviewsEnabled renderSubdomainPolicy",
    previews=_PREVIEWS,
    ipAllowList=_ALLOWED,
)
_ROUTE, _HEADER = _named("type source destination priority"), _named("path name value")
_DETAILS: dict[str, dict[str, Shape]] = {
    "web_service": _RUN | _WEB,
    "private_service": _RUN,
    "background_worker": _RUN,
    "cron_job": _named("plan schedule runtime"),
    "static_site": _STATIC,
}
_NEW_DETAILS: dict[str, dict[str, Shape]] = {
    "web_service": _RUN | _NEW_RUN | _WEB,
    "private_service": _RUN | _NEW_RUN,
    "background_worker": _RUN | _NEW_RUN,
    "cron_job": _named("plan schedule runtime env region"),
    "static_site": _STATIC | {"routes": [_ROUTE], "headers": [_HEADER]},
}
# Changed only once made: cache of a web service.
_DETAILS["web_service"]["cache"] = _named("profile")

_POSTGRES = _named(
    "name plan diskSizeGB enableDiskAutoscaling enableHighAvailability datadogAPIKey datadogSite parameterOverrides",
    ipAllowList=_ALLOWED,
    readReplicas=[_named("name parameterOverrides")],
)
# persistenceMode is not in the API's description; recorded answers show that it works.
_KEY_VALUE = _named("name plan maxmemoryPolicy persistenceMode", ipAllowList=_ALLOWED)
_NEW_STORE = "ownerId region environmentId"
_ENVIRONMENT = _named("name protectedStatus networkIsolationEnabled", ipAllowList=_ALLOWED)
_WEBHOOK = _named("name url enabled eventFilter")
_CREDENTIAL = _named("registry name username authToken")

# By method and path; services apart.
_BODIES: list[tuple[str, str, Shape]] = [
    ("POST", "/services/[^/]+/deploys", _named("clearCache commitId imageUrl deployMode")),
    ("POST", "/services/[^/]+/rollback", _named("deployId")),
    ("POST", "/services/[^/]+/scale", _named("numInstances")),
    ("PUT", "/services/[^/]+/autoscaling", _AUTOSCALING),
    ("PUT", "/services/[^/]+/env-vars", _VARIABLES),
    ("PUT", "/services/[^/]+/secret-files", _FILES),
    ("PUT", "/(services|env-groups)/[^/]+/env-vars/[^/]+", _named("value generateValue")),
    ("PUT", "/(services|env-groups)/[^/]+/secret-files/[^/]+", _named("content")),
    ("PUT", "/services/[^/]+/routes", [_named("type source destination")]),
    ("PUT", "/services/[^/]+/headers", [_HEADER]),
    ("POST", "/services/[^/]+/custom-domains", _named("name")),
    ("POST", "/disks", _named("name sizeGB mountPath serviceId")),
    ("PATCH", "/disks/[^/]+", _named("name sizeGB mountPath")),
    ("POST", "/postgres", _POSTGRES | _named(f"{_NEW_STORE} databaseName databaseUser version")),
    ("PATCH", "/postgres/[^/]+", _POSTGRES),
    ("POST", "/(key-value|redis)", _KEY_VALUE | _named(_NEW_STORE)),
    ("PATCH", "/(key-value|redis)/[^/]+", _KEY_VALUE),
    (
        "POST",
        "/env-groups",
        _named("name ownerId serviceIds environmentId", envVars=_VARIABLES, secretFiles=_FILES),
    ),
    ("PATCH", "/env-groups/[^/]+", _named("name")),
    ("POST", "/projects", _named("name ownerId", environments=[_ENVIRONMENT])),
    ("PATCH", "/projects/[^/]+", _named("name")),
    ("POST", "/environments", _ENVIRONMENT | _named("projectId")),
    ("PATCH", "/environments/[^/]+", _ENVIRONMENT),
    ("POST", "/environments/[^/]+/resources", _named("resourceIds")),
    ("POST", "/registrycredentials", _CREDENTIAL | _named("ownerId")),
    ("PATCH", "/registrycredentials/[^/]+", _CREDENTIAL),
    ("POST", "/webhooks", _WEBHOOK | _named("ownerId")),
    ("PATCH", "/webhooks/[^/]+", _WEBHOOK),
    (
        "PATCH",
        "/notification-settings/owners/[^/]+",
        _named("emailEnabled notificationsToSend previewNotificationsEnabled"),
    ),
    (
        "PATCH",
        "/notification-settings/overrides/services/[^/]+",
        _named("notificationsToSend previewNotificationsEnabled"),
    ),
    ("PUT", "/logs/streams/owner/[^/]+", _named("endpoint token preview")),
    ("PUT", "/logs/streams/resource/[^/]+", _named("endpoint token setting")),
]


def undocumented(state: State, request: Request) -> list[str]:
    """Return the fields of a body that the API does not document, as a.b.c."""
    return list(_outside(request.body, shape(state, request), ""))


def shape(state: State, request: Request) -> Shape:
    """Return the fields that the API documents for a body."""
    if request.body is None:
        return None
    body = request.body if isinstance(request.body, dict) else {}
    details = body.get("serviceDetails") or {}
    if (request.method, request.path) == ("POST", "/services"):
        kind, new = body.get("type", ""), True
        runtime = details.get("runtime")
    elif request.method == "PATCH" and (match := re.fullmatch("/services/([^/]+)", request.path)):
        service = state.services.get(match[1])
        if service is None:
            return None
        kind, new = service.shown["type"], False
        runtime = details.get("runtime") or service.details.get("runtime")
    else:
        for method, pattern, documented in _BODIES:
            if method == request.method and re.fullmatch(pattern, request.path):
                return documented
        return {}
    fitting = dict((_NEW_DETAILS if new else _DETAILS).get(kind, {}))
    if kind != "static_site":
        names = _DOCKER if runtime in ("docker", "image") else _NATIVE
        if new and kind == "cron_job":
            names = names.removesuffix(" registryCredentialId")
        fitting["envSpecificDetails"] = _named(names)
    return (_NEW_SERVICE if new else _SERVICE) | {"serviceDetails": fitting}


def _outside(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, list) and isinstance(value, list):
        for one in value:
            yield from _outside(one, shape[0], path)
    elif isinstance(shape, dict) and isinstance(value, dict):
        for name, inner in value.items():
            where = f"{path}.{name}" if path else name
            if name not in shape:
                yield where
            else:
                yield from _outside(inner, shape[name], where)
