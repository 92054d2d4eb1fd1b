"""Function Compute 3.0: layers of the account, each with its versions."""

from __future__ import annotations

import re

from tests.standins.aliyun import functions
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_VERSIONS = rf"{functions.API}/layers/([\w-]+)/versions"


def create(state: State, request: Request, name: str) -> Reply:
    body = request.body or {}
    if not re.fullmatch(r"[A-Za-z_][\w-]{0,63}", name) or not body.get("code") or not body.get("compatibleRuntime"):
        raise functions.invalid("layerName, code and compatibleRuntime are required")
    versions = state.layers.setdefault(name, {})
    number = max(versions, default=0) + 1
    shown: Json = {
        "layerName": name,
        "version": number,
        "layerVersionArn": f"acs:fc:{state.region}:{state.account}:layers/{name}/versions/{number}",
        "acl": "0",
        "codeSize": functions.size_of(state, body["code"]),
        "codeChecksum": body["code"].get("checksum") or "0",
        "compatibleRuntime": body["compatibleRuntime"],
        "createTime": state.time(),
        "description": body.get("description", ""),
        "license": body.get("license", ""),
    }
    versions[number] = shown
    return Reply(shown)


def _found(state: State, name: str, number: str) -> Json:
    if name not in state.layers:
        raise Refused(404, "LayerNotFound", f"layer '{name}' does not exist")
    if int(number) not in state.layers[name]:
        raise Refused(404, "LayerVersionNotFound", f"version {number} of layer '{name}' does not exist")
    return state.layers[name][int(number)]


def get(state: State, request: Request, name: str, number: str) -> Reply:
    return Reply(_found(state, name, number))


def listed(state: State, request: Request, name: str) -> Reply:
    return Reply({"layers": list(state.layers.get(name, {}).values())[::-1], "nextVersion": 0})


def set_acl(state: State, request: Request, name: str) -> Reply:
    for shown in state.layers.get(name, {}).values():
        shown["acl"] = "1" if request.query.get("public") == "true" else request.query.get("acl", shown["acl"])
    return Reply({})


def delete(state: State, request: Request, name: str, number: str) -> Reply:
    _found(state, name, number)
    del state.layers[name][int(number)]
    return Reply(status=204)


ROUTES = [
    (rf"fc POST {_VERSIONS}", create),
    (rf"fc GET {_VERSIONS}", listed),
    (rf"fc GET {_VERSIONS}/(\d+)", get),
    (rf"fc DELETE {_VERSIONS}/(\d+)", delete),
    (rf"fc PUT {functions.API}/layers/([\w-]+)/acl", set_acl),
]
