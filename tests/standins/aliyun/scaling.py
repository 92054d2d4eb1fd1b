"""Function Compute 3.0: provisioned instances of a qualifier, and reserved concurrency of a function."""

from __future__ import annotations

from tests.standins.aliyun import functions
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_FUNCTION = rf"{functions.API}/functions/([\w-]+)"
_SENT = ("target", "alwaysAllocateCPU", "alwaysAllocateGPU", "scheduledActions", "targetTrackingPolicies")


def _qualifier(state: State, request: Request, name: str) -> str:
    """Return the qualifier that a request names; without one it is LATEST."""
    qualifier = request.query.get("qualifier") or "LATEST"
    if qualifier not in {"LATEST", *functions.found(state, name)["aliases"]}:
        raise functions.invalid(f"qualifier '{qualifier}' of function '{name}' does not exist")
    return qualifier


def put_provision(state: State, request: Request, name: str) -> Reply:
    qualifier, body = _qualifier(state, request, name), request.body or {}
    table: dict[str, Json] = functions.found(state, name)["provisioned"]
    old = table.get(qualifier) or _nothing(state, name, qualifier)
    shown = old | {key: body[key] for key in _SENT if key in body}
    if not 0 <= shown["target"] <= 10_000:
        raise functions.invalid(f"target: {shown['target']}")
    for action in shown["scheduledActions"]:
        if not action.get("name") or not action.get("scheduleExpression"):
            raise functions.invalid("scheduledActions: name and scheduleExpression are required")
    table[qualifier] = shown | {"current": shown["target"]}
    return Reply(table[qualifier])


def _nothing(state: State, name: str, qualifier: str) -> Json:
    return {
        "functionArn": functions.arn(state, name, qualifier),
        "target": 0,
        "current": 0,
        "currentError": "",
        "alwaysAllocateCPU": False,
        "alwaysAllocateGPU": False,
        "scheduledActions": [],
        "targetTrackingPolicies": [],
    }


def get_provision(state: State, request: Request, name: str) -> Reply:
    qualifier = _qualifier(state, request, name)
    return Reply(state.functions[name]["provisioned"].get(qualifier) or _nothing(state, name, qualifier))


def delete_provision(state: State, request: Request, name: str) -> Reply:
    qualifier = _qualifier(state, request, name)
    state.functions[name]["provisioned"].pop(qualifier, None)
    return Reply(status=204)


def put_reserved(state: State, request: Request, name: str) -> Reply:
    reserved = (request.body or {}).get("reservedConcurrency")
    if not isinstance(reserved, int) or reserved < 0:
        raise functions.invalid(f"reservedConcurrency: {reserved}")
    shown = {"functionArn": functions.arn(state, name), "reservedConcurrency": reserved}
    functions.found(state, name)["reserved"] = {"LATEST": shown}
    return Reply(shown)


def get_reserved(state: State, request: Request, name: str) -> Reply:
    reserved = functions.found(state, name)["reserved"]
    if not reserved:
        raise Refused(404, "OnDemandConfigNotFound", f"function '{name}' has no reserved concurrency")
    return Reply(reserved["LATEST"])


def delete_reserved(state: State, request: Request, name: str) -> Reply:
    functions.found(state, name)["reserved"] = {}
    return Reply(status=204)


ROUTES = [
    (rf"fc PUT {_FUNCTION}/provision-config", put_provision),
    (rf"fc GET {_FUNCTION}/provision-config", get_provision),
    (rf"fc DELETE {_FUNCTION}/provision-config", delete_provision),
    (rf"fc PUT {_FUNCTION}/concurrency", put_reserved),
    (rf"fc GET {_FUNCTION}/concurrency", get_reserved),
    (rf"fc DELETE {_FUNCTION}/concurrency", delete_reserved),
]
