"""Rules about a stack on Alibaba Cloud: the functions agree with the app, with one another and with the service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from app.endpoints import HEALTH, READY, SSE
from app.settings.values import Auth
from infra.aliyun import limits, names
from infra.aliyun.config import Function
from infra.aliyun.layers import region_of
from policies.rule import AnyRule, Resource, ResourceCheck, ResourceRule, StackRule
from policies.thresholds import NO_THRESHOLDS, Memory, Nothing, Thresholds, Timeout
from policies.unknown import NotKnown, elements, entries, look
from policies.variables import FUNCTION, VARIABLES, setting, variables

TRIGGER = "alicloud:fc/v3Trigger:V3Trigger"
POLICY, ATTACHMENT = "alicloud:ram/policy:Policy", "alicloud:ram/rolePolicyAttachment:RolePolicyAttachment"
PROVIDER = "pulumi:providers:alicloud"
_AFFINITY = "MCP_SSE"
_PROGRAM = Function().command[-1]  # the file in the bundle that starts the app
# Actions on things whose names are made by the service: within one region and account the policy names them all.
_ON_NEW_THINGS = ("ecs:CreateNetworkInterface", "ecs:DeleteNetworkInterface", "ecs:DescribeNetworkInterface")
_ON_NEW_THINGS_TOO = ("vpc:DescribeVSwitchAttributes",)
_SHARED = "SHARE"  # instances that several sessions use


def _is_server(resource: Resource) -> bool:
    """Whether a function is the one that clients reach, and not that of the jobs."""
    return bool(resource.get("functionName") != names.jobs(resource.stack))


def _memory(resource: Resource, thresholds: Memory) -> Iterator[str]:
    megabytes = resource.get("memorySize", default=0)
    least, most = thresholds.minimum_mb, thresholds.maximum_mb
    if _is_server(resource) and not least <= megabytes <= most:
        yield f"{resource.name} has {megabytes:g} MB of memory, which is not {least} to {most}"


def _timeout(resource: Resource, thresholds: Timeout) -> Iterator[str]:
    seconds = resource.get("timeout", default=0)
    if _is_server(resource) and seconds != thresholds.seconds:
        yield f"{resource.name} has a timeout of {seconds:g} s, which is not {thresholds.seconds}"


def _runtime(resource: Resource, _: Nothing) -> Iterator[str]:
    runtime = resource.get("runtime", default="no runtime")
    if runtime not in limits.RUNTIMES:
        yield f"{resource.name} has {runtime}, which is not one of {', '.join(limits.RUNTIMES)}"


def _port(resource: Resource, _: Nothing) -> Iterator[str]:
    port, listens = resource.get("customRuntimeConfig", "port"), setting(resource, "PORT")
    if port is None or listens is None or int(port) != int(listens):
        yield f"{resource.name} is called at port {_shown(port)}, and the app listens at {_shown(listens)}"


def _shown(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _command(resource: Resource, _: Nothing) -> Iterator[str]:
    words = resource.get("customRuntimeConfig", "commands", default=[])
    if _PROGRAM not in [str(word).rpartition("/")[2] for word in elements(words)]:
        yield f"{resource.name} is started with {' '.join(map(str, words)) or 'nothing'}, which is not {_PROGRAM}"


def _health_check(resource: Resource, _: Nothing) -> Iterator[str]:
    path = resource.get("customRuntimeConfig", "healthCheckConfig", "httpGetUrl")
    if _is_server(resource) and path not in (HEALTH, READY):
        yield f"{resource.name} is asked for its health at {path or 'no path'}, which is not {HEALTH} or {READY}"


def _affinity(resource: Resource, _: Nothing) -> Iterator[str]:
    if not _is_server(resource):
        return
    kind = resource.get("sessionAffinity", default="no affinity")
    if kind != _AFFINITY:
        yield f"{resource.name} has {kind}, which is not {_AFFINITY}"
        return
    path = _parsed(resource.get("sessionAffinityConfig", default="")).get("sseEndpointPath")
    if path != SSE:
        yield f"{resource.name} looks for sessions at {path}, and the app has them at {SSE}"


def _sessions(resource: Resource, _: Nothing) -> Iterator[str]:
    sessions = _parsed(resource.get("sessionAffinityConfig", default="")).get("sessionConcurrencyPerInstance", 0)
    requests = resource.get("instanceConcurrency", default=1)
    if sessions > requests:
        yield f"an instance of {resource.name} gets {sessions:g} sessions, and {requests:g} requests at a time"


def _layers(resource: Resource, _: Nothing) -> Iterator[str]:
    here = look(resource.provider, "region")
    for layer in elements(resource.raw("layers")):
        region = region_of(str(layer))
        if here is not None and region not in (None, here):
            yield f"{resource.name} in {here} takes {layer}, which is in {region}"


def _platforms_variables(resource: Resource, _: Nothing) -> Iterator[str]:
    for variable in variables(resource):
        if variable.name.startswith(limits.PLATFORMS_OWN):
            yield f"{resource.name} sets {variable.name}, which is the platform's own"


def _variables_size(resource: Resource, _: Nothing) -> Iterator[str]:
    known = {name: value for name, value in entries(resource.raw(VARIABLES)).items() if isinstance(value, str)}
    size = limits.variables_bytes(known)
    if size > limits.VARIABLES_BYTES:
        longest = ", ".join(sorted(known, key=lambda name: -len(known[name]))[:3])
        yield f"the variables of {resource.name} take {size} bytes, {longest} the most of them"


def _logs(resource: Resource, _: Nothing) -> Iterator[str]:
    if not (resource.get("logConfig", "logstore") and resource.get("logConfig", "project")):
        yield f"{resource.name} has no log store"


def _isolation(resource: Resource, _: Nothing) -> Iterator[str]:
    mode = resource.get("instanceIsolationMode", default="") or _SHARED
    if mode != _SHARED:
        yield f"{resource.name} has the isolation mode {mode}, an instance for each session or request"


def _anonymous(resources: Sequence[Resource], _: Nothing) -> Iterator[tuple[Resource | None, str]]:
    open_to_all = {str(one.raw("functionName")): one for one in resources if one.type == TRIGGER and _is_anonymous(one)}
    for function in resources:
        if function.type == FUNCTION and (trigger := open_to_all.get(str(function.raw("functionName")))) is not None:
            try:
                auth = setting(function, "AUTH")
            except NotKnown:
                continue
            if auth != Auth.REQUIRED:
                yield function, f"{trigger.name} lets everyone call {function.name}, where AUTH is {auth or 'not set'}"


def _is_anonymous(trigger: Resource) -> bool:
    """Whether everyone may call a function through a trigger; not when that is unknown."""
    anonymous = _parsed(trigger.raw("triggerConfig")).get("authType") == "anonymous"
    return anonymous and trigger.raw("triggerType") == "http"


def _role(resource: Resource, _: Nothing) -> Iterator[str]:
    if resource.type == ATTACHMENT:
        if resource.get("policyType") == "System":
            yield f"{resource.name} attaches the policy {resource.get('policyName')}, which is for every such thing"
        return
    for statement in elements(_parsed(resource.get("policyDocument", default="")).get("Statement")):
        actions, where = _listed(statement.get("Action")), _listed(statement.get("Resource"))
        yield from (f"{resource.name} allows {action}" for action in actions if "*" in action)
        if not all(_is_on_new_things(action) for action in actions):
            yield from (f"{resource.name} allows something on {one}" for one in where if "*" in one)
        else:
            yield from (f"{resource.name} allows something on {one}" for one in where if not _is_of_one_account(one))


def _is_on_new_things(action: str) -> bool:
    return action.startswith(_ON_NEW_THINGS) or action in _ON_NEW_THINGS_TOO


def _is_of_one_account(address: str) -> bool:
    """Whether an address such as acs:ecs:REGION:ACCOUNT:* names one region and one account."""
    parts = address.split(":", 4)
    return len(parts) == 5 and "*" not in "".join(parts[:4])


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []


def _parsed(text: Any) -> dict[str, Any]:
    """Return an object in a text; an empty one for a text that holds none."""
    try:
        found = json.loads(str(text))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _of_a_function(
    name: str, why: str, remedy: str, check: ResourceCheck, thresholds: Thresholds = NO_THRESHOLDS
) -> ResourceRule:
    return ResourceRule(
        name=f"aliyun-{name}",
        why=why,
        remedy=remedy,
        check=check,
        types=(FUNCTION,),
        thresholds=thresholds,
    )


RULES: tuple[AnyRule, ...] = (
    _of_a_function(
        "function-memory",
        "Below the least the app runs out of memory while it starts, and memory is what a function is paid by.",
        "Set function.memoryMb, or allow more in the policy configuration.",
        _memory,
        Memory(),
    ),
    _of_a_function(
        "function-timeout",
        "A stream of events ends with the timeout of its request, and clients expect it to last.",
        "Set function.timeoutS, or another timeout in the policy configuration.",
        _timeout,
        Timeout(),
    ),
    _of_a_function(
        "function-runtime",
        "The app brings its own server, which only a custom runtime starts.",
        "Set function.runtime to a custom one.",
        _runtime,
    ),
    _of_a_function(
        "function-port",
        "The platform calls an instance at the port of its runtime, where the app has to listen.",
        "Set function.port alone: it is both.",
        _port,
    ),
    _of_a_function(
        "function-command",
        "The bundle has one program that starts the app.",
        "Name that file in function.command.",
        _command,
    ),
    _of_a_function(
        "function-health",
        "An instance whose health check has no answer is stopped before it serves.",
        "Set function.healthCheck.path to a path that the app serves.",
        _health_check,
    ),
    _of_a_function(
        "session-affinity",
        "The messages of an SSE session have to reach the instance that holds its stream.",
        "Let the program set the affinity; it takes the path from the app.",
        _affinity,
    ),
    _of_a_function(
        "sessions-fit",
        "Each session takes one of the requests that an instance answers at a time.",
        "Lower function.sessions, or raise function.concurrency.",
        _sessions,
    ),
    _of_a_function(
        "layers-in-region",
        "A function takes only layers of its own region.",
        "Write {region} in the address of the layer.",
        _layers,
    ),
    _of_a_function(
        "no-platform-variables",
        "The platform refuses a function that sets a variable of its own.",
        "Remove the variable.",
        _platforms_variables,
    ),
    _of_a_function(
        "variables-fit",
        f"Function Compute allows {limits.VARIABLES_BYTES} bytes for all variables of a function.",
        "Shorten the longest ones.",
        _variables_size,
    ),
    _of_a_function(
        "function-logs",
        "Without a log store what an instance says is lost with it.",
        "Give the function a project and a store in its log_config.",
        _logs,
    ),
    _of_a_function(
        "no-isolation",
        "With an instance for each session or request the app would start for every one of them.",
        f"Leave instance_isolation_mode out, or set it to {_SHARED}.",
        _isolation,
    ),
    StackRule(
        name="aliyun-address-needs-token",
        why="The platform lets everyone through an anonymous trigger, so that the app has to ask for a token.",
        remedy="Set AUTH to required in the function's environment.",
        check=_anonymous,
    ),
    ResourceRule(
        name="aliyun-role-narrow",
        why="Whoever takes over a function can do what its role may do.",
        remedy="Name the actions and the things; those that the service makes itself within one region and account.",
        check=_role,
        types=(POLICY, ATTACHMENT),
    ),
)
