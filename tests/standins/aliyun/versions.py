"""Function Compute 3.0: versions and aliases of a function."""

from __future__ import annotations

import copy
import re

from tests.standins.aliyun import functions
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_VERSIONS = rf"{functions.API}/functions/([\w-]+)/versions"
_ALIASES = rf"{functions.API}/functions/([\w-]+)/aliases"


def publish(state: State, request: Request, name: str) -> Reply:
    function = functions.found(state, name)
    function["published"] += 1
    number = str(function["published"])
    shown = {
        "versionId": number,
        "description": (request.body or {}).get("description", ""),
        "createdTime": state.time(),
        "lastModifiedTime": state.time(),
    }
    frozen = copy.deepcopy(function["shown"]) | {
        "description": shown["description"],
        "functionArn": functions.arn(state, name, number),
    }
    function["versions"][number] = {"shown": shown, "function": frozen, "code": function["code"]}
    return Reply(shown)


def list_versions(state: State, request: Request, name: str) -> Reply:
    shown = [version["shown"] for version in functions.found(state, name)["versions"].values()]
    newest_first = request.query.get("direction", "BACKWARD") == "BACKWARD"
    return Reply(
        {"direction": "BACKWARD" if newest_first else "FORWARD", "versions": shown[:: -1 if newest_first else 1]}
    )


def delete_version(state: State, request: Request, name: str, number: str) -> Reply:
    function = functions.found(state, name)
    if number not in function["versions"]:
        raise Refused(404, "VersionNotFound", f"version '{number}' of function '{name}' does not exist")
    for alias in function["aliases"].values():
        if number == alias["versionId"] or number in alias["additionalVersionWeight"]:
            raise Refused(412, "PreconditionFailed", f"version '{number}' is used by alias '{alias['aliasName']}'")
    del function["versions"][number]
    return Reply(status=204)


def _alias(state: State, name: str, alias: str) -> Json:
    table: dict[str, Json] = functions.found(state, name)["aliases"]
    if alias not in table:
        raise Refused(404, "AliasNotFound", f"alias '{alias}' of function '{name}' does not exist")
    return table[alias]


def _set(function: Json, shown: Json, body: Json) -> None:
    sent = {key: body[key] for key in ("versionId", "description", "additionalVersionWeight") if key in body}
    weights = sent.get("additionalVersionWeight") or {}
    for number in (sent.get("versionId", shown["versionId"]), *weights):
        if number not in function["versions"]:
            raise Refused(404, "VersionNotFound", f"version '{number}' does not exist")
    if len(weights) > 1 or any(not 0 <= weight <= 1 for weight in weights.values()):
        raise functions.invalid(f"additionalVersionWeight: {weights}")
    shown |= sent | ({"additionalVersionWeight": weights} if "additionalVersionWeight" in sent else {})


def create_alias(state: State, request: Request, name: str) -> Reply:
    function, body = functions.found(state, name), request.body or {}
    alias = body.get("aliasName", "")
    if alias in function["aliases"]:
        raise Refused(409, "AliasAlreadyExists", f"alias '{alias}' of function '{name}' already exists")
    if not re.fullmatch(r"[A-Za-z_][\w-]{0,127}", alias) or alias == "LATEST":
        raise functions.invalid(f"aliasName '{alias}'")
    shown = {
        "aliasName": alias,
        "versionId": "",
        "description": "",
        "additionalVersionWeight": {},
        "createdTime": state.time(),
        "lastModifiedTime": state.time(),
    }
    _set(function, shown, body)
    function["aliases"][alias] = shown
    return Reply(shown)


def get_alias(state: State, request: Request, name: str, alias: str) -> Reply:
    return Reply(_alias(state, name, alias))


def update_alias(state: State, request: Request, name: str, alias: str) -> Reply:
    shown = _alias(state, name, alias)
    _set(functions.found(state, name), shown, request.body or {})
    shown["lastModifiedTime"] = state.time()
    return Reply(shown)


def delete_alias(state: State, request: Request, name: str, alias: str) -> Reply:
    _alias(state, name, alias)
    function = functions.found(state, name)
    del function["aliases"][alias]
    function["provisioned"].pop(alias, None)
    return Reply(status=204)


ROUTES = [
    (rf"fc POST {_VERSIONS}", publish),
    (rf"fc GET {_VERSIONS}", list_versions),
    (rf"fc DELETE {_VERSIONS}/(\d+)", delete_version),
    (rf"fc POST {_ALIASES}", create_alias),
    (rf"fc GET {_ALIASES}/([\w-]+)", get_alias),
    (rf"fc PUT {_ALIASES}/([\w-]+)", update_alias),
    (rf"fc DELETE {_ALIASES}/([\w-]+)", delete_alias),
]
