"""What Render refuses in a Blueprint or takes in another sense, and its own schema lets pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from app.errors import shown
from infra.render.blueprint.scopes import DATABASES, SERVICES, Found, Tree, resources
from infra.render.blueprint.variable_checks import variable_problems

_FREE = "free"
_TYPES = ("web", "pserv", "worker", "cron", "keyvalue", "redis")
_STORES = ("keyvalue", "redis")
_PAID_TYPES = ("pserv", "worker", "cron")
_WEB_ONLY = ("healthCheckPath", "domain", "domains", "maintenanceMode", "ipAllowList", "renderSubdomainPolicy")
_ALWAYS_ON = ("scaling", "numInstances", "disk")  # not for a cron job
_PAID_ONLY = ("scaling", "disk", "preDeployCommand")
_TARGETS = ("targetCPUPercent", "targetMemoryPercent")
_MOST_PERCENT = 90
_MOST_INSTANCES = 100
_CRON_FIELDS = 5
_DEPRECATED = {
    "env": "use runtime",
    "autoDeploy": "use autoDeployTrigger",
    "pullRequestPreviewsEnabled": "use previews: {generation: …}",
    "previewPlan": "use previews: {plan: …}",
    "domain": "use domains",
}
_DEPRECATED_AT_THE_TOP = {
    "previewsEnabled": "use previews: {generation: …}",
    "previewsExpireAfterDays": "use previews: {expireAfterDays: …}",
}

Check = Callable[[Found], Iterator[str]]


def problems(tree: Tree) -> list[str]:
    """Return every problem of a Blueprint, in sentences. tree: as a YAML parser returns it."""
    found = [f"{name}: is deprecated; {remedy}" for name, remedy in _DEPRECATED_AT_THE_TOP.items() if name in tree]
    found += _generation("previews", tree.get("previews"))
    everything = list(resources(tree))
    found += _names(everything)
    for one in everything:
        checks = _SERVICE_CHECKS if one.section == SERVICES else _DATABASE_CHECKS if one.section == DATABASES else ()
        found += [f"{one.label}: {problem}" for check in checks for problem in check(one)]
    return found + variable_problems(everything)


def _names(everything: list[Found]) -> Iterator[str]:
    for (section, name), count in Counter((one.section, one.name) for one in everything).items():
        if count > 1:
            scopes = ", ".join(one.scope for one in everything if (one.section, one.name) == (section, name))
            yield f"{section} {name}: is there {count} times ({scopes}); a resource stands in one place"


# Services ---------------------------------------------------------------------------------------


def _required(one: Found) -> Iterator[str]:
    type_, runtime = one.entry.get("type"), one.entry.get("runtime")
    if type_ not in _TYPES:
        yield f"type: got {shown(type_)}, takes {', '.join(_TYPES[:-1])}"
    if type_ in _STORES:
        if "ipAllowList" not in one.entry:
            yield "ipAllowList: is required; [] lets nothing in from outside"
        return
    if runtime is None:
        yield "runtime: is required, such as docker or image"
    if runtime == "image" and not one.entry.get("image"):
        yield "image: is required with the runtime image; use image: {url: …}"
    if runtime != "image" and one.entry.get("image"):
        yield f"image: needs the runtime image, not {runtime}"
    if type_ == "cron" and len(str(one.entry.get("schedule", "")).split()) != _CRON_FIELDS:
        yield "schedule: takes the five fields of cron: minute, hour, day, month, weekday"


def _deprecated(one: Found) -> Iterator[str]:
    for name, remedy in _DEPRECATED.items():
        if name in one.entry and not (name == "previewPlan" and one.entry.get("type") in _STORES):
            yield f"{name}: is deprecated; {remedy}"
    if one.entry.get("type") == "redis":
        yield "type: redis is deprecated; use keyvalue"


def _only_for_some(one: Found) -> Iterator[str]:
    type_, is_free = one.entry.get("type"), one.entry.get("plan") == _FREE
    if is_free and type_ in _PAID_TYPES:
        yield f"plan: there is no free {type_}; use starter"
    for name in _WEB_ONLY:
        if name in one.entry and type_ != "web" and not (name == "ipAllowList" and type_ in _STORES):
            yield f"{name}: is for web services, not for {type_}"
    for name in _ALWAYS_ON:
        if name in one.entry and type_ == "cron":
            yield f"{name}: is not for cron jobs"
    for name in _PAID_ONLY:
        if name in one.entry and is_free and type_ == "web":
            yield f"{name}: a free web service has none; use a paid plan"


def _instances(one: Found) -> Iterator[str]:
    scaling, count = one.entry.get("scaling"), one.entry.get("numInstances", 1)
    if one.entry.get("disk") and (scaling or (isinstance(count, int) and count > 1)):
        yield "disk: a service with a disk runs one instance; remove scaling and numInstances, or the disk"
    if one.entry.get("plan") == _FREE and isinstance(count, int) and count > 1:
        yield f"numInstances: got {count}, a free web service runs one"
    elif isinstance(count, int) and count > _MOST_INSTANCES:
        yield f"numInstances: got {count}, Render runs at most {_MOST_INSTANCES}"
    if not isinstance(scaling, dict):
        return
    least, most = scaling.get("minInstances"), scaling.get("maxInstances")
    if not isinstance(least, int) or not isinstance(most, int):
        yield "scaling: needs minInstances and maxInstances"
    elif least > most:
        yield f"scaling: minInstances is {least} and maxInstances is {most}; swap them"
    elif most > _MOST_INSTANCES:
        yield f"scaling.maxInstances: got {most}, Render runs at most {_MOST_INSTANCES}"
    targets = {name: scaling[name] for name in _TARGETS if name in scaling}
    if not targets:
        yield f"scaling: needs {' or '.join(_TARGETS)}"
    for name, percent in targets.items():
        if not isinstance(percent, int) or not 1 <= percent <= _MOST_PERCENT:
            yield f"scaling.{name}: got {percent}, takes 1 to {_MOST_PERCENT}"


def _spelling(one: Found) -> Iterator[str]:
    plan = str(one.entry.get("plan", ""))
    if "_" in plan:
        right = plan.replace("_", " " if one.section == SERVICES else "-")
        yield f"plan: got {plan}, which is the API's spelling; a Blueprint has {right}"
    if isinstance(one.entry.get("autoDeployTrigger"), bool):
        yield 'autoDeployTrigger: got true or false, which YAML makes of on and off; write "off" in quotes'
    for address in one.entry.get("ipAllowList") or []:
        if isinstance(address, dict) and "source" not in address:
            yield "ipAllowList: an entry takes source (the API's word is cidrBlock)"


def _preview_plan(one: Found) -> Iterator[str]:
    if "previews" in one.entry and (one.section == DATABASES or one.entry.get("type") in _STORES):
        yield "previews: is for services; the plan of a store's preview is previewPlan"


def _previews(one: Found) -> Iterator[str]:
    yield from _generation("previews", one.entry.get("previews"))
    generation = (one.entry.get("previews") or {}).get("generation")
    if one.entry.get("branch") and generation in ("automatic", "manual"):
        yield "branch: a preview would have this branch in place of its own; leave branch out"


def _generation(name: str, previews: Any) -> Iterator[str]:
    if isinstance(previews, dict) and isinstance(previews.get("generation"), bool):
        yield f'{name}.generation: got true or false, which YAML makes of on and off; write "off" in quotes'


def _filter(one: Found) -> Iterator[str]:
    given = one.entry.get("buildFilter")
    if isinstance(given, dict) and not given.get("paths") and not given.get("ignoredPaths"):
        yield "buildFilter: without paths and ignoredPaths it empties the filter there is; leave it out"


# Databases --------------------------------------------------------------------------------------


def _replicas(one: Found) -> Iterator[str]:
    if one.entry.get("readReplicas") == []:
        yield "readReplicas: an empty list destroys the replicas there are; leave it out to keep them"


def _free_database(one: Found) -> Iterator[str]:
    if one.entry.get("plan") == _FREE:
        for name in ("diskSizeGB", "highAvailability", "readReplicas"):
            if one.entry.get(name):
                yield f"{name}: the free plan has none; use a paid plan"


_SERVICE_CHECKS: tuple[Check, ...] = (
    _required,
    _deprecated,
    _only_for_some,
    _instances,
    _spelling,
    _preview_plan,
    _previews,
    _filter,
)
_DATABASE_CHECKS: tuple[Check, ...] = (_spelling, _preview_plan, _replicas, _free_database)
