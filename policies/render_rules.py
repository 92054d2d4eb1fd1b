"""Rules about a stack on Render: plans, deploys, scaling, regions, and who reaches what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from app.endpoints import HEALTH, READY
from app.settings.fields import Settings, secret_names
from infra.render.config import FREE
from policies.networks import is_open
from policies.rule import AnyRule, Resource, ResourceRule, StackRule
from policies.thresholds import Instances, Nothing, Production
from policies.unknown import NotKnown, elements
from policies.variables import GROUP, RENDER_SERVICES, WEB, files, variables

POSTGRES, KEY_VALUE = "render:index:Postgres", "render:index:KeyValue"
_OFF, _ON_COMMIT = "off", "commit"  # Render's words; the second is what it does by itself
_IMAGE = "image"  # the runtime of a service that Render does not build, and no commit deploys
# Words in the name of a variable that holds a secret, whatever program reads it.
_SECRET_WORD = re.compile(r"(^|_)(KEY|TOKEN|PASSWORD|PASSPHRASE|SECRET|CREDENTIALS?)($|_)")


def _plan(resource: Resource, thresholds: Production) -> Iterator[str]:
    if thresholds.is_production(resource.stack) and resource.get("plan") == FREE:
        yield f"{resource.name} has the plan {FREE} in the production stack {resource.stack}"


def _health(resource: Resource, _: Nothing) -> Iterator[str]:
    path = resource.get("healthCheckPath")
    if path not in (HEALTH, READY):
        yield f"{resource.name} is asked for its health at {path or 'no path'}"


def _scaling(resource: Resource, thresholds: Instances) -> Iterator[str]:
    least = resource.get("autoscaling", "min", default=1)
    most = resource.get("autoscaling", "max", default=resource.get("numInstances", default=1))
    if not 1 <= least <= most:
        yield f"{resource.name} scales from {least:g} to {most:g} instances"
    if most > thresholds.maximum:
        yield f"{resource.name} may have {most:g} instances, over the {thresholds.maximum} that are allowed"


def _disk(resource: Resource, _: Nothing) -> Iterator[str]:
    if resource.raw("disk") is None:
        return
    most = resource.get("autoscaling", "max", default=resource.get("numInstances", default=1))
    if most > 1:
        yield f"{resource.name} has a disk, and up to {most:g} instances"


def _auto_deploy(resource: Resource, thresholds: Production) -> Iterator[str]:
    if not thresholds.is_production(resource.stack):
        return
    trigger = resource.get("autoDeployTrigger")
    if trigger is None:
        trigger = _OFF if resource.get("runtime") == _IMAGE else _ON_COMMIT
    if trigger != _OFF:
        yield f"{resource.name} of the production stack {resource.stack} is deployed by every commit ({trigger})"


def _write_only(resource: Resource, _: Nothing) -> Iterator[str]:
    plain = {name.upper() for name in Settings.model_fields} - set(secret_names())  # such as REPLY_TOKEN_BUDGET
    for variable in [*variables(resource), *files(resource)]:
        name = variable.name.upper()
        if name not in plain and _SECRET_WORD.search(name) and not variable.hidden:
            yield f"{resource.name} has {variable.name} in clear"


def _closed(resource: Resource, _: Nothing) -> Iterator[str]:
    for entry in elements(resource.raw("ipAllowList")):
        block = entry.get("cidrBlock")
        if isinstance(block, str) and is_open(block):
            yield f"{resource.name} lets {block} connect, which is everyone"


def _region(resources: Sequence[Resource], _: Nothing) -> Iterator[tuple[Resource | None, str]]:
    stores = _regions(resources, POSTGRES) or _regions(resources, KEY_VALUE)
    if not all(isinstance(region, str) for region in stores):
        return
    for resource in resources:
        if resource.type not in (*RENDER_SERVICES, KEY_VALUE):
            continue
        try:
            region = resource.get("region")
        except NotKnown:
            continue
        if region is not None and stores and region not in stores:
            yield resource, f"{resource.name} is in {region}, and its database in {', '.join(sorted(stores))}"


def _regions(resources: Sequence[Resource], kind: str) -> set[Any]:
    """Return the regions of all resources of a type, UNKNOWN among them."""
    return {one.raw("region") for one in resources if one.type == kind} - {None}


RULES: tuple[AnyRule, ...] = (
    ResourceRule(
        name="render-no-free-plan",
        why="A free service sleeps when it is not used, and a free database is deleted after a month.",
        remedy="Choose a paid plan, or name the stack as one for development.",
        check=_plan,
        types=(*RENDER_SERVICES, POSTGRES, KEY_VALUE),
        thresholds=Production(),
    ),
    ResourceRule(
        name="render-health-check",
        why="Without a health check Render sends requests to an instance that does not serve yet.",
        remedy=f"Set the path of the health check to {HEALTH} or {READY}.",
        check=_health,
        types=(WEB,),
    ),
    ResourceRule(
        name="render-scaling-bounds",
        why="Every instance is paid for, so scaling needs an end.",
        remedy="Set web.scaling, or allow more instances in the policy configuration.",
        check=_scaling,
        types=RENDER_SERVICES,
        thresholds=Instances(),
    ),
    ResourceRule(
        name="render-no-disk-with-scaling",
        why="A disk belongs to one instance; Render refuses a second one.",
        remedy="Remove the disk, or have one instance.",
        check=_disk,
        types=RENDER_SERVICES,
    ),
    ResourceRule(
        name="render-no-auto-deploy",
        why="In production a person decides when a commit is deployed, and watches it.",
        remedy="Set app.autoDeploy to never, and deploy with `python -m infra.render deploy`.",
        check=_auto_deploy,
        types=RENDER_SERVICES,
        thresholds=Production(),
    ),
    StackRule(
        name="render-one-region",
        why="Services reach a database or a Key Value only inside its region, by its private network.",
        remedy="Set one region for the whole stack.",
        check=_region,
    ),
    ResourceRule(
        name="render-secrets-write-only",
        why="Of a write-only variable the state keeps a fingerprint, of any other the value.",
        remedy="Give it as {value: …, writeOnly: true}.",
        check=_write_only,
        types=(*RENDER_SERVICES, GROUP),
    ),
    ResourceRule(
        name="render-stores-closed",
        why="A store that everyone may connect to is guarded by nothing but its password.",
        remedy="List the blocks of addresses that need it, or none.",
        check=_closed,
        types=(POSTGRES, KEY_VALUE),
    ),
)
