"""The properties of the five types of services, and where Render's API has each."""

from __future__ import annotations

from collections.abc import Mapping

from infra.render.provider.deploying import WAITING
from infra.render.provider.fields import Field, Flag, ListOf, MapOf, Output, Record, Text, Variable, Whole
from infra.render.provider.values import Json

REGIONS = ("oregon", "ohio", "virginia", "frankfurt", "singapore")
RUNTIMES = ("docker", "elixir", "go", "image", "node", "python", "ruby", "rust")
DETAILS, COMMANDS = "serviceDetails", "serviceDetails.envSpecificDetails"
_STAYS = "a service cannot move to another"

VARIABLE_NAME = (r"[A-Za-z_][A-Za-z0-9_.\-]*", "begins with a letter or _ and goes on with letters, digits, _ . or -")
FILE_NAME = (r"(?!\.{1,2}$)[^/\x00]{1,255}", "is a file's name: no / is in it, and it is neither . nor .. alone")


def image_alike(path: str) -> str:
    """Return an image's path as Render writes it out: nginx is docker.io/library/nginx:latest."""
    name, at, digest = path.partition("@")
    head, slash, tail = name.rpartition("/")
    tail = tail if ":" in tail or at else f"{tail}:latest"
    if not slash:
        head = "docker.io/library"
    elif "." not in head.split("/")[0] and ":" not in head.split("/")[0] and head.split("/")[0] != "localhost":
        head = f"docker.io/{head}"
    return f"{head}/{tail}{at}{digest}"


def _image_became(wanted: Json, live: Json) -> bool:
    """Whether an image is the one of the program, which names no digest, with the digest that was deployed since."""
    return "@" not in wanted and image_alike(wanted) == image_alike(str(live).partition("@")[0])


def trigger_decoded(service: Json) -> Json:
    """Return when a service deploys by itself; older answers say only yes or no."""
    if trigger := service.get("autoDeployTrigger"):
        return trigger
    return {"yes": "commit", "no": "off"}.get(service.get("autoDeploy"))


def image_decoded(service: Json) -> Json:
    """Return the image of an image service."""
    if not service.get("imagePath"):
        return None
    credential = (service.get("registryCredential") or {}).get("id")
    return {"imagePath": service["imagePath"]} | ({"registryCredentialId": credential} if credential else {})


def scaling_encoded(value: Json) -> Json:
    """Return autoscaling as the API has it, where both criteria are required."""
    cpu, memory = value.get("cpuPercent"), value.get("memoryPercent")
    return {
        "enabled": True,
        "min": value["min"],
        "max": value["max"],
        "criteria": {
            # A criterion that is off needs a percentage as well; it has no effect.
            "cpu": {"enabled": cpu is not None, "percentage": cpu or 70},
            "memory": {"enabled": memory is not None, "percentage": memory or 70},
        },
    }


def scaling_decoded(value: Json) -> Json:
    """Return autoscaling as a program has it, None if it is off."""
    if not value or not value.get("enabled"):
        return None
    found = {"min": value["min"], "max": value["max"]}
    for name, part in (("cpuPercent", "cpu"), ("memoryPercent", "memory")):
        criterion = value.get("criteria", {}).get(part) or {}
        if criterion.get("enabled"):
            found[name] = criterion["percentage"]
    return found


def _filter_encoded(value: Json) -> Json:
    return {"paths": value.get("paths") or [], "ignoredPaths": value.get("ignoredPaths") or []}


def variables_encoded(value: Json) -> Json:
    """Return variables by name as the API's list."""
    return [{"key": name, **(one if isinstance(one, Mapping) else {"value": one})} for name, one in value.items()]


def files_encoded(value: Json) -> Json:
    """Return secret files by name as the API's list."""
    return [{"name": name, "content": content} for name, content in value.items()]


ADDRESSES = ListOf(of=Record(fields=(Field(name="cidrBlock", required=True), Field(name="description", default=""))))


def addresses_encoded(value: Json) -> Json:
    """Return an allow list as the API has it, where a description is required."""
    return [{"cidrBlock": one["cidrBlock"], "description": one.get("description") or ""} for one in value]


_ON_OFF = Text(choices=("enabled", "disabled"))

