"""PostgreSQL and Key Value: created, then available after two stages."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.standins.render.state import (
    NOTHING,
    REGIONS,
    Json,
    Refused,
    Reply,
    Request,
    State,
    held,
    needed,
    not_found,
    page,
)


def _common(state: State, body: Json) -> Json:
    state.owned(body["ownerId"])
    region = body.get("region") or "oregon"
    if region not in REGIONS:
        raise Refused(400, f"invalid region: {region}")
    if body.get("environmentId") and body["environmentId"] not in state.environments:
        raise not_found(body["environmentId"])
    shown = {
        "createdAt": state.time(nanoseconds=True),
        "ipAllowList": copy.deepcopy(body.get("ipAllowList")) or None,
        "name": body["name"],
        "owner": state.owner_shown(body["ownerId"]),
        "plan": body["plan"],
        "region": region,
        "status": "unknown",
        "updatedAt": state.time(nanoseconds=True),
    }
    return shown | ({"environmentId": body["environmentId"]} if body.get("environmentId") else {})


def _keep(state: State, shown: Json) -> Reply:
    answer = copy.deepcopy(shown)
    kept = shown | {name: shown[name].replace("123Z", "Z") for name in ("createdAt", "updatedAt")}
    kept["status"] = "creating"
    state.stores[shown["id"]] = {"shown": kept, "password": state.letters(32), "began_s": state.now(), "looks": 0}
    return 201, answer


def create_postgres(state: State, request: Request) -> Reply:
    body = needed(request.body, "name", "ownerId", "plan", "version")
    suffix, id_ = state.letters(4), f"{state.id('dpg')}-a"
    database = f"{body.get('databaseName') or body['name'].replace('-', '_')}_{suffix}"
    shown = _common(state, body) | {
        "dashboardUrl": f"https://dashboard.render.com/d/{id_}",
        "databaseName": database,
        "databaseUser": body.get("databaseUser") or f"{database}_user",
        "diskAutoscalingEnabled": bool(body.get("enableDiskAutoscaling")),
        "diskSizeGB": body.get("diskSizeGB") or (1 if body["plan"] == "free" else 15),
        "highAvailabilityEnabled": bool(body.get("enableHighAvailability")),
        "id": id_,
        "readReplicas": _replicas(id_, body.get("readReplicas")),
        "role": "primary",
        "suspended": "not_suspended",
        "suspenders": [],
        "version": body["version"],
    }
    if body.get("parameterOverrides"):
        shown["parameterOverrides"] = body["parameterOverrides"]
    if body["plan"] == "free":
        shown["expiresAt"] = shown["createdAt"]
    return _keep(state, shown)


def _replicas(id_: str, given: Any) -> list[Json]:
    return [{"id": f"{id_[:-1]}{'bcdef'[place]}", "name": one["name"]} for place, one in enumerate(given or [])]


def create_key_value(state: State, request: Request) -> Reply:
    body = needed(request.body, "name", "ownerId", "plan")
    mode = body.get("persistenceMode") or ("off" if body["plan"] == "free" else "journal_snapshot")
    options = {"maxmemoryPolicy": body.get("maxmemoryPolicy") or "allkeys_lru", "persistenceMode": mode}
    return _keep(state, _common(state, body) | {"id": state.id("red"), "options": options, "version": "8.1.4"})


def one(state: State, id_: str) -> Json:
    """Return a store, gone on by the time that passed or by this look."""
    store = held(state.stores, id_)
    store["looks"] += 1
    past = store["looks"] > 2 if state.stage_s is None else state.now() >= store["began_s"] + 2 * state.stage_s
    if past and store["shown"]["status"] == "creating":
        store["shown"]["status"] = "available"
    return store


def get(state: State, request: Request, id_: str) -> Reply:
    return 200, copy.deepcopy(one(state, id_)["shown"])


def _listing(prefix: str, wrapper: str) -> Callable[..., Reply]:
    def all_(state: State, request: Request) -> Reply:
        found = [store["shown"] for id_, store in reversed(state.stores.items()) if id_.startswith(prefix)]
        fitting = [
            shown
            for shown in found
            if request.fits(
                name=shown["name"],
                ownerId=shown["owner"]["id"],
                region=shown["region"],
                environmentId=shown.get("environmentId"),
            )
        ]
        return page(request, fitting, wrapper)

    return all_


def update_postgres(state: State, request: Request, id_: str) -> Reply:
    store, body = one(state, id_), needed(request.body)
    shown = store["shown"]
    if (body.get("diskSizeGB") or shown["diskSizeGB"]) < shown["diskSizeGB"]:
        raise Refused(400, "disk size cannot be reduced")
    big = ("plan", "highAvailabilityEnabled")
    before = [shown[name] for name in big]
    for name in ("name", "plan", "diskSizeGB"):
        shown[name] = body.get(name) or shown[name]
    for sent, kept in (("enableHighAvailability", big[1]), ("enableDiskAutoscaling", "diskAutoscalingEnabled")):
        shown[kept] = shown[kept] if body.get(sent) is None else body[sent]
    if "parameterOverrides" in body:
        shown["parameterOverrides"] = body["parameterOverrides"]
    if "readReplicas" in body:
        shown["readReplicas"] = _replicas(id_, body["readReplicas"])
    _set_allow_list(shown, body)
    _changed(state, store, again=before != [shown[name] for name in big])
    return 200, copy.deepcopy(shown)


def update_key_value(state: State, request: Request, id_: str) -> Reply:
    store, body = one(state, id_), needed(request.body)
    shown, options = store["shown"], store["shown"]["options"]
    left_free = shown["plan"] == "free" and (body.get("plan") or "free") != "free"
    for name in ("name", "plan"):
        shown[name] = body.get(name) or shown[name]
    options["maxmemoryPolicy"] = body.get("maxmemoryPolicy") or options["maxmemoryPolicy"]
    if body.get("persistenceMode"):
        options["persistenceMode"] = body["persistenceMode"]
    elif left_free:
        options["persistenceMode"] = "journal_snapshot"
    _set_allow_list(shown, body)
    _changed(state, store, again=left_free)
    return 200, copy.deepcopy(shown)


def _set_allow_list(shown: Json, body: Json) -> None:
    if body.get("ipAllowList") is not None:
        shown["ipAllowList"] = copy.deepcopy(body["ipAllowList"]) or None


def _changed(state: State, store: Json, again: bool) -> None:
    store["shown"]["updatedAt"] = state.time()
    if again:
        store["shown"]["status"] = "creating"
        store |= {"began_s": state.now(), "looks": 0}


def delete(state: State, request: Request, id_: str) -> Reply:
    one(state, id_)
    del state.stores[id_]
    return 204, NOTHING


def postgres_connection(state: State, request: Request, id_: str) -> Reply:
    store = one(state, id_)
    shown, password = store["shown"], store["password"]
    user, database = shown["databaseUser"], shown["databaseName"]
    host = f"{id_}.{shown['region']}-postgres.render.com"
    return 200, {
        "externalConnectionString": f"postgresql://{user}:{password}@{host}:5432/{database}",
        "internalConnectionString": f"postgresql://{user}:{password}@{id_}/{database}",
        "password": password,
        "psqlCommand": f"PGPASSWORD={password} psql -h {host} -p 5432 -U {user} {database}",
    }


def key_value_connection(state: State, request: Request, id_: str) -> Reply:
    store = one(state, id_)
    host, password = f"{store['shown']['region']}-keyvalue.render.com", store["password"]
    old = request.path.startswith("/redis")
    return 200, {
        "redisCLICommand" if old else "cliCommand": f" REDISCLI_AUTH={password} valkey-cli --user {id_} -h {host}",
        "externalConnectionString": f"rediss://{id_}:{password}@{host}:6379",
        "internalConnectionString": f"redis://{id_}:6379",
    }


def suspend(state: State, request: Request, id_: str) -> Reply:
    one(state, id_)["shown"]["status"] = "suspended"
    return 202, NOTHING


def resume(state: State, request: Request, id_: str) -> Reply:
    _changed(state, one(state, id_), again=True)
    return 202, NOTHING


def restart(state: State, request: Request, id_: str) -> Reply:
    one(state, id_)
    return 202, NOTHING


_FAMILIES: list[tuple[str, str, str, Callable[..., Reply], Callable[..., Reply], Callable[..., Reply]]] = [
    ("postgres", "dpg-", "postgres", create_postgres, update_postgres, postgres_connection),
    ("key-value", "red-", "keyValue", create_key_value, update_key_value, key_value_connection),
    ("redis", "red-", "redis", create_key_value, update_key_value, key_value_connection),  # the old name
]
ROUTES: list[tuple[str, str, Callable[..., Reply]]] = []
for _folder, _prefix, _wrapper, _create, _update, _connection in _FAMILIES:
    _one = f"/{_folder}/([^/]+)"
    ROUTES += [
        ("POST", f"/{_folder}", _create),
        ("GET", f"/{_folder}", _listing(_prefix, _wrapper)),
        ("GET", _one, get),
        ("PATCH", _one, _update),
        ("DELETE", _one, delete),
        ("GET", f"{_one}/connection-info", _connection),
        ("POST", f"{_one}/suspend", suspend),
        ("POST", f"{_one}/resume", resume),
        ("POST", f"{_one}/restart", restart),
    ]
