"""Services, their scaling and their disks."""

from __future__ import annotations

import copy
from typing import Any

from tests.standins.render import deploys, variables
from tests.standins.render.scaling import add_disk, check_autoscaling
from tests.standins.render.state import NOTHING, REGIONS, Json, Refused, Reply, Request, Service, State, needed, page

TYPES = {
    "web_service": "web",
    "private_service": "pserv",
    "background_worker": "worker",
    "cron_job": "cron",
    "static_site": "static",
}
_DOCKER = ("docker", "image")
_SET_DETAILS = ("healthCheckPath", "maintenanceMode", "plan", "schedule", "maxShutdownDelaySeconds", "publishPath",
                "buildCommand", "ipAllowList", "renderSubdomainPolicy")  # fmt: skip


def create(state: State, request: Request) -> Reply:
    body = needed(request.body, "name", "ownerId", "type")
    kind, name = body["type"], body["name"]
    state.owned(body["ownerId"])
    if kind not in TYPES:
        raise Refused(400, f"invalid service type: {kind}")
    if any(service.shown["name"] == name for service in state.services.values()):
        raise Refused(409, f"service name {name} is already in use")
    if body.get("environmentId") and body["environmentId"] not in state.environments:
        raise Refused(404, f"not found: {body['environmentId']}")
    details = body.get("serviceDetails") or {}
    _check(kind, details)
    service = _new(state, kind, body, details)
    variables.put(state, service.variables, body.get("envVars"), "envVar")
    variables.put(state, service.files, body.get("secretFiles"), "secretFile")
    state.services[service.id] = service
    service.routes = [
        {"id": state.id("rdr"), "priority": place, **rule} for place, rule in enumerate(details.get("routes") or [])
    ]
    service.headers = [{"id": state.id("hdr"), **header} for header in details.get("headers") or []]
    if details.get("disk"):
        add_disk(state, service, details["disk"])
    if body.get("environmentId"):
        service.shown["environmentId"] = body["environmentId"]
    deploy = deploys.begin(state, service, "new_commit")
    return 201, {"deployId": deploy["id"], "service": shown(state, service)}


def _check(kind: str, details: Json) -> None:
    plan, region = details.get("plan"), details.get("region") or "oregon"
    if kind == "static_site":
        return
    if not details.get("runtime"):
        raise Refused(400, "serviceDetails.runtime is required")
    if region not in REGIONS:
        raise Refused(400, f"invalid region: {region}")
    if plan == "free" and kind != "web_service":
        raise Refused(400, f"the free plan is not available for {kind}")
    if kind == "cron_job" and not details.get("schedule"):
        raise Refused(400, "serviceDetails.schedule is required")
    if details.get("disk"):
        if plan == "free":
            raise Refused(400, "disks are not available on the free plan")
        if (details.get("numInstances") or 1) > 1 or (details.get("autoscaling") or {}).get("enabled"):
            raise Refused(400, "a service with a disk cannot have more than one instance")
    if details.get("autoscaling"):
        check_autoscaling(details["autoscaling"])


def _new(state: State, kind: str, body: Json, given: Json) -> Service:
    cron, static = kind == "cron_job", kind == "static_site"
    id_, name = state.id("crn" if cron else "srv"), body["name"]
    slug = f"{name}-{state.letters(4)}" if kind in ("cron_job", "background_worker") else name
    shown: Json = {
        "createdAt": state.time(),
        "dashboardUrl": f"https://dashboard.render.com/{TYPES[kind]}/{id_}",
        "id": id_,
        "name": name,
        "notifyOnFail": "default",
        "ownerId": body["ownerId"],
        "rootDir": body.get("rootDir") or "",
        "slug": slug,
        "suspended": "not_suspended",
        "suspenders": [],
        "type": kind,
        "updatedAt": state.time(),
    }
    details: Json = {"buildPlan": "starter"}
    shown["serviceDetails"] = details
    if not static:
        details |= {"env": given["runtime"], "runtime": given["runtime"], "plan": given.get("plan") or "starter",
                    "region": given.get("region") or "oregon"}  # fmt: skip
    if kind == "web_service":
        details |= {"healthCheckPath": "", "maintenanceMode": {"enabled": False, "uri": ""}}
    if not cron:
        details["previews"] = {"generation": (given.get("previews") or {}).get("generation") or "off"}
    if not (cron or static):
        details |= {"numInstances": given.get("numInstances") or 1, "sshAddress": f"{id_}@ssh.oregon.render.com"}
    if kind in ("web_service", "private_service"):
        details["openPorts"] = [{"port": 10000, "protocol": "TCP"}]
    if kind in ("web_service", "static_site"):
        details["url"] = f"https://{slug}.onrender.com"
    elif kind == "private_service":
        details["url"] = f"{slug}:10000"
    if (given.get("autoscaling") or {}).get("enabled"):
        details["autoscaling"] = copy.deepcopy(given["autoscaling"])
    service = Service(shown)
    _set(service, body)
    _set_auto_deploy(service, body, {"autoDeploy": "yes", "autoDeployTrigger": "commit"})
    return service


