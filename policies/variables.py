"""Settings as containers get them, on every target: by which name, and in the form of a secret or in clear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.render.provider.fingerprints import WRITE_ONLY
from infra.render.services import PROGRAM
from policies.rule import Resource
from policies.unknown import UNKNOWN, NotKnown, elements, entries

CONTAINER = "docker:index/container:Container"
FUNCTION = "alicloud:fc/v3Function:V3Function"
GROUP = "render:index:EnvGroup"
WEB, PRIVATE, WORKER, CRON = (
    f"render:index:{kind}" for kind in ("WebService", "PrivateService", "BackgroundWorker", "CronJob")
)
RENDER_SERVICES = (WEB, PRIVATE, WORKER, CRON)
WITH_VARIABLES = (CONTAINER, FUNCTION, GROUP, *RENDER_SERVICES)
VARIABLES = "environmentVariables"  # of a function
# What the commands of the app's image are called; other images have programs of other names.
COMMANDS = ("serve", "worker", "init", "alerts", "maintain", "backup", "jobs")
_SOURCES = {CONTAINER: "envs", FUNCTION: VARIABLES}  # the property with the variables, if it is not envVars
_FILE = "_FILE"  # ends the name of a variable with the path of a secret


@dataclass(frozen=True, kw_only=True)
class Variable:
    """An environment variable or secret file. hidden: in the form in which its target keeps secrets.

    value: UNKNOWN at a preview; of a hidden one whatever stands in its place.
    """

    name: str
    value: Any
    hidden: bool

    @property
    def setting(self) -> str:
        """The name of the setting that it gives a value."""
        return self.name.removesuffix(_FILE)

    @property
    def is_path(self) -> bool:
        """Whether it says where a secret is, and is none."""
        return self.name.endswith(_FILE)


def variables(resource: Resource) -> Iterator[Variable]:
    """Yield the environment variables of a container, service, function or group, as far as names are known."""
    if resource.type == CONTAINER:
        for entry in elements(resource.raw("envs")):
            name, _, value = str(entry).partition("=")
            yield Variable(name=name, value=value, hidden=False)
    elif resource.type == FUNCTION:
        hidden = resource.holds_secretly(VARIABLES)
        for name, value in entries(resource.raw(VARIABLES)).items():
            yield Variable(name=name, value=value, hidden=hidden)
    elif resource.type.startswith("render:"):
        for name, value in entries(resource.raw("envVars")).items():
            yield Variable(name=name, value=value, hidden=may_be_hidden(value))


def files(resource: Resource) -> Iterator[Variable]:
    """Yield the files that a container finds, by name."""
    if resource.type == CONTAINER:
        for upload in elements(resource.raw("uploads")):
            name = str(entries(upload).get("file", "")).rpartition("/")[2]
            yield Variable(name=name, value=entries(upload).get("content"), hidden=True)
    else:
        for name, value in entries(resource.raw("secretFiles")).items():
            yield Variable(name=name, value=value, hidden=may_be_hidden(value))


def may_be_hidden(value: Any) -> bool:
    """Whether Render's provider keeps nothing but a fingerprint of a value, or may do so once all of it is known."""
    return value is UNKNOWN or entries(value).get(WRITE_ONLY) in (True, UNKNOWN)


def runs_app(resource: Resource) -> bool:
    """Whether a resource is a container of the app, or settings for one."""
    if resource.type == CONTAINER:
        return command(resource) in COMMANDS
    if resource.type in RENDER_SERVICES:
        return (
            resource.raw("runtime") == "docker"
            or bool(resource.raw("envGroupIds"))
            or str(resource.get("dockerCommand")).startswith(PROGRAM)
        )
    return resource.type in (FUNCTION, GROUP)


def command(resource: Resource) -> str:
    """Return the command of the app that a container runs; nothing when there is none. Raises NotKnown."""
    if resource.type == CONTAINER:
        return str(resource.get("command", 0, default=""))
    if resource.type == FUNCTION:
        words = resource.get("customRuntimeConfig", "commands", default=[])
    else:
        words = str(resource.get("dockerCommand", default="")).split()
    return str(words[-1]) if words else ""


def setting(resource: Resource, name: str) -> str | None:
    """Return the value of a setting in a container, None when it has none. Raises NotKnown, also if it may have one."""
    for variable in variables(resource):
        if variable.name == name:
            if variable.value is UNKNOWN:
                raise NotKnown
            return str(variable.value)
    source = resource.raw(_SOURCES.get(resource.type, "envVars"))
    if source is UNKNOWN or (isinstance(source, list) and UNKNOWN in source):
        raise NotKnown
    return None
