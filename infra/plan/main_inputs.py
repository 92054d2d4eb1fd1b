"""Which inputs of a resource say most about it, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.plan import SECRET
from infra.plan.document import Shown

_OF_A_SERVICE = ("plan", "autoscaling", "numInstances", "disk", "schedule", "dockerCommand", "image")
MAIN: Mapping[str, tuple[str, ...]] = {
    "docker:index/container:Container": ("image", "command", "memory", "cpus", "ports", "restart"),
    "docker:index/remoteImage:RemoteImage": ("name",),
    "docker:index/volume:Volume": ("name",),
    "alicloud:fc/v3Function:V3Function": ("runtime", "memorySize", "cpu", "timeout", "instanceConcurrency"),
    "alicloud:fc/v3Trigger:V3Trigger": ("triggerType", "triggerConfig"),
    "alicloud:rds/instance:Instance": ("engine", "engineVersion", "instanceType", "instanceStorage", "category"),
    "render:index:WebService": _OF_A_SERVICE,
    "render:index:PrivateService": _OF_A_SERVICE,
    "render:index:BackgroundWorker": _OF_A_SERVICE,
    "render:index:CronJob": _OF_A_SERVICE,
    "render:index:Postgres": ("plan", "version", "diskSizeGB", "ipAllowList"),
    "render:index:EnvGroup": ("envVars",),
}
_OTHERS = 3  # inputs that are shown of a type which is not listed
_LONGEST = 60  # characters of a value


def main_inputs(resource: Shown) -> dict[str, str]:
    """Return the inputs that say most, each as a short text."""
    names = MAIN.get(resource.type)
    if names is None:
        plain = [name for name, value in sorted(resource.inputs.items()) if isinstance(value, str | int | float)]
        names = tuple(name for name in plain if name != "description" and resource.inputs[name] != SECRET)[:_OTHERS]
    found = {name: resource.inputs.get(name) for name in names}
    return {name: short(value) for name, value in found.items() if value not in (None, [], {}, "")}


def line(resource: Shown) -> str:
    """Return the main inputs in one line."""
    return ", ".join(f"{name} {value}" for name, value in main_inputs(resource).items())


def short(value: Any, longest: int = _LONGEST) -> str:
    """Return a value as a text that fits into a line."""
    text = " ".join(_text(value).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _entry(name: str, value: Any) -> str:
    """Return an entry of a mapping; of one with a secret value its name."""
    is_secret = SECRET in (value, value.get("value") if isinstance(value, Mapping) else None)
    return name if is_secret else f"{name}={_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(_entry(name, inner) for name, inner in sorted(value.items()))
    if isinstance(value, list):
        return " ".join(_text(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
