"""Instances of services, autoscaling, and disks, which allow one instance only."""

from __future__ import annotations

import copy
from typing import Any

from tests.standins.render.state import NOTHING, Json, Refused, Reply, Request, Service, State, held, needed, page


def scale(state: State, request: Request, id_: str) -> Reply:
    service, body = state.service(id_), needed(request.body, "numInstances")
    if body["numInstances"] > 1 and any(disk["serviceId"] == id_ for disk in state.disks.values()):
        raise Refused(400, "a service with a disk cannot have more than one instance")
    if "autoscaling" not in service.details:
        service.details["numInstances"] = body["numInstances"]
        service.touch(state)
    return 202, NOTHING


def check_autoscaling(body: Any) -> None:
    body = needed(body, "min", "max", "criteria")
    criteria = needed(body["criteria"], "cpu", "memory")
    if not 1 <= body["min"] <= body["max"] <= 100:
        raise Refused(400, "min must not be over max, and both between 1 and 100")
    on = [one for one in criteria.values() if one.get("enabled")]
    if body.get("enabled") and not on:
        raise Refused(400, "at least one of cpu and memory must be enabled")
    if any(not 1 <= one["percentage"] <= 90 for one in on):
        raise Refused(400, "percentage must be between 1 and 90")


def autoscale(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    check_autoscaling(request.body)
    if any(disk["serviceId"] == id_ for disk in state.disks.values()):
        raise Refused(400, "a service with a disk cannot be scaled")
    if request.body.get("enabled"):
        service.details["autoscaling"] = copy.deepcopy(request.body)
    else:
        service.details.pop("autoscaling", None)
    service.touch(state)
    return 200, request.body


def stop_autoscaling(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    service.details.pop("autoscaling", None)
    service.touch(state)
    return 204, NOTHING


def instances(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    live = [deploy for deploy in service.deploys if deploy["status"] == "live"]
    count = service.details.get("numInstances", 1) if live and service.shown["suspended"] == "not_suspended" else 0
    return 200, [{"id": f"{id_}-{place:05}", "createdAt": live[-1]["createdAt"]} for place in range(count)]


def add_disk(state: State, service: Service, body: Json) -> Json:
    disk = {
        "createdAt": state.time(),
        "id": state.id("dsk"),
        "mountPath": body["mountPath"],
        "name": body["name"],
        "serviceId": service.id,
        "sizeGB": body.get("sizeGB") or 10,
        "updatedAt": state.time(),
    }
    state.disks[disk["id"]] = disk
    return disk


def create_disk(state: State, request: Request) -> Reply:
    body = needed(request.body, "name", "sizeGB", "mountPath", "serviceId")
    service = state.service(body["serviceId"])
    if any(disk["serviceId"] == service.id for disk in state.disks.values()):
        raise Refused(409, "service already has a disk")
    if service.details.get("numInstances", 1) > 1 or "autoscaling" in service.details:
        raise Refused(400, "a service with a disk cannot have more than one instance")
    if service.details.get("plan") == "free":
        raise Refused(400, "disks are not available on the free plan")
    disk = add_disk(state, service, body)
    service.touch(state)
    return 201, disk


def all_disks(state: State, request: Request) -> Reply:
    disks = reversed(state.disks.values())
    fitting = [one for one in disks if request.fits(serviceId=one["serviceId"], name=one["name"], diskId=one["id"])]
    return page(request, fitting, "disk")


def get_disk(state: State, request: Request, id_: str) -> Reply:
    return 200, held(state.disks, id_)


def update_disk(state: State, request: Request, id_: str) -> Reply:
    disk, body = held(state.disks, id_), needed(request.body)
    if body.get("sizeGB") is not None and body["sizeGB"] < disk["sizeGB"]:
        raise Refused(400, "disk size cannot be reduced")
    disk |= {name: body[name] for name in ("name", "sizeGB", "mountPath") if name in body}
    disk["updatedAt"] = state.time()
    state.service(disk["serviceId"]).touch(state)
    return 200, disk


def delete_disk(state: State, request: Request, id_: str) -> Reply:
    state.service(held(state.disks, id_)["serviceId"]).touch(state)
    del state.disks[id_]
    return 204, NOTHING


_ONE, _DISK = "/services/([^/]+)", "/disks/([^/]+)"
ROUTES = [
    ("POST", f"{_ONE}/scale", scale),
    ("PUT", f"{_ONE}/autoscaling", autoscale),
    ("DELETE", f"{_ONE}/autoscaling", stop_autoscaling),
    ("GET", f"{_ONE}/instances", instances),
    ("POST", "/disks", create_disk),
    ("GET", "/disks", all_disks),
    ("GET", _DISK, get_disk),
    ("PATCH", _DISK, update_disk),
    ("DELETE", _DISK, delete_disk),
]
