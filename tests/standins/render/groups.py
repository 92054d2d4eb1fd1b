"""Environment groups, projects and environments."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from tests.standins.render.services import TYPES
from tests.standins.render.state import (
    NOTHING,
    Json,
    Refused,
    Reply,
    Request,
    State,
    bare_page,
    held,
    needed,
    not_found,
    page,
    removed,
)
from tests.standins.render.variables import KEYS, made

# Environment groups ---------------------------------------------------------------------------

_FOLDERS = {"env-vars": ("envVar", "envVars"), "secret-files": ("secretFile", "secretFiles")}


def _group_shown(state: State, group: Json, whole: bool = True) -> Json:
    links = [state.services[id_].shown for id_ in group["links"] if id_ in state.services]
    shown = dict(group["shown"])
    shown["serviceLinks"] = [{"id": one["id"], "name": one["name"], "type": TYPES[one["type"]]} for one in links]
    # Newest first.
    return shown | ({name: group[name][::-1] for name in ("envVars", "secretFiles")} if whole else {})


def create_group(state: State, request: Request) -> Reply:
    body = needed(request.body, "name", "ownerId")
    if not isinstance(body.get("envVars"), list):
        raise Refused(400, "missing required field: envVars")
    owner = state.owned(body["ownerId"])
    shown = {"createdAt": state.time(), "id": state.id("evg"), "name": body["name"], "ownerId": owner}
    shown["updatedAt"] = shown["createdAt"]
    if body.get("environmentId"):
        held(state.environments, body["environmentId"])
        shown["environmentId"] = body["environmentId"]
    group: Json = {"shown": shown, "links": [state.service(one).id for one in body.get("serviceIds") or []]}
    for wrapper, name in _FOLDERS.values():
        group[name] = [made(state, one, wrapper) for one in body.get(name) or []]
    state.groups[shown["id"]] = group
    nanoseconds = {name: shown[name].replace("Z", "123Z") for name in ("createdAt", "updatedAt")}
    return 201, _group_shown(state, group) | nanoseconds


def all_groups(state: State, request: Request) -> Reply:
    groups = [_group_shown(state, one, whole=False) for one in reversed(state.groups.values())]
    fitting = [
        one
        for one in groups
        if request.fits(name=one["name"], ownerId=one["ownerId"], environmentId=one.get("environmentId"))
    ]
    return bare_page(request, fitting)


def get_group(state: State, request: Request, id_: str) -> Reply:
    return 200, _group_shown(state, held(state.groups, id_))


def update_group(state: State, request: Request, id_: str) -> Reply:
    group = held(state.groups, id_)
    group["shown"] |= {"name": needed(request.body, "name")["name"], "updatedAt": state.time()}
    return 200, _group_shown(state, group)


def delete_group(state: State, request: Request, id_: str) -> Reply:
    return removed(state.groups, id_)


def set_in_group(state: State, request: Request, id_: str, folder: str, name: str) -> Reply:
    group, (wrapper, kept), name = held(state.groups, id_), _FOLDERS[folder], unquote(name)
    key = KEYS[wrapper][0]
    new = made(state, {key: name} | needed(request.body), wrapper)
    places = [place for place, one in enumerate(group[kept]) if one[key] == name]
    if places:
        group[kept][places[0]] = new
    else:
        group[kept].append(new)
    return 200, _group_shown(state, group)


def get_in_group(state: State, request: Request, id_: str, folder: str, name: str) -> Reply:
    group, (wrapper, kept) = held(state.groups, id_), _FOLDERS[folder]
    for one in group[kept]:
        if one[KEYS[wrapper][0]] == unquote(name):
            return 200, one
    raise not_found(name)


def unset_in_group(state: State, request: Request, id_: str, folder: str, name: str) -> Reply:
    one = get_in_group(state, request, id_, folder, name)[1]
    held(state.groups, id_)[_FOLDERS[folder][1]].remove(one)
    return 204, NOTHING


def link(state: State, request: Request, id_: str, service_id: str) -> Reply:
    group, service = held(state.groups, id_), state.service(service_id)
    if service.id not in group["links"]:
        group["links"].append(service.id)
    return 200, _group_shown(state, group)


def unlink(state: State, request: Request, id_: str, service_id: str) -> Reply:
    group = held(state.groups, id_)
    if service_id not in group["links"]:
        raise not_found(service_id)
    group["links"].remove(service_id)
    return 204, NOTHING


# Projects and environments --------------------------------------------------------------------


def _members(state: State, id_: str) -> dict[str, list[str] | None]:
    """Return what an environment holds, by kind; None instead of an empty list, newest first."""
    databases: list[str] = []
    for store_id, store in state.stores.items():
        if store["shown"].get("environmentId") == id_ and store_id.startswith("dpg-"):
            databases += [store_id, *(replica["id"] for replica in store["shown"]["readReplicas"])]
    stores = [one for one, store in state.stores.items() if store["shown"].get("environmentId") == id_]
    groups = [one for one, group in state.groups.items() if group["shown"].get("environmentId") == id_]
    services = [one for one, service in state.services.items() if service.shown.get("environmentId") == id_]
    return {
        "databasesIds": databases[::-1] or None,
        "envGroupIds": groups[::-1] or None,
        "redisIds": [one for one in stores if one.startswith("red-")][::-1] or None,
        "serviceIds": services[::-1] or None,
    }


def _environment_shown(state: State, environment: Json) -> Json:
    shown = {name: value for name, value in environment.items() if name != "createdAt"}
    return shown | _members(state, environment["id"])


def _new_environment(state: State, project_id: str, body: Any) -> Json:
    body = needed(body, "name")
    environment = {
        "createdAt": state.time(),
        "id": state.id("evm"),
        "name": body["name"],
        "networkIsolationEnabled": bool(body.get("networkIsolationEnabled")),
        "projectId": project_id,
        "protectedStatus": body.get("protectedStatus") or "unprotected",
    }
    if body.get("ipAllowList"):
        environment["ipAllowList"] = body["ipAllowList"]
    state.environments[environment["id"]] = environment
    return environment


def _project_shown(state: State, project: Json) -> Json:
    ids = [one["id"] for one in state.environments.values() if one["projectId"] == project["id"]]
    return project | {"environmentIds": ids}


def create_project(state: State, request: Request) -> Reply:
    body = needed(request.body, "name", "ownerId", "environments")
    owner = state.owner_shown(state.owned(body["ownerId"]))
    project = {"createdAt": state.time(), "id": state.id("prj"), "name": body["name"], "owner": owner}
    project["updatedAt"] = project["createdAt"]
    state.projects[project["id"]] = project
    for one in body["environments"]:
        _new_environment(state, project["id"], one)
    return 201, _project_shown(state, project)


def all_projects(state: State, request: Request) -> Reply:
    projects = [_project_shown(state, one) for one in reversed(state.projects.values())]
    fitting = [one for one in projects if request.fits(name=one["name"], ownerId=one["owner"]["id"])]
    return page(request, fitting, "project")


def get_project(state: State, request: Request, id_: str) -> Reply:
    return 200, _project_shown(state, held(state.projects, id_))


def update_project(state: State, request: Request, id_: str) -> Reply:
    project, body = held(state.projects, id_), needed(request.body)
    if body.get("name"):
        project |= {"name": body["name"], "updatedAt": state.time()}
    return 200, _project_shown(state, project)


def delete_project(state: State, request: Request, id_: str) -> Reply:
    held(state.projects, id_)
    inside = [one["id"] for one in state.environments.values() if one["projectId"] == id_]
    if any(any(_members(state, one).values()) for one in inside):
        raise Refused(409, "project is not empty")
    for one in inside:
        del state.environments[one]
    return removed(state.projects, id_)


def create_environment(state: State, request: Request) -> Reply:
    body = needed(request.body, "name", "projectId")
    held(state.projects, body["projectId"])
    return 201, _environment_shown(state, _new_environment(state, body["projectId"], body))


def all_environments(state: State, request: Request) -> Reply:
    if request.filter("projectId") is None:
        raise Refused(400, "projectId is required")
    after = (request.query.get("createdAfter") or [""])[0]
    fitting = [
        _environment_shown(state, one)
        for one in reversed(state.environments.values())
        if request.fits(name=one["name"], projectId=one["projectId"]) and one["createdAt"] > after
    ]
    return page(request, fitting, "environment")


def get_environment(state: State, request: Request, id_: str) -> Reply:
    return 200, _environment_shown(state, held(state.environments, id_))


def update_environment(state: State, request: Request, id_: str) -> Reply:
    environment, body = held(state.environments, id_), needed(request.body)
    names = ("name", "networkIsolationEnabled", "protectedStatus", "ipAllowList")
    environment |= {name: body[name] for name in names if body.get(name) is not None}
    return 200, _environment_shown(state, environment)


def delete_environment(state: State, request: Request, id_: str) -> Reply:
    held(state.environments, id_)
    if any(_members(state, id_).values()):
        raise Refused(409, "environment is not empty")
    return removed(state.environments, id_)


def _holder(state: State, id_: str) -> Json:
    """Return what holds the environmentId of a resource."""
    if id_ in state.services:
        return state.services[id_].shown
    if id_ in state.stores:
        shown: Json = state.stores[id_]["shown"]
        return shown
    return held(state.groups, id_)["shown"]  # type: ignore[no-any-return]


def add_resources(state: State, request: Request, id_: str) -> Reply:
    environment = held(state.environments, id_)
    for one in needed(request.body, "resourceIds")["resourceIds"]:
        _holder(state, one).update(environmentId=id_, updatedAt=state.time())
    return 201, _environment_shown(state, environment)


def remove_resources(state: State, request: Request, id_: str) -> Reply:
    # The id in the path is not looked at, as recorded.
    for one in request.filter("resourceIds") or ():
        holder = _holder(state, one)
        holder.pop("environmentId", None)
        holder["updatedAt"] = state.time()
    return 204, NOTHING


_GROUP, _IN_GROUP = "/env-groups/([^/]+)", "/env-groups/([^/]+)/(env-vars|secret-files)/([^/]+)"
_PROJECT, _ENVIRONMENT = "/projects/([^/]+)", "/environments/([^/]+)"
ROUTES = [
    ("POST", "/env-groups", create_group),
    ("GET", "/env-groups", all_groups),
    ("GET", _GROUP, get_group),
    ("PATCH", _GROUP, update_group),
    ("DELETE", _GROUP, delete_group),
    ("GET", _IN_GROUP, get_in_group),
    ("PUT", _IN_GROUP, set_in_group),
    ("DELETE", _IN_GROUP, unset_in_group),
    ("POST", f"{_GROUP}/services/([^/]+)", link),
    ("DELETE", f"{_GROUP}/services/([^/]+)", unlink),
    ("POST", "/projects", create_project),
    ("GET", "/projects", all_projects),
    ("GET", _PROJECT, get_project),
    ("PATCH", _PROJECT, update_project),
    ("DELETE", _PROJECT, delete_project),
    ("POST", "/environments", create_environment),
    ("GET", "/environments", all_environments),
    ("GET", _ENVIRONMENT, get_environment),
    ("PATCH", _ENVIRONMENT, update_environment),
    ("DELETE", _ENVIRONMENT, delete_environment),
    ("POST", f"{_ENVIRONMENT}/resources", add_resources),
    ("DELETE", f"{_ENVIRONMENT}/resources", remove_resources),
]