SOURCE = (
    Field(name="name", required=True, at="name"),
    Field(name="ownerId", at="ownerId", replaces=f"{_STAYS} workspace"),
    Field(name="environmentId", at="environmentId", default=""),
    Field(name="repo", at="repo", effect="rebuild"),
    Field(name="branch", at="branch", effect="rebuild"),
    Field(name="rootDir", at="rootDir", default="", effect="rebuild"),
    Field(
        name="buildFilter",
        kind=Record(
            fields=(
                Field(name="paths", kind=ListOf(of=Text()), default=[]),
                Field(name="ignoredPaths", kind=ListOf(of=Text()), default=[]),
            )
        ),
        at="buildFilter",
        encode=_filter_encoded,
        default={},
    ),
    Field(
        name="autoDeployTrigger",
        kind=Text(choices=("commit", "off", "checksPass")),
        returned=".",
        decode=trigger_decoded,
        default="commit",
    ),
    Field(
        name="envVars",
        kind=MapOf(of=Variable(generates=True), pattern=VARIABLE_NAME, open=True),
        returned=None,
        default={},
        effect="deploy",
    ),
    Field(
        name="secretFiles",
        kind=MapOf(of=Variable(), pattern=FILE_NAME, open=True),
        returned=None,
        default={},
        effect="deploy",
    ),
    Field(name="envGroupIds", kind=ListOf(of=Text()), returned=None, default=[], effect="deploy"),
    Field(
        name="notifications",
        kind=Record(
            fields=(
                Field(
                    name="notificationsToSend",
                    kind=Text(choices=("default", "none", "failure", "all")),
                    default="default",
                ),
                Field(
                    name="previewNotificationsEnabled",
                    kind=Text(choices=("default", "false", "true")),
                    default="default",
                ),
            )
        ),
        returned=None,
        default={},
    ),
    # What the provider does, not what the service is.
    Field(name="redeployOn", kind=MapOf(of=Text()), returned=None, effect="deploy", trigger=True),
    Field(name="deployMode", kind=Text(choices=("save", "deploy", "rebuild")), returned=None, local=True),
    *WAITING,
)

_RUN = (
    Field(name="runtime", kind=Text(near=RUNTIMES), required=True, at=f"{DETAILS}.runtime", effect="rebuild"),
    # Plans are added now and then: there is no list of them here.
    Field(name="plan", at=f"{DETAILS}.plan", effect="deploy"),
    Field(name="region", kind=Text(near=REGIONS), at=f"{DETAILS}.region", replaces=f"{_STAYS} region"),
    Field(
        name="image",
        kind=Record(
            fields=(
                Field(name="imagePath", kind=Text(alike=image_alike), matches=_image_became, required=True),
                Field(name="registryCredentialId", default=""),
            )
        ),
        at="image",
        returned=".",
        decode=image_decoded,
        effect="rebuild",
    ),
    Field(name="buildCommand", at=f"{COMMANDS}.buildCommand", default="", effect="rebuild"),
    Field(name="startCommand", at=f"{COMMANDS}.startCommand", default="", effect="deploy"),
    Field(name="dockerCommand", at=f"{COMMANDS}.dockerCommand", default="", effect="deploy"),
    Field(name="dockerContext", at=f"{COMMANDS}.dockerContext", effect="rebuild"),
    Field(name="dockerfilePath", at=f"{COMMANDS}.dockerfilePath", effect="rebuild"),
    Field(
        name="registryCredentialId",
        at=f"{COMMANDS}.registryCredentialId",
        returned=f"{COMMANDS}.registryCredential.id",
        default="",
        effect="rebuild",
    ),
)

_ALWAYS_ON = (
    Field(name="numInstances", kind=Whole(least=1, most=100, unit="instances"), returned=f"{DETAILS}.numInstances"),
    Field(
        name="autoscaling",
        kind=Record(
            fields=(
                Field(name="min", kind=Whole(least=1, most=100, unit="instances"), required=True),
                Field(name="max", kind=Whole(least=1, most=100, unit="instances"), required=True),
                Field(name="cpuPercent", kind=Whole(least=1, most=90, unit="percent")),
                Field(name="memoryPercent", kind=Whole(least=1, most=90, unit="percent")),
            )
        ),
        returned=f"{DETAILS}.autoscaling",
        decode=scaling_decoded,
        default={},
    ),
    Field(
        name="disk",
        kind=Record(
            fields=(
                Field(name="name", required=True),
                Field(name="mountPath", kind=Text(pattern=(r"/.*[^/]", "is an absolute path, below /")), required=True),
                Field(name="sizeGB", kind=Whole(least=1, unit="GB"), required=True),
            )
        ),
        returned=f"{DETAILS}.disk",
        default={},
        effect="deploy",
    ),
    Field(
        name="preDeployCommand",
        at=f"{DETAILS}.preDeployCommand",
        returned=f"{COMMANDS}.preDeployCommand",
        default="",
    ),
    Field(
        name="maxShutdownDelaySeconds",
        kind=Whole(least=1, most=300, unit="seconds"),
        at=f"{DETAILS}.maxShutdownDelaySeconds",
        default=30,
        effect="deploy",
    ),
)