def _set(service: Service, body: Json) -> None:
    """Set what may be set at creation and later."""
    shown, details, given = service.shown, service.details, body.get("serviceDetails") or {}
    for name in ("name", "repo", "branch", "rootDir"):
        if name in body:
            shown[name] = body[name]
    runtime = given.get("runtime") or details.get("runtime")
    if runtime:
        details |= {"env": runtime, "runtime": runtime}
    _set_build_filter(shown, body.get("buildFilter"))
    _set_source(shown, body.get("image"), runtime)
    for name in _SET_DETAILS:
        if given.get(name) is not None and (name in details or name not in ("healthCheckPath", "maintenanceMode")):
            details[name] = copy.deepcopy(given[name])
    _set_commands(service, given, runtime)
    if shown["type"] != "cron_job":
        if (given.get("previews") or {}).get("generation"):
            details["previews"] = dict(given["previews"])
        details["pullRequestPreviewsEnabled"] = "yes" if details["previews"]["generation"] == "automatic" else "no"


def _set_build_filter(shown: Json, filter_: Json | None) -> None:
    if filter_ is None:
        return
    shown.pop("buildFilter", None)
    if filter_.get("paths") or filter_.get("ignoredPaths"):
        shown["buildFilter"] = {"paths": filter_.get("paths") or [], "ignoredPaths": filter_.get("ignoredPaths") or []}


def _set_source(shown: Json, image: Json | None, runtime: Any) -> None:
    if image:
        shown["imagePath"] = _full_path(needed(image, "imagePath")["imagePath"])
        credential = image.get("registryCredentialId")
        shown.pop("registryCredential", None)
        if credential:
            shown["registryCredential"] = {"id": credential, "name": credential}
    if runtime == "image":
        shown.pop("repo", None)
        shown.pop("branch", None)
    else:
        shown.pop("imagePath", None)
        if shown.get("repo"):
            shown.setdefault("branch", "main")


def _set_commands(service: Service, given: Json, runtime: Any) -> None:
    if service.shown["type"] == "static_site":
        service.details.setdefault("buildCommand", "")
        service.details.setdefault("publishPath", "public")
        return
    details, before = service.details, service.details.get("envSpecificDetails") or {}
    names = (
        ("dockerCommand", "dockerContext", "dockerfilePath") if runtime in _DOCKER else ("buildCommand", "startCommand")
    )
    commands = {name: before.get(name, "") for name in names}
    if runtime == "docker":
        commands = {"dockerCommand": "", "dockerContext": ".", "dockerfilePath": "./Dockerfile"} | {
            name: value for name, value in commands.items() if value
        }
    sent = given.get("envSpecificDetails") or {}
    commands |= {name: sent[name] for name in names if name in sent}
    if runtime == "image":
        commands |= {"dockerContext": "", "dockerfilePath": ""}
    if runtime == "docker" and (credential := sent.get("registryCredentialId", _id(before.get("registryCredential")))):
        commands["registryCredential"] = {"id": credential, "name": credential}
    if given.get("preDeployCommand") or "preDeployCommand" in before:
        commands["preDeployCommand"] = given.get("preDeployCommand", before.get("preDeployCommand"))
    details["envSpecificDetails"] = commands


