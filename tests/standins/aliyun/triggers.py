"""Function Compute 3.0: triggers of the types http and timer."""

from __future__ import annotations

import json
import re

from tests.standins.aliyun import functions
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_TRIGGERS = rf"{functions.API}/functions/([\w-]+)/triggers"
_METHODS = {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"}


def _found(state: State, name: str, trigger: str) -> Json:
    table: dict[str, Json] = functions.found(state, name)["triggers"]
    if trigger not in table:
        raise Refused(404, "TriggerNotFound", f"trigger '{trigger}' of function '{name}' does not exist")
    return table[trigger]


def create(state: State, request: Request, name: str) -> Reply:
    function, body = functions.found(state, name), request.body or {}
    trigger, kind = body.get("triggerName", ""), body.get("triggerType")
    if trigger in function["triggers"]:
        raise Refused(409, "TriggerAlreadyExists", f"trigger '{trigger}' of function '{name}' already exists")
    if not re.fullmatch(r"[A-Za-z_][\w-]{0,127}", trigger) or kind not in ("http", "timer"):
        raise functions.invalid(f"trigger '{trigger}' of type '{kind}'")
    qualifier = body.get("qualifier") or "LATEST"
    if qualifier != "LATEST" and qualifier not in function["aliases"] | function["versions"]:
        raise functions.invalid(f"qualifier '{qualifier}' of function '{name}' does not exist")
    if kind == "http" and any(
        one["triggerType"] == "http" and one["qualifier"] == qualifier for one in function["triggers"].values()
    ):
        raise Refused(409, "TriggerAlreadyExists", f"function '{name}' has an HTTP trigger for '{qualifier}'")
    shown = {
        "triggerName": trigger,
        "triggerId": state.letters(32),
        "triggerType": kind,
        "qualifier": qualifier,
        "description": body.get("description", ""),
        "triggerConfig": _checked(kind, body.get("triggerConfig", "")),
        "createdTime": state.time(),
        "lastModifiedTime": state.time(),
        "targetArn": functions.arn(state, name, qualifier),
        "status": "",
        "httpTrigger": {},
    }
    if kind == "http":
        # The host is made of the function's name and random letters.
        host = f"{name.lower().replace('_', '-')}-{state.letters(10)}.{state.region}"
        shown["httpTrigger"] = {
            "urlInternet": f"https://{host}.fcapp.run",
            "urlIntranet": f"https://{host}-vpc.fcapp.run",
        }
    function["triggers"][trigger] = shown
    return Reply(shown)


def _checked(kind: str, text: str) -> str:
    """Return the configuration as the API gives it back: what is not set, with its default."""
    try:
        config = json.loads(text)
    except ValueError as failure:
        raise functions.invalid("triggerConfig is not JSON") from failure
    if kind == "http":
        if not set(config.get("methods", [])) <= _METHODS or not config.get("methods"):
            raise functions.invalid("triggerConfig: methods")
        if config.get("authType") not in ("anonymous", "function", "jwt"):
            raise functions.invalid("triggerConfig: authType")
    elif not re.match(r"@every \d+[smh]$|(CRON_TZ=\S+ )?\S+( \S+){5}$", config.get("cronExpression", "")):
        raise functions.invalid(f"triggerConfig: cronExpression '{config.get('cronExpression')}'")
    return text


def list_all(state: State, request: Request, name: str) -> Reply:
    return Reply({"triggers": list(functions.found(state, name)["triggers"].values())})


def get(state: State, request: Request, name: str, trigger: str) -> Reply:
    return Reply(_found(state, name, trigger))


def update(state: State, request: Request, name: str, trigger: str) -> Reply:
    shown, body = _found(state, name, trigger), request.body or {}
    if "triggerConfig" in body:
        shown["triggerConfig"] = _checked(shown["triggerType"], body["triggerConfig"])
    shown |= {key: body[key] for key in ("description", "qualifier") if key in body}
    shown["lastModifiedTime"] = state.time()
    return Reply(shown)


def delete(state: State, request: Request, name: str, trigger: str) -> Reply:
    _found(state, name, trigger)
    del state.functions[name]["triggers"][trigger]
    return Reply(status=204)


ROUTES = [
    (rf"fc POST {_TRIGGERS}", create),
    (rf"fc GET {_TRIGGERS}", list_all),
    (rf"fc GET {_TRIGGERS}/([\w-]+)", get),
    (rf"fc PUT {_TRIGGERS}/([\w-]+)", update),
    (rf"fc DELETE {_TRIGGERS}/([\w-]+)", delete),
]
