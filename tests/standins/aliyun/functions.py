"""Function Compute 3.0: functions and their tags.

Stricter than what is documented: a role, a log store, an object, a VPC and a layer that a function names must be there,
and a function that still has triggers, aliases or versions is not deleted.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.standins.aliyun import objects
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

API = "/2023-03-30"
_FUNCTIONS = rf"{API}/functions"
_FUNCTION = rf"{_FUNCTIONS}/([\w-]+)"

_SHOWN = {
    "cpu": 0.35,
    "description": "",
    "diskSize": 512,
    "environmentVariables": {},
    "handler": "",
    "idleTimeout": 0,
    "instanceConcurrency": 1,
    "internetAccess": True,
    "layers": [],
    "logConfig": {"enableInstanceMetrics": False, "enableRequestMetrics": False, "logBeginRule": "None"},
    "memorySize": 512,
    "role": "",
    "sessionAffinity": "NONE",
    "sessionAffinityConfig": "",
    "timeout": 3,
    "vpcConfig": {"vpcId": "", "securityGroupId": "", "vSwitchIds": []},
}
_RUNTIMES = {"custom", "custom.debian10", "custom.debian11", "custom.debian12", "custom-container", "python3.12"}
_ENVIRONMENT_BYTES = 4 * 1024


def invalid(message: str) -> Refused:
    """Return the refusal of an argument."""
    return Refused(400, "InvalidArgument", message)


def found(state: State, name: str) -> Json:
    """Return a function. Raises Refused if it is missing."""
    if name not in state.functions:
        raise Refused(404, "FunctionNotFound", f"function '{name}' does not exist")
    return state.functions[name]


def arn(state: State, name: str, qualifier: str = "") -> str:
    """Return the name of a function, or of one of its versions, in the whole cloud."""
    end = f"/{qualifier}" if qualifier else ""
    return f"acs:fc:{state.region}:{state.account}:functions/{name}{end}"


def create(state: State, request: Request) -> Reply:
    body = request.body or {}
    name = body.get("functionName", "")
    if not re.fullmatch(r"[A-Za-z_][\w-]{0,127}", name):
        raise invalid(f"functionName '{name}' is not valid")
    if name in state.functions:
        raise Refused(409, "FunctionAlreadyExists", f"function '{name}' already exists")
    for needed in ("runtime", "handler", "code"):
        if not body.get(needed):
            raise invalid(f"{needed} is required")
    function: Json = {
        "shown": json.loads(json.dumps(_SHOWN))
        | {
            "functionName": name,
            "functionId": state.letters(32),
            "functionArn": arn(state, name),
            "createdTime": state.time(),
            "state": "Active",
            "lastUpdateStatus": "Successful",
            "codeSize": 0,
            "tags": [],
        },
        "code": {},
        "triggers": {},
        "versions": {},
        "aliases": {},
        "provisioned": {},
        "reserved": {},
        "published": 0,
    }
    _set(state, function, body)
    if isinstance(body.get("tags"), list):
        function["shown"]["tags"] = body["tags"]
    state.functions[name] = function
    return Reply(function["shown"])


def _set(state: State, function: Json, body: Json) -> None:
    """Take over what was sent. Raises Refused, and then nothing is changed."""
    sent = {key: body[key] for key in (*_SHOWN, "runtime", "customRuntimeConfig") if body.get(key) is not None}
    _check_sizes(sent)
    _check_variables(sent.get("environmentVariables", {}))
    _check_surroundings(state, sent)
    if "layers" in sent:
        sent["layers"] = [{"arn": layer, "size": 1} for layer in sent["layers"]]
    if "logConfig" in sent:
        sent["logConfig"] = _SHOWN["logConfig"] | sent["logConfig"]
    if body.get("code"):
        _take_code(state, function, body["code"])
    function["shown"] |= sent | {"lastModifiedTime": state.time()}


def _check_sizes(sent: Json) -> None:
    runtime = sent.get("runtime")
    if runtime is not None and runtime not in _RUNTIMES:
        raise invalid(f"runtime '{runtime}' is not supported")
    limits = {"memorySize": (128, 32_768), "diskSize": (512, 10_240), "timeout": (1, 86_400), "cpu": (0.05, 16),
              "instanceConcurrency": (1, 200)}  # fmt: skip
    for key, (least, most) in limits.items():
        if key in sent and not least <= sent[key] <= most:
            raise invalid(f"{key} is not between {least} and {most}: {sent[key]}")
    if sent.get("diskSize") not in (None, 512, 10_240):
        raise invalid(f"diskSize is 512 or 10240: {sent['diskSize']}")
    if sent.get("sessionAffinity") == "MCP_SSE":
        _check_affinity(sent)


def _check_affinity(sent: Json) -> None:
    try:
        config = json.loads(sent.get("sessionAffinityConfig", ""))
    except ValueError as failure:
        raise invalid("sessionAffinityConfig is not JSON") from failure
    if config.keys() - {"sseEndpointPath", "sessionConcurrencyPerInstance"}:
        raise invalid(f"sessionAffinityConfig: {sorted(config)}")
    if not 1 <= config.get("sessionConcurrencyPerInstance", 20) <= 200:
        raise invalid("sessionConcurrencyPerInstance is not between 1 and 200")


def _check_variables(variables: dict[str, Any]) -> None:
    for name, value in variables.items():
        if name.startswith("FC_") or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            raise invalid(f"the name of the environment variable '{name}' is not valid")
        if not isinstance(value, str) or not re.fullmatch(r"[ -~]*", value):
            raise invalid(f"the value of the environment variable '{name}' is not printable ASCII")
    if sum(len(name) + len(value) for name, value in variables.items()) > _ENVIRONMENT_BYTES:
        raise invalid("the environment variables are longer than 4 KB")


def _check_surroundings(state: State, sent: Json) -> None:
    role = sent.get("role", "").rpartition("role/")[2]
    if role and role not in state.roles:
        raise invalid(f"the role '{role}' does not exist")
    log = sent.get("logConfig", {})
    if log.get("project") and log.get("logstore") not in state.projects.get(log["project"], {}).get("stores", {}):
        raise invalid(f"the log store '{log['project']}/{log.get('logstore')}' does not exist")
    vpc = sent.get("vpcConfig", {})
    for table, ids in (
        (state.vpcs, [vpc.get("vpcId")]),
        (state.vswitches, vpc.get("vSwitchIds") or []),
        (state.security_groups, [vpc.get("securityGroupId")]),
    ):
        for id_ in ids:
            if id_ and id_ not in table:
                raise invalid(f"vpcConfig: '{id_}' does not exist")
    for layer in sent.get("layers", []):
        _check_layer(state, layer)


def _check_layer(state: State, layer: str) -> None:
    parts = re.fullmatch(r"acs:fc:([\w-]+):(\w+):layers/([\w-]+)/versions/(\d+)", layer)
    if not parts or parts[1] != state.region:
        raise invalid(f"the layer '{layer}' is not of the region {state.region}")
    if parts[2] == state.account and int(parts[4]) not in state.layers.get(parts[3], {}):
        raise Refused(404, "LayerVersionNotFound", f"layer version '{layer}' does not exist")


def _take_code(state: State, function: Json, code: Json) -> None:
    function["shown"]["codeSize"] = size_of(state, code)
    function["shown"]["codeChecksum"] = code.get("checksum") or "0"
    function["code"] = code


def size_of(state: State, code: Json) -> int:
    """Return the size of a package in bytes. Raises Refused if it is missing or is not what was promised."""
    if code.get("zipFile"):
        return len(code["zipFile"]) * 3 // 4
    content, crc = objects.content(state, code.get("ossBucketName", ""), code.get("ossObjectName", ""))
    if code.get("checksum") not in (None, "", crc):
        raise invalid(f"code checksum: {code['checksum']} was sent, the object has {crc}")
    return len(content)


def get(state: State, request: Request, name: str) -> Reply:
    function = found(state, name)
    qualifier = request.query.get("qualifier", "")
    if qualifier in ("", "LATEST"):
        return Reply(function["shown"])
    version = function["aliases"].get(qualifier, {}).get("versionId", qualifier)
    if version not in function["versions"]:
        raise Refused(404, "VersionNotFound", f"version '{qualifier}' of function '{name}' does not exist")
    return Reply(function["versions"][version]["function"])


def update(state: State, request: Request, name: str) -> Reply:
    function = found(state, name)
    _set(state, function, request.body or {})
    return Reply(function["shown"])


def delete(state: State, request: Request, name: str) -> Reply:
    function = found(state, name)
    for table in ("triggers", "aliases", "versions"):
        if function[table]:
            raise Refused(
                412, "PreconditionFailed", f"function '{name}' still has {table}: {', '.join(function[table])}"
            )
    del state.functions[name]
    return Reply(status=204)


def tag(state: State, request: Request) -> Reply:
    for function in _tagged(state, request.body["ResourceId"]):
        new = {one["Key"]: one["Value"] for one in request.body["Tag"]}
        old = {one["key"]: one["value"] for one in function["shown"]["tags"]}
        function["shown"]["tags"] = [{"key": key, "value": value} for key, value in (old | new).items()]
    return Reply({"RequestId": state.letters(32)})


def untag(state: State, request: Request) -> Reply:
    keys = json.loads(request.query["TagKey"])
    for function in _tagged(state, json.loads(request.query["ResourceId"])):
        function["shown"]["tags"] = [one for one in function["shown"]["tags"] if one["key"] not in keys]
    return Reply({"RequestId": state.letters(32)})


def _tagged(state: State, arns: list[str]) -> list[Json]:
    return [found(state, one.rpartition("/")[2]) for one in arns]


ROUTES = [
    (rf"fc POST {_FUNCTIONS}", create),
    (rf"fc GET {_FUNCTION}", get),
    (rf"fc PUT {_FUNCTION}", update),
    (rf"fc DELETE {_FUNCTION}", delete),
    (rf"fc POST {API}/tags-v2", tag),
    (rf"fc DELETE {API}/tags-v2", untag),
]
