"""Simple Log Service: projects, log stores, their indexes, tags."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_STORE = r"/logstores/([\w-]+)"
_KEPT = ("ttl", "mode", "telemetryType", "shardCount", "autoSplit", "maxSplitShard", "appendMeta", "enable_tracking",
         "hot_ttl", "infrequentAccessTTL", "encrypt_conf")  # fmt: skip


def _project(state: State, request: Request) -> Json:
    if request.within not in state.projects:
        raise Refused(404, "ProjectNotExist", f"The Project does not exist : {request.within}")
    return state.projects[request.within]


def _store(state: State, request: Request, name: str) -> Json:
    stores: dict[str, Json] = _project(state, request)["stores"]
    if name not in stores:
        raise Refused(404, "LogStoreNotExist", f"logstore {name} does not exist")
    return stores[name]


def create_project(state: State, request: Request) -> Reply:
    body = request.body or {}
    name = body.get("projectName") or request.within
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name):
        raise Refused(400, "ParameterInvalid", f"projectName: {name}")
    if name in state.projects:
        raise Refused(400, "ProjectAlreadyExist", f"Project {name} already exist")
    shown = {
        "projectName": name,
        "description": body.get("description", ""),
        "status": "Normal",
        "region": state.region,
        "owner": state.account,
        "resourceGroupId": body.get("resourceGroupId") or "rg-default",
        "createTime": state.time(),
        "lastModifyTime": state.time(),
    }
    state.projects[name] = {"shown": shown, "stores": {}, "tags": {}, "policy": ""}
    return Reply()


def get_project(state: State, request: Request) -> Reply:
    return Reply(_project(state, request)["shown"])


def update_project(state: State, request: Request) -> Reply:
    _project(state, request)["shown"]["description"] = (request.body or {}).get("description", "")
    return Reply()


def delete_project(state: State, request: Request) -> Reply:
    _project(state, request)
    del state.projects[request.within]
    return Reply()


def get_policy(state: State, request: Request) -> Reply:
    return Reply(_project(state, request)["policy"].encode())


def set_policy(state: State, request: Request) -> Reply:
    _project(state, request)["policy"] = request.content.decode()
    return Reply()


def list_tags(state: State, request: Request) -> Reply:
    tags = [
        {"resourceId": name, "resourceType": "PROJECT", "tagKey": key, "tagValue": value}
        for name in json.loads(request.query.get("resourceId", "[]"))
        if name in state.projects
        for key, value in state.projects[name]["tags"].items()
    ]
    return Reply({"tagResources": tags})


def _tagged(state: State, names: list[str]) -> list[Json]:
    missing = [name for name in names if name not in state.projects]
    if missing:
        raise Refused(404, "ProjectNotExist", f"The Project does not exist : {missing[0]}")
    return [state.projects[name] for name in names]


def tag(state: State, request: Request) -> Reply:
    for project in _tagged(state, request.body["resourceId"]):
        project["tags"] |= {one["key"]: one["value"] for one in request.body["tags"]}
    return Reply()


def untag(state: State, request: Request) -> Reply:
    for project in _tagged(state, request.body["resourceId"]):
        for key in request.body["tags"]:
            project["tags"].pop(key, None)
    return Reply()


def create_store(state: State, request: Request) -> Reply:
    body, stores = request.body or {}, _project(state, request)["stores"]
    name = body.get("logstoreName", "")
    if not re.fullmatch(r"[a-z0-9][\w-]{1,61}[a-z0-9]", name):
        raise Refused(400, "ParameterInvalid", f"logstoreName: {name}")
    if name in stores:
        raise Refused(400, "LogStoreAlreadyExist", f"logstore {name} already exists")
    shown: Json = {
        "logstoreName": name,
        "ttl": 30,
        "shardCount": 2,
        "enable_tracking": False,
        "autoSplit": False,
        "maxSplitShard": 0,
        "appendMeta": True,
        "telemetryType": "",
        "mode": "standard",
        "createTime": int(state.now()),
        "lastModifyTime": int(state.now()),
    }
    _set(shown, body)
    stores[name] = {"shown": shown, "index": None, "meteringMode": "ChargeByFunction"}
    return Reply()


def _set(shown: Json, body: Json) -> None:
    sent = {key: body[key] for key in _KEPT if body.get(key) is not None}
    if not 1 <= sent.get("ttl", 1) <= 3650:
        raise Refused(400, "ParameterInvalid", f"ttl: {sent['ttl']}")
    if sent.get("mode", "standard") not in ("standard", "query", "lite"):
        raise Refused(400, "ParameterInvalid", f"mode: {sent['mode']}")
    shown |= sent


def get_store(state: State, request: Request, name: str) -> Reply:
    store = _store(state, request, name)
    if request.query.get("type") == "log":  # GetLogs, which has the path of its store
        return Reply(_records(store.get("records", []), request.query))
    return Reply(store["shown"])


def _records(records: list[Json], query: dict[str, str]) -> list[Json]:
    """Return a page of the records of some time; a test puts them into the store."""
    since, until, offset = int(query["from"]), int(query["to"]), int(query["offset"])
    found = [one for one in records if since <= int(one["__time__"]) < until]
    found.sort(key=lambda one: int(one["__time__"]), reverse=query["reverse"] == "true")
    return found[offset : offset + int(query["line"])]


def update_store(state: State, request: Request, name: str) -> Reply:
    _set(_store(state, request, name)["shown"], request.body or {})
    return Reply()


def delete_store(state: State, request: Request, name: str) -> Reply:
    _store(state, request, name)
    del _project(state, request)["stores"][name]
    return Reply()


def get_metering(state: State, request: Request, name: str) -> Reply:
    return Reply({"meteringMode": _store(state, request, name)["meteringMode"]})


def set_metering(state: State, request: Request, name: str) -> Reply:
    _store(state, request, name)["meteringMode"] = request.body["meteringMode"]
    return Reply()


def shards(state: State, request: Request, name: str) -> Reply:
    count = _store(state, request, name)["shown"]["shardCount"]
    return Reply([_shard(number) for number in range(count)])


def _shard(number: int) -> Json:
    key = f"{number:032x}"
    return {"shardID": number, "status": "readwrite", "inclusiveBeginKey": key, "exclusiveEndKey": key}


def create_index(state: State, request: Request, name: str) -> Reply:
    store = _store(state, request, name)
    if store["index"] is not None:
        raise Refused(400, "IndexAlreadyExist", "log store index is already created")
    store["index"] = _index(request.body)
    return Reply()


def _index(body: Any) -> Json:
    if not isinstance(body, dict) or not (body.get("line") or body.get("keys")):
        raise Refused(400, "ParameterInvalid", "an index needs line or keys")
    return body


def get_index(state: State, request: Request, name: str) -> Reply:
    index = _store(state, request, name)["index"]
    if index is None:
        raise Refused(404, "IndexConfigNotExist", "index config doesn't exist")
    return Reply(index)


def update_index(state: State, request: Request, name: str) -> Reply:
    _store(state, request, name)["index"] = _index(request.body)
    return Reply()


def delete_index(state: State, request: Request, name: str) -> Reply:
    get_index(state, request, name)
    _store(state, request, name)["index"] = None
    return Reply()


ROUTES = [
    ("log POST /", create_project),
    ("log GET /", get_project),
    ("log PUT /", update_project),
    ("log DELETE /", delete_project),
    ("log GET /policy", get_policy),
    ("log (?:POST|PUT) /policy", set_policy),
    ("log GET /tags", list_tags),
    ("log POST /tag", tag),
    ("log POST /untag", untag),
    ("log POST /logstores", create_store),
    (f"log GET {_STORE}", get_store),
    (f"log PUT {_STORE}", update_store),
    (f"log DELETE {_STORE}", delete_store),
    (f"log GET {_STORE}/meteringmode", get_metering),
    (f"log PUT {_STORE}/meteringmode", set_metering),
    (f"log GET {_STORE}/shards", shards),
    (f"log POST {_STORE}/index", create_index),
    (f"log GET {_STORE}/index", get_index),
    (f"log PUT {_STORE}/index", update_index),
    (f"log DELETE {_STORE}/index", delete_index),
]
