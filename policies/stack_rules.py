"""Rules about every stack, whatever its target: alerts, settings, names, who reaches the data, backups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from app.settings.fields import Settings
from app.settings.values import OFF
from infra.aliyun import names as aliyun_names
from infra.config import NAMESPACE
from infra.monitoring.prometheus import RULES_FILE
from infra.monitoring.promql import expression_problems
from infra.monitoring.rule import RUNBOOK
from infra.render.deployed import names as render_names
from policies.networks import is_inside, is_narrow
from policies.render_rules import KEY_VALUE, POSTGRES
from policies.rule import AnyRule, Resource, ResourceRule, StackRule
from policies.selfhost_rules import VOLUME
from policies.thresholds import Networks, Nothing, Production
from policies.unknown import UNKNOWN, elements, entries
from policies.variables import (
    CONTAINER,
    CRON,
    FUNCTION,
    GROUP,
    PRIVATE,
    RENDER_SERVICES,
    WORKER,
    command,
    files,
    runs_app,
    setting,
    variables,
)

_ROOT = Path(__file__).resolve().parent.parent
ALARM = "alicloud:cms/alarm:Alarm"
DATABASE, ENDPOINT = "alicloud:rds/instance:Instance", "alicloud:rds/connection:Connection"
TRIGGER = "alicloud:fc/v3Trigger:V3Trigger"
# Variables of the app's containers that are not its settings: of the system, of Render, and what makes one container
# wait for another.
_OTHER_VARIABLES = ("PATH", "HOME", "TZ", "CLAUDE_MEMORY_INIT")
_STACK_LABEL = f"{NAMESPACE}.stack"
# What holds data on a stack's own hosts, by the end of a container's name.
_STORES = re.compile(r"-(postgres|qdrant-\d+)$")
# The property with the name that a resource has at its provider.
_NAMED: Mapping[str, str] = {
    **dict.fromkeys((*RENDER_SERVICES, GROUP, POSTGRES, KEY_VALUE), "name"),
    FUNCTION: "functionName",
    DATABASE: "instanceName",
    ALARM: "name",
    "alicloud:oss/bucket:Bucket": "bucket",
    "alicloud:log/project:Project": "projectName",
    "alicloud:vpc/network:Network": "vpcName",
    "alicloud:vpc/switch:Switch": "vswitchName",
    "alicloud:ecs/securityGroup:SecurityGroup": "securityGroupName",
    "alicloud:ram/role:Role": "roleName",
    "alicloud:ram/policy:Policy": "policyName",
}


def _alerts(resource: Resource) -> Iterator[dict[str, Any]]:
    """Yield the alert rules in the files of a container."""
    for file in files(resource):
        if file.name == RULES_FILE and isinstance(file.value, str):
            tree = yaml.safe_load(file.value)
            for group in entries(tree).get("groups", []):
                yield from (rule for rule in group.get("rules", []) if "alert" in rule)


def _metrics(resource: Resource, _: Nothing) -> Iterator[str]:
    for rule in _alerts(resource):
        for problem in expression_problems(rule["expr"]):
            yield f"{rule['alert']} in {resource.name}: {problem}"


def _runbook(resource: Resource, _: Nothing) -> Iterator[str]:
    found = {rule["alert"]: str(rule.get("annotations", {}).get("runbook_url", "")) for rule in _alerts(resource)}
    if resource.type == ALARM:
        name = str(resource.get("name", default=""))
        found[name.partition(" ")[0]] = name.partition("(")[2].rstrip(")")
    for alert, address in found.items():
        if address.partition("#")[2] not in sections():
            yield f"{alert} in {resource.name} leads to {address or 'nothing'}"


@cache
def sections() -> frozenset[str]:
    """Return the sections of the runbook, by the anchors of their headings."""
    text = (_ROOT / RUNBOOK).read_text(encoding="utf-8")
    return frozenset(heading.lower() for heading in re.findall(r"^#+ (\w+)$", text, re.MULTILINE))


def _settings(resource: Resource, _: Nothing) -> Iterator[str]:
    if not runs_app(resource):
        return
    known = {name.upper() for name in Settings.model_fields} | set(_OTHER_VARIABLES)
    for variable in variables(resource):
        if variable.name not in known and variable.setting not in known:
            yield f"{resource.name} gets {variable.name}, which is no setting of the app"


def _names(resource: Resource, _: Nothing) -> Iterator[str]:
    if resource.type == CONTAINER:
        labels = resource.raw("labels")
        found = {entries(one).get("label"): entries(one).get("value") for one in elements(labels)}
        if labels is UNKNOWN or UNKNOWN in found or UNKNOWN in (labels or ()):
            return
        if found.get(_STACK_LABEL) not in (resource.stack, UNKNOWN):
            yield f"{resource.name} has no label {_STACK_LABEL} with the stack's name"
        return
    if resource.type == VOLUME:
        return  # selfhost-volumes-kept
    beginning = _beginning(resource)
    name = str(resource.get(_NAMED[resource.type], default=""))
    if name != beginning and not name.startswith(f"{beginning}-"):
        yield f"{resource.name} is called {name or 'nothing'}, which does not begin with {beginning}"


def _beginning(resource: Resource) -> str:
    names: Any = render_names if resource.type.startswith("render:") else aliyun_names
    return str(names.prefix(resource.stack))


def _reachable(resource: Resource, thresholds: Networks) -> Iterator[str]:
    if resource.type == ENDPOINT:
        yield f"{resource.name} gives the database an address on the internet"
    elif resource.type == CONTAINER:
        if _STORES.search(resource.name):
            for port in elements(resource.raw("ports")):
                address = entries(port).get("ip") or "0.0.0.0"  # noqa: S104 - what Docker takes
                if isinstance(address, str) and not is_inside(address):
                    yield f"{resource.name} publishes a port at {address}"
    else:
        blocks = (
            elements(resource.raw("securityIps"))
            if resource.type == DATABASE
            else [entries(one).get("cidrBlock") for one in elements(resource.raw("ipAllowList"))]
        )
        for block in blocks:
            if isinstance(block, str) and not is_narrow(block, thresholds):
                yield f"{resource.name} lets {block} connect"


def _backup(resources: Sequence[Resource], thresholds: Production) -> Iterator[tuple[Resource | None, str]]:
    app = [one for one in resources if runs_app(one)]
    if not app or not thresholds.is_production(app[0].stack):
        return
    if not any(_backs_up(resource, resources) for resource in resources):
        yield None, f"nothing backs up the production stack {app[0].stack}"


def _backs_up(resource: Resource, resources: Sequence[Resource]) -> bool:
    """Whether a resource makes backups by a schedule. Raises NotKnown when that decides it."""
    if resource.type == TRIGGER:
        is_timer = resource.get("triggerType") == "timer" and "backup" in str(resource.get("triggerConfig"))
        return is_timer and any(
            setting(one, "BACKUP_TO") for one in resources if one.type == FUNCTION and command(one) == "jobs"
        )
    if resource.type == CRON:
        return command(resource) == "backup" and bool(setting(resource, "BACKUP_TO"))
    if resource.type in (CONTAINER, WORKER) and command(resource) == "worker":
        return bool(setting(resource, "BACKUP_TO")) and setting(resource, "BACKUP_SCHEDULE") != OFF
    return False


RULES: tuple[AnyRule, ...] = (
    ResourceRule(
        name="alert-metrics-exist",
        why="An alert rule about a metric that does not exist never fires.",
        remedy="Use a name of app/metrics.py, or add that of an exporter to infra/monitoring/rules.py.",
        check=_metrics,
        types=(CONTAINER, PRIVATE),
    ),
    ResourceRule(
        name="alerts-have-runbooks",
        why="Whoever is woken by an alert needs to know what to do.",
        remedy=f"Give its rule in infra/monitoring a runbook text; `./dev docs` writes it into {RUNBOOK}.",
        check=_runbook,
        types=(CONTAINER, PRIVATE, ALARM),
    ),
    ResourceRule(
        name="settings-exist",
        why="The app ignores a variable that it does not know, and so does what it was meant to do.",
        remedy="Use a name of docs/settings.md.",
        check=_settings,
        types=(CONTAINER, FUNCTION, GROUP, *RENDER_SERVICES),
    ),
    ResourceRule(
        name="names-begin-alike",
        why="By its name or label everyone sees which stack a thing belongs to, and several stacks share an account.",
        remedy="Take the name from the target's names, and the labels from labels().",
        check=_names,
        types=(CONTAINER, *_NAMED),
    ),
    ResourceRule(
        name="database-not-reachable",
        why="Memories are private; from outside only their owner's address may reach the database.",
        remedy="Use the private network, or allow a narrow block of addresses.",
        check=_reachable,
        types=(CONTAINER, DATABASE, ENDPOINT, POSTGRES, KEY_VALUE),
        thresholds=Networks(),
    ),
    StackRule(
        name="backup-scheduled",
        why="A production stack without backups loses everything with its database.",
        remedy="Set BACKUP_TO, and leave BACKUP_SCHEDULE on.",
        check=_backup,
        thresholds=Production(),
    ),
)