_PREVIEWS = (
    Field(
        name="previewGeneration",
        kind=Text(choices=("off", "manual", "automatic")),
        at=f"{DETAILS}.previews.generation",
        default="off",
    ),
)

_WEB = (
    Field(
        name="healthCheckPath",
        kind=Text(pattern=(r"(/.*)?", "begins with /")),
        at=f"{DETAILS}.healthCheckPath",
        default="",
        effect="deploy",
    ),
    Field(
        name="maintenanceMode",
        kind=Record(
            fields=(
                Field(name="enabled", kind=Flag(), required=True, default=False),
                Field(name="uri", default=""),
            )
        ),
        at=f"{DETAILS}.maintenanceMode",
        encode=lambda value: {"enabled": bool(value.get("enabled")), "uri": value.get("uri") or ""},
        default={},
    ),
)

_PUBLIC = (
    # Without a list everyone may connect, with an empty one no one may: taking it out of a program changes neither.
    Field(name="ipAllowList", kind=ADDRESSES, at=f"{DETAILS}.ipAllowList", encode=addresses_encoded),
    Field(name="renderSubdomainPolicy", kind=_ON_OFF, at=f"{DETAILS}.renderSubdomainPolicy", default="enabled"),
)

_STATIC = (
    Field(name="buildCommand", at=f"{DETAILS}.buildCommand", default="", effect="rebuild"),
    Field(name="publishPath", at=f"{DETAILS}.publishPath", effect="rebuild"),
    Field(
        name="headers",
        kind=ListOf(of=Record(fields=tuple(Field(name=one, required=True) for one in ("path", "name", "value")))),
        returned=None,
        default=[],
    ),
    Field(
        name="routes",
        kind=ListOf(
            of=Record(
                fields=(
                    Field(name="type", kind=Text(choices=("redirect", "rewrite")), required=True),
                    Field(name="source", required=True),
                    Field(name="destination", required=True),
                )
            ),
            ordered=True,
        ),
        returned=None,
        default=[],
    ),
)

_CRON = (
    Field(
        name="schedule",
        kind=Text(pattern=(r"\S+(\s+\S+){4}", "has five fields: minute, hour, day, month, weekday")),
        required=True,
        at=f"{DETAILS}.schedule",
    ),
)

PRIVATE = SOURCE + _RUN + _ALWAYS_ON + _PREVIEWS
WORKER = PRIVATE
WEB = PRIVATE + _WEB + _PUBLIC
# For a cron job the API takes no credential of its own beside the image's.
CRON = SOURCE + tuple(one for one in _RUN if one.name != "registryCredentialId") + _CRON
STATIC = SOURCE + _STATIC + _PREVIEWS + _PUBLIC

_EVERY = (
    Output(name="slug", at="slug"),
    Output(name="dashboardUrl", at="dashboardUrl"),
    Output(name="createdAt", at="createdAt"),
    Output(name="ownerId", at="ownerId"),
    Output(name="suspended", at="suspended", stable=False),
    Output(name="deployId", at="", stable=False),
    Output(name="generated", at="", secret=True, stable=False),
)
_REGION = Output(name="region", at=f"{DETAILS}.region")
_SHELL = Output(name="sshAddress", at=f"{DETAILS}.sshAddress")
_URL = Output(name="url", at=f"{DETAILS}.url")
_DISK = Output(name="diskId", at=f"{DETAILS}.disk.id", stable=False)

CRON_OUTPUTS = (*_EVERY, _REGION)
WORKER_OUTPUTS = (*_EVERY, _REGION, _SHELL, _DISK)
PRIVATE_OUTPUTS = (*WORKER_OUTPUTS, _URL)
WEB_OUTPUTS = PRIVATE_OUTPUTS
STATIC_OUTPUTS = (*_EVERY, _URL)