def _id(credential: Any) -> Any:
    return (credential or {}).get("id")


def _set_auto_deploy(service: Service, body: Json, before: Json) -> None:
    trigger, flag = body.get("autoDeployTrigger"), body.get("autoDeploy")
    if trigger:
        before = {"autoDeploy": "no" if trigger == "off" else "yes", "autoDeployTrigger": trigger}
    elif flag and flag != before["autoDeploy"]:
        before = {"autoDeploy": flag, "autoDeployTrigger": "commit" if flag == "yes" else "off"}
    service.shown |= before


def _full_path(image: str) -> str:
    """Return an image's full name: nginx is docker.io/library/nginx:latest."""
    first, _, rest = image.partition("/")
    if not rest:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    last = image.rsplit("/", 1)[1]
    return image if ":" in last or "@" in last else f"{image}:latest"


def shown(state: State, service: Service) -> Json:
    """Return a service as it is answered."""
    answer = copy.deepcopy(service.shown)
    for disk in state.disks.values():
        if disk["serviceId"] == service.id:
            answer["serviceDetails"]["disk"] = {name: disk[name] for name in ("id", "mountPath", "name", "sizeGB")}
    return answer


def get(state: State, request: Request, id_: str) -> Reply:
    return 200, shown(state, state.service(id_))


def all_(state: State, request: Request) -> Reply:
    found = [
        shown(state, service)
        for service in reversed(state.services.values())
        if request.fits(
            name=service.shown["name"],
            type=service.shown["type"],
            ownerId=service.shown["ownerId"],
            region=service.details.get("region"),
            suspended=service.shown["suspended"],
            environmentId=service.shown.get("environmentId"),
            env=service.details.get("env"),
        )
    ]
    return page(request, found, "service")


def update(state: State, request: Request, id_: str) -> Reply:
    service, body = state.service(id_), needed(request.body)
    name = body.get("name")
    if name and any(one.shown["name"] == name and one.id != id_ for one in state.services.values()):
        raise Refused(409, f"service name {name} is already in use")
    details = body.get("serviceDetails") or {}
    if details.get("plan") == "free" and service.shown["type"] != "web_service":
        raise Refused(400, f"the free plan is not available for {service.shown['type']}")
    before = copy.deepcopy(service.shown)
    _set(service, {name: value for name, value in body.items() if name not in ("ownerId", "type", "environmentId")})
    _set_auto_deploy(service, body, {name: service.shown[name] for name in ("autoDeploy", "autoDeployTrigger")})
    if service.shown != before:
        service.touch(state)
    return 200, shown(state, service)


def delete(state: State, request: Request, id_: str) -> Reply:
    state.service(id_)
    del state.services[id_]
    state.disks = {key: disk for key, disk in state.disks.items() if disk["serviceId"] != id_}
    for group in state.groups.values():
        group["links"] = [link for link in group["links"] if link != id_]
    state.streams.pop(id_, None)
    return 204, NOTHING


def suspend(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    service.shown |= {"suspended": "suspended", "suspenders": ["user"]}
    service.touch(state)
    return 202, NOTHING


def resume(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    if service.shown["suspended"] == "suspended":
        service.shown |= {"suspended": "not_suspended", "suspenders": []}
        service.touch(state)
        deploys.begin(state, service, "service_resumed")
    return 202, NOTHING


def restart(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    if service.shown["suspended"] == "suspended":
        raise Refused(400, "cannot restart suspended service")
    deploys.event(state, service, "server_restarted", {})
    return 200, NOTHING


_ONE = "/services/([^/]+)"
ROUTES = [
    ("POST", "/services", create),
    ("GET", "/services", all_),
    ("GET", _ONE, get),
    ("PATCH", _ONE, update),
    ("DELETE", _ONE, delete),
    ("POST", f"{_ONE}/suspend", suspend),
    ("POST", f"{_ONE}/resume", resume),
    ("POST", f"{_ONE}/restart", restart),
]
