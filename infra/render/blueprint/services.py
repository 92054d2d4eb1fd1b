"""Services and databases as a Blueprint spells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from infra.plan import Declared
from infra.render.blueprint.variables import TYPES, Entry, Variables, kind_of

# Fields that a Blueprint has under the same name. repo and branch are left out: without them Render takes those that
# the file is in, also in previews.
_SAME = (
    *("region", "runtime", "schedule", "dockerfilePath", "dockerContext", "dockerCommand", "preDeployCommand"),
    *("numInstances", "healthCheckPath", "maxShutdownDelaySeconds", "autoDeployTrigger"),
)
_SERVICE_PLANS = {"pro_plus": "pro plus", "pro_max": "pro max", "pro_ultra": "pro ultra"}


def service(resource: Declared, variables: Variables, domains: Sequence[str], credentials: Mapping[str, str]) -> Entry:
    """Return a service. domains: its own. credentials: names of registry credentials, by id."""
    inputs = resource.inputs
    found: Entry = {
        "type": TYPES[kind_of(resource)],
        "name": inputs["name"],
        "plan": _SERVICE_PLANS.get(inputs["plan"], inputs["plan"]),
        **{name: _whole(inputs[name]) for name in _SAME if name in inputs},
    }
    if image := inputs.get("image"):
        found["image"] = _image(image, credentials)
    if scaling := inputs.get("autoscaling"):
        found["scaling"] = _scaling(scaling)
    if disk := inputs.get("disk"):
        found["disk"] = {name: _whole(value) for name, value in sorted(disk.items())}
    if paths := inputs.get("buildFilter", {}).get("paths"):
        found["buildFilter"] = {"paths": paths}
    if addresses := inputs.get("ipAllowList"):
        found["ipAllowList"] = _allowed(addresses)
    if domains:
        found["domains"] = list(domains)
    if "previewGeneration" in inputs:
        found["previews"] = {"generation": inputs["previewGeneration"]}
    return found | {"envVars": variables.of(resource)}


def database(resource: Declared) -> Entry:
    """Return a PostgreSQL."""
    inputs = resource.inputs
    found: Entry = {
        "name": inputs["name"],
        "plan": inputs["plan"].replace("_", "-"),
        "region": inputs["region"],
        "postgresMajorVersion": inputs["version"],
        "databaseName": inputs["databaseName"],
        "user": inputs["databaseUser"],
    }
    if size := inputs.get("diskSizeGB"):
        found["diskSizeGB"] = _whole(size)
    if inputs.get("enableHighAvailability"):
        found["highAvailability"] = {"enabled": True}
    return found | {"ipAllowList": _allowed(inputs["ipAllowList"])}


def _image(image: Mapping[str, Any], credentials: Mapping[str, str]) -> Entry:
    found: Entry = {"url": image["imagePath"]}
    if credential := image.get("registryCredentialId"):
        found["creds"] = {"fromRegistryCreds": {"name": credentials[credential]}}
    return found


def _scaling(scaling: Mapping[str, Any]) -> Entry:
    names = {
        "min": "minInstances",
        "max": "maxInstances",
        "cpuPercent": "targetCPUPercent",
        "memoryPercent": "targetMemoryPercent",
    }
    return {names[name]: _whole(scaling[name]) for name in names if name in scaling}


def _allowed(addresses: Sequence[Mapping[str, str]]) -> list[Entry]:
    return [{"source": one["cidrBlock"], "description": one.get("description", "")} for one in addresses]


def _whole(value: Any) -> Any:
    """Return a number as a whole one: a plan knows only fractions."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
